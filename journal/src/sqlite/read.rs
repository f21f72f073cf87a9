//! Reading the SQLite journal: beside the writer, or on a folder that must not be touched.

use super::{SCHEMA, snapshot};
use crate::port::{JournalHead, JournalReader, ReadError, StoredBatch};
use crate::rows::{batch, record};
use crate::sql::{Row, bound, limit as sql_limit};
use async_trait::async_trait;
use bandex_tradechain::Record;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{SqliteConnection, SqlitePool};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// How many reads run at once.
const CONNECTIONS: u32 = 4;

/// A reader of a SQLite journal.
#[derive(Debug)]
pub struct SqliteReader {
    pool: SqlitePool,
    path: PathBuf,
    /// The private copy that is read, if it is one; removed with the reader.
    _copy: Option<TempDir>,
}

impl SqliteReader {
    /// Beside the writer of the same process.
    pub(super) fn live(path: &Path) -> Self {
        let options =
            SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(Duration::from_secs(5));
        Self::with(options, path, None)
    }

    /// On a file that must not be touched.
    pub(super) async fn snapshot(path: &Path) -> Result<Self, ReadError> {
        let (owned, failed) = (path.to_owned(), |cause: String| in_file(path, &cause));
        let taken = tokio::task::spawn_blocking(move || snapshot::take(&owned)).await;
        let copy = taken.map_err(|error| failed(error.to_string()))?.map_err(failed)?;
        let options = SqliteConnectOptions::new();
        let options = match &copy {
            Some(copy) => options.filename(copy.path().join(super::FILE)),
            // Without a write-ahead log the file is complete, and SQLite is told that it may rely on that.
            None => options.filename(path).read_only(true).immutable(true),
        };
        let reader = Self::with(options, path, copy);
        reader.check_version().await?;
        Ok(reader)
    }

    fn with(options: SqliteConnectOptions, path: &Path, copy: Option<TempDir>) -> Self {
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(options);
        Self { pool, path: path.to_owned(), _copy: copy }
    }

    /// Refuses a file whose tables are of another version than this program reads.
    async fn check_version(&self) -> Result<(), ReadError> {
        let found: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
            .fetch_one(&self.pool)
            .await
            .map_err(|error| self.failed(&error))?;
        let expected = SCHEMA.iter().map(|migration| migration.version).max();
        if found == expected {
            return Ok(());
        }
        let version = |number: Option<i64>| number.map_or("none".to_owned(), |number| number.to_string());
        let (found, expected) = (version(found), version(expected));
        Err(in_file(&self.path, &format!("its tables have version {found}; this program reads {expected}")))
    }

    fn failed(&self, error: &sqlx::Error) -> ReadError {
        in_file(&self.path, &error.to_string())
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// One record, through the writer's connection.
pub(super) async fn one(connection: &mut SqliteConnection, seq: u64) -> Result<Option<Record>, ReadError> {
    let row =
        sqlx::query("SELECT seq, time, rules, command, outcome_digest, previous FROM records WHERE seq = ?")
            .bind(bound(seq))
            .fetch_optional(connection)
            .await
            .map_err(|error| ReadError::Store(error.to_string()))?;
    row.map(Row::Sqlite).as_ref().map(record).transpose()
}

fn in_file(path: &Path, cause: &str) -> ReadError {
    ReadError::Store(format!("{}: {cause}", path.display()))
}

#[async_trait]
impl JournalReader for SqliteReader {
    async fn head(&self) -> Result<Option<JournalHead>, ReadError> {
        let row = sqlx::query(
            "SELECT seq, time, rules, command, outcome_digest, previous FROM records ORDER BY seq DESC LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(|error| self.failed(&error))?;
        Ok(row.map(Row::Sqlite).as_ref().map(record).transpose()?.as_ref().map(JournalHead::of))
    }

    async fn records(&self, from_seq: u64, limit: usize) -> Result<Vec<Record>, ReadError> {
        let rows = sqlx::query(
            "SELECT seq, time, rules, command, outcome_digest, previous FROM records
             WHERE seq >= ? ORDER BY seq LIMIT ?",
        )
        .bind(bound(from_seq))
        .bind(sql_limit(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.failed(&error))?;
        rows.into_iter().map(|row| record(&Row::Sqlite(row))).collect()
    }

    async fn batches(&self, from_seq: u64, limit: usize) -> Result<Vec<StoredBatch>, ReadError> {
        // Batches leave no gaps, so the last that begins at or before `from_seq` holds it, if any does.
        let rows = sqlx::query(
            "SELECT first_seq, count, payload, signature FROM batches
             WHERE first_seq >= coalesce((SELECT max(first_seq) FROM batches WHERE first_seq <= ?), 0)
             ORDER BY first_seq LIMIT ?",
        )
        .bind(bound(from_seq))
        .bind(sql_limit(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.failed(&error))?;
        let mut batches =
            rows.into_iter().map(|row| batch(&Row::Sqlite(row))).collect::<Result<Vec<_>, _>>()?;
        batches.retain(|batch| batch.last_seq() >= from_seq);
        Ok(batches)
    }

    async fn batch_of(&self, seq: u64) -> Result<Option<StoredBatch>, ReadError> {
        let found = self.batches(seq, 1).await?.pop();
        Ok(found.filter(|batch| batch.first_seq <= seq))
    }
}
