//! Tables for queries, made from committed outcomes behind the journal's back, in SQLite or PostgreSQL.
//!
//! The publisher hands over what was committed; [`Projections`] writes it and moves a checkpoint in one transaction.
//! Nothing here is ever needed to know what happened: the tables can be deleted and are then written anew from the
//! journal. They also are, by themselves, if they are damaged, of another version, or of another journal.

mod accounts;
mod candles;
mod extras;
mod gather;
mod holdings;
mod parse;
mod place;
mod query;
mod rows;
mod tables;
mod write;

pub use candles::{Candle, CandleInterval, CandleIntervalError};
pub use extras::DealExtras;
pub use holdings::Holdings;
pub use place::ProjectionPlace;
pub use query::ProjectionReader;
pub use rows::{
    AuctionRow, AuctionState, BlockRow, CandleRow, Cursor, CursorError, DealFilter, DealOutcomeRow,
    DealRecord, DealRow, DefaultRow, ForkRow, OrderFilter, OrderRow, OrderStand, OutcomeRow, PaymentRow,
    ProposalRow, ProtectionRow, ProtectionState, TradeFilter, TradeRow,
};

use crate::port::OpenError;
use crate::sql::{Connection, Statement, unsigned};
use bandex_engine::Outcome;
use bandex_types::{BlockId, DealId, OrderRef, PublicKey, Timestamp};
use gather::Gathered;
use std::time::Duration;
use write::WriteError;

/// How often a write is tried on a new connection after PostgreSQL broke the one before: for 13 seconds, time for a
/// server to start again.
const RETRIES: u32 = 8;
/// The wait before the first of these; each further one is twice as long.
const RETRY_WAIT: Duration = Duration::from_millis(50);

/// What the publisher hands over of one committed record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projected {
    /// The record's seq.
    pub seq: u64,
    /// Its time.
    pub time: Timestamp,
    /// Its block, if the command was one.
    pub block: Option<ProjectedBlock>,
    /// The orders that it amended.
    pub amended: Vec<OrderRef>,
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
    place: ProjectionPlace,
    connection: Connection,
    reader: ProjectionReader,
    checkpoint: u64,
    retries: u32,
}

impl Projections {
    /// Opens the projections, or begins them anew at record 0 if they are missing, unreadable, of another version, or
    /// of another journal than `journal` (the bytes of its genesis id).
    ///
    /// # Errors
    /// The folder, the file or the database cannot be reached or written.
    pub async fn open(place: &ProjectionPlace, journal: &[u8]) -> Result<Self, OpenError> {
        let (connection, checkpoint) = place.open(journal).await?;
        Ok(Self::new(place, connection, checkpoint))
    }

    /// Throws the projections away, whatever they hold, and begins at record 0. Nobody else may have them open.
    ///
    /// # Errors
    /// As [`Projections::open`].
    pub async fn rebuild(place: &ProjectionPlace, journal: &[u8]) -> Result<Self, OpenError> {
        Ok(Self::new(place, place.begin(journal).await?, 0))
    }

    fn new(place: &ProjectionPlace, connection: Connection, checkpoint: u64) -> Self {
        let reader = ProjectionReader::new(place.readers());
        Self { place: place.clone(), connection, reader, checkpoint, retries: RETRIES }
    }

    /// How often to try again when PostgreSQL breaks the connection: 8 times if not said, for 13 seconds. The waits
    /// double, from 50 milliseconds on.
    #[must_use]
    pub const fn with_retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
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
    /// If PostgreSQL breaks the connection, it connects and tries again, as often as [`Projections::with_retries`] says.
    ///
    /// # Errors
    /// A record is missing or comes twice, or the store refuses; then nothing is written. Or PostgreSQL stays away;
    /// then it is for the next opening to find out by the checkpoint.
    pub async fn apply(&mut self, records: &[Projected]) -> Result<(), ProjectionError> {
        let mut checkpoint = self.checkpoint;
        for record in records {
            if checkpoint.checked_add(1) != Some(record.seq) {
                return Err(ProjectionError::Gap { checkpoint, found: record.seq });
            }
            checkpoint = record.seq;
        }
        let gathered = Gathered::from(records).map_err(ProjectionError::Store)?;
        let mut written = self.write(&gathered, checkpoint).await;
        let mut wait = RETRY_WAIT;
        for _ in 0..self.retries {
            match &written {
                Err(error) if self.may_pass(error) => {
                    tracing::warn!(%error, "the projections lost their database and try again");
                }
                _ => break,
            }
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2);
            written = self.write_again(&gathered, checkpoint).await;
        }
        written.map_err(ProjectionError::store)?;
        self.checkpoint = checkpoint;
        Ok(())
    }

    /// SQLite has no connection to lose: what it refuses it would refuse again.
    fn may_pass(&self, error: &WriteError) -> bool {
        self.place.is_server() && error.is_passing()
    }

    async fn write(&mut self, gathered: &Gathered<'_>, to: u64) -> Result<(), WriteError> {
        let mut transaction = self.connection.begin().await?;
        write::all(&mut transaction, gathered).await?;
        write::checkpoint(&mut transaction, self.checkpoint, to).await?;
        Ok(transaction.commit().await?)
    }

    /// On a new connection, unless the broken one had brought the commit through.
    async fn write_again(&mut self, gathered: &Gathered<'_>, to: u64) -> Result<(), WriteError> {
        self.connection = self.place.connect().await?;
        let mut progress = Statement::new("SELECT checkpoint FROM progress WHERE id = 1");
        progress.push(self.place.settled());
        let rows = self.connection.rows(progress).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        if unsigned("checkpoint", row.number("checkpoint")?)? == to {
            return Ok(());
        }
        self.write(gathered, to).await
    }

    /// Closes the store in order; its readers answer no more. Dropping is as safe.
    ///
    /// # Errors
    /// The store's own.
    pub async fn close(self) -> Result<(), ProjectionError> {
        self.reader.close().await;
        self.connection.close().await.map_err(ProjectionError::store)
    }
}
