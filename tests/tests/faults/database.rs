//! PostgreSQL cut off, stopped and crashed while a server works on it.

use crate::proxy::{Cut, Proxy};
use crate::{acknowledged, all_is_well, rig_at, shared_database, trouble};
use bandex_cluster::{Cluster, ClusterError};
use bandex_exchange::{Config, Exchange};
use bandex_tests::crash::{Mode, Place, Store};
use bandex_tests::{Setup, database, first_changes};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_backends_terminated_under_load() {
    let mut rig = rig_at(shared_database().await, 11).await;
    let mut driving = rig.drive(Mode::Load);
    for _ in 0..6 {
        acknowledged(&rig, &mut driving, 100).await;
        let ended: i64 = sqlx::query_scalar(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .fetch_one(&mut rig.node.place.connect().await)
        .await
        .unwrap();
        assert!(ended > 0, "the server had no connection");
    }
    acknowledged(&rig, &mut driving, 100).await;
    all_is_well(&mut rig, driving).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_cut_behind_a_commit() {
    let mut place = shared_database().await;
    let proxy = Proxy::before(place.port()).await;
    place.go_through(proxy.port);
    let mut rig = rig_at(place, 12).await;
    let mut driving = rig.drive(Mode::Load);
    // The next commit is the journal's or the projections', as it comes: twice as many of those that one may stall on.
    let cuts =
        [Cut::BeforeAnswer, Cut::Held, Cut::Before, Cut::Held, Cut::Held, Cut::BeforeAnswer, Cut::Held];
    for cut in cuts {
        acknowledged(&rig, &mut driving, 50).await;
        proxy.cut_next(cut);
        rig.until(&mut driving, crate::PATIENCE, "a commit", |_| proxy.has_cut()).await;
    }
    acknowledged(&rig, &mut driving, 100).await;
    all_is_well(&mut rig, driving).await;
}

/// Does something to a cluster that takes its time.
async fn with(
    mut cluster: Cluster,
    act: impl FnOnce(&mut Cluster) -> Result<(), ClusterError> + Send + 'static,
) -> Cluster {
    let act = move || act(&mut cluster).map(|()| cluster);
    tokio::task::spawn_blocking(act).await.unwrap().unwrap()
}

async fn comes_back(seed: u64, end: fn(&mut Cluster) -> Result<(), ClusterError>, away: Duration) {
    let mut cluster = tokio::task::spawn_blocking(Cluster::start).await.unwrap().unwrap();
    let mut rig = rig_at(Place::new(&Store::Postgres(cluster.url("postgres"))).await, seed).await;
    let mut driving = rig.drive(Mode::Load);
    for away in [Duration::ZERO, away] {
        acknowledged(&rig, &mut driving, 100).await;
        cluster = with(cluster, end).await;
        trouble(&rig, &mut driving).await;
        // It stays away for longer than the server needs to try again.
        tokio::time::sleep(away).await;
        cluster = with(cluster, Cluster::start_again).await;
    }
    acknowledged(&rig, &mut driving, 200).await;
    assert!(rig.tally().unknown > 0, "nobody was told that the outcome is unknown: {:?}", rig.tally());
    all_is_well(&mut rig, driving).await;
    rig.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_stopped_and_started() {
    // Longer than the journal looks for what became of its commit: the server must start again, and finds nobody.
    comes_back(13, Cluster::stop, Duration::from_secs(34)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_crashed_and_started() {
    comes_back(14, Cluster::crash, Duration::from_secs(4)).await;
}

/// Where the projections in this database end.
async fn checkpoint(connection: &mut PgConnection) -> i64 {
    sqlx::query_scalar("SELECT checkpoint FROM projections.progress").fetch_one(connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projections_that_cannot_be_written_do_not_hold_up_the_end() {
    let (address, folder) = (database::create().await, tempfile::tempdir().unwrap());
    let config = Config {
        database: Some(address.parse().unwrap()),
        first_changes: first_changes(&Setup::default()),
        ..Config::new(folder.path())
    };
    let exchange = Exchange::start(config.clone()).await.unwrap();
    let mut other = PgConnection::connect(&address).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE projections.outcomes IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let change = json!({ "change": "set_market_state", "market": 1, "state": "halted" });
    let answer = reqwest::Client::new()
        .post(format!("http://{}/admin/v1/configure", exchange.admin_address()))
        .bearer_auth(exchange.admin_token())
        .header("content-type", "application/json")
        .body(json!({ "changes": [change] }).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200, "the journal takes what the projections do not");
    // They would try for most of a minute, and for as long as a database that is silent is believed in.
    tokio::time::timeout(Duration::from_secs(25), exchange.stop()).await.unwrap();
    let seq: i64 =
        sqlx::query_scalar("SELECT max(seq) FROM journal.records").fetch_one(&mut *lock).await.unwrap();
    assert!(checkpoint(&mut lock).await < seq, "nothing was held up");
    lock.rollback().await.unwrap();
    Exchange::start(config).await.unwrap().stop().await;
    assert_eq!(checkpoint(&mut other).await, seq);
}
