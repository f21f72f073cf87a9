//! What only the PostgreSQL store must do: refusals that pass, torn transactions, damaged rows, reading without touching.

use crate::chain::Chain;
use crate::database::Database;
use crate::suite::content;
use bandex_journal::{
    AppendError, DatabaseUrl, Journal, JournalReader, OpenError, PostgresJournal, ReadError,
};
use std::time::{Duration, Instant};

async fn filled() -> (Database, PostgresJournal, Chain) {
    let (database, mut chain) = (Database::new().await, Chain::new());
    let mut journal = PostgresJournal::open(&database.url()).await.unwrap();
    for count in [1, 40, 2] {
        journal.append(&chain.batch(count)).await.unwrap();
    }
    (database, journal, chain)
}

#[tokio::test]
async fn a_transaction_that_fails_halfway_leaves_nothing() {
    let (database, mut journal, mut chain) = filled().await;
    let before = content(&*journal.reader()).await;
    let next = chain.batch(700);
    let mut check = async |table: &str, seq: &str, values: &str| {
        database.run(&format!("INSERT INTO journal.{table} VALUES ({values})")).await;
        let error = journal.append(&next).await.unwrap_err();
        assert!(matches!(&error, AppendError::Failed(text) if text.contains("duplicate key")), "{error}");
        database.run(&format!("DELETE FROM journal.{table} WHERE {seq}")).await;
        assert_eq!(content(&*journal.reader()).await, before, "{table}");
    };
    let (hash, signature) = ("decode(repeat('00', 32), 'hex')", "decode(repeat('00', 64), 'hex')");
    check("batches", "first_seq = 44", &format!("44, 1, '', {signature}")).await;
    check("records", "seq = 743", &format!("743, 1, 1, '', {hash}, {hash}")).await;
    // Certainly nothing was written, so the same writer goes on.
    journal.append(&next).await.unwrap();
}

/// Lets writing fail with an SQL state, `times` times: the count survives the rollbacks as a sequence.
fn trouble(state: &str, times: u32, deferred: bool) -> String {
    let kind = if deferred { "CONSTRAINT TRIGGER trouble AFTER" } else { "TRIGGER trouble BEFORE" };
    let when = if deferred { "DEFERRABLE INITIALLY DEFERRED" } else { "" };
    format!(
        "CREATE SEQUENCE public.troubles;
         CREATE FUNCTION public.trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('public.troubles') <= {times} THEN RAISE EXCEPTION 'made up' USING ERRCODE = '{state}'; END IF;
             RETURN NEW;
         END $$;
         CREATE {kind} INSERT ON journal.batches {when} FOR EACH ROW EXECUTE FUNCTION public.trouble()"
    )
}

#[tokio::test]
async fn passing_refusals_are_tried_again_and_others_told() {
    // State, how often, whether at the commit; then how often it is tried, and whether it is written in the end.
    let check = async |state: &str, times: u32, deferred: bool, tries: i64, written: bool| {
        let (database, mut journal, mut chain) = filled().await;
        let before = content(&*journal.reader()).await;
        let next = chain.batch(3);
        database.run(&trouble(state, times, deferred)).await;
        match journal.append(&next).await {
            Ok(_) => assert!(written, "{state}"),
            Err(AppendError::Failed(text)) => {
                assert!(!written && text.contains("made up"), "{state}: {text}")
            }
            Err(error) => panic!("{state}: {error}"),
        }
        assert_eq!(database.number("SELECT last_value FROM public.troubles").await, tries, "{state}");
        if !written {
            assert_eq!(content(&*journal.reader()).await, before, "{state}");
            database.run("DROP TRIGGER trouble ON journal.batches").await;
            journal.append(&next).await.unwrap();
        }
        assert_eq!(journal.reader().head().await.unwrap().unwrap().seq, 46, "{state}");
        assert_eq!(content(&*journal.reader()).await.1.len(), 4, "{state}");
    };
    check("40001", 3, false, 4, true).await;
    check("40P01", 1, false, 2, true).await;
    check("40001", 2, true, 3, true).await;
    check("40001", 1000, false, 8, false).await;
    check("40001", 1000, true, 8, false).await;
    check("53100", 1000, false, 1, false).await;
    check("23514", 1000, false, 1, false).await;
}

#[tokio::test]
async fn a_cancelled_statement_is_tried_again() {
    let (database, mut journal, mut chain) = filled().await;
    let next = chain.batch(3);
    let mut holder = database.connect().await;
    sqlx::raw_sql("BEGIN; SELECT 1 FROM journal.writer FOR UPDATE").execute(&mut holder).await.unwrap();
    let appending = tokio::spawn(async move { journal.append(&next).await });
    let waiting = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        AND application_name LIKE 'bandex journal %'";
    let until_waiting = async || {
        let deadline = Instant::now() + Duration::from_secs(20);
        while database.number(&format!("SELECT count(*) {waiting}")).await == 0 {
            assert!(Instant::now() < deadline, "the append does not wait for the epoch");
        }
    };
    for _ in 0..3 {
        until_waiting().await;
        database.number(&format!("SELECT count(pg_cancel_backend(pid)) {waiting}")).await;
    }
    until_waiting().await;
    drop(holder);
    appending.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_writer_of_an_earlier_epoch_is_fenced_off_though_its_connection_lives() {
    let (database, mut journal, mut chain) = filled().await;
    let before = content(&*journal.reader()).await;
    database.run("UPDATE journal.writer SET epoch = epoch + 1, holder = 'somebody else'").await;
    for _ in 0..2 {
        assert_eq!(journal.append(&chain.clone().batch(1)).await, Err(AppendError::Fenced));
    }
    chain.batch(1);
    assert_eq!(content(&*journal.reader()).await, before);
}

#[tokio::test]
async fn an_append_that_is_dropped_halfway_makes_the_writer_refuse() {
    let (database, mut journal, mut chain) = filled().await;
    let next = chain.batch(3);
    // While somebody holds the epoch the append comes no further than that, however fast the server answers.
    let mut holder = database.connect().await;
    sqlx::raw_sql("BEGIN; SELECT 1 FROM journal.writer FOR UPDATE").execute(&mut holder).await.unwrap();
    {
        let mut append = journal.append(&next);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(append.as_mut().poll(&mut context).is_pending());
    }
    let error = journal.append(&next).await.unwrap_err();
    assert!(
        matches!(&error, AppendError::Failed(text) if text.contains("open the journal again")),
        "{error}"
    );
    drop(journal);
    drop(holder);
    let mut journal = PostgresJournal::open(&database.url()).await.unwrap();
    assert_eq!(journal.reader().head().await.unwrap().unwrap().seq, 43);
    journal.append(&next).await.unwrap();
}

/// All that is in a database: its tables and columns, and how often each was written to.
async fn inventory(database: &Database) -> Vec<String> {
    let sql = "SELECT n.nspname || '.' || c.relname || '.' || a.attname FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
        UNION ALL SELECT nspname::text FROM pg_namespace
        UNION ALL SELECT objid::text FROM pg_locks WHERE locktype = 'advisory'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        ORDER BY 1";
    sqlx::query_scalar(sql).fetch_all(&mut database.connect().await).await.unwrap()
}

#[tokio::test]
async fn reading_only_changes_nothing() {
    let empty = Database::new().await;
    let before = inventory(&empty).await;
    let error = PostgresJournal::open_read_only(&empty.url()).await.unwrap_err();
    assert!(error.to_string().contains("there is no journal"), "{error}");
    assert_eq!(inventory(&empty).await, before);

    let (database, mut journal, mut chain) = filled().await;
    let expected = content(&*journal.reader()).await;
    let (before, row) = (inventory(&database).await, "SELECT epoch + xmin::text::bigint FROM journal.writer");
    let writer = database.number(row).await;
    let reader = PostgresJournal::open_read_only(&database.url()).await.unwrap();
    assert_eq!(content(&reader).await, expected);
    assert_eq!(inventory(&database).await, before);
    assert_eq!(database.number(row).await, writer);
    // The writer beside it was not disturbed, and the reader keeps to what was there when it was opened.
    journal.append(&chain.batch(1)).await.unwrap();
    assert_eq!(content(&reader).await, expected);
    let later = PostgresJournal::open_read_only(&database.url()).await.unwrap();
    assert_eq!(later.head().await.unwrap().unwrap().seq, 44);
    // It reads on when nobody writes, and keeps nobody from writing.
    drop(journal);
    assert_eq!(content(&reader).await, expected);
    PostgresJournal::open(&database.url()).await.unwrap();
}

#[tokio::test]
async fn another_version_is_refused() {
    let (database, journal, _) = filled().await;
    journal.close().await.unwrap();
    database.run("UPDATE journal._sqlx_migrations SET version = 9999").await;
    let error = PostgresJournal::open_read_only(&database.url()).await.unwrap_err();
    assert!(error.to_string().contains("version 9999; this program reads 1"), "{error}");
    let error = PostgresJournal::open(&database.url()).await.unwrap_err();
    assert!(matches!(error, OpenError::Database { .. }), "{error}");
    assert_eq!(database.number("SELECT epoch FROM journal.writer").await, 1);
}

#[tokio::test]
async fn damage_is_told_clearly() {
    let check = async |constraint: &str, sql: &str, seq: u64, part: &str| {
        let (database, journal, _) = filled().await;
        journal.close().await.unwrap();
        let (table, name) = constraint.split_once(' ').unwrap();
        let drop = format!("ALTER TABLE journal.{table} DROP CONSTRAINT {table}_{name}_check");
        database.run(&drop).await;
        database.run(&format!("UPDATE journal.{table} SET {sql}")).await;
        let reader = PostgresJournal::open_read_only(&database.url()).await.unwrap();
        let error = match reader.records(1, 100).await {
            Err(error) => error,
            Ok(_) => reader.batches(1, 100).await.unwrap_err(),
        };
        let ReadError::Damaged { seq: found, what } = error else { panic!("{sql}: {error}") };
        assert_eq!(found, seq, "{sql}");
        assert!(what.contains(part), "{sql}: {what}");
    };
    check("records previous", r"previous = '\x01' WHERE seq = 3", 3, "previous has 1 bytes").await;
    check("records rules", "rules = -1 WHERE seq = 7", 7, "rules is -1").await;
    check("records time", "time = -5 WHERE seq = 8", 8, "time is -5").await;
    check("batches count", "count = 4294967296 WHERE first_seq = 2", 2, "count is 4294967296").await;
    check("batches signature", "signature = '' WHERE first_seq = 42", 42, "signature has 0 bytes").await;
}

#[tokio::test]
async fn a_journal_whose_parts_do_not_fit_is_not_opened_for_writing() {
    let check = async |sql: &str, part: &str| {
        let (database, journal, _) = filled().await;
        journal.close().await.unwrap();
        database.run(sql).await;
        let error = PostgresJournal::open(&database.url()).await.unwrap_err();
        assert!(error.to_string().contains(part), "{sql}: {error}");
    };
    check("DELETE FROM journal.batches", "record 43 has no batch block").await;
    check("DELETE FROM journal.records", "batch 42 has no records").await;
    check("DELETE FROM journal.records WHERE seq = 43", "the last batch ends at 43, the records at 42").await;
    check("DELETE FROM journal.batches WHERE first_seq = 42", "the last batch ends at 41, the records at 43")
        .await;
}

#[tokio::test]
async fn an_ordinary_user_needs_its_schema_only_and_no_error_shows_its_password() {
    let database = Database::new().await;
    let name = format!("writer_{}", std::process::id());
    let create = format!("CREATE ROLE {name} LOGIN PASSWORD 'hidden'");
    database.run(&format!("{create}; CREATE SCHEMA journal AUTHORIZATION {name}")).await;
    let (_, rest) = database.text().rsplit_once('@').unwrap();
    let url = |password: &str| format!("postgres://{name}:{password}@{rest}").parse::<DatabaseUrl>().unwrap();
    let mut chain = Chain::new();
    let mut journal = PostgresJournal::open(&url("hidden")).await.unwrap();
    journal.append(&chain.batch(2)).await.unwrap();
    database.cut_writer().await;
    journal.append(&chain.batch(2)).await.unwrap();
    assert_eq!(journal.reader().head().await.unwrap().unwrap().seq, 4);

    let check = |error: &dyn std::fmt::Display, shown: &dyn std::fmt::Debug| {
        let text = format!("{error} {shown:?}");
        assert!(text.contains(&name) && !text.contains("hidden"), "{text}");
    };
    let error = PostgresJournal::open(&url("hidden-too")).await.unwrap_err();
    check(&error, &error);
    let error = PostgresJournal::open(&url("hidden")).await.unwrap_err();
    check(&error, &error);
    let error = PostgresJournal::open_read_only(&url("hidden-too")).await.unwrap_err();
    check(&error, &error);
}

/// The number of the advisory lock, as the store has it: an operator may look for it in `pg_locks`.
const LOCK: i64 = 0x6261_6e64_6578_6a6c;

#[tokio::test]
async fn a_writer_that_was_succeeded_while_it_waited_for_its_lock_is_fenced_off() {
    let (database, mut journal, mut chain) = filled().await;
    let before = content(&*journal.reader()).await;
    let next = chain.batch(3);
    database.cut_writer().await;
    let mut other = database.connect().await;
    let lock = format!("SELECT pg_advisory_lock({LOCK})");
    sqlx::raw_sql(sqlx::AssertSqlSafe(lock)).execute(&mut other).await.unwrap();
    let appending = tokio::spawn(async move { (journal.append(&next).await, journal) });
    let asking = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND application_name LIKE 'bandex journal %' AND query LIKE '%pg_try_advisory_lock%'";
    let deadline = Instant::now() + Duration::from_secs(20);
    while database.number(asking).await == 0 {
        assert!(Instant::now() < deadline, "the writer does not ask for its lock");
    }
    // It has seen its own name beside the epoch. Now another writer comes and goes.
    database.run("UPDATE journal.writer SET epoch = epoch + 1, holder = 'somebody else'").await;
    drop(other);
    let (appended, journal) = appending.await.unwrap();
    assert_eq!(appended, Err(AppendError::Fenced));
    assert_eq!(content(&*journal.reader()).await, before);
}
