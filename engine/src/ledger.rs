//! Tokens: balances that sum to zero, and what of them is promised.
//!
//! A promise, or lock, is kept by what it is for: an open order and each side of a deal know how much they lock. The
//! ledger keeps the sum an account has locked; that both agree is checked by [`Engine::locks_add_up`].

use crate::accounts::AccountIndex;
use crate::apply::Engine;
use bandex_settlement::Party;
use bandex_types::{Amount, DealId, OrderRef};
use borsh::{BorshDeserialize, BorshSerialize};

/// The ledger of the bandwidth token.
///
/// Mutual credit: tokens are only ever moved from one account to another, so all balances sum to zero. Supply begins
/// with the issuance account, whose credit line is the cap.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Ledger {
    /// By the account's index; an account beyond the end has nothing.
    entries: Vec<Entry>,
}

/// One account's tokens, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Entry {
    /// Below zero is credit taken.
    pub balance: i128,
    /// The part of the balance that is promised.
    pub locked: Amount,
    /// How far below zero free tokens may go.
    pub credit_line: Amount,
}

/// What tokens are promised for. It is the lock's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockReason {
    /// An open order that would pay with them.
    Order(OrderRef),
    /// What one side of a deal still has to deliver.
    Deal(DealId, Party),
}

/// Fewer free tokens than needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Short {
    /// How many are needed.
    pub needed: Amount,
    /// How many are free, credit line included.
    pub free: Amount,
}

impl Ledger {
    /// One account's tokens.
    pub fn entry(&self, account: AccountIndex) -> Entry {
        self.entries.get(account.at()).copied().unwrap_or_default()
    }

    fn entry_mut(&mut self, account: AccountIndex) -> &mut Entry {
        let at = account.at();
        if at >= self.entries.len() {
            self.entries.resize(at + 1, Entry::default());
        }
        self.entries.get_mut(at).expect("it was made room for")
    }

    /// The sum over all balances: zero, always.
    pub fn sum(&self) -> i128 {
        self.entries.iter().map(|entry| entry.balance).sum()
    }

    /// What every account has locked, by its index.
    fn locked(&self) -> impl Iterator<Item = Amount> {
        self.entries.iter().map(|entry| entry.locked)
    }

    /// Sets how far below zero an account may go. Credit already taken stays.
    pub(crate) fn set_credit_line(&mut self, account: AccountIndex, line: Amount) {
        self.entry_mut(account).credit_line = line;
    }

    /// What an account could spend now: balance less locks plus credit line, in bytes.
    ///
    /// Never so much that, promised too, it would take all its locks past 64 bits, however long the credit line is.
    pub fn free(&self, account: AccountIndex) -> Amount {
        self.free_without(account, Amount::ZERO)
    }

    /// What an account could spend if `released` of its locks were gone.
    pub(crate) fn free_without(&self, account: AccountIndex, released: Amount) -> Amount {
        let entry = self.entry(account);
        let locked = entry.locked.saturating_sub(released);
        let free = entry.balance - i128::from(locked.get()) + i128::from(entry.credit_line.get());
        let room = Amount::MAX.saturating_sub(locked);
        Amount::new(u64::try_from(free.max(0)).unwrap_or(u64::MAX)).min(room)
    }

    /// Refuses if fewer than `needed` are free, once `released` of the account's locks are gone.
    pub(crate) fn check_free(
        &self,
        account: AccountIndex,
        needed: Amount,
        released: Amount,
    ) -> Result<(), Short> {
        let free = self.free_without(account, released);
        if needed <= free { Ok(()) } else { Err(Short { needed, free }) }
    }

    /// Moves free tokens.
    pub(crate) fn transfer(
        &mut self,
        from: AccountIndex,
        to: AccountIndex,
        amount: Amount,
    ) -> Result<(), Short> {
        self.check_free(from, amount, Amount::ZERO)?;
        // From here it succeeds.
        self.shift(from, to, amount);
        Ok(())
    }

    fn shift(&mut self, from: AccountIndex, to: AccountIndex, amount: Amount) {
        let units = i128::from(amount.get());
        self.entry_mut(from).balance -= units;
        self.entry_mut(to).balance += units;
    }

    /// Promises tokens that were judged to be free; whoever locks them keeps the amount.
    pub(crate) fn lock(&mut self, owner: AccountIndex, amount: Amount) {
        let entry = self.entry_mut(owner);
        entry.locked =
            entry.locked.checked_add(amount).expect("locks stay within 64 bits: they are of free tokens");
    }

    /// Takes back part of a promise.
    pub(crate) fn unlock(&mut self, owner: AccountIndex, amount: Amount) {
        let entry = self.entry_mut(owner);
        entry.locked = entry.locked.checked_sub(amount).expect("a lock is part of its owner's locks");
    }

    /// Hands promised tokens to whom they were promised.
    pub(crate) fn deliver(&mut self, owner: AccountIndex, beneficiary: AccountIndex, amount: Amount) {
        self.unlock(owner, amount);
        self.shift(owner, beneficiary, amount);
    }
}

impl Engine {
    /// What is promised for one reason, in bytes.
    pub fn locked_for(&self, reason: &LockReason) -> Amount {
        match reason {
            LockReason::Order(order) => self
                .accounts
                .find_lane(&order.key)
                .and_then(|lane| self.orders.find(lane, order))
                .map_or(Amount::ZERO, |index| self.orders.get(index).locked()),
            LockReason::Deal(id, party) => {
                self.deals.get(id).map_or(Amount::ZERO, |entry| entry.locked(*party))
            }
        }
    }

    /// Whether every account's locks, those of its bond, orders and deals, add up to what it has locked. Walks all of them.
    pub fn locks_add_up(&self) -> bool {
        let mut sums = vec![0_u128; self.accounts.iter().count()];
        let orders = self.orders.iter().map(|order| (order.account, order.locked()));
        let deals = self.deals.iter().flat_map(|(_, entry)| {
            [Party::Seller, Party::Buyer].map(|party| (entry.account(party), entry.locked(party)))
        });
        let bonds = self.accounts.indices().map(|index| (index, self.accounts.get(index).stake.staked()));
        for (account, amount) in orders.chain(deals).chain(bonds) {
            if let Some(sum) = sums.get_mut(account.at()) {
                *sum += u128::from(amount.get());
            }
        }
        let locked = self.ledger.locked().map(|amount| u128::from(amount.get()));
        sums.into_iter().eq(locked.chain(std::iter::repeat(0)).take(self.accounts.iter().count()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: AccountIndex = AccountIndex::new(0);
    const ALICE: AccountIndex = AccountIndex::new(1);
    const BOB: AccountIndex = AccountIndex::new(2);

    fn funded() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.set_credit_line(ISSUER, Amount::new(100));
        ledger.transfer(ISSUER, ALICE, Amount::new(60)).unwrap();
        ledger
    }

    #[test]
    fn supply_ends_at_the_cap() {
        let mut ledger = funded();
        let short = ledger.transfer(ISSUER, BOB, Amount::new(41));
        assert_eq!(short, Err(Short { needed: Amount::new(41), free: Amount::new(40) }));
        assert_eq!(ledger.sum(), 0);
    }

    #[test]
    fn locked_tokens_are_not_spent_twice() {
        let mut ledger = funded();
        ledger.lock(ALICE, Amount::new(50));
        assert!(ledger.transfer(ALICE, BOB, Amount::new(11)).is_err());
        assert!(ledger.check_free(ALICE, Amount::new(11), Amount::new(1)).is_ok());
        ledger.deliver(ALICE, BOB, Amount::new(12));
        assert_eq!((ledger.entry(BOB).balance, ledger.entry(ALICE).locked), (12, Amount::new(38)));
        ledger.unlock(ALICE, Amount::new(38));
        assert_eq!((ledger.free(ALICE), ledger.free(BOB)), (Amount::new(48), Amount::new(12)));
        assert_eq!(ledger.sum(), 0);
    }

    #[test]
    fn credit_is_spent_down_to_the_line_and_never_past_64_bits() {
        let mut ledger = funded();
        ledger.set_credit_line(BOB, Amount::new(20));
        ledger.transfer(BOB, ALICE, Amount::new(20)).unwrap();
        assert_eq!(ledger.free(BOB), Amount::ZERO);
        ledger.set_credit_line(BOB, Amount::MAX);
        ledger.lock(BOB, ledger.free(BOB));
        assert_eq!(ledger.free(BOB), Amount::ZERO);
        assert_eq!(ledger.sum(), 0);
    }
}
