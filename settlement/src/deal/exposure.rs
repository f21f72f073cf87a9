//! What a deal puts at risk: who owes what, what stays reserved against whose limit, what a default costs.

use super::Deal;
use crate::{Party, State, next_step};
use bandex_types::Amount;

impl Deal {
    /// What `party` would keep without having given for it if it stopped now, in quote value.
    ///
    /// A payment in flight counts at its worst for the counterparty: the counterparty's own as received, that of
    /// `party` as not sent. So both may owe at once.
    pub fn owed_by(&self, party: Party) -> Amount {
        self.sent_at_most(party.other()).saturating_sub(self.sent.by(party))
    }

    /// What counts against the limit of `party`, in quote value: the most it can still come to owe in this deal.
    ///
    /// It only ever falls, except when a fill is added. After a default nothing is reserved against the victim, and
    /// against the defaulter what it owes.
    pub fn reserved(&self, party: Party) -> Amount {
        match self.state {
            State::Defaulted { by } if by == party => self.owed_by(party),
            State::Defaulted { .. } => Amount::ZERO,
            State::Open | State::Disputed { .. } | State::Settled => {
                let left = self.terms.quote_total.saturating_sub(self.sent.by(party));
                left.min(self.terms.cap_of(party.other()))
            }
        }
    }

    /// What `party` lost by the other's default, in quote value: at most its own cap; 0 without a default.
    ///
    /// Base counts at the value its cumulative amount was rounded down from, so the buyer's loss may be short by less
    /// than one unit of base.
    pub fn loss_of(&self, party: Party) -> Amount {
        match self.state {
            State::Defaulted { by } if by == party.other() => self.owed_by(by),
            _ => Amount::ZERO,
        }
    }

    /// The base not yet delivered, in smallest units: if it was locked, what returns to the seller when the deal ends.
    pub fn undelivered_base(&self) -> Amount {
        self.terms.base_total.saturating_sub(self.sent_units(Party::Seller))
    }

    /// The quote not yet delivered, in smallest units: if it was locked, what returns to the buyer when the deal ends.
    pub fn undelivered_quote(&self) -> Amount {
        self.terms.quote_total.saturating_sub(self.sent_units(Party::Buyer))
    }

    /// Whether what must always be true of a deal is true: nobody has sent more than agreed, nobody owes more than
    /// the other's cap even at worst, and the state fits what was sent. For the caller to assert.
    pub fn is_consistent(&self) -> bool {
        let within = |party: Party| {
            self.sent.by(party) <= self.terms.quote_total
                && self.owed_by(party) <= self.terms.cap_of(party.other())
        };
        let ended = next_step(&self.terms, self.sent).is_none();
        let fits = match self.state {
            State::Open => !ended,
            State::Disputed { by } => self.in_flight.is_some_and(|open| open.party == by.other()) && !ended,
            State::Defaulted { .. } => self.in_flight.is_none() && !ended,
            State::Settled => self.in_flight.is_none() && ended,
        };
        within(Party::Seller) && within(Party::Buyer) && fits
    }

    /// What `party` has sent if its payment in flight arrived, in quote value.
    fn sent_at_most(&self, party: Party) -> Amount {
        match self.in_flight {
            Some(open) if open.party == party => {
                next_step(&self.terms, self.sent).map_or(self.sent.by(party), |step| step.reaches)
            }
            _ => self.sent.by(party),
        }
    }
}
