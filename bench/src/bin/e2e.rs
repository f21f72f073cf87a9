//! Signed orders a second, durable and acknowledged, from client to client over WebSockets on loopback.
//!
//! Traders register, then place and cancel post-only bids as fast as their connections take them. Every block is signed
//! by its trader, verified, matched, journalled with a synchronous commit, and answered with a receipt that the client
//! checks. The latency of a block runs from its signature to its checked answer.

use anyhow::{Context, Result, ensure};
use bandex_bench::database;
use bandex_cluster::Cluster;
use bandex_exchange::{Config, Exchange};
use bandex_journal::DatabaseUrl;
use bandex_sdk::tradechain::body::{
    AssetListing, Change, MarketListing, Operation, Orders, Parameters, Place,
};
use bandex_sdk::types::{Amount, AssetId, MarketId, PostOnly, Price, Quantity, Rail, Ratio, Side};
use bandex_sdk::{Client, Markets, MemoryLane, Options, Rest, Trader, generate_keypair};
use clap::Parser;
use futures_util::future::try_join_all;
use serde_json::json;
use std::time::{Duration, Instant};

/// Measures signed orders a second, durable and acknowledged.
#[derive(Debug, Parser)]
struct Arguments {
    /// Traders, each on a connection of its own.
    #[arg(long, default_value_t = 8)]
    traders: usize,
    /// Blocks in all, half placing and half cancelling.
    #[arg(long, default_value_t = 40_000)]
    blocks: usize,
    /// Blocks of one trader that may be unanswered.
    #[arg(long, default_value_t = 64)]
    window: usize,
    /// Runs; the median is reported.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Let replies carry receipts, which are checked.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    receipts: bool,
    /// On a throw-away PostgreSQL server instead of SQLite.
    #[arg(long)]
    postgres: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One run.
#[derive(Debug, Clone, Copy)]
struct Run {
    a_second: u64,
    p50: Duration,
    p99: Duration,
    p999: Duration,
}

fn changes() -> Result<Vec<Change>> {
    let asset = |id, symbol: &str, decimals, rail| {
        Change::ListAsset(AssetListing { id, symbol: symbol.to_owned(), decimals, rail })
    };
    let market = MarketListing {
        id: MarketId::new(1),
        base: AssetId::BWT,
        quote: AssetId::BTC,
        lot_units: 1_000,
        tick_value: Ratio::new(1, 200_000_000)?,
        least_tranche: Amount::new(1),
        pay_us: 60_000_000,
        acknowledge_us: 60_000_000,
    };
    let parameters = Parameters { bid_multiple: u32::MAX, ..Parameters::default() };
    Ok(vec![
        asset(AssetId::BWT, "BWT", 9, Rail::Token),
        asset(AssetId::BTC, "BTC", 11, Rail::Attested),
        Change::ListMarket(market),
        Change::SetParameters(parameters),
    ])
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let cluster = arguments.postgres.then(Cluster::start).transpose()?;
    let mut runs = Vec::new();
    for number in 1..=arguments.runs.max(1) {
        let database = match &cluster {
            Some(cluster) => Some(database::create(cluster, &format!("run_{number}")).await?.parse()?),
            None => None,
        };
        let run = measure(&arguments, database).await?;
        eprintln!("run {number}: {} blocks/s, p50 {:?}, p99 {:?}", run.a_second, run.p50, run.p99);
        runs.push(run);
    }
    runs.sort_by_key(|run| run.a_second);
    let median = runs.get(runs.len() / 2).copied().context("no run")?;
    if arguments.json {
        println!(
            "{}",
            json!({
                "signed_orders_per_second": median.a_second,
                "p50_us": micros(median.p50),
                "p99_us": micros(median.p99),
                "p999_us": micros(median.p999),
                "traders": arguments.traders, "blocks": arguments.blocks, "window": arguments.window,
                "receipts": arguments.receipts, "runs": runs.len(),
                "store": if arguments.postgres { "postgres" } else { "sqlite" },
            })
        );
    } else {
        println!("signed orders, durable and acknowledged, median of {} runs", runs.len());
        println!("  {} a second", median.a_second);
        println!("  p50 {:?}  p99 {:?}  p99.9 {:?}", median.p50, median.p99, median.p999);
    }
    Ok(())
}

fn micros(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)
}

async fn measure(arguments: &Arguments, database: Option<DatabaseUrl>) -> Result<Run> {
    let folder = tempfile::tempdir()?;
    let config = Config { database, first_changes: changes()?, ..Config::new(folder.path()) };
    let exchange = Exchange::start(config).await?;
    let rest = Rest::new(format!("http://{}", exchange.address()))?;
    let markets = rest.markets().await?;
    let traders = try_join_all((0..arguments.traders).map(|_| join(&rest, &markets, arguments))).await?;
    let begun = Instant::now();
    let each = arguments.blocks / arguments.traders.max(1);
    let busy = traders.into_iter().map(|trader| tokio::spawn(place_and_cancel(trader, each)));
    let mut latencies = Vec::with_capacity(arguments.blocks);
    for answers in try_join_all(busy).await? {
        latencies.extend(answers?);
    }
    let elapsed = begun.elapsed();
    exchange.stop().await;
    latencies.sort_unstable();
    let at = |thousandths: usize| -> Result<Duration> {
        let index = (latencies.len() * thousandths / 1_000).min(latencies.len().saturating_sub(1));
        latencies.get(index).copied().context("no blocks")
    };
    let a_second = latencies.len() as u128 * 1_000_000 / elapsed.as_micros().max(1);
    Ok(Run { a_second: u64::try_from(a_second)?, p50: at(500)?, p99: at(990)?, p999: at(999)? })
}

async fn join(rest: &Rest, markets: &Markets, arguments: &Arguments) -> Result<Trader> {
    let options = Options { window: arguments.window, receipts: arguments.receipts, ..Options::default() };
    let client = Client::connect(&rest.socket_url(), options).await?;
    Ok(Trader::register(&client, rest, markets, generate_keypair()?, MemoryLane).await?)
}

/// Places and cancels in turns; gives the latency of each block.
async fn place_and_cancel(trader: Trader, blocks: usize) -> Result<Vec<Duration>> {
    let mut answers = Vec::with_capacity(blocks);
    let mut last = None;
    for number in 0..blocks {
        let operation = match last.take() {
            Some(order) => Operation::Cancel { order },
            None => {
                let price = Price::new(7_000_000 + number as u64 % 1_000);
                let mut bid = Place::limit(MarketId::new(1), Side::Buy, price, Quantity::new(1_000));
                bid.post_only = PostOnly::Refuse;
                Operation::Place(Box::new(bid))
            }
        };
        let places = matches!(operation, Operation::Place(_));
        let signed = Instant::now();
        let submitted = trader.submit(Orders { operations: vec![operation] }).await?;
        last = places.then(|| submitted.order(0));
        answers.push(tokio::spawn(async move {
            let reply = submitted.reply().await?;
            ensure!(reply.operations.iter().all(|operation| operation.ok), "refused: {:?}", reply.operations);
            anyhow::Ok(signed.elapsed())
        }));
    }
    let mut latencies = Vec::with_capacity(blocks);
    for answer in answers {
        latencies.push(answer.await??);
    }
    Ok(latencies)
}
