//! Real faults of a PostgreSQL journal: connections cut at the commit, servers stopped, writers killed.

use crate::chain::Chain;
use crate::database::Database;
use crate::proxy::{Cut, Proxy};
use crate::suite::content;
use bandex_cluster::Cluster;
use bandex_journal::{AppendError, Batch, Journal, JournalHead, OpenError, PostgresJournal};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// A journal behind a proxy, with one batch in it.
async fn behind_proxy() -> (Database, Proxy, PostgresJournal, Chain, Batch) {
    let database = Database::new().await;
    let proxy = Proxy::before(database.server_port()).await;
    let mut journal = PostgresJournal::open(&database.url_through(proxy.port)).await.unwrap();
    let mut chain = Chain::new();
    let first = chain.batch(2);
    journal.append(&first).await.unwrap();
    (database, proxy, journal, chain, first)
}

/// All batches of a database, whose records must link.
async fn stored(database: &Database) -> Vec<Batch> {
    let reader = PostgresJournal::open_read_only(&database.url()).await.unwrap();
    let (head, batches) = content(&reader).await;
    let records: Vec<_> = batches.iter().flat_map(|batch| &batch.records).collect();
    assert_eq!(
        database.number("SELECT count(*) FROM journal.records").await,
        i64::try_from(records.len()).unwrap()
    );
    for pair in records.windows(2) {
        pair[1].follows(pair[0].seq, pair[0].time, pair[0].hash()).unwrap();
    }
    assert_eq!(records.last().map(|record| JournalHead::of(record)), head);
    batches
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_found_and_acknowledged() {
    let (database, proxy, mut journal, mut chain, first) = behind_proxy().await;
    let next = chain.batch(3);
    proxy.cut_next(Cut::BeforeAnswer);
    let committed = journal.append(&next).await.unwrap();
    assert!(proxy.has_cut());
    assert_eq!((committed.first_seq(), committed.last_seq()), (3, 5));
    let last = chain.batch(1);
    journal.append(&last).await.unwrap();
    assert_eq!(stored(&database).await, [first, next, last]);
    // Opening took the first epoch, finding out the second; nothing was written twice and nothing tried again.
    assert_eq!(database.number("SELECT epoch FROM journal.writer").await, 2);
}

#[tokio::test]
async fn a_commit_that_never_arrives_is_tried_again() {
    for cut in [Cut::Before, Cut::Held] {
        let (database, proxy, mut journal, mut chain, first) = behind_proxy().await;
        let next = chain.batch(3);
        proxy.cut_next(cut);
        let started = Instant::now();
        journal.append(&next).await.unwrap();
        assert!(proxy.has_cut());
        // The server would believe in a held connection for 45 seconds: the writer has to end it.
        assert!(started.elapsed() < Duration::from_secs(20), "{cut:?}: {:?}", started.elapsed());
        let last = chain.batch(1);
        journal.append(&last).await.unwrap();
        assert_eq!(stored(&database).await, [first, next, last], "{cut:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_found_out_is_called_unknown() {
    let check = async |cut: Cut, kept: bool| {
        let (database, proxy, mut journal, mut chain, first) = behind_proxy().await;
        let next = chain.batch(3);
        proxy.cut_next_for_good(cut);
        let started = Instant::now();
        let error = journal.append(&next).await.unwrap_err();
        let took = started.elapsed();
        assert!(matches!(error, AppendError::Unknown(_)), "{error}");
        assert!(Duration::from_secs(25) < took && took < Duration::from_secs(40), "{cut:?}: {took:?}");
        let error = journal.append(&next).await.unwrap_err();
        assert!(
            matches!(&error, AppendError::Failed(text) if text.contains("open the journal again")),
            "{error}"
        );
        drop(journal);
        let mut journal = PostgresJournal::open(&database.url()).await.unwrap();
        let found = stored(&database).await;
        assert_eq!(found, if kept { vec![first, next.clone()] } else { vec![first] }, "{cut:?}");
        let more = if kept { chain.batch(1) } else { next };
        journal.append(&more).await.unwrap();
    };
    tokio::join!(check(Cut::BeforeAnswer, true), check(Cut::Before, false));
}

/// Appends `count` batches, each again as long as certainly nothing was written.
async fn append_all(journal: &mut PostgresJournal, chain: &mut Chain, count: usize) -> Vec<Batch> {
    let mut acknowledged = Vec::new();
    for number in 0..count {
        let batch = chain.batch(1 + number % 5);
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Err(error) = journal.append(&batch).await {
            assert!(matches!(error, AppendError::Failed(_)), "{number}: {error}");
            assert!(Instant::now() < deadline, "{number}: {error}");
        }
        acknowledged.push(batch);
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_ended_by_the_server_lose_and_double_nothing() {
    let (database, mut chain) = (Arc::new(Database::new().await), Chain::new());
    let mut journal = PostgresJournal::open(&database.url()).await.unwrap();
    let (ending, ended) = (Arc::clone(&database), Arc::new(AtomicU64::new(0)));
    let count = Arc::clone(&ended);
    let terminator = tokio::spawn(async move {
        let mut connection = ending.connect().await;
        loop {
            // At ever other moments, with time between for a connection to come to life.
            tokio::time::sleep(Duration::from_millis(20 + count.load(Ordering::SeqCst) * 7 % 31)).await;
            let now: i64 = sqlx::query_scalar(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name LIKE 'bandex journal %'",
            )
            .fetch_one(&mut connection)
            .await
            .unwrap();
            count.fetch_add(u64::try_from(now).unwrap(), Ordering::SeqCst);
        }
    });
    let (mut acknowledged, deadline) = (Vec::new(), Instant::now() + Duration::from_secs(120));
    while acknowledged.len() < 200 || ended.load(Ordering::SeqCst) < 30 {
        acknowledged.extend(append_all(&mut journal, &mut chain, 10).await);
        assert!(Instant::now() < deadline, "{} appended, {ended:?} ended", acknowledged.len());
    }
    terminator.abort();
    assert!(terminator.await.unwrap_err().is_cancelled());
    assert!(stored(&database).await == acknowledged);
    assert!(content(&*journal.reader()).await.1 == acknowledged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_stopped_and_started_again_is_written_on() {
    let mut cluster = tokio::task::spawn_blocking(Cluster::start).await.unwrap().unwrap();
    let database = Database::on(&cluster.url("postgres")).await;
    let mut journal = PostgresJournal::open(&database.url()).await.unwrap();
    let reader = journal.reader();
    let (appended, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (told, over) = (Arc::clone(&appended), Arc::clone(&done));
    let writing = tokio::spawn(async move {
        let (mut chain, mut acknowledged) = (Chain::new(), Vec::new());
        while !over.load(Ordering::SeqCst) {
            acknowledged.extend(append_all(&mut journal, &mut chain, 1).await);
            told.fetch_add(1, Ordering::SeqCst);
        }
        acknowledged
    });
    let more = async |what: &str| {
        let (before, deadline) = (appended.load(Ordering::SeqCst), Instant::now() + Duration::from_secs(60));
        while appended.load(Ordering::SeqCst) < before + 5 {
            assert!(Instant::now() < deadline, "{what}: nothing was appended any more");
            tokio::task::yield_now().await;
        }
    };
    more("at first").await;
    for crash in [false, true, true] {
        cluster = tokio::task::spawn_blocking(move || {
            if crash { cluster.crash() } else { cluster.stop() }.unwrap();
            cluster.start_again().unwrap();
            cluster
        })
        .await
        .unwrap();
        // The reader's connections are as broken, and come back by themselves.
        reader.head().await.unwrap().unwrap();
        more(if crash { "after a crash" } else { "after a stop" }).await;
    }
    done.store(true, Ordering::SeqCst);
    let acknowledged = writing.await.unwrap();
    assert!(stored(&database).await == acknowledged);
}

#[tokio::test]
async fn a_second_server_on_the_database_is_refused() {
    let (database, mut chain) = (Database::new().await, Chain::new());
    let mut journal = PostgresJournal::open(&database.url()).await.unwrap();
    let first = chain.batch(2);
    journal.append(&first).await.unwrap();
    let error = PostgresJournal::open(&database.url()).await.unwrap_err();
    assert!(matches!(error, OpenError::DatabaseLocked(_)), "{error}");
    assert!(error.to_string().contains("in use by another server"), "{error}");
    let second = chain.batch(1);
    journal.append(&second).await.unwrap();
    assert_eq!(database.number("SELECT epoch FROM journal.writer").await, 1);
    // Neither closing in order nor dropping keeps the next one waiting for long.
    journal.close().await.unwrap();
    drop(PostgresJournal::open(&database.url()).await.unwrap());
    PostgresJournal::open(&database.url()).await.unwrap();
    assert_eq!(stored(&database).await, [first, second]);
}

/// Set for the process that only writes and waits to be killed: the address of its database.
const WRITER: &str = "BANDEX_JOURNAL_WRITER";

#[test]
fn a_database_is_taken_over_when_its_server_was_killed() {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap());
    if let Ok(url) = std::env::var(WRITER) {
        return runtime.block_on(write_until_killed(&url));
    }
    let database = runtime.block_on(Database::new());
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "faults::a_database_is_taken_over_when_its_server_was_killed", "--nocapture"])
        .env(WRITER, database.text())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(writer.stdout.take().unwrap()).lines().map(Result::unwrap);
    let acknowledged = lines.filter(|line| line.contains("appended")).take(20).count();
    writer.kill().unwrap();
    writer.wait().unwrap();
    assert_eq!(acknowledged, 20);
    runtime.block_on(async {
        PostgresJournal::open(&database.url()).await.unwrap();
        let found = stored(&database).await;
        assert!(found.len() >= acknowledged, "{}", found.len());
        let mut chain = Chain::new();
        let expected: Vec<Batch> = found.iter().map(|_| chain.batch(3)).collect();
        assert!(found == expected);
    });
}

async fn write_until_killed(url: &str) {
    let mut journal = PostgresJournal::open(&url.parse().unwrap()).await.unwrap();
    let mut chain = Chain::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        journal.append(&chain.batch(3)).await.unwrap();
        println!("\nappended");
    }
}
