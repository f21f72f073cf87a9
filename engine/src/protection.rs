//! The protection of market makers: when too much of an account's quotes on a market is filled within a short time, they
//! are pulled.

use crate::accounts::AccountIndex;
use bandex_tradechain::body::Protection;
use bandex_types::{MarketId, Quantity, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::{BTreeMap, VecDeque};

/// What is watched of an account's quotes on a market.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(crate) struct Guard {
    pub protection: Protection,
    /// Its quotes have been pulled; no new ones come in until the protection is set again.
    pub tripped: bool,
    /// The fills within the window, oldest first.
    fills: VecDeque<(Timestamp, Quantity)>,
    /// Their sum in lots.
    filled: u128,
}

/// All protections that are set.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Guards(BTreeMap<(MarketId, AccountIndex), Guard>);

impl Guard {
    fn new(protection: Protection) -> Self {
        Self { protection, tripped: false, fills: VecDeque::new(), filled: 0 }
    }

    /// Whether quotes are to be pulled once `more` lots are filled beside those noted already.
    pub fn is_tripped_by(&self, more: u128) -> bool {
        self.tripped || self.filled + more > u128::from(self.protection.quantity.get())
    }

    /// Forgets the fills that the window has left behind.
    fn pass(&mut self, now: Timestamp) {
        while let Some((at, quantity)) = self.fills.front()
            && at.plus(self.protection.window_us) <= now
        {
            self.filled -= u128::from(quantity.get());
            self.fills.pop_front();
        }
    }

    /// Notes a fill; says whether it was one too many.
    fn fill(&mut self, now: Timestamp, quantity: Quantity) -> bool {
        self.fills.push_back((now, quantity));
        self.filled += u128::from(quantity.get());
        let trips = self.is_tripped_by(0);
        let first = trips && !self.tripped;
        self.tripped = trips;
        first
    }
}

impl Guards {
    /// Sets or ends a protection. What was filled before counts no more.
    pub fn set(&mut self, account: AccountIndex, market: MarketId, protection: Option<Protection>) {
        match protection {
            Some(protection) => drop(self.0.insert((market, account), Guard::new(protection))),
            None => drop(self.0.remove(&(market, account))),
        }
    }

    pub fn get(&self, account: AccountIndex, market: MarketId) -> Option<&Guard> {
        self.0.get(&(market, account))
    }

    /// Brings all windows on a market up to `now`. Comes before anything trades there, so that whoever asks during
    /// the trades finds only what still counts.
    pub fn pass(&mut self, market: MarketId, now: Timestamp) {
        let range = (market, AccountIndex::new(0))..=(market, AccountIndex::new(u32::MAX));
        for (_, guard) in self.0.range_mut(range) {
            guard.pass(now);
        }
    }

    /// Notes a fill of a quote; says whether the quotes must now be pulled.
    pub fn fill(
        &mut self,
        account: AccountIndex,
        market: MarketId,
        now: Timestamp,
        quantity: Quantity,
    ) -> bool {
        self.0.get_mut(&(market, account)).is_some_and(|guard| guard.fill(now, quantity))
    }
}
