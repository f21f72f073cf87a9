//! `bandex demo`: the main job, on real order flow, on one machine, with nothing else done first.
//!
//! It starts an exchange on loopback, brings traders with tokens they earned, replays a recorded flow as their signed
//! orders, lets agents settle every deal tranche by tranche, scores those who honoured what they owed, lets one account
//! stop paying, whose bond pays its victim, and ends with an audit of the true store and of one with a flipped byte. The Bitcoin legs are `attested`: both sides sign that a payment was
//! made, and no coin moves.

mod board;
mod cast;
mod chain;
mod play;
mod report;
mod screen;
mod trial;
mod trust;
mod vanish;

use crate::output;
use crate::serve;
use anyhow::{Context, Result, ensure};
use bandex_exchange::{Config, Exchange};
use bandex_flow as flow;
use bandex_sdk::{Client, Markets, Options as ClientOptions, Rest};
use bandex_tradechain::body::{Change, Parameters};
use bandex_types::Amount;
use board::Shared;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

/// The bundled flow: Bitstamp BTC/USD, twenty minutes of 2026-05-02. See tests/data.
const COMMANDS: &[u8] = include_bytes!("../../../tests/data/bitstamp-btcusd-2026-05-02/commands.csv.gz");
/// The venue's own trades in those minutes.
const TRADES: &[u8] = include_bytes!("../../../tests/data/bitstamp-btcusd-2026-05-02/trades.csv");

/// What others may let a stranger owe in all: 50 satoshi.
const DUST: Amount = Amount::new(50_000);
/// The share of a free limit that one deal may draw: small, so that many open deals still leave room.
const SHARE_PPM: u32 = 50_000;
/// High enough never to bind on the recorded flow.
const BID_MULTIPLE: u32 = 1_000_000;
/// How many blocks of the flow may be unanswered at a time.
const WINDOW: usize = 1_024;
/// How long settlement may go on after the last order.
const SETTLE_TIME: Duration = Duration::from_secs(300);

/// How `bandex demo` is called.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Settle on a Bitcoin chain of the demo's own: a regtest node, a wallet for each trader, blocks as they are waited
    /// for. The node is built first, once (several minutes; it needs cmake, a C++ compiler and Boost); or name a bitcoind
    /// on regtest by BANDEX_TEST_BITCOIND_URL and BANDEX_TEST_BITCOIND_COOKIE.
    #[arg(long)]
    bitcoin: bool,
    /// How many traders, half of them buyers and half sellers; 50, on the chain 8.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=500))]
    traders: Option<u32>,
    /// Replay at so many times the recorded speed; without it as fast as it goes.
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u32).range(1..))]
    speed: Option<u32>,
    /// Replay only the first so many commands of the file; at least 7,000, since the first 6,510 or so are the resting
    /// book, its bids before its asks.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(7_000..))]
    first: Option<u32>,
    /// How many seconds a side has to pay or to acknowledge a tranche. Agents answer within milliseconds; whoever
    /// vanishes is convicted after this.
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(2..=3_600))]
    deadline: u64,
    /// Keep the store in this folder, which must be empty or missing.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Leave the server running at the end, until interrupted.
    #[arg(long)]
    keep: bool,
    /// Print the report as JSON, and no pictures.
    #[arg(long)]
    json: bool,
}

impl Options {
    /// How many traders.
    pub fn traders(&self) -> u32 {
        self.traders.unwrap_or(if self.bitcoin { 8 } else { 50 })
    }
}

/// The flow that is replayed.
pub(crate) struct Flow {
    pub commands: Vec<flow::Command>,
    pub trades: Vec<flow::VenueTrade>,
}

/// What every part of the demo speaks to.
pub(crate) struct Stage {
    pub rest: Rest,
    pub markets: Arc<Markets>,
    pub client: Client,
    pub admin_url: String,
    pub admin_token: String,
    pub board: Shared,
    /// The agents; they end with the stage.
    pub agents: Mutex<JoinSet<()>>,
    /// The chain that deals are paid on, if they are.
    pub chain: Option<chain::Chain>,
}

impl Stage {
    /// A stage before the exchange, with nobody on it.
    async fn open(exchange: &Exchange, board: &Shared, chain: Option<chain::Chain>) -> Result<Self> {
        let rest = Rest::new(format!("http://{}", exchange.address()))?;
        let markets = Arc::new(rest.markets().await?);
        let client_options =
            ClientOptions { window: WINDOW, node: Some(exchange.node()), ..ClientOptions::default() };
        let client = Client::connect(&rest.socket_url(), client_options).await?;
        Ok(Self {
            rest,
            markets,
            client,
            admin_url: format!("http://{}", exchange.admin_address()),
            admin_token: exchange.admin_token().to_owned(),
            board: Arc::clone(board),
            agents: Mutex::new(JoinSet::new()),
            chain,
        })
    }

    /// Lets the operator decide.
    pub async fn configure(&self, changes: Vec<Change>) -> Result<()> {
        for changes in changes.chunks(bandex_tradechain::body::MAX_CHANGES) {
            let changes = serde_json::to_value(changes)?;
            let reply = crate::admin::configure(&self.admin_url, &self.admin_token, &changes).await?;
            let refused = reply.operations.into_iter().find(|operation| !operation.ok);
            if let Some(refused) = refused {
                anyhow::bail!("{}: {}", refused.code.unwrap_or_default(), refused.detail.unwrap_or_default());
            }
        }
        Ok(())
    }
}

fn read_flow(folder: &Path, first: usize) -> Result<Flow> {
    let (commands, trades) = (folder.join("commands.csv.gz"), folder.join("trades.csv"));
    std::fs::write(&commands, COMMANDS)?;
    std::fs::write(&trades, TRADES)?;
    let commands = flow::commands(&commands)?.take(first).collect::<Result<Vec<_>>>()?;
    Ok(Flow { commands, trades: flow::trades(&trades)? })
}

fn config(data: PathBuf, deadline_us: u64) -> Config {
    let parameters =
        Parameters { dust: DUST, share_ppm: SHARE_PPM, bid_multiple: BID_MULTIPLE, ..Parameters::default() };
    let mut first_changes = serve::first_changes(deadline_us, deadline_us);
    first_changes.push(Change::SetParameters(parameters));
    Config { issuance_cap: Amount::MAX, first_changes, ..Config::new(data) }
}

/// Runs `bandex demo`: exit code 0 if everything came out as it should.
///
/// # Errors
/// A part of it failed.
pub async fn run(options: Options) -> Result<ExitCode> {
    let scratch = tempfile::tempdir()?;
    let data = options.data.clone().unwrap_or_else(|| scratch.path().join("store"));
    let empty = std::fs::read_dir(&data).map_or(true, |mut entries| entries.next().is_none());
    ensure!(empty, "{} is not empty: the demo begins a new store; name another folder", data.display());
    let flow = read_flow(scratch.path(), options.first.map_or(usize::MAX, |first| first as usize))?;
    if options.bitcoin {
        return chain::run(&options, &data, scratch.path(), &flow).await;
    }
    let exchange = Exchange::start(config(data.clone(), options.deadline * 1_000_000)).await?;
    let board = board::new(flow.commands.len());
    let screen = screen::Screen::start(Arc::clone(&board), !options.json);
    let played = act(&exchange, &options, &flow, &board).await;
    let verdict = match &played {
        Ok(_) => trial::hold(&data, scratch.path(), &board).await,
        Err(_) => Err(anyhow::anyhow!("not held")),
    };
    screen.stop().await;
    let (played, verdict) = (played?, verdict.context("the audit")?);
    let address = exchange.address();
    let report = report::Report::new(&options, &flow, &board, played, verdict, address);
    if options.json {
        output::json(&report)?;
    } else {
        report.print();
    }
    if options.keep {
        eprintln!("the server goes on at http://{address} (documents at /docs/); interrupt it to end");
        serve::wait_for_signal().await;
    }
    exchange.stop().await;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Everything between the start of the server and the audit.
async fn act(exchange: &Exchange, options: &Options, flow: &Flow, board: &Shared) -> Result<report::Played> {
    let stage = Stage::open(exchange, board, None).await?;
    let cast = cast::assemble(&stage, options.traders(), flow, cast::Casting::default())
        .await
        .context("bringing the traders")?;
    let watching = play::watch(&stage).await?;
    let pace = play::replay(&stage, &cast, flow, options.speed).await.context("replaying the flow")?;
    play::settled(&stage, SETTLE_TIME).await.context("settling")?;
    let scored = trust::score(&stage, &cast).await.context("the end of an epoch")?;
    let vanished = vanish::stage_left(&stage, &cast).await.context("the account that stops paying")?;
    let made = watching.finish();
    Ok(report::Played { pace, scored, vanished, trades: pace_trades(&cast, &made) })
}

fn pace_trades(cast: &cast::Cast, made: &[bandex_sdk::api::Trade]) -> Vec<flow::VenueTrade> {
    made.iter().filter_map(|trade| cast.venue_trade(trade)).collect()
}
