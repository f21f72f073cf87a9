//! A server killed without warning again and again: nothing acknowledged is lost, nothing is applied twice.

#![allow(clippy::unwrap_used, clippy::panic)]

use bandex_tests::crash::{Plan, Report, Store, run};

/// How many loads end with a kill, a store.
const CYCLES: u64 = 20;

async fn survives(store: Store, seed: u64) {
    let program = env!("CARGO_BIN_EXE_server").into();
    let plan = Plan { program, store, cycles: CYCLES, cycles_per_journal: 10, seed };
    let report = run(&plan, |_| {}).await;
    eprintln!("{report}");
    let Report { cycles, kills, blocks_sent, blocks_acknowledged, blocks_unanswered, .. } = report;
    assert_eq!((cycles, kills.load + kills.snapshot), (CYCLES, CYCLES));
    assert_eq!(blocks_sent, blocks_acknowledged);
    // Kills of an idle server would show nothing.
    assert!(blocks_unanswered > CYCLES && blocks_acknowledged > 100 * CYCLES, "it was hardly under load");
    assert!(kills.snapshot > 0 && kills.start > 0 && kills.first_start > 0, "{kills:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_survives_kills() {
    survives(Store::Sqlite, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_survives_kills() {
    let server = tokio::task::spawn_blocking(bandex_cluster::shared).await.unwrap().unwrap();
    survives(Store::Postgres(server), 4).await;
}
