//! Gathers what a command changed: moments as they happen, states once at the end.

use crate::accounts::AccountIndex;
use crate::outcome::Event;
use bandex_types::DealId;
use std::collections::BTreeSet;

/// The changes of the command being applied.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// In the order they happened.
    pub events: Vec<Event>,
    /// Whose balance changed.
    pub balances: BTreeSet<AccountIndex>,
    /// Which accounts changed otherwise.
    pub accounts: BTreeSet<AccountIndex>,
    /// Which deals changed.
    pub deals: BTreeSet<DealId>,
}

impl Effects {
    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    pub fn balance(&mut self, account: AccountIndex) {
        self.balances.insert(account);
    }

    pub fn account(&mut self, account: AccountIndex) {
        self.accounts.insert(account);
    }

    pub fn deal(&mut self, deal: DealId) {
        self.deals.insert(deal);
    }
}
