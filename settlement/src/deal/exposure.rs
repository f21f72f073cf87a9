//! What a deal puts at risk: who owes what, what stays reserved against whose limit, what a default costs.

use super::Deal;
use crate::{Party, State, next_step};
use bandex_types::Amount;

impl Deal {
    /// What `party` would keep without having given for it if it stopped now, in quote value.
    ///
    /// A payment in flight counts at its worst for the counterparty: the counterparty's own as received, that of
    /// `party` as not sent. So both may owe at once. What a bond has covered is still part of it; nothing is owed once
    /// the deal is cured, resolved or replaced by another.
    pub fn owed_by(&self, party: Party) -> Amount {
        if self.state.is_over() { Amount::ZERO } else { self.behind(party) }
    }

    /// What `party` still has to make good, in quote value: what it owes less what its bond has covered.
    pub fn owing(&self, party: Party) -> Amount {
        // A bond covers a default only, and then nobody but the defaulter owes anything.
        self.owed_by(party).saturating_sub(self.covered)
    }

    /// How far `party` is behind the other at worst.
    fn behind(&self, party: Party) -> Amount {
        if let Some(chain) = &self.chain {
            return self.behind_on_chain(chain, party);
        }
        self.sent_at_most(party.other()).saturating_sub(self.sent.by(party))
    }

    /// What counts against the limit of `party`, in quote value: the most it can still come to owe in this deal.
    ///
    /// It only ever falls, except when a fill is added. After a default nothing is reserved against the victim, and
    /// against the defaulter what it still has to make good; what a deal that was written off goes on holding is counted
    /// elsewhere.
    pub fn reserved(&self, party: Party) -> Amount {
        match self.state {
            State::Defaulted { by } if by == party => self.owing(party),
            // What came too late on a chain is the payee's debt.
            State::Defaulted { .. } if self.chain.is_some() => self.owed_by(party),
            State::Defaulted { .. } | State::WrittenOff { .. } => Amount::ZERO,
            State::Settled | State::Cured { .. } | State::Resolved | State::Netted => Amount::ZERO,
            State::Open | State::Disputed { .. } => self.terms.may_owe(party, self.sent),
        }
    }

    /// What `party` lost by the other's default, in quote value, before any bond paid for it: at most its own cap; 0
    /// without a default.
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
        self.terms.quote_total.saturating_sub(self.sent.by(Party::Buyer))
    }

    /// Whether what must always be true of a deal is true: nobody has sent more than agreed, nobody owes more than
    /// the other's cap even at worst, and the state fits what was sent. For the caller to assert.
    pub fn is_consistent(&self) -> bool {
        let within = |party: Party| {
            self.sent.by(party) <= self.terms.quote_total
                && self.carried.unwrap_or_default().by(party) <= self.sent.by(party)
                && self.behind(party) <= self.terms.cap_of(party.other())
        };
        let ended = next_step(&self.terms, self.sent).is_none();
        // What was delivered for and left a chain may come back after the default.
        let late = self.chain.is_some() && self.state.is_closed();
        let fits = match self.state {
            State::Defaulted { .. } | State::WrittenOff { .. } | State::Cured { .. } | State::Resolved
                if late =>
            {
                self.in_flight.is_none()
            }
            State::Open => !ended,
            State::Disputed { by } => self.in_flight.is_some_and(|open| open.party == by.other()) && !ended,
            State::Settled => self.in_flight.is_none() && ended,
            State::WrittenOff { .. } => !ended,
            State::Defaulted { .. } | State::Cured { .. } | State::Resolved | State::Netted => {
                self.in_flight.is_none() && !ended
            }
        };
        let covered = match self.state {
            // On a chain what a bond has paid for may still arrive.
            State::Defaulted { by } | State::Cured { by } if self.chain.is_none() => {
                self.covered <= self.behind(by)
            }
            State::Defaulted { by } | State::Cured { by } => self.covered <= self.terms.cap_of(by.other()),
            State::WrittenOff { .. } | State::Resolved => true,
            _ => self.covered.is_zero(),
        };
        within(Party::Seller) && within(Party::Buyer) && fits && covered
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
