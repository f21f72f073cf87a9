//! What only the SQLite store must do: locks, torn transactions, damaged files, reading without touching.

use crate::chain::Chain;
use crate::suite::content;
use bandex_journal::{AppendError, Journal, JournalHead, JournalReader, OpenError, ReadError, SqliteJournal};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::{TempDir, tempdir};

async fn filled(dir: &TempDir) -> (SqliteJournal, Chain) {
    let mut chain = Chain::new();
    let mut journal = SqliteJournal::open(dir.path()).await.unwrap();
    for count in [1, 40, 2] {
        journal.append(&chain.batch(count)).await.unwrap();
    }
    (journal, chain)
}

/// Runs SQL behind the store's back.
async fn tamper(dir: &Path, sql: &str) {
    let options = SqliteConnectOptions::new().filename(dir.join("journal.sqlite"));
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Every file of a folder with its bytes.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

/// A copy of a folder without the files of these names.
fn copy(dir: &Path, without: &[&str]) -> TempDir {
    let target = tempdir().unwrap();
    for (name, bytes) in files(dir).into_iter().filter(|(name, _)| !without.contains(&name.as_str())) {
        std::fs::write(target.path().join(name), bytes).unwrap();
    }
    target
}

#[tokio::test]
async fn a_second_server_on_the_folder_is_refused() {
    let dir = tempdir().unwrap();
    let (mut journal, mut chain) = filled(&dir).await;
    let error = SqliteJournal::open(dir.path()).await.unwrap_err();
    assert!(matches!(error, OpenError::Locked(_)), "{error}");
    assert!(error.to_string().contains("in use by another server"), "{error}");
    journal.append(&chain.batch(1)).await.unwrap();
    drop(journal);
    SqliteJournal::open(dir.path()).await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_fails_halfway_leaves_nothing() {
    let dir = tempdir().unwrap();
    let (mut journal, mut chain) = filled(&dir).await;
    let before = content(&*journal.reader()).await;
    let next = chain.batch(700);
    // The records go in, then the batch's place is taken.
    tamper(dir.path(), "INSERT INTO batches VALUES (44, 1, x'00', zeroblob(64))").await;
    let error = journal.append(&next).await.unwrap_err();
    assert!(matches!(&error, AppendError::Failed(text) if text.contains("UNIQUE")), "{error}");
    tamper(dir.path(), "DELETE FROM batches WHERE first_seq = 44").await;
    assert_eq!(content(&*journal.reader()).await, before);
    // Now the last record's place is.
    tamper(dir.path(), "INSERT INTO records VALUES (743, 1, 1, x'00', zeroblob(32), zeroblob(32))").await;
    assert!(matches!(journal.append(&next).await, Err(AppendError::Failed(_))));
    tamper(dir.path(), "DELETE FROM records WHERE seq = 743").await;
    assert_eq!(content(&*journal.reader()).await, before);
    // Certainly nothing was written, so the same writer goes on.
    journal.append(&next).await.unwrap();
}

#[tokio::test]
async fn an_append_that_is_dropped_halfway_makes_the_writer_refuse() {
    let dir = tempdir().unwrap();
    let (mut journal, mut chain) = filled(&dir).await;
    let next = chain.batch(3);
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
    let mut journal = SqliteJournal::open(dir.path()).await.unwrap();
    assert_eq!(journal.reader().head().await.unwrap().unwrap().seq, 43);
    journal.append(&next).await.unwrap();
}

#[tokio::test]
async fn reading_only_touches_nothing_with_and_without_a_log() {
    let dir = tempdir().unwrap();
    let (journal, _) = filled(&dir).await;
    let expected = content(&*journal.reader()).await;
    let check = async |name: &str, folder: &Path, log: bool| {
        let before = files(folder);
        assert_eq!(before.get("journal.sqlite-wal").is_some_and(|log| !log.is_empty()), log, "{name}");
        let reader = SqliteJournal::open_read_only(folder).await.unwrap();
        assert_eq!(content(&reader).await, expected, "{name}");
        drop(reader);
        assert!(files(folder) == before, "{name}: the folder has changed");
    };
    check("a running server's folder", dir.path(), true).await;
    check("a whole copy", copy(dir.path(), &[]).path(), true).await;
    check("a copy without lock and index", copy(dir.path(), &["lock", "journal.sqlite-shm"]).path(), true)
        .await;
    journal.close().await.unwrap();
    check("a folder closed in order", dir.path(), false).await;
    check("the file alone", copy(dir.path(), &["lock"]).path(), false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_only_gives_one_moment_of_a_server_at_work() {
    let dir = tempdir().unwrap();
    let (mut journal, mut chain) = filled(&dir).await;
    let writing = tokio::spawn(async move {
        for _ in 0..60 {
            journal.append(&chain.batch(600)).await.unwrap();
        }
        journal
    });
    let mut moments = 0;
    while moments < 3 || !writing.is_finished() {
        // A copy may be spoiled by the log's restart time after time; then it says so.
        let Ok(reader) = SqliteJournal::open_read_only(dir.path()).await else { continue };
        moments += 1;
        let (head, batches) = content(&reader).await;
        let records: Vec<_> = batches.into_iter().flat_map(|batch| batch.records).collect();
        for pair in records.windows(2) {
            pair[1].follows(pair[0].seq, pair[0].time, pair[0].hash()).unwrap();
        }
        assert_eq!(records.last().map(JournalHead::of), head);
    }
    // The log was folded into the file and restarted on the way.
    drop(writing.await.unwrap());
    assert!(std::fs::metadata(dir.path().join("journal.sqlite")).unwrap().len() > 1 << 20);
}

#[tokio::test]
async fn a_log_cut_short_loses_whole_batches_only() {
    let dir = tempdir().unwrap();
    let (journal, _) = filled(&dir).await;
    let whole = content(&*journal.reader()).await.1;
    let log = std::fs::metadata(dir.path().join("journal.sqlite-wal")).unwrap().len();
    let mut seen = std::collections::BTreeSet::new();
    for keep in (0..=log).rev().step_by(1500) {
        let torn = copy(dir.path(), &["journal.sqlite-shm"]);
        let file = torn.path().join("journal.sqlite-wal");
        std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(keep).unwrap();
        // The tables themselves are in the log too; without them there is no journal to read.
        let Ok(reader) = SqliteJournal::open_read_only(torn.path()).await else { break };
        let (head, batches) = content(&reader).await;
        assert!(whole.starts_with(&batches), "{keep} bytes");
        let last = batches.last().and_then(|batch| batch.records.last()).map(|record| record.seq);
        assert_eq!(head.map(|head| head.seq), last, "{keep} bytes");
        seen.insert(last.unwrap_or(0));
        let reopened = SqliteJournal::open(torn.path()).await.unwrap();
        assert_eq!(content(&*reopened.reader()).await.1, batches);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1, 41, 43]);
}

#[tokio::test]
async fn damage_is_told_clearly() {
    let dir = tempdir().unwrap();
    let error = SqliteJournal::open_read_only(dir.path()).await.unwrap_err();
    assert!(error.to_string().contains("no such file"), "{error}");
    assert!(files(dir.path()).is_empty());
    let (journal, _) = filled(&dir).await;
    journal.close().await.unwrap();

    let check = async |sql: &str, seq: u64, part: &str| {
        let folder = copy(dir.path(), &[]);
        tamper(folder.path(), &format!("PRAGMA ignore_check_constraints = ON; {sql}")).await;
        let reader = SqliteJournal::open_read_only(folder.path()).await.unwrap();
        let error = match reader.records(1, 100).await {
            Err(error) => error,
            Ok(_) => reader.batches(1, 100).await.unwrap_err(),
        };
        let ReadError::Damaged { seq: found, what } = error else { panic!("{sql}: {error}") };
        assert_eq!(found, seq, "{sql}");
        assert!(what.contains(part), "{sql}: {what}");
    };
    check("UPDATE records SET previous = x'01' WHERE seq = 3", 3, "previous has 1 bytes").await;
    check("UPDATE records SET outcome_digest = zeroblob(33) WHERE seq = 43", 43, "has 33 bytes").await;
    check("UPDATE records SET rules = -1 WHERE seq = 7", 7, "rules is -1").await;
    check("UPDATE records SET time = -5 WHERE seq = 8", 8, "time is -5").await;
    check("UPDATE batches SET count = 4294967296 WHERE first_seq = 2", 2, "count is 4294967296").await;
    check("UPDATE batches SET signature = x'' WHERE first_seq = 42", 42, "signature has 0 bytes").await;
}

#[tokio::test]
async fn a_file_that_is_no_journal_is_refused() {
    let dir = tempdir().unwrap();
    let (journal, _) = filled(&dir).await;
    journal.close().await.unwrap();
    let check = async |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let folder = copy(dir.path(), &[]);
        let path = folder.path().join("journal.sqlite");
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(&path, &bytes).unwrap();
        let read = match SqliteJournal::open_read_only(folder.path()).await {
            Ok(reader) => reader.records(1, 100).await.map(|records| records.len()),
            Err(error) => Err(error),
        };
        let error = read.unwrap_err();
        assert!(
            matches!(&error, ReadError::Store(text) if text.contains("journal.sqlite")),
            "{name}: {error}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{name}");
    };
    check("other bytes", &|bytes| bytes[..100].fill(0x55)).await;
    check("nothing", &Vec::clear).await;
    check("cut off", &|bytes| bytes.truncate(8192)).await;
    check("a page overwritten", &|bytes| {
        let len = bytes.len();
        bytes[4096..len].fill(0xff);
    })
    .await;
    let newer = copy(dir.path(), &[]);
    tamper(newer.path(), "UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1").await;
    let error = SqliteJournal::open_read_only(newer.path()).await.unwrap_err();
    assert!(error.to_string().contains("version 9999; this program reads 1"), "{error}");
    let error = SqliteJournal::open(newer.path()).await.unwrap_err();
    assert!(matches!(error, OpenError::Store { .. }), "{error}");
}

#[tokio::test]
async fn a_journal_whose_parts_do_not_fit_is_not_opened_for_writing() {
    let dir = tempdir().unwrap();
    let (journal, _) = filled(&dir).await;
    journal.close().await.unwrap();
    let check = async |sql: &str, part: &str| {
        let folder = copy(dir.path(), &[]);
        tamper(folder.path(), sql).await;
        let error = SqliteJournal::open(folder.path()).await.unwrap_err();
        assert!(error.to_string().contains(part), "{sql}: {error}");
    };
    check("DELETE FROM batches", "record 43 has no batch block").await;
    check("DELETE FROM records", "batch 1 has no records").await;
    check("DELETE FROM records WHERE seq = 43", "the last batch ends at 43, the records at 42").await;
    check("DELETE FROM batches WHERE first_seq = 42", "record 43 has no batch block").await;
}
