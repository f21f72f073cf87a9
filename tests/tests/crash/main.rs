//! A server killed without warning again and again: nothing acknowledged is lost, nothing is applied twice.

#![allow(clippy::unwrap_used, clippy::panic)]

use bandex_tests::crash::{Mode, Node, Place, Plan, Random, Report, Rig, Store, run};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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

/// Whether a process lives whose arguments name `folder`: a server, or the shell that guards it.
fn is_served(folder: &Path) -> bool {
    let folder = folder.as_os_str().as_encoded_bytes();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    // One that has just ended has no arguments any more.
    let mut arguments = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    arguments.any(|arguments| arguments.windows(folder.len()).any(|window| window == folder))
}

fn wait_for(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is() {
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_harness_that_is_killed_takes_its_server_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = Command::new(env!("CARGO_BIN_EXE_crash"));
    harness.args([
        "--program",
        env!("CARGO_BIN_EXE_server"),
        "--store",
        "sqlite",
        "--cycles",
        "1000",
        "--seed",
        "5",
    ]);
    harness.env("TMPDIR", folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut harness = harness.spawn().unwrap();
    wait_for("a server", || is_served(folder.path()));
    harness.kill().unwrap();
    harness.wait().unwrap();
    // Nobody is left who could start it again.
    wait_for("the server's end", || !is_served(folder.path()));
}

/// Takes the last batch out of a journal, and everything that remembers it.
async fn cut_end(data: &Path) {
    let options = SqliteConnectOptions::new().filename(data.join("journal.sqlite"));
    let mut journal = options.connect().await.unwrap();
    for sql in [
        "DELETE FROM records WHERE seq >= (SELECT max(first_seq) FROM batches)",
        "DELETE FROM batches WHERE first_seq = (SELECT max(first_seq) FROM batches)",
    ] {
        let cut = sqlx::query(sql).execute(&mut journal).await.unwrap();
        assert!(cut.rows_affected() > 0, "{sql}");
    }
    journal.close().await.unwrap();
    for entry in std::fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("projections") {
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_lost_its_end_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(6);
    let place = Place::in_folder(folder.path().to_owned());
    let mut node = Node::new(env!("CARGO_BIN_EXE_server").into(), place, 1_000_000, &mut random);
    node.start().await;
    let mut rig = Rig::new(node, &mut random).await;
    let mut driving = rig.drive(Mode::Load);
    let enough = |tally: bandex_tests::crash::Tally| tally.acknowledged >= 100;
    rig.until(&mut driving, Duration::from_secs(30), "acknowledgements", enough).await;
    rig.leave(driving, Mode::Drain).await;
    rig.node.kill().await;
    cut_end(&folder.path().join("data")).await;
    rig.node.start().await;
    let noticed = tokio::spawn(async move { rig.check().await }).await.unwrap_err().into_panic();
    let text = noticed.downcast::<String>().unwrap();
    assert!(text.contains("acknowledged and lost"), "{text}");
}
