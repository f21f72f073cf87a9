//! Deals that go wrong, and how they still come to an end: default, cure, write-off, resolution.

use crate::Refusal;
use crate::accounts::AccountIndex;
use crate::apply::{Engine, Signer};
use crate::deal_table::DealIndex;
use crate::effects::Effects;
use crate::outcome::{DefaultNotice, Event, FreezeReason, ProposalStatus};
use crate::proposals::{Proposal, Proposed};
use crate::timers::Timer;
use crate::trust::worth_at;
use bandex_settlement::{EndError, Party};
use bandex_tradechain::body::{Cure, Resolve, WriteOff};
use bandex_types::{Amount, BlockId, DealId, Rail, Rounding};

const PARTIES: [Party; 2] = [Party::Seller, Party::Buyer];

impl From<EndError> for Refusal {
    fn from(error: EndError) -> Self {
        Self::WrongState { state: error.to_string() }
    }
}

impl Engine {
    /// A side did not pay in time: what it owes stays reserved against it, its bond pays the victim, and it is worth
    /// nothing any more.
    pub(crate) fn defaulted(&mut self, index: DealIndex, by: Party, loss: Amount, effects: &mut Effects) {
        let id = self.deals.id(index);
        // What was not delivered yet goes back to whoever had promised it; but for what was paid on a chain in time.
        self.unlock_deal(index, effects);
        let entry = self.deals.at(index);
        let (defaulter, victim) = (entry.account(by), entry.account(by.other()));
        let cap = entry.deal.terms().cap_of(by.other());
        let name = |index| self.accounts.get(index).id;
        let notice = DefaultNotice { deal: id, by: name(defaulter), victim: name(victim), loss, cap };
        effects.push(Event::Default(notice));
        if self.serves_trust() {
            self.punish(index, defaulter, victim, loss, effects);
        }
        self.freeze(defaulter, FreezeReason::Default(id), effects);
    }

    fn punish(
        &mut self,
        index: DealIndex,
        defaulter: AccountIndex,
        victim: AccountIndex,
        loss: Amount,
        effects: &mut Effects,
    ) {
        let market = self.deals.at(index).market;
        let quote = self.markets.get(&market).map(|market| market.listing.quote);
        if let Some(quote) = quote.filter(|_| !loss.is_zero()) {
            let covered = self.slash(self.deals.id(index), defaulter, victim, quote, loss, effects);
            self.deals.at_mut(index).deal.cover(covered);
            self.recount(index, effects);
        }
        let stake = &mut self.accounts.get_mut(defaulter).stake;
        (stake.fees, stake.score_ppb) = (Amount::ZERO, 0);
        self.trust.fallen.insert(defaulter.get());
        self.stake_changed(defaulter, effects);
    }

    /// The deal that a block names, and the side of it that the signer is.
    fn own_deal(&self, signer: Signer<'_>, id: &DealId) -> Result<(DealIndex, Party), Refusal> {
        let index = self.deals.find(id).ok_or(Refusal::UnknownDeal)?;
        let party = self.deals.at(index).party(signer.account).ok_or(Refusal::NotYourDeal)?;
        Ok((index, party))
    }

    /// Makes a default good, or says that it was outside the exchange.
    pub(crate) fn cure(
        &mut self,
        signer: Signer<'_>,
        cure: &Cure,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let (index, party) = self.own_deal(signer, &cure.deal)?;
        let entry = self.deals.at(index);
        let units = entry.deal.cure_units(party)?;
        if entry.rare().is_some_and(|rare| rare.cure.is_some()) {
            return Err(Refusal::PaymentInFlight);
        }
        let victim = entry.account(party.other());
        if entry.deal.terms().rail_of(party) == Rail::Bitcoin && !units.is_zero() {
            return Err(Refusal::PaidOnChain);
        }
        self.refuse_unconfirmed(index)?;
        let entry = self.deals.at(index);
        if entry.deal.terms().rail_of(party) == Rail::Attested && !units.is_zero() {
            // From here the payment waits to be acknowledged.
            self.deals.at_mut(index).rare_mut().cure = Some(signer.id);
            let expires = self.time.plus(self.parameters.proposal_us);
            let what = Proposed::Cure { deal: cure.deal, expires };
            self.propose_for_long(signer, victim, what, effects);
            return Ok(());
        }
        self.ledger.transfer(signer.account, victim, units)?;
        // From here it is made good.
        effects.balance(signer.account);
        effects.balance(victim);
        self.made_good(index, party, effects)
    }

    /// Refuses to end a deal whose payments on the chain are still waited for.
    fn refuse_unconfirmed(&self, index: DealIndex) -> Result<(), Refusal> {
        let waits = !self.deals.at(index).deal.kept_base().is_zero();
        if waits { Err(Refusal::PaymentInFlight) } else { Ok(()) }
    }

    pub(crate) fn made_good(
        &mut self,
        index: DealIndex,
        by: Party,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        self.deals.at_mut(index).deal.cure(by)?;
        self.ended(index, effects);
        Ok(())
    }

    /// The victim says that what cures a default has arrived.
    pub(crate) fn acknowledge_cure(
        &mut self,
        id: DealId,
        by: AccountIndex,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = self.deals.find(&id).ok_or(Refusal::UnknownDeal)?;
        let victim = self.deals.at(index).party(by).ok_or(Refusal::NotYourDeal)?;
        self.made_good(index, victim.other(), effects)?;
        self.deals.at_mut(index).rare_mut().cure = None;
        Ok(())
    }

    /// A cure was not acknowledged: it may be proposed again.
    pub(crate) fn cure_expired(&mut self, id: &DealId) {
        if let Some(index) = self.deals.find(id) {
            self.deals.at_mut(index).rare_mut().cure = None;
        }
    }

    /// Gives up what the other side owes. It goes on counting against the limit of each that owed, since giving up is no
    /// proof that nothing was owed.
    pub(crate) fn write_off(
        &mut self,
        signer: Signer<'_>,
        write_off: &WriteOff,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let (index, party) = self.own_deal(signer, &write_off.deal)?;
        self.refuse_unconfirmed(index)?;
        let entry = self.deals.at_mut(index);
        let claimed = entry.deal.in_flight().map(|open| open.proposal);
        entry.deal.write_off(party)?;
        // From here it is given up.
        let rate = entry.rate;
        let burden = PARTIES.map(|party| worth_at(rate, entry.deal.owing(party), Rounding::Up));
        entry.rare_mut().burden = burden;
        let accounts = [entry.seller, entry.buyer];
        for (account, burden) in accounts.into_iter().zip(burden) {
            if !burden.is_zero() {
                self.accounts.get_mut(account).stake.burden += u128::from(burden.get());
                effects.trust(account);
            }
        }
        self.close_proposal(claimed, effects);
        self.unlock_deal(index, effects);
        effects.deal(index);
        self.recount(index, effects);
        Ok(())
    }

    /// Proposes an end that both sides agree on.
    pub(crate) fn propose_resolution(
        &mut self,
        signer: Signer<'_>,
        resolve: &Resolve,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let (index, party) = self.own_deal(signer, &resolve.deal)?;
        self.check_resolution(index, resolve.deliver)?;
        // From here the proposal waits.
        let to = self.deals.at(index).account(party.other());
        let expires = self.time.plus(self.parameters.proposal_us);
        let (deal, deliver) = (resolve.deal, resolve.deliver);
        self.propose_for_long(signer, to, Proposed::Resolution { deal, deliver, expires }, effects);
        Ok(())
    }

    /// A proposal that waits as long as any.
    fn propose_for_long(
        &mut self,
        signer: Signer<'_>,
        to: AccountIndex,
        what: Proposed,
        effects: &mut Effects,
    ) {
        let expires = self.time.plus(self.parameters.proposal_us);
        self.timers.set(expires, Timer::Proposal(signer.id));
        self.propose(signer.id, Proposal { from: signer.account, to, what }, effects);
    }

    /// Who would deliver, if anybody has something locked.
    fn check_resolution(&self, index: DealIndex, deliver: Amount) -> Result<Party, Refusal> {
        let entry = self.deals.at(index);
        entry.deal.check_resolve()?;
        let locks = |party: &Party| !entry.locked(*party).is_zero();
        let payer = PARTIES.into_iter().find(locks).unwrap_or(Party::Seller);
        let expected = entry.locked(payer);
        if deliver > expected { Err(Refusal::WrongAmount { expected }) } else { Ok(payer) }
    }

    /// The other side agrees.
    pub(crate) fn acknowledge_resolution(
        &mut self,
        id: DealId,
        deliver: Amount,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = self.deals.find(&id).ok_or(Refusal::UnknownDeal)?;
        let payer = self.check_resolution(index, deliver)?;
        let entry = self.deals.at_mut(index);
        let claimed = entry.deal.in_flight().map(|open| open.proposal);
        entry.deal.resolve()?;
        // From here it is resolved.
        self.close_proposal(claimed, effects);
        if !deliver.is_zero() {
            self.hand_over(index, payer, deliver, effects);
        }
        self.unlock_deal(index, effects);
        self.ended(index, effects);
        Ok(())
    }

    /// Nobody owes anything any more: lifts what the deal still holds against either side.
    fn ended(&mut self, index: DealIndex, effects: &mut Effects) {
        let id = self.deals.id(index);
        let entry = self.deals.at_mut(index);
        let accounts = [entry.seller, entry.buyer];
        let burden = entry.rare().map(|rare| rare.burden).unwrap_or_default();
        if entry.rare().is_some() {
            entry.rare_mut().burden = [Amount::ZERO; 2];
        }
        for (account, burden) in accounts.into_iter().zip(burden) {
            let held = self.accounts.get_mut(account);
            held.stake.burden -= u128::from(burden.get());
            let thawed = held.frozen.remove(&FreezeReason::Default(id));
            if thawed || !burden.is_zero() {
                effects.account(account);
                self.tell_trust(account, effects);
            }
        }
        effects.deal(index);
        self.recount(index, effects);
    }

    /// Gives back what both sides still have locked for a deal, but for what is still to be delivered after a default.
    pub(crate) fn unlock_deal(&mut self, index: DealIndex, effects: &mut Effects) {
        let entry = self.deals.at_mut(index);
        let kept = entry.deal.kept_base();
        for party in PARTIES {
            let kept = if party == Party::Seller { kept } else { Amount::ZERO };
            let (account, locked) = (entry.account(party), entry.locked(party).saturating_sub(kept));
            if !locked.is_zero() {
                entry.take_lock(party, locked);
                self.ledger.unlock(account, locked);
                effects.balance(account);
            }
        }
    }

    /// A payment that was claimed waits no more.
    fn close_proposal(&mut self, id: Option<BlockId>, effects: &mut Effects) {
        if let Some((id, proposal)) = id.and_then(|id| self.proposals.remove_entry(&id)) {
            self.describe_proposal(id, &proposal, ProposalStatus::Expired, effects);
        }
    }
}
