//! Tokens: balances that sum to zero, and one kind of lock for every promise.

use crate::accounts::AccountIndex;
use bandex_settlement::Party;
use bandex_types::{Amount, DealId, OrderRef};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;

/// The ledger of the bandwidth token.
///
/// Mutual credit: tokens are only ever moved from one account to another, so all balances sum to zero. Supply begins
/// with the issuance account, whose credit line is the cap.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Ledger {
    entries: BTreeMap<AccountIndex, Entry>,
    locks: BTreeMap<LockReason, Lock>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum LockReason {
    /// An open order that would pay with them.
    Order(OrderRef),
    /// What one side of a deal still has to deliver.
    Deal(DealId, Party),
}

/// A promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Lock {
    owner: AccountIndex,
    amount: Amount,
    beneficiary: Option<AccountIndex>,
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
        self.entries.get(&account).copied().unwrap_or_default()
    }

    /// The sum over all balances: zero, always.
    pub fn sum(&self) -> i128 {
        self.entries.values().map(|entry| entry.balance).sum()
    }

    /// Whether every account's locks add up to what it has locked.
    pub fn locks_add_up(&self) -> bool {
        let mut sums: BTreeMap<AccountIndex, u128> = BTreeMap::new();
        for lock in self.locks.values() {
            *sums.entry(lock.owner).or_default() += u128::from(lock.amount.get());
        }
        self.entries
            .iter()
            .all(|(account, entry)| sums.get(account).copied().unwrap_or(0) == u128::from(entry.locked.get()))
    }

    /// What is promised for one reason, in bytes.
    pub fn locked_for(&self, reason: &LockReason) -> Amount {
        self.locks.get(reason).map_or(Amount::ZERO, |lock| lock.amount)
    }

    /// Sets how far below zero an account may go. Credit already taken stays.
    pub(crate) fn set_credit_line(&mut self, account: AccountIndex, line: Amount) {
        self.entries.entry(account).or_default().credit_line = line;
    }

    /// What an account could spend now: balance less locks plus credit line, in bytes.
    ///
    /// Never so much that, promised too, it would take all its locks past 64 bits, however long the credit line is.
    pub fn free(&self, account: AccountIndex) -> Amount {
        let entry = self.entry(account);
        let free = entry.balance - i128::from(entry.locked.get()) + i128::from(entry.credit_line.get());
        let room = Amount::MAX.saturating_sub(entry.locked);
        Amount::new(u64::try_from(free.max(0)).unwrap_or(u64::MAX)).min(room)
    }

    /// Refuses if fewer than `needed` are free.
    pub(crate) fn check_free(&self, account: AccountIndex, needed: Amount) -> Result<(), Short> {
        let free = self.free(account);
        if needed <= free { Ok(()) } else { Err(Short { needed, free }) }
    }

    /// Moves free tokens.
    pub(crate) fn transfer(
        &mut self,
        from: AccountIndex,
        to: AccountIndex,
        amount: Amount,
    ) -> Result<(), Short> {
        self.check_free(from, amount)?;
        // From here it succeeds.
        self.shift(from, to, amount);
        Ok(())
    }

    fn shift(&mut self, from: AccountIndex, to: AccountIndex, amount: Amount) {
        let units = i128::from(amount.get());
        self.entries.entry(from).or_default().balance -= units;
        self.entries.entry(to).or_default().balance += units;
    }

    /// Promises free tokens, on top of what is promised for the same reason.
    pub(crate) fn lock(
        &mut self,
        reason: LockReason,
        owner: AccountIndex,
        amount: Amount,
    ) -> Result<(), Short> {
        self.check_free(owner, amount)?;
        // From here it succeeds.
        self.add_to_lock(reason, owner, None, amount);
        Ok(())
    }

    fn add_to_lock(
        &mut self,
        reason: LockReason,
        owner: AccountIndex,
        beneficiary: Option<AccountIndex>,
        amount: Amount,
    ) {
        let entry = self.entries.entry(owner).or_default();
        entry.locked =
            entry.locked.checked_add(amount).expect("locks stay within 64 bits: they are of free tokens");
        let lock = self.locks.entry(reason).or_insert(Lock { owner, amount: Amount::ZERO, beneficiary });
        lock.amount = lock.amount.checked_add(amount).expect("a lock is part of its owner's locks");
    }

    /// Takes up to `amount` out of a lock and gives what was taken with its lock.
    fn take(&mut self, reason: &LockReason, amount: Amount) -> Option<(Lock, Amount)> {
        let lock = self.locks.get_mut(reason)?;
        let taken = amount.min(lock.amount);
        lock.amount = lock.amount.saturating_sub(taken);
        let copy = *lock;
        if copy.amount.is_zero() {
            self.locks.remove(reason);
        }
        let entry = self.entries.entry(copy.owner).or_default();
        entry.locked = entry.locked.checked_sub(taken).expect("a lock is part of its owner's locks");
        Some((copy, taken))
    }

    /// Frees up to `amount` of a lock; gives the owner and what was freed.
    pub(crate) fn unlock(&mut self, reason: &LockReason, amount: Amount) -> Option<(AccountIndex, Amount)> {
        self.take(reason, amount).map(|(lock, freed)| (lock.owner, freed))
    }

    /// Frees all of a lock; gives the owner.
    pub(crate) fn unlock_all(&mut self, reason: &LockReason) -> Option<AccountIndex> {
        self.unlock(reason, Amount::MAX).map(|(owner, _)| owner)
    }

    /// Promises part of a lock for another reason, to somebody in particular.
    pub(crate) fn relock(
        &mut self,
        from: &LockReason,
        to: LockReason,
        amount: Amount,
        beneficiary: AccountIndex,
    ) {
        if amount.is_zero() {
            return;
        }
        let taken = self.take(from, amount);
        let units = taken.map_or(Amount::ZERO, |(_, units)| units);
        assert!(units == amount, "an order locks what its trades promise");
        if let Some((lock, _)) = taken {
            self.add_to_lock(to, lock.owner, Some(beneficiary), amount);
        }
    }

    /// Hands part of a lock to its beneficiary; gives owner and beneficiary, or `None` if nothing was left to hand over.
    pub(crate) fn deliver(
        &mut self,
        reason: &LockReason,
        amount: Amount,
    ) -> Option<(AccountIndex, AccountIndex)> {
        let taken = self.take(reason, amount);
        let units = taken.map_or(Amount::ZERO, |(_, units)| units);
        assert!(units == amount, "a deal's lock holds what it still has to deliver");
        let (lock, _) = taken?;
        let beneficiary = lock.beneficiary.expect("a deal's lock names who receives");
        self.shift(lock.owner, beneficiary, amount);
        Some((lock.owner, beneficiary))
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

    fn check(ledger: &Ledger) {
        assert_eq!(ledger.sum(), 0);
        assert!(ledger.locks_add_up());
    }

    #[test]
    fn supply_ends_at_the_cap() {
        let mut ledger = funded();
        let short = ledger.transfer(ISSUER, BOB, Amount::new(41));
        assert_eq!(short, Err(Short { needed: Amount::new(41), free: Amount::new(40) }));
        check(&ledger);
    }

    #[test]
    fn locked_tokens_are_not_spent_twice() {
        let mut ledger = funded();
        let deal = LockReason::Deal(DealId::new([1; 32]), Party::Seller);
        let order = LockReason::Order(OrderRef { key: bandex_types::PublicKey::new([1; 32]), seq: 1, op: 0 });
        ledger.lock(order, ALICE, Amount::new(50)).unwrap();
        assert!(ledger.transfer(ALICE, BOB, Amount::new(11)).is_err());
        ledger.relock(&order, deal, Amount::new(30), BOB);
        check(&ledger);
        assert_eq!(ledger.deliver(&deal, Amount::new(10)), Some((ALICE, BOB)));
        assert_eq!(ledger.entry(BOB).balance, 10);
        assert_eq!(ledger.locked_for(&deal), Amount::new(20));
        assert_eq!(ledger.unlock_all(&deal), Some(ALICE));
        assert_eq!(ledger.unlock(&order, Amount::new(5)), Some((ALICE, Amount::new(5))));
        assert_eq!(
            ledger.entry(ALICE),
            Entry { balance: 50, locked: Amount::new(15), credit_line: Amount::ZERO }
        );
        check(&ledger);
    }

    #[test]
    fn locks_fit_64_bits_however_long_the_credit_line() {
        let mut ledger = funded();
        ledger.set_credit_line(ALICE, Amount::MAX);
        let order =
            |op| LockReason::Order(OrderRef { key: bandex_types::PublicKey::new([1; 32]), seq: 1, op });
        ledger.lock(order(0), ALICE, Amount::new(u64::MAX - 5)).unwrap();
        let short = ledger.lock(order(1), ALICE, Amount::new(6));
        assert_eq!(short, Err(Short { needed: Amount::new(6), free: Amount::new(5) }));
        ledger.lock(order(1), ALICE, Amount::new(5)).unwrap();
        assert_eq!(ledger.free(ALICE), Amount::ZERO);
        check(&ledger);
    }

    #[test]
    fn credit_is_free_to_spend_but_not_more() {
        let mut ledger = funded();
        ledger.set_credit_line(BOB, Amount::new(5));
        assert!(ledger.transfer(BOB, ALICE, Amount::new(6)).is_err());
        ledger.transfer(BOB, ALICE, Amount::new(5)).unwrap();
        assert_eq!(ledger.entry(BOB).balance, -5);
        check(&ledger);
    }
}
