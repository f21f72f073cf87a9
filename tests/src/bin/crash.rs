//! The kill harness by name; `cargo xtask crash` builds and calls it with the real server.

// What does not hold shall end the run.
#![allow(clippy::unwrap_used, clippy::panic)]

use bandex_tests::crash::{Plan, Report, Store, run};
use clap::{Parser, ValueEnum};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// Which stores to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stores {
    /// SQLite only.
    Sqlite,
    /// PostgreSQL only.
    Postgres,
    /// One after the other.
    Both,
}

/// Kills a server under load again and again, and checks that nothing acknowledged is lost or applied twice.
#[derive(Debug, Clone, Parser)]
struct Arguments {
    /// The server's program, called like `bandex`.
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// How many loads end with a kill.
    #[arg(long, default_value_t = 20)]
    cycles: u64,
    /// How many of them one journal sees before a new one is begun.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    cycles_per_journal: u64,
    /// Which stores; PostgreSQL is the server that BANDEX_TEST_POSTGRES names, or a throw-away one.
    #[arg(long, value_enum, default_value_t = Stores::Both)]
    store: Stores,
    /// From what the load and the moments follow; another one at each run if none is given.
    #[arg(long)]
    seed: Option<u64>,
    /// Print the figures as JSON, one line a store.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = arguments.seed.unwrap_or_else(|| u64::from(now().subsec_nanos()));
    if arguments.store != Stores::Postgres {
        go(&arguments, Store::Sqlite, seed).await;
    }
    if arguments.store != Stores::Sqlite {
        let server = tokio::task::spawn_blocking(bandex_cluster::shared).await.unwrap().unwrap();
        go(&arguments, Store::Postgres(server), seed).await;
    }
}

async fn go(arguments: &Arguments, store: Store, seed: u64) {
    let Arguments { program, cycles, cycles_per_journal, json, .. } = arguments.clone();
    let plan = Plan { program, store, cycles, cycles_per_journal, seed };
    let report = run(&plan, progress).await;
    if json {
        println!("{}", serde_json::to_string(&report).unwrap());
    } else {
        println!("{report}");
    }
}

fn progress(report: &Report) {
    let Report { store, cycles, seconds, restart_mean_ms, .. } = report;
    eprintln!(
        "{store}, seed {}: cycle {cycles} after {seconds} s, restart {restart_mean_ms} ms",
        report.seed
    );
}
