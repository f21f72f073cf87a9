//! The port: what every store of the journal owes its one writer and its readers.

use crate::postgres::DatabaseUrl;
use async_trait::async_trait;
use bandex_tradechain::{Batch, Record, SignedBlock};
use bandex_types::{Hash, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Proof that records are durable: only a store makes one, and only after its transaction is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    first_seq: u64,
    last_seq: u64,
}

impl Committed {
    pub(crate) const fn new(first_seq: u64, last_seq: u64) -> Self {
        Self { first_seq, last_seq }
    }

    /// The first durable record of the batch.
    pub const fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// The last one.
    pub const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Whether the record `seq` is among them.
    pub const fn covers(&self, seq: u64) -> bool {
        self.first_seq <= seq && seq <= self.last_seq
    }
}

/// Why a batch was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Another writer took the journal over. Nothing was written, and nothing ever will be by this writer.
    #[error("another writer has taken over this journal; stop this one")]
    Fenced,
    /// Certainly nothing was written.
    #[error("nothing was written: {0}")]
    Failed(String),
    /// All of it or nothing was written. The writer must throw its memory away, open the journal again and replay.
    #[error("it is unknown whether the batch was written: {0}")]
    Unknown(String),
}

/// Why a journal was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder is in use.
    #[error("{} is in use by another server; stop that one first, or give this one a folder of its own", .0.display())]
    Locked(PathBuf),
    /// The folder or its lock file.
    #[error("{}: {source}", path.display())]
    Folder {
        /// What could not be made or opened.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The store itself.
    #[error("{}: {cause}", path.display())]
    Store {
        /// The store's file.
        path: PathBuf,
        /// Why, in words.
        cause: String,
    },
    /// The database is in use.
    #[error("{0} is in use by another server; stop that one first, or give this one a database of its own")]
    DatabaseLocked(DatabaseUrl),
    /// The database.
    #[error("{url}: {cause}")]
    Database {
        /// Where it is.
        url: DatabaseUrl,
        /// Why, in words.
        cause: String,
    },
}

impl OpenError {
    pub(crate) fn database(url: &DatabaseUrl, cause: impl ToString) -> Self {
        Self::Database { url: url.clone(), cause: cause.to_string() }
    }

    pub(crate) fn folder(path: &Path, source: std::io::Error) -> Self {
        Self::Folder { path: path.to_owned(), source }
    }

    pub(crate) fn store(path: &Path, cause: impl ToString) -> Self {
        Self::Store { path: path.to_owned(), cause: cause.to_string() }
    }
}

/// Why stored rows were not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The store did not answer, or is damaged beyond telling where.
    #[error("the store cannot be read: {0}")]
    Store(String),
    /// One row does not fit its types.
    #[error("record {seq} is damaged: {what}")]
    Damaged {
        /// The record, or the first record of the batch.
        seq: u64,
        /// What does not fit.
        what: String,
    },
}

/// The end of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalHead {
    /// The last record's seq.
    pub seq: u64,
    /// Its time.
    pub time: Timestamp,
    /// Its hash: what the next record's `previous` must be.
    pub hash: Hash,
}

impl JournalHead {
    /// The head of a journal that ends with `record`.
    pub fn of(record: &Record) -> Self {
        Self { seq: record.seq, time: record.time, hash: record.hash() }
    }
}

/// A batch block as stored: one step of the node's lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBatch {
    /// The first record it binds.
    pub first_seq: u64,
    /// How many records; at least one.
    pub count: u32,
    /// The node's signed block.
    pub block: SignedBlock,
}

impl StoredBatch {
    /// The last record it binds.
    pub fn last_seq(&self) -> u64 {
        self.first_seq.saturating_add(u64::from(self.count)).saturating_sub(1)
    }
}

/// The one writer's side.
#[async_trait]
pub trait Journal: Send + 'static {
    /// Makes a batch durable, all of it or nothing.
    ///
    /// Every store refuses, before it writes, a batch that does not continue the journal: records that do not follow
    /// the head and one another, or a block that does not bind exactly them or does not continue the node's lane.
    /// The block's signature is the business of whoever made it, and of the audit.
    ///
    /// # Errors
    /// See [`AppendError`]. After [`AppendError::Unknown`], and after the future was dropped before it was ready,
    /// this writer refuses every further batch: open the journal again.
    async fn append(&mut self, batch: &Batch) -> Result<Committed, AppendError>;

    /// Reads one record through the writer's own connection: without waiting for any reader.
    ///
    /// # Errors
    /// The store does not answer or the row is damaged.
    async fn record(&mut self, seq: u64) -> Result<Option<Record>, ReadError>;

    /// A reader of the same journal, for any thread and as long as one likes.
    fn reader(&self) -> Arc<dyn JournalReader>;

    /// Closes the store in order; its readers answer no more. Dropping is as safe, but may leave files to tidy up.
    ///
    /// # Errors
    /// The store's own; everything committed is durable all the same.
    async fn finish(self: Box<Self>) -> Result<(), ReadError>;
}

/// What anybody may read: committed rows only. Links between rows are checked by the caller, with
/// [`Record::follows`], so that an audit can name what is broken.
#[async_trait]
pub trait JournalReader: Send + Sync {
    /// The end of the journal; none while it is empty.
    ///
    /// # Errors
    /// The store does not answer or the last row is damaged.
    async fn head(&self) -> Result<Option<JournalHead>, ReadError>;

    /// At most `limit` records from `from_seq` on, ascending.
    ///
    /// # Errors
    /// The store does not answer or a row is damaged.
    async fn records(&self, from_seq: u64, limit: usize) -> Result<Vec<Record>, ReadError>;

    /// At most `limit` batches from the one that holds `from_seq` on, ascending.
    ///
    /// # Errors
    /// The store does not answer or a row is damaged.
    async fn batches(&self, from_seq: u64, limit: usize) -> Result<Vec<StoredBatch>, ReadError>;

    /// The batch that holds the record `seq`; none if there is no such record.
    ///
    /// # Errors
    /// The store does not answer or the row is damaged.
    async fn batch_of(&self, seq: u64) -> Result<Option<StoredBatch>, ReadError>;
}
