//! What two parties agreed: how much of what, how far each trusts the other, on which rails, by when.

use crate::{OpenError, Party, Sent};
use bandex_types::{Amount, Rail, Rounding, share};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// The terms of a deal, copied from its fills and its market when it is opened.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Terms {
    /// What the seller sends in all, in the base asset's smallest units; above 0.
    pub base_total: Amount,
    /// What the buyer sends in all, in the quote asset's smallest units; 0 is a gift.
    pub quote_total: Amount,
    /// How much the seller lets the buyer owe, in quote value.
    pub seller_cap: Amount,
    /// How much the buyer lets the seller owe, in quote value.
    pub buyer_cap: Amount,
    /// How the base is paid.
    pub base_rail: Rail,
    /// How the quote is paid.
    pub quote_rail: Rail,
    /// How long a party that is due has to pay, in microseconds.
    pub pay_us: u64,
    /// How long a payee has to acknowledge, in microseconds.
    pub acknowledge_us: u64,
}

impl Terms {
    /// How much `party` lets the other owe, in quote value.
    pub const fn cap_of(&self, party: Party) -> Amount {
        match party {
            Party::Seller => self.seller_cap,
            Party::Buyer => self.buyer_cap,
        }
    }

    /// The rail on which `party` pays.
    pub const fn rail_of(&self, party: Party) -> Rail {
        match party {
            Party::Seller => self.base_rail,
            Party::Buyer => self.quote_rail,
        }
    }

    /// Who moves while neither owes anything: the side that trusts the other more, the seller if they are equal.
    pub fn first_mover(&self) -> Party {
        if self.seller_cap >= self.buyer_cap { Party::Seller } else { Party::Buyer }
    }

    /// Whether everything changes hands in one step: there is nothing to pay, or the ledger holds both legs.
    pub fn settles_at_once(&self) -> bool {
        self.quote_total.is_zero() || (self.base_rail == Rail::Token && self.quote_rail == Rail::Token)
    }

    /// The units of its own leg that `party` has sent once it has sent `value`, from 0 to the total, in quote value.
    ///
    /// Base is rounded down, and exact at the total, so that the seller never delivers a unit before its cap allows.
    /// Of a base whose unit is worth more than one of quote, a move may thus carry no unit at all.
    pub fn units(&self, party: Party, value: Amount) -> Amount {
        self.units_after(party, value, Amount::ZERO, Rounding::Down)
    }

    /// The same where the first `carried` of the value counted as sent from the start, so that no unit goes with it, and
    /// with base rounded as asked for.
    pub fn units_after(&self, party: Party, value: Amount, carried: Amount, rounding: Rounding) -> Amount {
        let sent = value.saturating_sub(carried);
        match party {
            // Only where no value is left to send is there no such share; then the whole base is sent for nothing.
            Party::Seller => {
                let total = self.quote_total.saturating_sub(carried);
                share(self.base_total, sent.get(), total.get(), rounding).unwrap_or(self.base_total)
            }
            Party::Buyer => sent,
        }
    }

    /// The most that `party` can still come to owe from a stage of the walk on, in quote value.
    pub fn may_owe(&self, party: Party, sent: Sent) -> Amount {
        self.quote_total.saturating_sub(sent.by(party)).min(self.cap_of(party.other()))
    }

    /// These terms after one more fill between the same two orders, or `None` if a total does not fit 64 bits.
    ///
    /// The caps stay; the caller sets them anew if the larger deal is worth larger ones.
    pub fn grown_by(&self, base: Amount, quote: Amount) -> Option<Self> {
        let base_total = self.base_total.checked_add(base)?;
        let quote_total = self.quote_total.checked_add(quote)?;
        Some(Self { base_total, quote_total, ..self.clone() })
    }

    /// The most moves the walk through the band can take: 2⌈total ⁄ (both caps)⌉ + 1; 0 if both caps are 0.
    ///
    /// After its first move each party advances by both caps together, until the total stops it.
    pub fn most_moves(&self) -> u128 {
        let both = u128::from(self.seller_cap.get()).saturating_add(u128::from(self.buyer_cap.get()));
        if both == 0 {
            return 0;
        }
        u128::from(self.quote_total.get()).div_ceil(both).saturating_mul(2).saturating_add(1)
    }

    /// Whether a deal on these terms can be opened and walked to its end.
    ///
    /// Caps and deadlines do not matter to a deal that settles at once, since nobody is ever exposed.
    ///
    /// # Errors
    /// There is no base to deliver; or the deal takes tranches and both caps are 0, a deadline is 0, or its tranches
    /// cannot be numbered with 32 bits.
    pub fn check(&self) -> Result<(), OpenError> {
        if self.base_total.is_zero() {
            return Err(OpenError::NoBase);
        }
        if self.settles_at_once() { Ok(()) } else { self.check_walk() }
    }

    /// Whether a deal on these terms can begin where `carried` counts as sent already: one that takes the place of
    /// others.
    ///
    /// It takes tranches, whatever its rails. There is base to deliver exactly if there is value left to deliver it for.
    ///
    /// # Errors
    /// As [`Terms::check`]; or more is carried over than the totals or, for the party that is ahead by it, than its cap.
    pub fn check_carried(&self, carried: Sent) -> Result<(), OpenError> {
        let ahead = |party: Party| carried.by(party).saturating_sub(carried.by(party.other()));
        let fits = |party: Party| carried.by(party) <= self.quote_total && ahead(party) <= self.cap_of(party);
        let both = carried.seller == self.quote_total && carried.buyer == self.quote_total;
        if both || !fits(Party::Seller) || !fits(Party::Buyer) {
            return Err(OpenError::Carried);
        }
        if self.base_total.is_zero() != (carried.seller == self.quote_total) {
            return Err(OpenError::NoBase);
        }
        self.check_walk()
    }

    /// Whether the walk through the band has an end and its moves have numbers.
    fn check_walk(&self) -> Result<(), OpenError> {
        if self.seller_cap.is_zero() && self.buyer_cap.is_zero() {
            return Err(OpenError::NoCap);
        }
        if self.pay_us == 0 || self.acknowledge_us == 0 {
            return Err(OpenError::NoTime);
        }
        // Strictly below: the number after the last tranche must exist too.
        if self.most_moves() >= u128::from(u32::MAX) {
            let (seller_cap, buyer_cap) = (self.seller_cap, self.buyer_cap);
            return Err(OpenError::TooManyTranches { quote_total: self.quote_total, seller_cap, buyer_cap });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(base: u64, quote: u64, seller_cap: u64, buyer_cap: u64) -> Terms {
        Terms {
            base_total: Amount::new(base),
            quote_total: Amount::new(quote),
            seller_cap: Amount::new(seller_cap),
            buyer_cap: Amount::new(buyer_cap),
            base_rail: Rail::Token,
            quote_rail: Rail::Attested,
            pay_us: 1,
            acknowledge_us: 1,
        }
    }

    #[test]
    fn units_are_rounded_down_and_exact_at_the_end() {
        let check = |base, quote, value, units| {
            let found = terms(base, quote, 1, 1).units(Party::Seller, Amount::new(value));
            assert_eq!(found, Amount::new(units), "{value} of {quote} for {base}");
        };
        check(1_000, 3, 0, 0);
        check(1_000, 3, 1, 333);
        check(1_000, 3, 2, 666);
        check(1_000, 3, 3, 1_000);
        // A coarse base: most of the value moves no unit.
        check(2, 100, 49, 0);
        check(2, 100, 50, 1);
        check(2, 100, 99, 1);
        check(2, 100, 100, 2);
        check(7, 0, 0, 7);
        check(u64::MAX, u64::MAX, u64::MAX - 1, u64::MAX - 1);
        assert_eq!(terms(1_000, 3, 1, 1).units(Party::Buyer, Amount::new(2)), Amount::new(2));
    }

    #[test]
    fn what_cannot_be_walked_cannot_be_opened() {
        let too_many = |quote, seller_cap, buyer_cap| {
            let [quote_total, seller_cap, buyer_cap] = [quote, seller_cap, buyer_cap].map(Amount::new);
            Err(OpenError::TooManyTranches { quote_total, seller_cap, buyer_cap })
        };
        let numbered = u64::from(u32::MAX / 2);
        assert_eq!(terms(0, 1, 1, 1).check(), Err(OpenError::NoBase));
        assert_eq!(terms(0, 0, 1, 1).check(), Err(OpenError::NoBase));
        assert_eq!(terms(1, 1, 0, 0).check(), Err(OpenError::NoCap));
        assert_eq!(terms(1, 1, 0, 1).check(), Ok(()));
        assert_eq!(terms(1, 1, 1, 0).check(), Ok(()));
        assert_eq!(terms(1, 0, 0, 0).check(), Ok(()));
        assert_eq!(terms(1, numbered - 1, 1, 0).check(), Ok(()));
        assert_eq!(terms(1, numbered, 0, 1).check(), too_many(numbered, 0, 1));
        assert_eq!(terms(1, u64::MAX, 1, 1).check(), too_many(u64::MAX, 1, 1));
        assert_eq!(terms(1, u64::MAX, u64::MAX, u64::MAX).check(), Ok(()));
        let hasty = |pay_us, acknowledge_us| Terms { pay_us, acknowledge_us, ..terms(1, 1, 1, 1) }.check();
        assert_eq!([hasty(0, 1), hasty(1, 0)], [Err(OpenError::NoTime); 2]);
    }

    #[test]
    fn what_settles_at_once_needs_neither_caps_nor_time() {
        let rails = |base_rail, quote_rail| {
            let bare = Terms { pay_us: 0, acknowledge_us: 0, ..terms(1, 1, 0, 0) };
            Terms { base_rail, quote_rail, ..bare }
        };
        let check = |base_rail, quote_rail, at_once| {
            let terms = rails(base_rail, quote_rail);
            assert_eq!(terms.settles_at_once(), at_once);
            assert_eq!(terms.check().is_ok(), at_once);
        };
        check(Rail::Token, Rail::Token, true);
        check(Rail::Token, Rail::Attested, false);
        check(Rail::Attested, Rail::Token, false);
        check(Rail::Attested, Rail::Attested, false);
    }

    #[test]
    fn fills_add_up_or_do_not_fit() {
        let one = Amount::new(1);
        let grown = terms(3, 4, 5, 6).grown_by(one, one);
        assert_eq!(grown, Some(terms(4, 5, 5, 6)));
        assert_eq!(terms(u64::MAX, 4, 5, 6).grown_by(one, one), None);
        assert_eq!(terms(3, u64::MAX, 5, 6).grown_by(one, one), None);
    }
}
