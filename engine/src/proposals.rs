//! Bilateral steps: a proposal by one side, which the other countersigns by its id and so cannot change.

use crate::Refusal;
use crate::accounts::AccountIndex;
use crate::apply::{Engine, Signer};
use crate::effects::Effects;
use crate::ledger::Short;
use crate::outcome::{Event, ProposalState, ProposalStatus};
use crate::timers::Timer;
use bandex_tradechain::body::{Bandwidth, Payer, Scopes, Transfer};
use bandex_types::{Amount, AssetId, BlockId, DealId, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};

/// A proposal that waits.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(crate) struct Proposal {
    pub from: AccountIndex,
    pub to: AccountIndex,
    pub what: Proposed,
}

/// What was proposed.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(crate) enum Proposed {
    Bandwidth {
        bandwidth: Bandwidth,
        expires: Timestamp,
    },
    /// The payment in flight of a deal; it waits as long as the deal does.
    Payment(DealId),
    /// An end that both sides of a deal agree on, with so much of what is locked delivered.
    Resolution {
        deal: DealId,
        deliver: Amount,
        expires: Timestamp,
    },
    /// What makes a default good, outside the exchange.
    Cure {
        deal: DealId,
        expires: Timestamp,
    },
}

impl From<Short> for Refusal {
    fn from(short: Short) -> Self {
        Self::InsufficientFree { needed: short.needed, free: short.free }
    }
}

impl Engine {
    pub(crate) fn transfer(
        &mut self,
        signer: Signer<'_>,
        transfer: &Transfer,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        if transfer.asset != AssetId::BWT {
            return Err(Refusal::NotOnLedger);
        }
        let to = self.accounts.find(&transfer.to).ok_or(Refusal::UnknownAccount)?;
        if to == signer.account {
            return Err(Refusal::ToSelf);
        }
        self.refuse_frozen(signer.account)?;
        self.ledger.transfer(signer.account, to, transfer.amount)?;
        effects.balance(signer.account);
        effects.balance(to);
        Ok(())
    }

    pub(crate) fn propose_bandwidth(
        &mut self,
        signer: Signer<'_>,
        bandwidth: &Bandwidth,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let to = self.accounts.find(&bandwidth.counterparty).ok_or(Refusal::UnknownAccount)?;
        if to == signer.account {
            return Err(Refusal::ToSelf);
        }
        // From here the proposal waits.
        let expires = self.time.plus(self.parameters.proposal_us);
        self.timers.set(expires, Timer::Proposal(signer.id));
        let what = Proposed::Bandwidth { bandwidth: bandwidth.clone(), expires };
        self.propose(signer.id, Proposal { from: signer.account, to, what }, effects);
        Ok(())
    }

    pub(crate) fn propose(&mut self, id: BlockId, proposal: Proposal, effects: &mut Effects) {
        self.describe_proposal(id, &proposal, ProposalStatus::Waiting, effects);
        self.proposals.insert(id, proposal);
    }

    /// What a session key must be granted to countersign: that of a bandwidth record may cost the account tokens.
    pub(crate) fn scope_to_acknowledge(&self, id: &BlockId) -> Scopes {
        match self.proposals.get(id).map(|proposal| &proposal.what) {
            Some(Proposed::Bandwidth { .. }) => Scopes::TOKENS,
            Some(Proposed::Payment(_) | Proposed::Resolution { .. } | Proposed::Cure { .. }) => {
                Scopes::SETTLE
            }
            // It has no effect; that it is unknown tells more than that the key may not.
            None => Scopes::from_bits(0),
        }
    }

    pub(crate) fn acknowledge(
        &mut self,
        signer: Signer<'_>,
        id: BlockId,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let proposal = self.proposals.get(&id).cloned().ok_or(Refusal::UnknownProposal)?;
        if proposal.to != signer.account {
            return Err(Refusal::NotCounterparty);
        }
        match &proposal.what {
            Proposed::Bandwidth { bandwidth, expires } => {
                self.settle_bandwidth(&proposal, bandwidth, effects)?;
                self.timers.clear(*expires, Timer::Proposal(id));
            }
            Proposed::Payment(deal) => self.acknowledge_payment(*deal, signer.account, id, effects)?,
            Proposed::Resolution { deal, deliver, expires } => {
                self.acknowledge_resolution(*deal, *deliver, effects)?;
                self.timers.clear(*expires, Timer::Proposal(id));
            }
            Proposed::Cure { deal, expires } => {
                self.acknowledge_cure(*deal, signer.account, effects)?;
                self.timers.clear(*expires, Timer::Proposal(id));
            }
        }
        self.proposals.remove(&id);
        self.describe_proposal(id, &proposal, ProposalStatus::Acknowledged, effects);
        Ok(())
    }

    fn settle_bandwidth(
        &mut self,
        proposal: &Proposal,
        bandwidth: &Bandwidth,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let (payer, payee) = match bandwidth.payer {
            Payer::Author => (proposal.from, proposal.to),
            Payer::Counterparty => (proposal.to, proposal.from),
        };
        self.refuse_frozen(payer)?;
        self.ledger.transfer(payer, payee, bandwidth.tokens)?;
        self.count_service(proposal.from, proposal.to, bandwidth);
        effects.balance(payer);
        effects.balance(payee);
        Ok(())
    }

    pub(crate) fn expire_proposal(&mut self, id: BlockId, effects: &mut Effects) {
        if let Some(proposal) = self.proposals.remove(&id) {
            if let Proposed::Cure { deal, .. } = &proposal.what {
                self.cure_expired(deal);
            }
            self.describe_proposal(id, &proposal, ProposalStatus::Expired, effects);
        }
    }

    pub(crate) fn describe_proposal(
        &self,
        id: BlockId,
        proposal: &Proposal,
        status: ProposalStatus,
        effects: &mut Effects,
    ) {
        let deal = match proposal.what {
            Proposed::Payment(deal) | Proposed::Resolution { deal, .. } | Proposed::Cure { deal, .. } => {
                Some(deal)
            }
            Proposed::Bandwidth { .. } => None,
        };
        let (from, to) = (self.accounts.get(proposal.from).id, self.accounts.get(proposal.to).id);
        effects.push(Event::Proposal(ProposalState { proposal: id, from, to, deal, status }));
    }
}
