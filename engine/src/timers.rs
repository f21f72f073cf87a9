//! What happens by itself when sequenced time passes.

use bandex_types::{BlockId, DealId, MarketId, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeSet;

/// Something that is due at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub(crate) enum Timer {
    /// A side of a deal must have acted.
    Deal(DealId),
    /// A proposal must have been answered.
    Proposal(BlockId),
    /// The order of this number ends.
    Order(u64),
    /// A market's halt or auction ends.
    Market(MarketId),
}

/// All that is due, soonest first; ties in the order of their names, so that every replay agrees.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Timers(BTreeSet<(Timestamp, Timer)>);

impl Timers {
    pub fn set(&mut self, at: Timestamp, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub fn clear(&mut self, at: Timestamp, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    pub fn next(&self) -> Option<Timestamp> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes the soonest that is due at or before `now`.
    pub fn take_due(&mut self, now: Timestamp) -> Option<Timer> {
        let (at, timer) = *self.0.first()?;
        if at > now {
            return None;
        }
        self.0.remove(&(at, timer));
        Some(timer)
    }
}
