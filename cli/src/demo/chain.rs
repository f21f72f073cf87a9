//! `bandex demo --bitcoin`: the same flow, but the Bitcoin legs move coins on a chain of the demo's own.
//!
//! A regtest node mines as deals wait for blocks; every trader has a wallet; the exchange follows the node and delivers
//! tokens for what is confirmed. At the end each wallet is explained to the satoshi by deposits, deals and fees, and the
//! store is audited, payments and all.

mod books;
mod miner;
mod purse;
mod report;

use super::board::{self, Shared};
use super::{Flow, Options, SETTLE_TIME, Stage, cast, play, screen, trial, trust};
use crate::{output, serve};
use anyhow::{Context, Result, ensure};
use bandex_exchange::{BitcoinAuth, BitcoinNode, Config, Exchange, FollowerOptions};
use bandex_flow as flow;
use bandex_rails::Client as NodeClient;
use bandex_regtest::Node;
use bandex_spv::Network;
use bandex_tradechain::body::{BitcoinTerms, Change, MarketListing, Parameters, PaymentTerms};
use bandex_types::{Amount, BitcoinNetwork, Rail, Ratio};
use miner::Miner;
pub(crate) use purse::Purse;
use purse::Purses;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// A tick is 1/20 satoshi per BWT, ten thousand times what it stands for without coins: a gigabyte costs about 390,000
/// satoshi, so that nearly all orders of the flow are worth a transaction.
const TICKS_TIMES_LOTS_PER_MSAT: u64 = 20_000;
/// What tokens are worth, in millisatoshi for bytes.
const RATE: (u64, u64) = (391_600_000, 1_000_000_000);
/// What a bonded account puts at stake, in bytes: 1,000 BWT, worth 3.9 bitcoin, of which half counts.
const BOND: Amount = Amount::new(1_000_000_000_000);
/// The largest limit that can be earned: 2 bitcoin.
const BUDGET: Amount = Amount::new(200_000_000_000);
/// The share of a free limit that one deal may draw: 2 %, so that large deals take several payments.
const SHARE_PPM: u32 = 20_000;
/// Dust: 1,000 satoshi.
const DUST: Amount = Amount::new(1_000_000);
/// One confirmation as far as the seller's cap goes, three for the rest; fees below a fiftieth.
const PAYMENTS: PaymentTerms =
    PaymentTerms { confirmations: 1, final_confirmations: 3, fee_share_ppm: 20_000 };
/// How long the buyer has to get a payment into a block.
const PAY_US: u64 = 120_000_000;
/// What the node is told to estimate, in bitcoin for 1,000 virtual bytes, if it is our own: regtest has no market for fees.
const FEE_RATE_BTC: &str = "0.00002000";
/// How often the exchange asks its node.
const POLL: Duration = Duration::from_millis(150);

/// What every part of the show needs of the chain.
pub(crate) struct Chain {
    /// Asked by miner and wallets.
    pub client: Arc<NodeClient>,
    pub purses: Purses,
    miner: Miner,
    /// Ends with the show.
    node: Node,
}

impl Chain {
    async fn begin(folder: &Path) -> Result<Self> {
        let node = tokio::task::spawn_blocking(Node::any).await??;
        let auth = BitcoinAuth::Cookie(node.cookie().to_owned());
        let options = BitcoinNode::new(node.url(), auth).options(Network::Regtest);
        let client = Arc::new(NodeClient::new(options.clone())?);
        bandex_rails::check(&client, Network::Regtest).await.context("the Bitcoin node")?;
        // Not a call of Core's: a real bitcoind estimates for itself.
        let _ = client.call::<serde_json::Value>("setestimate", json!([FEE_RATE_BTC])).await;
        let (miner, purses) = (Miner::new(Arc::clone(&client)), Purses::new(folder, options)?);
        Ok(Self { client, purses, miner, node })
    }

    fn exchange_node(&self) -> BitcoinNode {
        let auth = BitcoinAuth::Cookie(self.node.cookie().to_owned());
        let follow = FollowerOptions {
            poll: POLL,
            stalled_after: None,
            fee_every: Duration::from_secs(2),
            ..FollowerOptions::default()
        };
        BitcoinNode { follow, ..BitcoinNode::new(self.node.url(), auth) }
    }

    /// The operator's first decisions: the chain from its tip on, the market on it, and what payments must be like.
    async fn first_changes(&self) -> Result<Vec<Change>> {
        let info = self.client.blockchain_info().await?;
        let height = u32::try_from(info.blocks)?;
        let hash = self.client.block_hash(height).await?;
        let header = self.client.block_header(&hash).await?;
        let terms = BitcoinTerms { network: BitcoinNetwork::Regtest, height, header };
        let mut assets = flow::assets();
        for asset in assets.iter_mut().filter(|asset| asset.rail == Rail::Attested) {
            asset.rail = Rail::Bitcoin;
        }
        let tick_value = Ratio::new(1, TICKS_TIMES_LOTS_PER_MSAT)?;
        let market = MarketListing { tick_value, ..flow::market_listing(PAY_US, PAY_US) };
        let parameters =
            Parameters { dust: DUST, share_ppm: SHARE_PPM, bid_multiple: u32::MAX, ..Parameters::default() };
        let mut changes = vec![Change::SetBitcoin(terms), Change::SetParameters(parameters)];
        changes.extend(assets.map(Change::ListAsset));
        changes.push(Change::SetPayments { market: market.id, terms: PAYMENTS });
        changes.insert(changes.len() - 1, Change::ListMarket(market));
        Ok(changes)
    }
}

/// Runs the demo on the chain: exit code 0 if everything came out as it should.
///
/// # Errors
/// A part of it failed.
pub(super) async fn run(options: &Options, data: &Path, scratch: &Path, flow: &Flow) -> Result<ExitCode> {
    let board = board::new(flow.commands.len());
    board::lock(&board).phase = "a Bitcoin node starts";
    let screen = screen::Screen::start(Arc::clone(&board), !options.json);
    let shown = show(options, data, scratch, flow, &board).await;
    screen.stop().await;
    let (exchange, report) = shown?;
    if options.json {
        output::json(&report)?;
    } else {
        report.print();
    }
    if options.keep {
        eprintln!(
            "the server goes on at http://{} (documents at /docs/); interrupt it to end",
            exchange.address()
        );
        serve::wait_for_signal().await;
    }
    exchange.stop().await;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn show(
    options: &Options,
    data: &Path,
    scratch: &Path,
    flow: &Flow,
    board: &Shared,
) -> Result<(Exchange, report::Report)> {
    let chain = Chain::begin(&scratch.join("wallets")).await?;
    let config = Config {
        issuance_cap: Amount::MAX,
        first_changes: chain.first_changes().await?,
        bitcoin: Some(chain.exchange_node()),
        ..Config::new(data)
    };
    let exchange = Exchange::start(config).await?;
    let stage = Stage::open(&exchange, board, Some(chain)).await?;
    let casting = cast::Casting { rate: RATE, bond: BOND, sellers_first: true, budget: BUDGET };
    let cast =
        cast::assemble(&stage, options.traders(), flow, casting).await.context("bringing the traders")?;
    let watching = play::watch(&stage).await?;
    let chain = stage.chain.as_ref().context("the chain is there")?;
    let mining = chain.miner.work(Arc::clone(board));
    let pace = play::replay(&stage, &cast, flow, options.speed).await.context("replaying the flow")?;
    play::settled(&stage, SETTLE_TIME).await.context("settling")?;
    drop(mining);
    let trades = watching.finish().len();
    let refused = board::lock(board).refused.clone();
    ensure!(trades > 0, "nothing was traded; refused were {refused:?}");
    board::lock(board).phase = "the wallets are explained";
    let books = books::explain(&stage, &cast).await.context("explaining the wallets")?;
    let scored = trust::score(&stage, &cast).await.context("the end of an epoch")?;
    let verdict = trial::hold(data, scratch, board).await.context("the audit")?;
    let report = report::Report::new(options, board, (pace, trades), books, scored, &verdict);
    Ok((exchange, report))
}
