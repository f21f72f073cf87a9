//! Gathers what a command changed: moments as they happen, states once at the end.

use crate::accounts::AccountIndex;
use crate::deal_table::DealIndex;
use crate::outcome::Event;

/// The changes of the command being applied. Empty between commands, kept for its memory.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// In the order they happened.
    pub events: Vec<Event>,
    /// Whose balance changed.
    pub balances: Touched<AccountIndex>,
    /// Which accounts changed otherwise.
    pub accounts: Touched<AccountIndex>,
    /// Whose stake, or limit's parts, changed.
    pub trust: Touched<AccountIndex>,
    /// Which deals changed.
    pub deals: Touched<DealIndex>,
}

/// What was touched, once or often.
#[derive(Debug)]
pub(crate) struct Touched<T>(Vec<T>);

impl<T> Default for Touched<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + Ord> Touched<T> {
    pub fn add(&mut self, one: T) {
        // Whatever is touched is mostly touched several times in a row, or in turn with another.
        if !self.0.iter().rev().take(2).any(|last| *last == one) {
            self.0.push(one);
        }
    }

    pub fn extend(&mut self, some: impl Iterator<Item = T>) {
        self.0.extend(some);
    }

    /// Each once, in the order of what `key` says of it. Nothing is touched any more then.
    pub fn drain_by_key<K: Ord>(&mut self, key: impl Fn(&T) -> K) -> impl Iterator<Item = T> {
        if self.0.len() > 1 {
            self.0.sort_unstable_by_key(key);
            self.0.dedup();
        }
        self.0.drain(..)
    }
}

impl Effects {
    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    pub fn balance(&mut self, account: AccountIndex) {
        self.balances.add(account);
    }

    pub fn account(&mut self, account: AccountIndex) {
        self.accounts.add(account);
    }

    /// Says what the account has at stake and what its limit is made of.
    pub fn trust(&mut self, account: AccountIndex) {
        self.trust.add(account);
    }

    pub fn deal(&mut self, deal: DealIndex) {
        self.deals.add(deal);
    }
}
