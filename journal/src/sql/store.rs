//! Connections, transactions and pools of either store.

use super::ROWS_MAX;
use super::statement::{Row, Statement, Value};
use super::table::Table;
use sqlx::migrate::Migrator;
use sqlx::{Connection as _, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool};

/// The most rows of one INSERT in PostgreSQL: bounds the memory of a message.
const POSTGRES_ROWS_MAX: usize = 10_000;

/// One connection.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Connection {
    /// Begins a transaction. In SQLite it takes the write lock at once, so that it cannot fail to get it later.
    pub(crate) async fn begin(&mut self) -> Result<Transaction<'_>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(connection) => Transaction::Sqlite(connection.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(connection) => Transaction::Postgres(connection.begin().await?),
        })
    }

    /// Every row of an answer.
    pub(crate) async fn rows(&mut self, statement: Statement<'_>) -> Result<Vec<Row>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(connection) => rows(statement.sqlite().fetch_all(connection).await?, Row::Sqlite),
            Self::Postgres(connection) => {
                rows(statement.postgres().fetch_all(connection).await?, Row::Postgres)
            }
        })
    }

    /// Brings the schema up to date.
    pub(crate) async fn migrate(&mut self, schema: &Migrator) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => schema.run(connection).await?,
            Self::Postgres(connection) => schema.run(connection).await?,
        }
        Ok(())
    }

    pub(crate) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        }
    }
}

/// A transaction; dropped, it is rolled back.
pub(crate) enum Transaction<'c> {
    Sqlite(sqlx::Transaction<'c, Sqlite>),
    Postgres(sqlx::Transaction<'c, Postgres>),
}

impl Transaction<'_> {
    /// Every row of an answer.
    pub(crate) async fn rows(&mut self, statement: Statement<'_>) -> Result<Vec<Row>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(inner) => rows(statement.sqlite().fetch_all(&mut **inner).await?, Row::Sqlite),
            Self::Postgres(inner) => rows(statement.postgres().fetch_all(&mut **inner).await?, Row::Postgres),
        })
    }

    /// How many rows a statement changed.
    pub(crate) async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(inner) => statement.sqlite().execute(&mut **inner).await?.rows_affected(),
            Self::Postgres(inner) => statement.postgres().execute(&mut **inner).await?.rows_affected(),
        })
    }

    /// Inserts rows, many at a time.
    pub(crate) async fn insert<const N: usize>(
        &mut self,
        table: &'static Table<N>,
        mut rows: Vec<[Value<'_>; N]>,
    ) -> Result<(), sqlx::Error> {
        let most = match self {
            Self::Sqlite(_) => ROWS_MAX,
            Self::Postgres(_) => POSTGRES_ROWS_MAX,
        };
        while !rows.is_empty() {
            let rest = rows.split_off(most.min(rows.len()));
            let chunk = std::mem::replace(&mut rows, rest);
            match self {
                Self::Sqlite(inner) => table.sqlite(chunk).execute(&mut **inner).await.map(drop)?,
                Self::Postgres(inner) => table.postgres(&chunk)?.execute(&mut **inner).await.map(drop)?,
            }
        }
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(inner) => inner.commit().await,
            Self::Postgres(inner) => inner.commit().await,
        }
    }
}

/// Connections for reading.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Pool {
    /// Every row of an answer.
    pub(crate) async fn rows(&self, statement: Statement<'_>) -> Result<Vec<Row>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pool) => rows(statement.sqlite().fetch_all(pool).await?, Row::Sqlite),
            Self::Postgres(pool) => rows(statement.postgres().fetch_all(pool).await?, Row::Postgres),
        })
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

fn rows<R>(rows: Vec<R>, row: impl Fn(R) -> Row) -> Vec<Row> {
    rows.into_iter().map(row).collect()
}

/// Whether the same may succeed on a new connection: this one broke, the server stopped or starts, it gave way to
/// another transaction, or it waited too long for a lock. By the classes of PostgreSQL's error codes (its manual, appendix A).
pub(crate) fn is_passing(error: &sqlx::Error) -> bool {
    const CONNECTION: &str = "08";
    const ROLLED_BACK: &str = "40";
    const RESOURCES: &str = "53";
    const OPERATOR: &str = "57";
    /// As a whole: the rest of its class does not pass.
    const LOCKED: &str = "55P03";
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            [CONNECTION, ROLLED_BACK, RESOURCES, OPERATOR, LOCKED].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}
