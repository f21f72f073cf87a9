//! What moves a deal: a payment, an acknowledgement, a deadline that passes.

use super::Deal;
use crate::{Expired, InFlight, Move, Paid, Party, Refusal, State, Step, next_step};
use bandex_types::{Amount, BlockId, Rail, Timestamp};

impl Deal {
    /// Pays the tranche that is due: `cumulative` is what the payer will have sent in all, in units of its own leg.
    ///
    /// On the token rail the payment is final at once. On an attested rail it is in flight until the payee
    /// acknowledges it by the id of its block, `proposal`.
    ///
    /// # Errors
    /// Anything but exactly the payment that [`Deal::due`] names, before its deadline.
    pub fn pay(
        &mut self,
        by: Party,
        tranche: u32,
        cumulative: Amount,
        proposal: BlockId,
        now: Timestamp,
    ) -> Result<Paid, Refusal> {
        if self.state.is_closed() {
            return Err(Refusal::Closed(self.state));
        }
        if self.chain.is_some() {
            return Err(Refusal::OnChain);
        }
        if let Some(InFlight { party, tranche, proposal, .. }) = self.in_flight {
            return Err(Refusal::InFlight { party, tranche, proposal });
        }
        let (Some(due), Some(step)) = (self.due(), next_step(&self.terms, self.sent)) else {
            return Err(Refusal::Closed(self.state));
        };
        if due.deadline <= now {
            return Err(Refusal::TooLate { deadline: due.deadline });
        }
        if by != due.party {
            return Err(Refusal::NotDue { due: due.party });
        }
        if tranche != due.tranche {
            return Err(Refusal::WrongTranche { expected: due.tranche });
        }
        if cumulative != due.cumulative {
            return Err(Refusal::WrongAmount { expected: due.cumulative });
        }
        // From here the payment is accepted.
        if self.terms.rail_of(by) == Rail::Token {
            return Ok(Paid::Delivered(vec![self.take(step, now)]));
        }
        self.in_flight = Some(InFlight {
            proposal,
            party: by,
            tranche,
            cumulative,
            amount: due.amount,
            value: due.value,
            since: now,
        });
        Ok(Paid::InFlight)
    }

    /// Confirms that the payment in flight arrived, even if late: an acknowledgement ends a dispute.
    ///
    /// Where the payee's own leg is locked on the ledger its next move follows in the same step, to the far edge of
    /// the band, so that the payer need not wait for it.
    ///
    /// # Errors
    /// The deal has ended, `proposal` is not in flight, or `by` is not its payee.
    pub fn acknowledge(
        &mut self,
        by: Party,
        proposal: BlockId,
        now: Timestamp,
    ) -> Result<Vec<Move>, Refusal> {
        if self.state.is_closed() {
            return Err(Refusal::Closed(self.state));
        }
        let Some(open) = self.in_flight.filter(|open| open.proposal == proposal) else {
            return Err(Refusal::UnknownProposal);
        };
        let payee = open.party.other();
        if by != payee {
            return Err(Refusal::NotPayee { payee });
        }
        // From here the acknowledgement is accepted. What is in flight is the next step of the walk, since nothing
        // else can have moved meanwhile.
        let mut moves = Vec::new();
        if let Some(step) = next_step(&self.terms, self.sent) {
            moves.push(self.take(step, now));
        }
        let answer = next_step(&self.terms, self.sent).filter(|step| step.party == by);
        if let Some(step) = answer
            && self.terms.rail_of(by) == Rail::Token
        {
            moves.push(self.take(step, now));
        }
        Ok(moves)
    }

    /// Lets the deadline take effect if it is at or before `now`. One call is enough, however late it comes: neither a
    /// dispute nor a default has a further deadline.
    pub fn expire(&mut self, now: Timestamp) -> Option<Expired> {
        if self.deadline()? > now {
            return None;
        }
        // From here a deadline has passed.
        if let Some(open) = self.in_flight {
            let by = open.party.other();
            self.state = State::Disputed { by };
            return Some(Expired::Disputed { by });
        }
        let by = self.due()?.party;
        self.state = State::Defaulted { by };
        if let Some(chain) = self.chain.as_mut() {
            // What has arrived in time is still delivered for.
            chain.kept = chain.counted.included.min(self.terms.quote_total).max(self.sent.seller);
        }
        let loss = self.owed_by(by);
        if let Some(chain) = self.chain.as_mut() {
            chain.loss = loss;
        }
        Some(Expired::Defaulted { by, loss })
    }

    /// Makes one step of the walk final.
    fn take(&mut self, step: Step, now: Timestamp) -> Move {
        let Step { party, reaches } = step;
        let before = self.sent.by(party);
        let units = self.units(party, reaches).saturating_sub(self.units(party, before));
        let value = reaches.saturating_sub(before);
        let honoured = value.min(self.sent.by(party.other()).saturating_sub(before));
        let tranche = self.tranche;
        self.sent = self.sent.with(party, reaches);
        // Opening made sure that there are numbers enough.
        self.tranche = tranche.saturating_add(1);
        self.due_since = now;
        self.in_flight = None;
        self.state = match next_step(&self.terms, self.sent) {
            Some(_) => State::Open,
            None => State::Settled,
        };
        Move { party, tranche, units, value, honoured }
    }
}
