//! The book: price-time priority, one owner, no clocks.
//!
//! A [`Book`] holds the resting orders of one market and matches each arriving order against them. It knows no
//! accounts, money, deals or blocks: whether two orders may trade it asks of an [`Admission`], and what happened it
//! tells as [`Event`]s. The same commands and the same answers always give the same book.
//!
//! [`naive`] holds a second book that is obviously right and slow. Every change of the first is tested against it.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod admission;
mod arena;
mod auction;
mod band;
mod book;
mod clear;
mod event;
mod hidden;
mod ladder;
mod level;
mod matcher;
pub mod naive;
mod order;
mod prefetch;
mod refusal;
mod state_hash;
mod trial;
mod triggers;
mod window;

pub use admission::{Admission, AdmitAll, Pair, Verdict};
pub use auction::{Clearing, Cross, Crossed, Crossing, Indicative};
pub use band::Band;
pub use book::Book;
pub use event::{CancelReason, Event, Placed, Removal, Rest};
pub use level::Level;
pub use order::{MOST_PARTS, NewOrder, OrderId, Owner, Resting};
pub use prefetch::prefetch;
pub use refusal::{NoBook, Refusal, UnknownOrder};
pub use triggers::{Direction, Triggers};
