//! `bandex serve`: runs an exchange until it is told to stop.

use anyhow::{Context, Result};
use bandex_exchange::{BitcoinNode, Config, Exchange, FollowerOptions, Kept, keep};
use bandex_tradechain::body::{Change, Parameters};
use bandex_types::Amount;
use clap::Args;
use std::io::{Write, stderr};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

use crate::bitcoin;
use crate::edge;
use crate::span::Span;
use crate::store::OwnStore;
use bandex_flow as flow;

/// How long the due party has to pay a tranche on the first market: ten minutes.
const PAY_US: u64 = 600_000_000;
/// How long a payee has to acknowledge there: ten minutes.
const ACKNOWLEDGE_US: u64 = 600_000_000;

/// How `bandex serve` is called.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    store: OwnStore,
    /// Where traders connect.
    #[arg(long, value_name = "ADDRESS", env = "BANDEX_LISTEN", default_value = "127.0.0.1:8420")]
    listen: SocketAddr,
    /// Where the operator connects; keep it away from traders.
    #[arg(long, value_name = "ADDRESS", env = "BANDEX_ADMIN_LISTEN", default_value = "127.0.0.1:8421")]
    admin_listen: SocketAddr,
    /// The network of a new journal; an existing one keeps its own.
    #[arg(long, value_name = "NUMBER", env = "BANDEX_NETWORK", default_value_t = 1)]
    network: u32,
    /// The issuance cap of a new journal, in bytes of bandwidth.
    #[arg(long, value_name = "BYTES", default_value_t = Amount::new(1_000_000_000_000_000))]
    issuance_cap: Amount,
    /// The least number of records between two snapshots of the engine.
    #[arg(long, value_name = "RECORDS", default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..))]
    snapshot_every: u64,
    /// A file with a JSON list of changes, as docs/tradechain.md has them, that a new journal begins with instead of
    /// BWT-BTC and the usual parameters.
    #[arg(long, value_name = "FILE")]
    first_changes: Option<PathBuf>,
    #[command(flatten)]
    edge: edge::Options,
    #[command(flatten)]
    bitcoin: bitcoin::Node,
    /// After how long without a new block the Bitcoin node counts as stalled; 0: never, where blocks come on demand only.
    #[arg(long, value_name = "SPAN", env = "BANDEX_BITCOIN_STALLED_AFTER", default_value = "3h")]
    bitcoin_stalled_after: Span,
}

/// The decisions that a new exchange begins with: BWT-BTC and the usual parameters.
pub fn first_changes(pay_us: u64, acknowledge_us: u64) -> Vec<Change> {
    let assets = flow::assets().into_iter().map(Change::ListAsset);
    let rest = [
        Change::ListMarket(flow::market_listing(pay_us, acknowledge_us)),
        Change::SetParameters(Parameters::default()),
    ];
    assets.chain(rest).collect()
}

/// Runs `bandex serve`.
///
/// # Errors
/// The server cannot start.
pub async fn run(options: Options) -> Result<ExitCode> {
    let first_changes = match &options.first_changes {
        Some(file) => read_changes(file)?,
        None => first_changes(PAY_US, ACKNOWLEDGE_US),
    };
    let config = Config {
        listen: options.listen,
        admin_listen: options.admin_listen,
        network: options.network,
        issuance_cap: options.issuance_cap,
        first_changes,
        bitcoin: bitcoin_node(&options)?,
        snapshot_every: options.snapshot_every,
        edge: options.edge.edge()?,
        ..options.store.config()
    };
    edge::raise_descriptors(config.edge.connections_max);
    let kept = keep(config, wait_for_signal(), |news| tell(&options, &news)).await;
    kept.context("the exchange cannot start")?;
    Ok(ExitCode::SUCCESS)
}

fn read_changes(file: &Path) -> Result<Vec<Change>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} holds no JSON list of changes", file.display()))
}

fn bitcoin_node(options: &Options) -> Result<Option<BitcoinNode>> {
    let Span(stalled_us) = options.bitcoin_stalled_after;
    let stalled_after = (stalled_us > 0).then_some(Duration::from_micros(stalled_us));
    let node = options.bitcoin.node()?;
    Ok(node.map(|node| BitcoinNode { follow: FollowerOptions { stalled_after, ..node.follow }, ..node }))
}

/// Tells the operator. What cannot be written, for instance to a log on a full disk, is no reason to end.
fn tell(options: &Options, news: &Kept<'_>) {
    let mut out = stderr();
    let _ = match news {
        Kept::Serving(exchange) => serving(&mut out, options, exchange),
        Kept::Failed(why) => writeln!(out, "bandex: {why}; starting again from the journal"),
        Kept::Waiting(error) => writeln!(out, "bandex: cannot start again yet: {error}"),
    };
}

fn serving(out: &mut impl Write, options: &Options, exchange: &Exchange) -> std::io::Result<()> {
    let scheme = if exchange.speaks_tls() { "https" } else { "http" };
    writeln!(out, "traders   {scheme}://{}  (documents at /docs/)", exchange.address())?;
    writeln!(out, "operator  http://{}  (token in admin.token)", exchange.admin_address())?;
    if let Some(address) = exchange.metrics_address() {
        writeln!(out, "metrics   http://{address}/metrics")?;
    }
    writeln!(out, "store     {}  node {}", options.store.place(), exchange.node())?;
    let recovery = exchange.recovery();
    let (head, replayed) = (recovery.head_seq, recovery.replayed());
    match recovery.snapshot_seq {
        0 => writeln!(out, "journal   {head} records, all of them replayed"),
        snapshot => {
            writeln!(out, "journal   {head} records, {replayed} replayed behind the snapshot at {snapshot}")
        }
    }
}

/// Waits for an interrupt or a request to terminate.
pub async fn wait_for_signal() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
