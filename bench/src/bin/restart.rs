//! How long a server takes to start on a long journal: from a snapshot and the longest tail there can be behind it, and
//! from the first record.
//!
//! The journal is made by `history`. A first start replays and projects all of it and leaves a snapshot; then the
//! journal is made longer by just less than what brings the next snapshot.

use anyhow::{Context, Result, ensure};
use bandex_bench::database;
use bandex_bench::history::{History, Mix};
use bandex_cluster::Cluster;
use bandex_exchange::{Config, Exchange, Identity};
use bandex_journal::{Journal, PostgresJournal, SqliteJournal};
use clap::Parser;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

/// Measures a server's start on a long journal.
#[derive(Debug, Parser)]
struct Arguments {
    /// Records that the snapshot is made after.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Starts that are measured; the median is reported.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// On a throw-away PostgreSQL server instead of SQLite.
    #[arg(long)]
    postgres: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let cluster = arguments.postgres.then(Cluster::start).transpose()?;
    let database = match &cluster {
        Some(cluster) => Some(database::create(cluster, "restart").await?.parse()?),
        None => None,
    };
    let config = Config { database, ..Config::new(folder.path()) };
    let identity = Identity::load_or_create(folder.path())?;
    let mut journal = open(&config).await?;
    eprintln!("making {} records", arguments.records);
    let mut history = History::begin(&identity, 32, journal.as_mut()).await?;
    let mix = Mix { quotes: 8, parts: 4 };
    history.grow(journal.as_mut(), mix, arguments.records).await?;
    journal.finish().await?;

    eprintln!("first start: replay, projections, snapshot");
    let begun = Instant::now();
    let exchange = Exchange::start(config.clone()).await?;
    let first = begun.elapsed();
    let snapshot_bytes = wait_for_snapshot(folder.path(), arguments.records).await?;
    exchange.stop().await;

    // An eighth more would bring the next snapshot.
    let tail = (arguments.records / 8).saturating_sub(2_000);
    let mut journal = open(&config).await?;
    history.grow(journal.as_mut(), mix, arguments.records + tail).await?;
    journal.finish().await?;
    // A server that was killed has projected nearly all: this start makes up for it, and is not measured.
    Exchange::start(config.clone()).await?.stop().await;

    let mut starts = Vec::new();
    for number in 1..=arguments.runs.max(1) {
        let begun = Instant::now();
        let exchange = Exchange::start(config.clone()).await?;
        let elapsed = begun.elapsed();
        let recovery = exchange.recovery();
        ensure!(recovery.snapshot_seq > 0, "there was no snapshot to start from");
        eprintln!("start {number}: {elapsed:?}, {} records behind the snapshot", recovery.replayed());
        starts.push((elapsed, recovery));
        exchange.stop().await;
    }
    starts.sort_by_key(|(elapsed, _)| *elapsed);
    let (median, recovery) = *starts.get(starts.len() / 2).context("no start")?;

    std::fs::remove_dir_all(folder.path().join("snapshots"))?;
    let begun = Instant::now();
    let exchange = Exchange::start(config).await?;
    let from_first = begun.elapsed();
    exchange.stop().await;
    if arguments.json {
        println!(
            "{}",
            json!({
                "store": if arguments.postgres { "postgres" } else { "sqlite" },
                "records": recovery.head_seq, "snapshot_seq": recovery.snapshot_seq,
                "replayed": recovery.replayed(), "snapshot_bytes": snapshot_bytes,
                "start_ms": millis(median), "start_without_snapshot_ms": millis(from_first),
                "start_without_projections_ms": millis(first), "runs": starts.len(),
            })
        );
    } else {
        println!(
            "{} records, snapshot of {snapshot_bytes} bytes at {}",
            recovery.head_seq, recovery.snapshot_seq
        );
        println!("  start from the snapshot and {} records behind it: {median:?}", recovery.replayed());
        println!("  start from the first record: {from_first:?}; with no projections either: {first:?}");
    }
    Ok(())
}

async fn open(config: &Config) -> Result<Box<dyn Journal>> {
    Ok(match &config.database {
        None => Box::new(SqliteJournal::open(&config.folder).await?),
        Some(database) => Box::new(PostgresJournal::open(database).await?),
    })
}

/// Waits for a snapshot at or after `seq`; gives its size.
async fn wait_for_snapshot(folder: &Path, seq: u64) -> Result<u64> {
    let deadline = Instant::now() + Duration::from_secs(600);
    loop {
        for entry in std::fs::read_dir(folder.join("snapshots")).into_iter().flatten() {
            let path = entry?.path();
            let made =
                path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<u64>().ok());
            if path.extension().is_some_and(|suffix| suffix == "snapshot") && made >= Some(seq) {
                return Ok(path.metadata()?.len());
            }
        }
        ensure!(Instant::now() < deadline, "no snapshot was made");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
