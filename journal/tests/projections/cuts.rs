//! PostgreSQL connections that break: before a write, in its midst, and between the commit and its answer.

use crate::history::history;
use crate::kit::{Database, JOURNAL, Store};
use bandex_journal::{ProjectionError, ProjectionPlace, Projections};
use sqlx::{Connection, PgConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The sessions of the projections' writer in this database that satisfy `condition`.
async fn writers(connection: &mut PgConnection, condition: &str, act: &str) -> Vec<bool> {
    let sql = format!(
        "SELECT {act} FROM pg_stat_activity WHERE datname = current_database()
         AND application_name = 'bandex projections' AND {condition}"
    );
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await.unwrap()
}

async fn expected() -> Vec<String> {
    let store = Store::folder();
    store.projected(&history(20)).await.close().await.unwrap();
    store.dump().await
}

fn database(store: &Store) -> &Database {
    let Store::Postgres(database) = store else { panic!("{store} has no sessions") };
    database
}

#[tokio::test]
async fn a_connection_that_broke_before_a_write_is_made_anew() {
    let (store, records) = (Store::postgres().await, history(20));
    let mut projections = store.projected(&records[..9]).await;
    let reader = projections.reader();
    assert_eq!(reader.checkpoint().await.unwrap(), 9);
    let mut other = database(&store).connect().await;
    let ended = writers(&mut other, "true", "pg_terminate_backend(pid)").await;
    assert_eq!(ended, [true], "one session was the writer's");
    projections.apply(&records[9..]).await.unwrap();
    assert!(store.dump().await == expected().await);
    assert_eq!(reader.checkpoint().await.unwrap(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_in_the_midst_of_a_write_leaves_nothing_half_done() {
    let (store, records) = (Store::postgres().await, history(20));
    let mut projections = store.projected(&records[..9]).await;
    let mut other = database(&store).connect().await;
    // The write comes as far as its last table and waits there.
    let mut lock = other.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE proposals IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    let rest = records[9..].to_vec();
    let writing = tokio::spawn(async move { projections.apply(&rest).await });
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut third = database(&store).connect().await;
    loop {
        let act = "pg_terminate_backend(pid)";
        if writers(&mut third, "wait_event_type = 'Lock'", act).await == [true] {
            break;
        }
        assert!(Instant::now() < deadline, "the write never came to the lock");
        tokio::task::yield_now().await;
    }
    lock.rollback().await.unwrap();
    writing.await.unwrap().unwrap();
    assert!(store.dump().await == expected().await);
}

/// Passes bytes on to the server, but cuts the connection when the answer to `cut_at`th COMMIT has come: the client never
/// hears that it got through.
struct Proxy {
    port: u16,
    commits: Arc<AtomicU64>,
}

impl Proxy {
    async fn start(server_port: u16, cut_at: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, commits) = (listener.local_addr().unwrap().port(), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&commits);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server_port)).await.unwrap();
                tokio::spawn(pass_on(client, server, Arc::clone(&counted), cut_at));
            }
        });
        Self { port, commits }
    }
}

async fn pass_on(mut client: TcpStream, mut server: TcpStream, commits: Arc<AtomicU64>, cut_at: u64) {
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    let mut cut = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                let bytes = &asked[..length];
                // A query of its own: its tag, its length, its text.
                if bytes.windows(7).any(|window| window == b"COMMIT\0") {
                    cut = commits.fetch_add(1, Ordering::SeqCst) + 1 == cut_at;
                }
                if server.write_all(bytes).await.is_err() { return }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if cut || client.write_all(&answered[..length]).await.is_err() { return }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_not_written_twice() {
    let (store, records) = (Store::postgres().await, history(20));
    store.projected(&records[..9]).await.close().await.unwrap();
    let proxy = Proxy::start(database(&store).port(), 2).await;
    let place = ProjectionPlace::Postgres(database(&store).url(Some(proxy.port)));
    let mut projections = Projections::open(&place, JOURNAL).await.unwrap();
    projections.apply(&records[9..10]).await.unwrap();
    assert_eq!(proxy.commits.load(Ordering::SeqCst), 1, "the first is the one just made");
    projections.apply(&records[10..15]).await.unwrap();
    // A second write of these rows would have been refused, and a third commit seen.
    assert_eq!(proxy.commits.load(Ordering::SeqCst), 2);
    projections.apply(&records[15..]).await.unwrap();
    assert_eq!(projections.checkpoint(), 20);
    assert!(store.dump().await == expected().await);
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up() {
    let (store, records) = (Store::postgres().await, history(20));
    store.projected(&records[..9]).await.close().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server_port = database(&store).port();
    let passing = tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(("127.0.0.1", server_port)).await.unwrap();
        // Nobody listens any more from here on.
        drop(listener);
        pass_on(client, server, Arc::default(), 1).await;
    });
    let place = ProjectionPlace::Postgres(database(&store).url(Some(port)));
    let mut projections = Projections::open(&place, JOURNAL).await.unwrap().with_retries(2);
    passing.abort();
    let given_up = projections.apply(&records[9..]).await;
    assert!(matches!(given_up, Err(ProjectionError::Store(_))), "{given_up:?}");
    assert_eq!(projections.checkpoint(), 9);
    assert!(Projections::open(&place, JOURNAL).await.is_err(), "it is not taken for missing projections");
    store.projected(&records[9..]).await;
    assert!(store.dump().await == expected().await);
}
