//! How long after the end of an epoch of the trust graph its scores are durable, on a real server.
//!
//! The graph is made through the server's own sequencer: pairs of accounts give each other bandwidth on credit and back.
//! Then the server is started on that journal, epochs are made short, and whoever asks for `/v1/trust` sees the first
//! one scored. What is reported is an upper bound: when that was seen, after the moment at which the epoch ended.

use anyhow::{Context, Result, ensure};
use bandex_bench::history::History;
use bandex_exchange::{Config, Exchange, Identity};
use bandex_journal::{Journal, SqliteJournal};
use bandex_sdk::Rest;
use bandex_tradechain::body::{Change, TrustTerms};
use bandex_types::{Amount, AssetId, Ratio};
use clap::Parser;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How many pairs are served in one batch.
const PAIRS_AT_ONCE: usize = 20_000;
/// How long the epochs are that are measured: longer than anything takes in between.
const EPOCH_US: u64 = 20_000_000;
/// How often the server is asked.
const ASK_EVERY: Duration = Duration::from_millis(2);

/// Measures how long the scores of an epoch take.
#[derive(Debug, Parser)]
struct Arguments {
    /// Accounts.
    #[arg(long, default_value_t = 100_000)]
    accounts: usize,
    /// Edges of the trust graph.
    #[arg(long, default_value_t = 800_000)]
    edges: usize,
    /// Accounts at which the walks begin.
    #[arg(long, default_value_t = 10)]
    seeds: usize,
    /// Epochs that are measured; the median is reported.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    ensure!(arguments.accounts >= 2 && arguments.seeds <= arguments.accounts, "two accounts or more");
    let folder = tempfile::tempdir()?;
    let config = Config { first_changes: Vec::new(), ..Config::new(folder.path()) };
    let identity = Identity::load_or_create(folder.path())?;
    make(folder.path(), &identity, &arguments).await?;
    eprintln!("start: replay and projections");
    let exchange = Exchange::start(config).await?;
    let mut taken = Vec::new();
    let mut last = json!({});
    let rest = Rest::new(format!("http://{}", exchange.address()))?;
    begin_epochs(&exchange).await?;
    for number in 1..=arguments.runs.max(1) {
        let (after, scored) = scored_after(&rest, last["epoch"].as_u64()).await?;
        eprintln!("epoch {number}: {after:?} after its end, {} edges", scored["edges"]);
        taken.push(after);
        last = scored;
    }
    exchange.stop().await;
    taken.sort();
    let millis: Vec<u128> = taken.iter().map(Duration::as_millis).collect();
    let median = millis.get(millis.len() / 2).context("no run")?;
    if arguments.json {
        let told = json!({
            "accounts": arguments.accounts, "edges": last["edges"], "seeds": arguments.seeds,
            "scored_after_ms": median, "all_ms": millis,
        });
        println!("{told}");
    } else {
        println!("{} accounts, {} edges", arguments.accounts, last["edges"]);
        println!("  scores durable and told {median} ms after the end of the epoch (of {millis:?})");
    }
    Ok(())
}

/// A journal with accounts that have honoured what they owed to some others, drawn at random from a fixed seed.
async fn make(folder: &Path, identity: &Identity, arguments: &Arguments) -> Result<()> {
    let mut journal: Box<dyn Journal> = Box::new(SqliteJournal::open(folder).await?);
    let begun = Instant::now();
    eprintln!("making {} accounts and {} edges", arguments.accounts, arguments.edges);
    let mut history = History::begin(identity, arguments.accounts.div_ceil(2), journal.as_mut()).await?;
    let rate = Change::SetRate { asset: AssetId::BWT, rate: Some(Ratio::new(1, 25_000)?) };
    let seeds = history.accounts().take(arguments.seeds);
    let mut changes: Vec<Change> = seeds.map(|account| Change::SetSeed { account, seed: true }).collect();
    changes.push(rate);
    history.decide(journal.as_mut(), changes).await?;
    let pairs = pairs(arguments.accounts, arguments.edges / 2);
    for some in pairs.chunks(PAIRS_AT_ONCE) {
        history.serve(journal.as_mut(), some).await?;
    }
    journal.finish().await?;
    eprintln!("{} records in {:?}", history.seq(), begun.elapsed());
    Ok(())
}

/// Pairs of accounts, each once (SplitMix64: Steele, Lea, Flood, 2014).
fn pairs(accounts: usize, count: usize) -> Vec<(usize, usize)> {
    let mut state = 1_u64;
    let mut draw = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap_or(0) % accounts
    };
    let most = accounts * (accounts - 1) / 2;
    let mut found = BTreeSet::new();
    while found.len() < count.min(most) {
        let (one, other) = (draw(), draw());
        if one != other {
            found.insert((one.min(other), one.max(other)));
        }
    }
    found.into_iter().collect()
}

/// Lets epochs begin, as the operator would.
async fn begin_epochs(exchange: &Exchange) -> Result<()> {
    let terms = TrustTerms {
        epoch_us: EPOCH_US,
        keep_ppm: 1_000_000,
        largest_limit: Amount::new(1_000_000_000),
        loss_budget: Amount::new(1_000_000_000),
        ..TrustTerms::default()
    };
    let response = reqwest::Client::new()
        .post(format!("http://{}/admin/v1/configure", exchange.admin_address()))
        .bearer_auth(exchange.admin_token())
        .json(&json!({ "changes": [Change::SetTrust(terms)] }))
        .send()
        .await?;
    let reply: Value = response.error_for_status()?.json().await?;
    ensure!(reply["operations"][0]["ok"] == json!(true), "the terms were refused: {reply}");
    Ok(())
}

/// Waits until an epoch after `last` is scored; gives how long after its end that was seen.
async fn scored_after(rest: &Rest, last: Option<u64>) -> Result<(Duration, Value)> {
    let begun = Instant::now();
    loop {
        let epoch = rest.trust().await?.epoch;
        if let Some(epoch) = epoch.filter(|epoch| epoch.scored && Some(epoch.epoch) > last) {
            let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
            let after = Duration::from_micros(now.saturating_sub((epoch.epoch + 1) * EPOCH_US));
            return Ok((after, serde_json::to_value(epoch)?));
        }
        ensure!(begun.elapsed() < Duration::from_secs(120), "no epoch was scored");
        tokio::time::sleep(ASK_EVERY).await;
    }
}
