//! The journal's port and its stores; projections made from what was committed.
//!
//! The journal is the authority: records linked by hashes, and the node's signed batch blocks over them. The port
//! ([`Journal`], [`JournalReader`]) says what a store owes the writer; the stores keep it. [`Projections`] are tables
//! for queries: written behind the journal, never in its commit path, and dropped and made anew at will.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod memory;
mod port;
mod postgres;
mod projections;
mod rows;
mod sql;
mod sqlite;
mod tail;

pub use bandex_tradechain::Batch;
pub use memory::{Fault, MemoryJournal, MemoryReader, MemoryStore};
pub use port::{
    AppendError, Committed, Journal, JournalHead, JournalReader, OpenError, ReadError, StoredBatch,
};
pub use postgres::{DatabaseUrl, DatabaseUrlError, PostgresJournal, PostgresReader};
pub use projections::{
    AuctionRow, AuctionState, BlockRow, Candle, CandleInterval, CandleIntervalError, CandleRow, Cursor,
    CursorError, DealExtras, DealFilter, DealOutcomeRow, DealRecord, DealRow, DefaultRow, ForkRow, Holdings,
    OrderFilter, OrderRow, OrderStand, OutcomeRow, PaymentRow, Projected, ProjectedBlock, ProjectionError,
    ProjectionPlace, ProjectionReader, Projections, ProposalRow, ProtectionRow, ProtectionState, TradeFilter,
    TradeRow,
};
pub use sqlite::{SqliteJournal, SqliteReader};
