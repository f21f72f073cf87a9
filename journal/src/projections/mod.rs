//! Tables for queries, made from committed outcomes behind the journal's back.
//!
//! The publisher hands over what was committed; [`Projections`] writes it and moves a checkpoint in one transaction.
//! Nothing here is ever needed to know what happened: the file can be deleted and is then written anew from the
//! journal. It also is, by itself, if it is damaged, of another version, or of another journal.

mod gather;
mod query;
mod rows;
mod write;

pub use query::ProjectionReader;
pub use rows::{
    BlockRow, Cursor, CursorError, DealFilter, DealRecord, DealRow, OrderFilter, OrderRow, OutcomeRow,
    ProposalRow, TradeRow,
};

use crate::port::OpenError;
use crate::sql::unsigned;
use bandex_engine::Outcome;
use bandex_types::{AccountId, BlockId, DealId, PublicKey, Timestamp};
use gather::Gathered;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The schema, embedded in the program. One file only: a changed schema is written anew, never migrated.
static SCHEMA: Migrator = sqlx::migrate!("../migrations/sqlite-projections");
/// What the rows mean. Raise it whenever they would come out differently from the same journal.
const VERSION: i64 = 1;
/// The file within the journal's folder.
const FILE: &str = "projections.sqlite";

/// What the publisher hands over of one committed record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projected {
    /// The record's seq.
    pub seq: u64,
    /// Its time.
    pub time: Timestamp,
    /// Its block, if the command was one.
    pub block: Option<ProjectedBlock>,
    /// The outcome's bytes, as they were hashed.
    pub outcome_bytes: Vec<u8>,
    /// The same, decoded.
    pub outcome: Outcome,
}

/// What is kept of a record's block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectedBlock {
    /// Its id.
    pub id: BlockId,
    /// The signing key.
    pub author: PublicKey,
    /// Its place in that key's lane.
    pub lane_seq: u64,
    /// The key's account, if it has one here.
    pub account: Option<AccountId>,
    /// The deal it pays or acknowledges, if any.
    pub deal: Option<DealId>,
}

/// Why records were not projected. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectionError {
    /// Records are missing or come twice.
    #[error("the projections are at record {checkpoint}; record {found} does not follow")]
    Gap {
        /// The record before the first that is missing.
        checkpoint: u64,
        /// The record that came instead.
        found: u64,
    },
    /// The store refused; in words.
    #[error("the projections cannot be written: {0}")]
    Store(String),
}

impl ProjectionError {
    fn store(error: impl ToString) -> Self {
        Self::Store(error.to_string())
    }
}

/// The one writer of the projections.
#[derive(Debug)]
pub struct Projections {
    connection: SqliteConnection,
    reader: ProjectionReader,
    checkpoint: u64,
}

impl Projections {
    /// Opens the projections in the folder `dir`, or begins them anew at record 0 if they are missing, unreadable,
    /// of another version, or of another journal than `journal` (the bytes of its genesis id).
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub async fn open(dir: &Path, journal: &[u8]) -> Result<Self, OpenError> {
        std::fs::create_dir_all(dir).map_err(|error| OpenError::folder(dir, error))?;
        let path = dir.join(FILE);
        let (connection, checkpoint) = match reopen(&path, journal).await {
            Ok(Some(opened)) => opened,
            stale => {
                if let Err(error) = stale {
                    tracing::warn!(%error, "the projections cannot be read and are written anew");
                }
                remove(&path)?;
                (create(&path, journal).await.map_err(|error| OpenError::store(&path, error))?, 0)
            }
        };
        Ok(Self { connection, reader: ProjectionReader::open(&path), checkpoint })
    }

    /// The last record that is projected, 0 before the first.
    pub const fn checkpoint(&self) -> u64 {
        self.checkpoint
    }

    /// Queries, for any thread.
    pub fn reader(&self) -> ProjectionReader {
        self.reader.clone()
    }

    /// Projects the records that follow the checkpoint and moves it behind the last, all in one transaction.
    ///
    /// # Errors
    /// A record is missing or comes twice, or the store refuses; then nothing is written.
    pub async fn apply(&mut self, records: &[Projected]) -> Result<(), ProjectionError> {
        let mut checkpoint = self.checkpoint;
        for record in records {
            if checkpoint.checked_add(1) != Some(record.seq) {
                return Err(ProjectionError::Gap { checkpoint, found: record.seq });
            }
            checkpoint = record.seq;
        }
        let gathered = Gathered::from(records).map_err(ProjectionError::Store)?;
        let mut transaction =
            self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(ProjectionError::store)?;
        write::all(&mut transaction, &gathered).await.map_err(ProjectionError::store)?;
        write::checkpoint(&mut transaction, self.checkpoint, checkpoint).await?;
        transaction.commit().await.map_err(ProjectionError::store)?;
        self.checkpoint = checkpoint;
        Ok(())
    }

    /// Closes the file in order; its readers answer no more. Dropping is as safe.
    ///
    /// # Errors
    /// The store's own.
    pub async fn close(self) -> Result<(), ProjectionError> {
        self.reader.close().await;
        self.connection.close().await.map_err(ProjectionError::store)
    }
}

/// A lost commit is made up for by replay, so the disk need not be waited for.
fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(5))
}

/// The file with its checkpoint, if it is there and fits.
async fn reopen(path: &Path, journal: &[u8]) -> Result<Option<(SqliteConnection, u64)>, String> {
    if !path.is_file() {
        return Ok(None);
    }
    let words = |error: sqlx::Error| error.to_string();
    let mut connection = options(path).connect().await.map_err(words)?;
    let (version, of, checkpoint): (i64, Vec<u8>, i64) =
        sqlx::query_as("SELECT version, journal, checkpoint FROM progress WHERE id = 1")
            .fetch_one(&mut connection)
            .await
            .map_err(words)?;
    if version != VERSION || of != journal {
        connection.close().await.map_err(words)?;
        return Ok(None);
    }
    // Fails if the schema's text is not the one the file was made with.
    SCHEMA.run(&mut connection).await.map_err(|error| error.to_string())?;
    Ok(Some((connection, unsigned("checkpoint", checkpoint)?)))
}

async fn create(path: &Path, journal: &[u8]) -> Result<SqliteConnection, sqlx::Error> {
    let mut connection = options(path).create_if_missing(true).connect().await?;
    SCHEMA.run(&mut connection).await?;
    sqlx::query("INSERT INTO progress (id, version, journal, checkpoint) VALUES (1, ?, ?, 0)")
        .bind(VERSION)
        .bind(journal)
        .execute(&mut connection)
        .await?;
    Ok(connection)
}

/// Removes the file and what SQLite keeps beside it.
fn remove(path: &Path) -> Result<(), OpenError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let file = PathBuf::from(name);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(OpenError::folder(&file, error));
            }
            _ => {}
        }
    }
    Ok(())
}
