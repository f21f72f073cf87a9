//! The protection of quotes: what was filled within the window, and whether they were pulled.

use bandex_tradechain::body::Protection;
use bandex_types::{AccountId, MarketId, Quantity, Timestamp};
use std::collections::BTreeMap;

#[derive(Debug)]
struct Guard {
    protection: Protection,
    tripped: bool,
    fills: Vec<(Timestamp, Quantity)>,
}

/// All protections that are set.
#[derive(Debug, Default)]
pub(super) struct Guards(BTreeMap<(AccountId, MarketId), Guard>);

impl Guard {
    /// Whether more was filled than may be.
    fn is_spent(&self, now: Timestamp) -> bool {
        let counts = self.fills.iter().filter(|(at, _)| at.plus(self.protection.window_us) > now);
        let filled: u128 = counts.map(|(_, quantity)| u128::from(quantity.get())).sum();
        filled > u128::from(self.protection.quantity.get())
    }
}

impl Guards {
    pub fn set(&mut self, account: AccountId, market: MarketId, protection: Option<Protection>) {
        match protection {
            Some(protection) => {
                let guard = Guard { protection, tripped: false, fills: Vec::new() };
                self.0.insert((account, market), guard);
            }
            None => {
                self.0.remove(&(account, market));
            }
        }
    }

    pub fn fill(&mut self, account: AccountId, market: MarketId, now: Timestamp, quantity: Quantity) {
        if let Some(guard) = self.0.get_mut(&(account, market)) {
            guard.fills.push((now, quantity));
        }
    }

    /// Whether no quote of the account may trade.
    pub fn bars(&self, account: AccountId, market: MarketId, now: Timestamp) -> bool {
        self.0.get(&(account, market)).is_some_and(|guard| guard.tripped || guard.is_spent(now))
    }

    /// The quotes are pulled; says whether they should be.
    pub fn trip(
        &mut self,
        account: AccountId,
        market: MarketId,
        now: Timestamp,
        protection: Option<Protection>,
    ) -> bool {
        let Some(guard) = self.0.get_mut(&(account, market)) else { return false };
        let first = !guard.tripped && guard.is_spent(now) && Some(guard.protection) == protection;
        guard.tripped = true;
        first
    }

    pub fn is_tripped(&self, account: AccountId, market: MarketId) -> bool {
        self.0.get(&(account, market)).is_some_and(|guard| guard.tripped)
    }

    /// Somebody whose quotes should have been pulled and were not.
    pub fn overdue(&self, now: Timestamp) -> Option<&(AccountId, MarketId)> {
        self.0.iter().find(|(_, guard)| !guard.tripped && guard.is_spent(now)).map(|(of, _)| of)
    }
}
