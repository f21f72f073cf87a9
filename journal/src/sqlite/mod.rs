//! The journal in one SQLite file: the store of a node that needs no database server.
//!
//! A folder holds `journal.sqlite` and `lock`. The operating system's lock keeps a second server out; the epoch in the
//! file keeps out a writer that outlived its lock. An append is one transaction, on disk when it returns (write-ahead
//! log, synchronous FULL). Nothing here times out or selects around a commit: its fate would be unknown for no reason.

mod lock;
mod read;
mod snapshot;

pub use read::SqliteReader;

use crate::port::{AppendError, Committed, Journal, JournalReader, OpenError, ReadError};
use crate::sql::{ROWS_MAX, signed};
use crate::tail::Tail;
use async_trait::async_trait;
use bandex_tradechain::{Batch, Record};
use lock::FolderLock;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, QueryBuilder, Sqlite, SqliteConnection};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The schema, embedded in the program.
static SCHEMA: Migrator = sqlx::migrate!("../migrations/sqlite-journal");
/// The journal's file within its folder.
const FILE: &str = "journal.sqlite";
/// Why a writer that lost track refuses.
pub(crate) const UNSURE: &str = "an earlier append has an unknown end; open the journal again";

/// The one writer of a folder.
#[derive(Debug)]
pub struct SqliteJournal {
    connection: SqliteConnection,
    reader: Arc<SqliteReader>,
    epoch: i64,
    tail: Tail,
    /// Set while the end of an append is not known: it stays set if the commit fails or the future is dropped.
    unsure: bool,
    /// Last, so that it is given back only after the connection.
    _lock: FolderLock,
}

impl SqliteJournal {
    /// Opens the journal in the folder `dir` for writing, makes both if they are missing, and fences off any earlier
    /// writer.
    ///
    /// # Errors
    /// Another server holds the folder; or the folder or file cannot be written, is damaged, or is of a newer version.
    pub async fn open(dir: &Path) -> Result<Self, OpenError> {
        let lock = FolderLock::take(dir)?;
        let path = dir.join(FILE);
        let failed = |cause: &dyn std::fmt::Display| OpenError::store(&path, cause);
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5));
        let mut connection = options.connect().await.map_err(|error| failed(&error))?;
        SCHEMA.run(&mut connection).await.map_err(|error| failed(&error))?;
        let epoch = take_epoch(&mut connection).await.map_err(|error| failed(&error))?;
        let reader = Arc::new(SqliteReader::live(&path));
        let tail = read_tail(&reader).await.map_err(|error| failed(&error))?;
        Ok(Self { connection, reader, epoch, tail, unsure: false, _lock: lock })
    }

    /// Opens a reader on a folder that belongs to somebody else: a backup, a copy under audit, or a running server's.
    ///
    /// Nothing in the folder is changed, locked or created. If there is a write-ahead log, the reader works on a
    /// private copy of the moment of opening, which is removed with the reader.
    ///
    /// # Errors
    /// There is no journal, it is damaged, or it is of another version.
    pub async fn open_read_only(dir: &Path) -> Result<SqliteReader, ReadError> {
        SqliteReader::snapshot(&dir.join(FILE)).await
    }

    /// Closes the file in order, so that its write-ahead log is folded in. Dropping is as safe, but leaves that to
    /// the next opening.
    ///
    /// # Errors
    /// The store's own; everything committed is on disk all the same.
    pub async fn close(self) -> Result<(), ReadError> {
        self.reader.close().await;
        self.connection.close().await.map_err(|error| ReadError::Store(error.to_string()))
    }
}

/// Takes the next epoch; every earlier one is fenced off from now on.
async fn take_epoch(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("UPDATE writer SET epoch = epoch + 1 WHERE id = 1 RETURNING epoch")
        .fetch_one(connection)
        .await
}

async fn read_tail(reader: &SqliteReader) -> Result<Tail, ReadError> {
    let head = reader.head().await?;
    let last = match head {
        Some(head) => reader.batch_of(head.seq).await?,
        None => reader.batches(0, 1).await?.pop(),
    };
    Tail::of(head, last.as_ref()).map_err(ReadError::Store)
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn append(&mut self, batch: &Batch) -> Result<Committed, AppendError> {
        if self.unsure {
            return Err(AppendError::Failed(UNSURE.to_owned()));
        }
        let (tail, committed) = self.tail.with(batch).map_err(AppendError::Failed)?;
        let rows = Rows::of(batch, committed).map_err(AppendError::Failed)?;
        self.unsure = true;
        let written = write(&mut self.connection, self.epoch, &rows).await;
        self.unsure = matches!(written, Err(AppendError::Unknown(_)));
        written?;
        self.tail = tail;
        Ok(committed)
    }

    async fn record(&mut self, seq: u64) -> Result<Option<Record>, ReadError> {
        read::one(&mut self.connection, seq).await
    }

    fn reader(&self) -> Arc<dyn JournalReader> {
        Arc::clone(&self.reader) as Arc<dyn JournalReader>
    }

    async fn finish(self: Box<Self>) -> Result<(), ReadError> {
        self.close().await
    }
}

/// A batch whose numbers are known to fit.
struct Rows<'a> {
    batch: &'a Batch,
    first_seq: i64,
    count: i64,
    records: Vec<(i64, i64, &'a Record)>,
}

impl<'a> Rows<'a> {
    fn of(batch: &'a Batch, committed: Committed) -> Result<Self, String> {
        let row = |record: &'a Record| Ok((signed(record.seq)?, signed(record.time.as_micros())?, record));
        let records = batch.records.iter().map(row).collect::<Result<Vec<_>, String>>()?;
        let count = i64::try_from(records.len()).map_err(|error| error.to_string())?;
        Ok(Self { batch, first_seq: signed(committed.first_seq())?, count, records })
    }
}

/// One transaction. Before the commit every error means that nothing was written: an unfinished transaction is rolled
/// back at once, with the connection, or by the next opening. An error of the commit itself says nothing.
async fn write(connection: &mut SqliteConnection, epoch: i64, rows: &Rows<'_>) -> Result<(), AppendError> {
    let failed = |error: sqlx::Error| AppendError::Failed(error.to_string());
    // IMMEDIATE takes the write lock at once, so that the epoch cannot change between its check and the commit.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    let stored: i64 = sqlx::query_scalar("SELECT epoch FROM writer WHERE id = 1")
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
    if stored != epoch {
        transaction.rollback().await.map_err(failed)?;
        return Err(AppendError::Fenced);
    }
    if let Err(error) = insert(&mut transaction, rows).await {
        transaction.rollback().await.map_err(failed)?;
        return Err(failed(error));
    }
    transaction.commit().await.map_err(|error| AppendError::Unknown(error.to_string()))
}

async fn insert(connection: &mut SqliteConnection, rows: &Rows<'_>) -> Result<(), sqlx::Error> {
    for chunk in rows.records.chunks(ROWS_MAX) {
        let mut query: QueryBuilder<Sqlite> =
            QueryBuilder::new("INSERT INTO records (seq, time, rules, command, outcome_digest, previous) ");
        query.push_values(chunk, |mut row, (seq, time, record)| {
            row.push_bind(*seq)
                .push_bind(*time)
                .push_bind(i64::from(record.rules))
                .push_bind(record.command.as_slice())
                .push_bind(record.outcome_digest.as_bytes().as_slice())
                .push_bind(record.previous.as_bytes().as_slice());
        });
        query.build().execute(&mut *connection).await?;
    }
    sqlx::query("INSERT INTO batches (first_seq, count, payload, signature) VALUES (?, ?, ?, ?)")
        .bind(rows.first_seq)
        .bind(rows.count)
        .bind(rows.batch.block.payload.as_slice())
        .bind(rows.batch.block.signature.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}
