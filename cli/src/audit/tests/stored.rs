//! The audit of a store on disk: every column through SQL, bytes of the file itself, and the exit codes.

use super::forge::{Forge, Rows};
use crate::audit::{Claims, Options, Verdict, audit, run};
use crate::store::ForeignStore;
use bandex_journal::{Batch, Journal, JournalReader, SqliteJournal};
use bandex_tradechain::Decoded;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const FILE: &str = "journal.sqlite";
/// SQLite's own default.
const PAGE_BYTES: usize = 4_096;

/// Writes rows to a new store, as a server would.
async fn store(rows: &Rows) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = SqliteJournal::open(folder.path()).await.unwrap();
    for batch in &rows.batches {
        let bound = |seq: u64| (batch.first_seq..=batch.last_seq()).contains(&seq);
        let records = rows.records.iter().filter(|record| bound(record.seq)).cloned().collect();
        journal.append(&Batch { records, block: batch.block.clone() }).await.unwrap();
    }
    journal.close().await.unwrap();
    folder
}

/// A copy of a store, altered by SQL.
async fn altered(folder: &Path, statement: &str) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join(FILE);
    fs::copy(folder.join(FILE), &path).unwrap();
    let mut connection = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let done = sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    assert!(done.rows_affected() > 0, "{statement}");
    connection.close().await.unwrap();
    copy
}

/// The verdict over a folder; none if the store cannot be read at all.
async fn judged(folder: &Path) -> Option<Verdict> {
    let reader = SqliteJournal::open_read_only(folder).await.ok()?;
    audit(&reader, &Claims::default(), &mut |_| {}).await.ok()
}

#[tokio::test]
async fn every_column_altered_by_sql_names_its_record() {
    let honest = Forge::with_all().rows;
    let folder = store(&honest).await;
    assert!(matches!(judged(folder.path()).await, Some(Verdict::Pass(_))));
    let check = async |statement: &str, record: u64| {
        let copy = altered(folder.path(), statement).await;
        match judged(copy.path()).await {
            Some(Verdict::Fail(conviction)) => {
                assert_eq!(conviction.record, record, "{statement}: {}", conviction.why);
            }
            other => panic!("{statement}: {other:?}"),
        }
    };
    for set in [
        "time = time + 1",
        "time = -1",
        "rules = 7",
        "rules = -1",
        "command = x'00'",
        "command = zeroblob(40)",
        "outcome_digest = zeroblob(32)",
        "previous = zeroblob(31) || x'01'",
    ] {
        for record in [1, 7, honest.records.len() as u64] {
            // SQLite concatenates to text, which a strict table refuses.
            let set = set.replace("zeroblob(31) || x'01'", &format!("x'{}01'", "00".repeat(31)));
            check(&format!("UPDATE records SET {set} WHERE seq = {record}"), record).await;
        }
    }
    check("DELETE FROM records WHERE seq = 5", 5).await;
    check("UPDATE records SET seq = 1000 WHERE seq = 5", 5).await;
    let last = honest.records.len();
    check(&format!("DELETE FROM records WHERE seq = {last}"), last as u64).await;
    let first = honest.batches[3].first_seq;
    for set in
        ["payload = x'00'", "signature = zeroblob(64)", "count = count + 1", "first_seq = first_seq + 1000"]
    {
        check(&format!("UPDATE batches SET {set} WHERE first_seq = {first}"), first).await;
    }
    check(&format!("DELETE FROM batches WHERE first_seq = {first}"), first).await;
}

/// What a store says, if it can be read.
async fn content(folder: &Path) -> Option<(Vec<bandex_tradechain::Record>, usize)> {
    let reader = SqliteJournal::open_read_only(folder).await.ok()?;
    Some((reader.records(1, 1_000).await.ok()?, reader.batches(1, 1_000).await.ok()?.len()))
}

#[tokio::test]
async fn no_flipped_byte_of_the_file_passes_unless_it_holds_nothing() {
    let honest = Forge::with_all().rows;
    let folder = store(&honest).await;
    let bytes = fs::read(folder.path().join(FILE)).unwrap();
    let untouched = content(folder.path()).await;
    let mut convicted = 0;
    // A prime step comes past every part of every page.
    for at in (0..bytes.len()).step_by(61) {
        let copy = tempfile::tempdir().unwrap();
        let mut changed = bytes.clone();
        changed[at] ^= 0x08;
        fs::write(copy.path().join(FILE), changed).unwrap();
        match judged(copy.path()).await {
            Some(Verdict::Fail(_)) => convicted += 1,
            Some(Verdict::Pass(_)) => assert_eq!(content(copy.path()).await, untouched, "byte {at}"),
            // The schema is on the first page; without it there is no telling rows from noise.
            None => assert!(at < PAGE_BYTES, "byte {at} ends the audit without a verdict"),
        }
    }
    assert!(convicted > 50, "{convicted} of {} flips were in records", bytes.len() / 61);
}

/// The one byte that a careful liar would flip: within the signed payload of a block.
#[tokio::test]
async fn a_flipped_byte_within_a_block_names_the_record_with_exit_code_1() {
    let honest = Forge::with_all().rows;
    let folder = store(&honest).await;
    let record = &honest.records[8];
    let (block, _) = Decoded::from_bytes(&record.command).unwrap().block().cloned().unwrap();
    let mut bytes = fs::read(folder.path().join(FILE)).unwrap();
    let payload = block.encode();
    // SQLite leaves stale copies behind when it rearranges a page.
    let found: Vec<usize> =
        (0..bytes.len() - payload.len()).filter(|at| bytes[*at..].starts_with(&payload)).collect();
    for at in found {
        bytes[at + payload.len() - 1] ^= 1;
    }
    let copy = tempfile::tempdir().unwrap();
    fs::write(copy.path().join(FILE), bytes).unwrap();
    let Some(Verdict::Fail(conviction)) = judged(copy.path()).await else { panic!() };
    assert_eq!(conviction.record, record.seq);
    let wire = serde_json::to_value(Verdict::Fail(conviction)).unwrap();
    assert_eq!((&wire["verdict"], &wire["record"]), (&"fail".into(), &record.seq.into()));

    let code = async |folder: &Path, head: Option<&str>| {
        let (data, head) = (folder.to_owned(), head.map(str::to_owned));
        let store = ForeignStore::folder(data);
        let options = Options { store, head, receipts: None, node: None, json: true };
        run(options).await.map(|code| format!("{code:?}")).map_err(|error| format!("{error:#}"))
    };
    let expected = |code: u8| Ok(format!("{:?}", std::process::ExitCode::from(code)));
    assert_eq!(code(folder.path(), None).await, expected(0));
    assert_eq!(code(copy.path(), None).await, expected(1));
    let unknown = "00".repeat(32);
    assert_eq!(code(folder.path(), Some(&unknown)).await, expected(1));
    // Without a store or with a head that is none there is no verdict: an error, which ends in exit code 2.
    assert!(code(tempfile::tempdir().unwrap().path(), None).await.is_err());
    assert!(code(folder.path(), Some("nonsense")).await.is_err());
}
