//! Books on this side of the wire: a snapshot and the changes since, held against the exchange's own checksum.

mod feed;
mod levels;
mod orders;

pub use feed::{BookFeed, PushedBook};
pub use levels::{BookLevel, LocalBook};
pub use orders::{BookOrder, LocalOrders, QueuePlace};

use crate::Topic;
use bandex_api::{Push, PushKind, ScaleError};
use bandex_types::Price;

/// Why a push was not taken. The book is then empty and waits for a snapshot; a [`crate::Subscription`] brings one
/// by itself after a gap, in the other cases ask for one with [`crate::Subscription::refresh`]. A [`BookFeed`] does both.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Not about this book.
    #[error("the push is about another channel or market")]
    Elsewhere,
    /// A change before any snapshot.
    #[error("a change came before the snapshot")]
    NoSnapshot,
    /// Changes in between are missing.
    #[error("the push follows record {found}; the book stands at {expected}")]
    Gap {
        /// Where the book stood.
        expected: u64,
        /// What the push follows.
        found: u64,
    },
    /// The best bid meets the best ask, which never happens while the market trades.
    #[error("the book is crossed: something was missed, or the exchange is at fault")]
    Crossed,
    /// The exchange's book is another.
    #[error("the checksum of the book is {found}; the exchange's is {expected}")]
    Checksum {
        /// What the exchange says.
        expected: u32,
        /// What the book gives.
        found: u32,
    },
    /// A price or quantity cannot be read.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// The data is no book.
    #[error("the push holds no book: {0}")]
    Malformed(String),
}

/// How far a book has come.
#[derive(Debug, Clone)]
struct Progress {
    topic: Topic,
    seq: Option<u64>,
    /// What the market does, as the exchange said last.
    state: String,
}

impl Progress {
    const fn new(topic: Topic) -> Self {
        Self { topic, seq: None, state: String::new() }
    }

    /// Whether a push is about this book.
    fn check_topic(&self, push: &Push) -> Result<(), BookError> {
        if Topic::of_push(push) == self.topic { Ok(()) } else { Err(BookError::Elsewhere) }
    }

    /// Whether a push comes next.
    const fn check_place(&self, push: &Push) -> Result<(), BookError> {
        match (push.kind, self.seq) {
            (PushKind::Snapshot, _) => Ok(()),
            (PushKind::Update, None) => Err(BookError::NoSnapshot),
            (PushKind::Update, Some(expected)) if expected != push.prev_seq => {
                Err(BookError::Gap { expected, found: push.prev_seq })
            }
            (PushKind::Update, Some(_)) => Ok(()),
        }
    }

    /// Whether a book whose best prices are these may be so: nothing crosses while the market trades.
    fn check_best(&self, bid: Option<Price>, ask: Option<Price>) -> Result<(), BookError> {
        match (bid, ask) {
            (Some(bid), Some(ask)) if bid >= ask && self.trades() => Err(BookError::Crossed),
            _ => Ok(()),
        }
    }

    fn clear(&mut self) {
        self.seq = None;
        self.state.clear();
    }

    /// Whether the market matches orders as they come. Otherwise bids may be above asks: orders that gather for an
    /// auction cross, and may still when the market was halted before it ended.
    fn trades(&self) -> bool {
        matches!(self.state.as_str(), "trading" | "")
    }
}

fn malformed(error: &impl ToString) -> BookError {
    BookError::Malformed(error.to_string())
}

const fn check_sum(expected: u32, found: u32) -> Result<(), BookError> {
    if expected == found { Ok(()) } else { Err(BookError::Checksum { expected, found }) }
}
