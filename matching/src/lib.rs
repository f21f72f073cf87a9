//! The book: price-time priority, one owner, no clocks.
//!
//! A [`Book`] holds the resting orders of one market and matches each arriving order against them. It knows no
//! accounts, money, deals or blocks: whether two orders may trade it asks of an [`Admission`], and what happened it
//! tells as [`Event`]s. The same commands and the same answers always give the same book.
//!
//! [`naive`] holds a second book that is obviously right and slow. Every change of the first is tested against it.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod admission;
mod auction;
mod band;
mod event;
pub mod naive;
mod order;
mod refusal;
mod state_hash;
mod triggers;

pub use admission::{Admission, AdmitAll, Pair, Verdict};
pub use auction::{Clearing, Cross, Crossed, Crossing, Indicative};
pub use band::Band;
pub use event::{CancelReason, Event, Placed, Removal, Rest};
pub use order::{MOST_PARTS, NewOrder, OrderId, Owner, Resting};
pub use refusal::{NoBook, Refusal, UnknownOrder};
pub use triggers::{Direction, Triggers};

/// Stands in until the fast book is there.
pub type Book = naive::NaiveBook;

/// What rests at one price of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The price in ticks.
    pub price: bandex_types::Price,
    /// Lots shown at it, never 0. In 128 bits, since the sum of 64-bit quantities may not fit 64.
    pub quantity: u128,
    /// How many orders, never 0.
    pub orders: u32,
}
