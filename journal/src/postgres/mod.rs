//! The journal in PostgreSQL: the store of a node whose operator runs a database server.
//!
//! The tables lie in a schema of their own, `journal`. A session-level advisory lock on the writer's connection keeps a
//! second server out; the epoch in the database keeps out a writer that outlived its lock. An append is one
//! transaction, on disk when it returns (synchronous_commit on). Nothing times out or selects around it: its fate would
//! be unknown for no reason. If the connection breaks all the same, the append itself finds out what came of it
//! ([`resume`]) before it answers. What it cannot notice is a database machine that vanishes without closing the
//! connection while an answer is awaited: the append then waits, and so does the exchange, until somebody restarts it.

pub(crate) mod connect;
mod read;
mod resume;
mod session;
mod url;
mod write;

pub use read::PostgresReader;
pub use url::{DatabaseUrl, DatabaseUrlError};

use crate::port::{AppendError, Committed, Journal, JournalReader, OpenError, ReadError};
use crate::sqlite::UNSURE;
use crate::tail::Tail;
use async_trait::async_trait;
use bandex_tradechain::{Batch, Record};
use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection};
use std::sync::Arc;
use std::time::Duration;
use write::{Fault, Rows};

/// The schema, embedded in the program.
static SCHEMA: Migrator = sqlx::migrate!("../migrations/postgres-journal");
/// How often one append is tried, whatever interrupts it.
const TRIES_MAX: u32 = 8;
/// How long to wait after a first transaction that met a passing trouble; twice as long after each further one.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// The one writer of a database.
#[derive(Debug)]
pub struct PostgresJournal {
    url: DatabaseUrl,
    /// The name by which this writer knows its own epoch and its own connections again.
    holder: String,
    connection: PgConnection,
    reader: Arc<PostgresReader>,
    epoch: i64,
    tail: Tail,
    standing: Standing,
}

/// Whether this writer may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Yes.
    Sure,
    /// The end of an append is not known: it failed to find out, or its future was dropped.
    Unsure,
    /// Another writer has taken over.
    Fenced,
}

impl PostgresJournal {
    /// Opens the journal in a database for writing, makes its tables if they are missing, and fences off any earlier
    /// writer.
    ///
    /// The user must own the schema `journal`, or be allowed to create it. A server killed a moment ago may still hold
    /// the database: opening waits up to five seconds for it.
    ///
    /// # Errors
    /// Another server uses the database; or it does not answer, cannot be written, is damaged, or is of a newer
    /// version. No error shows the password.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, OpenError> {
        let failed = |cause: &dyn std::fmt::Display| OpenError::database(url, cause);
        let mut connection = session::connect(url, session::PURPOSE).await.map_err(|error| failed(&error))?;
        if !session::take_lock(&mut connection, session::OPEN_WAIT).await.map_err(|error| failed(&error))? {
            return Err(OpenError::DatabaseLocked(url.clone()));
        }
        session::make_schema(&mut connection).await.map_err(|error| failed(&error))?;
        SCHEMA.run(&mut connection).await.map_err(|error| failed(&error))?;
        let holder = session::name_holder(&mut connection).await.map_err(|error| failed(&error))?;
        let epoch = session::take_epoch(&mut connection, &holder).await.map_err(|error| failed(&error))?;
        session::warn_if_unsafe(&mut connection).await.map_err(|error| failed(&error))?;
        let tail = read::tail(&mut connection).await.map_err(|error| failed(&error))?;
        let reader = Arc::new(PostgresReader::live(url));
        Ok(Self { url: url.clone(), holder, connection, reader, epoch, tail, standing: Standing::Sure })
    }

    /// Opens a reader on a database that belongs to somebody else: under audit, or a running server's.
    ///
    /// Nothing in the database is changed, locked or created, and every transaction of the reader is read-only.
    ///
    /// # Errors
    /// The database does not answer, holds no journal, or one of another version.
    pub async fn open_read_only(url: &DatabaseUrl) -> Result<PostgresReader, ReadError> {
        PostgresReader::checked(url).await
    }

    /// Gives the database back, so that the next server need not wait. Dropping is as safe.
    ///
    /// # Errors
    /// The connection's own; everything committed is on disk all the same.
    pub async fn close(self) -> Result<(), ReadError> {
        self.reader.close().await;
        self.connection.close().await.map_err(|error| read::in_database(&self.url, &error))
    }

    /// Tries until it is known that all rows were written, or that none were.
    async fn write(&mut self, rows: &Rows<'_>, after: Tail) -> Result<(), AppendError> {
        let mut pause = RETRY_PAUSE;
        let mut last = String::new();
        for _ in 0..TRIES_MAX {
            match write::transaction(&mut self.connection, self.epoch, rows).await {
                Ok(()) => return Ok(()),
                Err(Fault::Fenced) => return Err(AppendError::Fenced),
                Err(Fault::Refused(error)) if write::passes(&error) => {
                    last = error.to_string();
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2);
                }
                Err(Fault::Refused(error)) => return Err(AppendError::Failed(error.to_string())),
                Err(Fault::Lost(error)) => {
                    tracing::warn!(%error, "the journal's connection broke; finding out what was written");
                    last = error.to_string();
                    if self.resume(after, &last).await? {
                        return Ok(());
                    }
                }
            }
        }
        Err(AppendError::Failed(format!("tried {TRIES_MAX} times: {last}")))
    }
}

#[async_trait]
impl Journal for PostgresJournal {
    async fn append(&mut self, batch: &Batch) -> Result<Committed, AppendError> {
        match self.standing {
            Standing::Sure => {}
            Standing::Unsure => return Err(AppendError::Failed(UNSURE.to_owned())),
            Standing::Fenced => return Err(AppendError::Fenced),
        }
        let (tail, committed) = self.tail.with(batch).map_err(AppendError::Failed)?;
        let rows = Rows::of(batch, committed).map_err(AppendError::Failed)?;
        self.standing = Standing::Unsure;
        let written = self.write(&rows, tail).await;
        self.standing = match written {
            Ok(()) | Err(AppendError::Failed(_)) => Standing::Sure,
            Err(AppendError::Fenced) => Standing::Fenced,
            Err(AppendError::Unknown(_)) => Standing::Unsure,
        };
        written?;
        self.tail = tail;
        Ok(committed)
    }

    async fn record(&mut self, seq: u64) -> Result<Option<Record>, ReadError> {
        read::one(&mut self.connection, &self.url, seq).await
    }

    fn reader(&self) -> Arc<dyn JournalReader> {
        Arc::clone(&self.reader) as Arc<dyn JournalReader>
    }

    async fn finish(self: Box<Self>) -> Result<(), ReadError> {
        self.close().await
    }
}
