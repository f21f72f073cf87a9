//! Real faults under a real server: connections cut, the database stopped, disks full, folders read-only, two masters.
//!
//! Each test has a server process of its own under load by several clients, and ends with the same question as the kill
//! harness: is everything that was acknowledged in the journal once, and is the live state what a clean replay gives?

#![allow(clippy::unwrap_used, clippy::panic)]

mod database;
mod disk;
mod masters;
#[path = "../../../journal/tests/journal/proxy.rs"]
#[expect(dead_code, reason = "the journal's own tests use all of it")]
mod proxy;
mod tmpfs;

use bandex_tests::crash::{Driving, Mode, Node, Place, Random, Rig, Store};
use std::path::PathBuf;
use std::time::Duration;

/// How long anything may take to go on.
const PATIENCE: Duration = Duration::from_secs(90);

/// The server that the tests run.
fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_server").into()
}

/// A server at a place, with its clients.
async fn rig_at(place: Place, seed: u64) -> Rig {
    let mut random = Random::new(seed);
    let mut node = Node::new(program(), place, 200, &mut random);
    node.start().await;
    Rig::new(node, &mut random).await
}

/// A new place on the PostgreSQL that all tests share.
async fn shared_database() -> Place {
    let server = tokio::task::spawn_blocking(bandex_cluster::shared).await.unwrap().unwrap();
    Place::new(&Store::Postgres(server)).await
}

/// Waits for so many more acknowledgements.
async fn acknowledged(rig: &Rig, driving: &mut Driving, more: u64) {
    let enough = rig.tally().acknowledged + more;
    rig.until(driving, PATIENCE, "acknowledgements", |tally| tally.acknowledged >= enough).await;
}

/// Waits until clients notice that the server cannot go on: an unknown outcome, or a connection gone.
async fn trouble(rig: &Rig, driving: &mut Driving) {
    let before = rig.tally();
    let heard =
        |tally: bandex_tests::crash::Tally| tally.unknown + tally.broken > before.unknown + before.broken;
    rig.until(driving, PATIENCE, "trouble", heard).await;
}

/// Lets the clients get all their answers, and checks everything.
async fn all_is_well(rig: &mut Rig, driving: Driving) {
    rig.leave(driving, Mode::Drain).await;
    rig.drain().await;
    rig.check_all().await;
    eprintln!("{} blocks, {} records, {:?}", rig.made(), rig.records(), rig.tally());
}
