//! How fast a journal takes batches of 1, 100 and 1000 records: `cargo run --release --example append_speed [WHERE]`.
//!
//! WHERE is a folder for a SQLite journal, the current one if nothing is said, or the address of a PostgreSQL server
//! (`postgres://USER:PASSWORD@HOST:PORT/NAME`, for a user who may create databases); what is made there is removed.
//! `throw-away` starts a server of its own and ends it. Each append is one transaction that is on disk
//! when it returns, so small batches show the disk's sync time.

use bandex_cluster::{Cluster, database_url};
use bandex_journal::{Batch, Journal, PostgresJournal, SqliteJournal};
use bandex_tradechain::{Block, Genesis, Keypair, Record, body, root};
use bandex_types::{Amount, Hash, Timestamp};
use sqlx::{Connection, PgConnection};
use std::error::Error;
use std::time::Instant;

/// About the size of a block with one order.
const COMMAND_BYTES: usize = 300;
const RECORDS: usize = 20_000;

fn batches(size: usize) -> Vec<Batch> {
    let node = Keypair::from_seed(&[7; 32]);
    let genesis = Genesis::new(1, node.public(), node.public(), Amount::new(1));
    let first = bandex_tradechain::Command::Genesis(genesis.clone()).encode();
    let (mut hash, mut lane, mut seq) = (Hash::ZERO, (0, genesis.id()), 0_u64);
    let time = Timestamp::EARLIEST_PLAUSIBLE;
    let mut batches = Vec::new();
    for _ in 0..RECORDS.div_ceil(size).min(2_000) {
        let first_seq = seq + 1;
        let records: Vec<Record> = (0..size)
            .map(|_| {
                seq += 1;
                let command = if seq == 1 { first.clone() } else { vec![1; COMMAND_BYTES] };
                let outcome_digest = Hash::new([1; 32]);
                let record = Record { seq, time, rules: 1, command, outcome_digest, previous: hash };
                hash = record.hash();
                record
            })
            .collect();
        let leaves: Vec<Hash> = records.iter().map(|record| record.leaf().hash()).collect();
        let count = u32::try_from(size).unwrap_or(u32::MAX);
        let batch = body::Batch { first_seq, count, root: root(&leaves), last_record_hash: hash };
        let (lane_seq, previous) = (lane.0 + 1, lane.1);
        let author = node.public();
        let block =
            Block { network: 1, author, seq: lane_seq, previous, time, expiry: None, body: batch.into() }
                .sign(&node);
        lane = (lane_seq, block.batch_id());
        batches.push(Batch { records, block });
    }
    batches
}

async fn measure(mut journal: impl Journal, size: usize) -> Result<(), Box<dyn Error>> {
    let batches = batches(size);
    let started = Instant::now();
    for batch in &batches {
        journal.append(batch).await?;
    }
    let micros = started.elapsed().as_micros().max(1);
    let (rows, appends) = ((size * batches.len()) as u128, batches.len() as u128);
    let (rate, each) = (rows * 1_000_000 / micros, micros / appends);
    let appends = appends * 1_000_000 / micros;
    println!("batches of {size:>4}: {rate:>8} rows/s, {appends:>5} appends/s, {each} µs each");
    Box::new(journal).finish().await?;
    Ok(())
}

async fn measure_postgres(server: &str, size: usize) -> Result<(), Box<dyn Error>> {
    let mut connection = PgConnection::connect(server).await?;
    sqlx::raw_sql("CREATE DATABASE append_speed").execute(&mut connection).await?;
    let url = database_url(server, "append_speed").parse()?;
    measure(PostgresJournal::open(&url).await?, size).await?;
    sqlx::raw_sql("DROP DATABASE append_speed WITH (FORCE)").execute(&mut connection).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let place = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let cluster = if place == "throw-away" { Some(Cluster::start()?) } else { None };
    let place = cluster.as_ref().map_or(place, |cluster| cluster.url("postgres"));
    for size in [1, 100, 1000] {
        if place.starts_with("postgres") {
            measure_postgres(&place, size).await?;
        } else {
            let dir = tempfile::tempdir_in(&place)?;
            measure(SqliteJournal::open(dir.path()).await?, size).await?;
        }
    }
    Ok(())
}
