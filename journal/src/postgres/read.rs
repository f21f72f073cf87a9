//! Reading the PostgreSQL journal: beside the writer, or of a database that must not be touched.

use super::connect::connect_in_time;
use super::{DatabaseUrl, SCHEMA, session};
use crate::port::{JournalHead, JournalReader, ReadError, StoredBatch};
use crate::rows::{batch, record};
use crate::sql::{Row, bound, limit as sql_limit};
use crate::tail::Tail;
use async_trait::async_trait;
use bandex_tradechain::Record;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection, PgPool};
use std::time::Duration;

/// How many reads run at once.
const CONNECTIONS: u32 = 4;
/// How long a read waits for a connection, also while the server is starting again.
const ACQUIRE_WAIT: Duration = Duration::from_secs(10);

const HEAD: &str = "SELECT seq, time, rules, command, outcome_digest, previous FROM records
    WHERE seq <= $1 ORDER BY seq DESC LIMIT 1";
const RECORDS: &str = "SELECT seq, time, rules, command, outcome_digest, previous FROM records
    WHERE seq >= $1 AND seq <= $3 ORDER BY seq LIMIT $2";
// Batches leave no gaps, so the last that begins at or before $1 holds it, if any does.
const BATCHES: &str = "SELECT first_seq, count, payload, signature FROM batches
    WHERE first_seq >= coalesce((SELECT max(first_seq) FROM batches WHERE first_seq <= $1), 0) AND first_seq <= $3
    ORDER BY first_seq LIMIT $2";
const LAST_BATCH: &str =
    "SELECT first_seq, count, payload, signature FROM batches ORDER BY first_seq DESC LIMIT 1";

/// The last record that either table speaks of. One statement sees one moment, in which a transaction is there or not.
const END: &str = "SELECT greatest((SELECT max(seq) FROM records),
    (SELECT first_seq + count - 1 FROM batches ORDER BY first_seq DESC LIMIT 1), 0)";

/// A reader of a PostgreSQL journal.
#[derive(Debug)]
pub struct PostgresReader {
    pool: PgPool,
    url: DatabaseUrl,
    /// The last record it tells of.
    end: i64,
}

impl PostgresReader {
    /// Beside the writer of the same process.
    pub(super) fn live(url: &DatabaseUrl) -> Self {
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(ACQUIRE_WAIT);
        Self { pool: pool.connect_lazy_with(session::reading(url)), url: url.clone(), end: i64::MAX }
    }

    /// On a database that must not be touched, as it is at this moment: what a running server adds later is not told,
    /// so that records and batches fit together however long the reading takes.
    pub(super) async fn checked(url: &DatabaseUrl) -> Result<Self, ReadError> {
        let failed = |error: sqlx::Error| in_database(url, &error);
        let mut connection = connect_in_time(&session::reading(url)).await.map_err(failed)?;
        check_version(&mut connection, url).await?;
        let end = sqlx::query_scalar(END).fetch_one(&mut connection).await.map_err(failed)?;
        connection.close().await.map_err(failed)?;
        Ok(Self { end, ..Self::live(url) })
    }

    /// All rows of a query. It is asked once more if the connection broke: the server may have been restarted.
    async fn rows(&self, sql: &'static str, numbers: &[i64]) -> Result<Vec<Row>, ReadError> {
        let ask = || {
            let query = numbers.iter().fold(sqlx::query(sql), |query, number| query.bind(*number));
            query.fetch_all(&self.pool)
        };
        let rows = match ask().await {
            Err(error) if is_broken(&error) => ask().await,
            rows => rows,
        };
        let rows = rows.map_err(|error| in_database(&self.url, &error))?;
        Ok(rows.into_iter().map(Row::Postgres).collect())
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Whether a query failed with its connection, and not for want of one.
fn is_broken(error: &sqlx::Error) -> bool {
    session::is_lost(error) && !matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)
}

/// Refuses a database without a journal, or with tables of another version than this program reads.
async fn check_version(connection: &mut PgConnection, url: &DatabaseUrl) -> Result<(), ReadError> {
    let failed = |error: sqlx::Error| in_database(url, &error);
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('journal._sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if !exists {
        return Err(in_database(url, &"there is no journal in this database"));
    }
    let found: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    let expected = SCHEMA.iter().map(|migration| migration.version).max();
    if found == expected {
        return Ok(());
    }
    let version = |number: Option<i64>| number.map_or("none".to_owned(), |number| number.to_string());
    let (found, expected) = (version(found), version(expected));
    Err(in_database(url, &format!("its tables have version {found}; this program reads {expected}")))
}

/// The journal's end as the writer must know it, read through its own connection.
pub(super) async fn tail(connection: &mut PgConnection) -> Result<Tail, ReadError> {
    let failed = |error: sqlx::Error| ReadError::Store(error.to_string());
    let last = sqlx::query(HEAD).bind(i64::MAX).fetch_optional(&mut *connection).await.map_err(failed)?;
    let head = last.map(Row::Postgres).as_ref().map(record).transpose()?.as_ref().map(JournalHead::of);
    let last = sqlx::query(LAST_BATCH).fetch_optional(connection).await.map_err(failed)?;
    let last = last.map(Row::Postgres).as_ref().map(batch).transpose()?;
    Tail::of(head, last.as_ref()).map_err(ReadError::Store)
}

/// One record, through the writer's connection.
pub(super) async fn one(
    connection: &mut PgConnection,
    url: &DatabaseUrl,
    seq: u64,
) -> Result<Option<Record>, ReadError> {
    let query = sqlx::query(RECORDS).bind(bound(seq)).bind(1_i64).bind(bound(seq));
    let row = query.fetch_optional(connection).await.map_err(|error| in_database(url, &error))?;
    row.map(Row::Postgres).as_ref().map(record).transpose()
}

pub(super) fn in_database(url: &DatabaseUrl, cause: &dyn std::fmt::Display) -> ReadError {
    ReadError::Store(format!("{url}: {cause}"))
}

#[async_trait]
impl JournalReader for PostgresReader {
    async fn head(&self) -> Result<Option<JournalHead>, ReadError> {
        let rows = self.rows(HEAD, &[self.end]).await?;
        Ok(rows.first().map(record).transpose()?.as_ref().map(JournalHead::of))
    }

    async fn records(&self, from_seq: u64, limit: usize) -> Result<Vec<Record>, ReadError> {
        let rows = self.rows(RECORDS, &[bound(from_seq), sql_limit(limit), self.end]).await?;
        rows.iter().map(record).collect()
    }

    async fn batches(&self, from_seq: u64, limit: usize) -> Result<Vec<StoredBatch>, ReadError> {
        let rows = self.rows(BATCHES, &[bound(from_seq), sql_limit(limit), self.end]).await?;
        let mut batches = rows.iter().map(batch).collect::<Result<Vec<_>, _>>()?;
        batches.retain(|batch| batch.last_seq() >= from_seq);
        Ok(batches)
    }

    async fn batch_of(&self, seq: u64) -> Result<Option<StoredBatch>, ReadError> {
        let found = self.batches(seq, 1).await?.pop();
        Ok(found.filter(|batch| batch.first_seq <= seq))
    }
}
