//! Bytes that both stores keep of a record and of a deal settled in k tranches, against 1,000 + 600·k and against what
//! AnyDex stores for a trade: 7,108 + 2,412·k.
//!
//! Deals are made by `history` without quotes, many pairs at once or one pair alone (then nearly every record is a
//! transaction of its own, with a batch block of its own: the dearest there can be). Sizes are those of the journal's
//! tables with their indices, the store's overhead included. A row above the bound is marked, and a journal of many pairs
//! that is above it makes the program end with 1.

use anyhow::{Result, bail};
use bandex_bench::database;
use bandex_bench::history::{Counts, History, Mix};
use bandex_cluster::Cluster;
use bandex_exchange::Identity;
use bandex_journal::{Journal, PostgresJournal, SqliteJournal};
use clap::Parser;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use std::path::Path;
use std::process::ExitCode;

/// How many pairs a journal has that must keep to the bound.
const MANY: usize = 64;

/// Measures bytes stored a record and a deal.
#[derive(Debug, Parser)]
struct Arguments {
    /// Records of each journal that is measured.
    #[arg(long, default_value_t = 10_000)]
    records: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One journal.
struct Measured {
    store: &'static str,
    pairs: usize,
    counts: Counts,
    bytes: u64,
}

impl Measured {
    /// Blocks that paid or acknowledged, a deal: as many as tranches, since an acknowledgement delivers one.
    fn tranches(&self) -> u64 {
        self.counts.steps / self.counts.deals.max(1)
    }

    fn a_deal(&self) -> u64 {
        self.bytes / self.counts.deals.max(1)
    }

    fn a_record(&self) -> u64 {
        self.bytes / self.counts.records.max(1)
    }

    fn bound(&self) -> u64 {
        1_000 + 600 * self.tranches()
    }

    fn is_above(&self) -> bool {
        self.a_deal() > self.bound()
    }

    fn anydex(&self) -> u64 {
        7_108 + 2_412 * self.tranches()
    }

    fn json(&self) -> Value {
        json!({
            "store": self.store, "pairs": self.pairs, "tranches": self.tranches(), "deals": self.counts.deals,
            "records": self.counts.records, "batches": self.counts.batches, "bytes_a_record": self.a_record(),
            "bytes_a_deal": self.a_deal(), "bound": self.bound(), "above": self.is_above(),
            "anydex": self.anydex(),
        })
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let cluster = Cluster::start()?;
    let mut all = Vec::new();
    for pairs in [MANY, 2, 1] {
        for parts in [1, 2, 4, 16] {
            all.push(sqlite(pairs, parts, arguments.records).await?);
            all.push(postgres(&cluster, pairs, parts, arguments.records).await?);
        }
    }
    if arguments.json {
        println!("{}", json!(all.iter().map(Measured::json).collect::<Vec<_>>()));
    } else {
        print(&all);
    }
    let failed = all.iter().any(|one| one.pairs == MANY && one.is_above());
    if failed {
        eprintln!("a journal of {MANY} pairs is above the bound");
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(all: &[Measured]) {
    println!("store     pairs  tranches  bytes a record  bytes a deal  1,000+600k  AnyDex");
    for one in all {
        let (record, deal, bound, anydex) = (one.a_record(), one.a_deal(), one.bound(), one.anydex());
        println!(
            "{:<8}  {:>5}  {:>8}  {record:>14}  {deal:>12}  {bound:>10}  {anydex:>6}{}",
            one.store,
            one.pairs,
            one.tranches(),
            if one.is_above() { "  above" } else { "" }
        );
    }
}

async fn make(
    identity: &Identity,
    journal: &mut dyn Journal,
    pairs: usize,
    parts: u64,
    records: u64,
) -> Result<Counts> {
    let mut history = History::begin(identity, pairs, journal).await?;
    history.grow(journal, Mix { quotes: 0, parts }, records).await
}

async fn sqlite(pairs: usize, parts: u64, records: u64) -> Result<Measured> {
    let folder = tempfile::tempdir()?;
    let identity = Identity::load_or_create(folder.path())?;
    let mut journal = SqliteJournal::open(folder.path()).await?;
    let counts = make(&identity, &mut journal, pairs, parts, records).await?;
    // Closing brings the write-ahead log into the file.
    journal.close().await?;
    let bytes = folder.path().join("journal.sqlite").metadata()?.len();
    Ok(Measured { store: "sqlite", pairs, counts, bytes })
}

async fn postgres(cluster: &Cluster, pairs: usize, parts: u64, records: u64) -> Result<Measured> {
    let url = database::create(cluster, &format!("storage_{pairs}_{parts}")).await?;
    let folder = tempfile::tempdir()?;
    let identity = Identity::load_or_create(Path::new(folder.path()))?;
    let mut journal = PostgresJournal::open(&url.parse()?).await?;
    let counts = make(&identity, &mut journal, pairs, parts, records).await?;
    journal.close().await?;
    let options: PgConnectOptions = url.parse()?;
    let bytes = tables(&mut options.connect().await?).await?;
    Ok(Measured { store: "postgres", pairs, counts, bytes })
}

/// The bytes of the journal's tables, indices and maps included.
async fn tables(connection: &mut PgConnection) -> Result<u64> {
    let bytes: i64 = sqlx::query_scalar(
        "SELECT (pg_total_relation_size('journal.records') + pg_total_relation_size('journal.batches'))::bigint",
    )
    .fetch_one(connection)
    .await?;
    match u64::try_from(bytes) {
        Ok(bytes) => Ok(bytes),
        Err(_) => bail!("the tables have {bytes} bytes"),
    }
}
