//! What follows from what was agreed and sent in one deal: what is owed, reserved, due, and within the band.

use super::{PARTIES, Reckoned, u64_of};
use crate::watch::worth::worth_up;
use bandex_settlement::{Party, State};
use bandex_types::{AccountId, Rail, Timestamp};

impl Reckoned {
    /// What a party still owes, in quote value, if what is in flight is counted at its worst.
    pub(super) fn owing(&self, party: Party) -> u128 {
        if let Some(paying) = &self.paying {
            return self.owing_on_chain(paying, party);
        }
        let open = self.told.deal.in_flight().or(self.told.deal.claim());
        let flying = open.filter(|open| open.party == party.other());
        let claimed = flying.map_or(0, |open| u128::from(open.value.get()));
        let covered = u128::from(self.told.deal.covered().get());
        let sent = self.value(party.other()).saturating_add(claimed);
        sent.saturating_sub(self.value(party)).saturating_sub(covered)
    }

    /// The units of base that a seller has sent once it has sent so much value.
    pub(super) fn base_for(&self, value: u128, up: bool) -> u128 {
        let carried = self.carried(Party::Seller);
        let (base, total) = (u128::from(self.terms().base_total.get()), self.total().saturating_sub(carried));
        let product = value.saturating_sub(carried).saturating_mul(base);
        let units = if up { product.checked_add(total.saturating_sub(1)) } else { Some(product) };
        units.and_then(|units| units.checked_div(total)).unwrap_or(base)
    }

    /// What an account has bought here and not paid for yet, outside the ledger.
    pub fn unsettled_by(&self, buyer: &AccountId) -> u128 {
        let open = matches!(self.told.deal.state(), State::Open | State::Disputed { .. });
        let counts = open && self.told.buyer == *buyer && self.terms().quote_rail != Rail::Token;
        let left = self.total().saturating_sub(self.value(Party::Buyer));
        if counts { worth_up(self.rate, left) } else { 0 }
    }

    pub(super) fn total(&self) -> u128 {
        u128::from(self.terms().quote_total.get())
    }

    pub(super) fn cap(&self, party: Party) -> u128 {
        u128::from(self.terms().cap_of(party).get())
    }

    /// What counts against the limit of a party, in quote value.
    pub fn reserved(&self, party: Party) -> u128 {
        if self.terms().settles_at_once() {
            return 0;
        }
        match self.told.deal.state() {
            State::Open | State::Disputed { .. } => {
                self.total().saturating_sub(self.value(party)).min(self.cap(party.other()))
            }
            State::Defaulted { by } if self.is_on_chain() => {
                self.paying.as_ref().map_or(0, |paying| self.reserved_on_chain(paying, by, party))
            }
            State::Defaulted { by } if by == party => {
                let covered = u128::from(self.told.deal.covered().get());
                self.value(party.other()).saturating_sub(self.value(party)).saturating_sub(covered)
            }
            _ => 0,
        }
    }

    /// What makes a default good, in units of the defaulter's leg, rounded up for the victim.
    pub(super) fn cure_units(&self, by: Party) -> u128 {
        let covered = u128::from(self.told.deal.covered().get());
        let (owed, paid) = (self.value(by.other()), self.value(by).saturating_add(covered));
        match by {
            _ if owed <= paid => 0,
            Party::Buyer => owed.saturating_sub(paid),
            Party::Seller => self.base_for(owed, true).saturating_sub(self.base_for(paid, false)),
        }
    }

    /// When what must happen next must have happened; none if nothing must.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match (self.told.deal.state(), self.told.deal.in_flight()) {
            (State::Open, None) if let Some(paying) = &self.paying => self.deadline_on_chain(paying),
            (State::Open, Some(open)) => Some(open.since.plus(self.terms().acknowledge_us)),
            (State::Open, None) => Some(self.due_since.plus(self.terms().pay_us)),
            _ => None,
        }
    }

    /// The net stays in the band, also if what is in flight arrived; nobody sends more than agreed; base follows value,
    /// rounded down.
    pub(super) fn check_band(&self) -> Result<(), String> {
        let terms = self.terms();
        for party in PARTIES {
            if self.value(party) > self.total() {
                return Err(format!("the {party} sent {} of {}", self.value(party), self.total()));
            }
            let flying = self.told.deal.in_flight().filter(|open| open.party == party);
            let at_most = self.value(party).saturating_add(flying.map_or(0, |open| open.value.get().into()));
            let ahead = at_most.saturating_sub(self.value(party.other()));
            // What comes too late on a chain counts, though nothing is sent for it.
            let late = self.is_on_chain() && self.told.deal.state().is_closed() && party == Party::Buyer;
            if !late && !terms.settles_at_once() && ahead > self.cap(party) {
                return Err(format!("the {party} is ahead by {ahead}, its cap is {}", self.cap(party)));
            }
            let told = (u128::from(self.told.deal.sent(party).get()), self.told.deal.sent_units(party).get());
            if !terms.settles_at_once() && told != (self.value(party), u64_of(self.units(party))) {
                return Err(format!("the {party} sent {told:?}, its tranches say otherwise"));
            }
        }
        let due = self.base_for(self.value(Party::Seller), false);
        if !terms.settles_at_once() && self.units(Party::Seller) != due {
            return Err(format!("{} units of base went for the value of {due}", self.units(Party::Seller)));
        }
        if !terms.settles_at_once()
            && self.units(Party::Buyer) != self.value(Party::Buyer).saturating_sub(self.carried(Party::Buyer))
        {
            return Err("quote is not worth what it is worth".to_owned());
        }
        Ok(())
    }
}
