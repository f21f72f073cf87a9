//! A settlement agent: hears of its account's deals, works out by itself what is due, and never signs a step twice.

use crate::broken::{Broken, Invariant};
use crate::client::Channel;
use crate::network::News;
use crate::wallet::Asked;
use bandex_engine::{DealState, Event, ProposalState, ProposalStatus};
use bandex_settlement::{OnChain, Party, Sent, State, Step, Terms, next_step};
use bandex_types::{AccountId, Amount, BlockId, DealId, Rounding};
use std::collections::BTreeMap;

/// The most moves that a deal is followed for.
const MOST_MOVES: u32 = 100_000;

/// Something that an agent signs once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Job {
    Pay(DealId, u32),
    Acknowledge(BlockId),
    /// Names a script to be paid to on the chain.
    Name(DealId),
    /// Pays there what is asked for by that number.
    Coins(DealId, u32),
    /// Pays it there once more.
    Again(DealId, u32),
    Cure(DealId),
    WriteOff(DealId),
    Resolve(DealId),
}

/// What a deal asks of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Task {
    Pay { deal: DealId, party: Party, tranche: u32, cumulative: Amount, amount: Amount, value: Amount },
    Acknowledge { proposal: BlockId, deal: DealId, payer: Party, cumulative: Amount },
    Name(DealId),
    Coins(Asked),
}

/// All that an agent remembers.
#[derive(Debug, Default)]
pub(crate) struct Agent {
    pub channel: Channel,
    /// The last record heard of.
    pub seen: u64,
    pub deals: BTreeMap<DealId, DealState>,
    /// Proposals of bandwidth that wait for this account.
    pub proposals: BTreeMap<BlockId, ProposalState>,
    /// What waits and is about a deal: payments, cures, resolutions.
    pub ends: BTreeMap<BlockId, ProposalState>,
}

impl Agent {
    pub fn hear(&mut self, news: &News) {
        self.seen = news.record;
        for event in news.events.iter() {
            match event {
                Event::Deal(deal) => {
                    self.deals.insert(deal.id, DealState::clone(deal));
                }
                Event::Proposal(state) if state.status == ProposalStatus::Waiting && state.deal.is_none() => {
                    self.proposals.insert(state.proposal, state.clone());
                }
                Event::Proposal(state) if state.status == ProposalStatus::Waiting => {
                    self.ends.insert(state.proposal, state.clone());
                }
                Event::Proposal(state) => {
                    self.proposals.remove(&state.proposal);
                    self.ends.remove(&state.proposal);
                }
                _ => {}
            }
        }
    }

    /// What the deals ask of `account` now.
    pub fn tasks(&self, account: &AccountId) -> Result<Vec<Task>, Broken> {
        let mut tasks = Vec::new();
        for deal in self.deals.values() {
            let own = if deal.seller == *account { Party::Seller } else { Party::Buyer };
            let task = judge(deal, own).map_err(|what| {
                Broken::new(Invariant::Agent, format!("deal {} as told to {account}: {what}", deal.id))
            })?;
            tasks.extend(task);
        }
        Ok(tasks)
    }
}

/// Follows the walk from its beginning, and compares with what the exchange says.
fn judge(state: &DealState, own: Party) -> Result<Option<Task>, String> {
    let (deal, terms) = (&state.deal, state.deal.terms());
    if terms.settles_at_once() {
        return Ok(None);
    }
    if let Some(chain) = deal.chain() {
        return judge_on_chain(state, chain, own);
    }
    let carried = deal.carried().unwrap_or_default();
    let sent = Sent { seller: deal.sent(Party::Seller), buyer: deal.sent(Party::Buyer) };
    let (mut at, mut tranche) = (carried, 1);
    while at != sent {
        let step = next_step(terms, at).ok_or("what was sent is no stage of the walk")?;
        at = at.with(step.party, step.reaches);
        tranche += 1;
        if tranche > MOST_MOVES {
            return Err("what was sent is no stage of the walk".to_owned());
        }
    }
    if tranche != deal.tranche() {
        return Err(format!("tranche {} is said to follow, it is {tranche}", deal.tranche()));
    }
    let next = next_step(terms, sent);
    match (deal.state(), next, deal.in_flight()) {
        (State::Settled, None, None) | (State::Defaulted { .. } | State::Cured { .. }, Some(_), None) => {
            Ok(None)
        }
        (State::WrittenOff { .. } | State::Resolved | State::Netted, Some(_), None) => Ok(None),
        (State::Open, Some(step), None) => due(state, step, own),
        (State::Open | State::Disputed { .. }, Some(step), Some(open)) => {
            let cumulative = units(terms, step, carried);
            if (open.party, open.tranche, open.cumulative) != (step.party, tranche, cumulative) {
                return Err(format!("in flight is {open:?}, it can only be {step:?}"));
            }
            let payer = open.party;
            let task = Task::Acknowledge { proposal: open.proposal, deal: state.id, payer, cumulative };
            Ok((payer == own.other()).then_some(task))
        }
        (said, next, _) => Err(format!("{said}, but the walk goes on by {next:?}")),
    }
}

/// Holds what is asked for against what each side risks by it.
fn judge_on_chain(state: &DealState, chain: &OnChain, own: Party) -> Result<Option<Task>, String> {
    let (deal, terms) = (&state.deal, state.deal.terms());
    let [delivered, last] = [Party::Seller, Party::Buyer].map(|party| deal.sent(party));
    if delivered.saturating_sub(last) > terms.seller_cap {
        return Err(format!("{delivered} is delivered for {last} that are final: {chain:?}"));
    }
    let asked = |late| {
        let payee = state.payee.as_ref()?;
        let (deal, script) = (state.id, payee.script.clone());
        Some(Task::Coins(Asked { deal, script, demand: chain.demand, number: chain.number, late }))
    };
    match (deal.state(), deal.due()) {
        (State::Open, _) if chain.demand.saturating_sub(delivered) > terms.buyer_cap => {
            Err(format!("{} is asked for with {delivered} delivered", chain.demand))
        }
        (State::Open, Some(due)) if due.party == own => match own {
            Party::Seller => Ok(Some(Task::Name(state.id))),
            Party::Buyer if due.amount == chain.demand.saturating_sub(chain.counted.included) => {
                Ok(asked(false))
            }
            Party::Buyer => Err(format!("due is said to be {due:?}: {chain:?}")),
        },
        (State::Defaulted { by: Party::Buyer }, None) if own == Party::Buyer => Ok(asked(true)),
        (State::Open, _) | (_, None) => Ok(None),
        (said, Some(due)) => Err(format!("{said}, and {due:?} is due")),
    }
}

/// What a step's payer will have sent in all, in units of its leg.
fn units(terms: &Terms, step: Step, carried: Sent) -> Amount {
    terms.units_after(step.party, step.reaches, carried.by(step.party), Rounding::Down)
}

fn due(state: &DealState, step: Step, own: Party) -> Result<Option<Task>, String> {
    let (deal, terms) = (&state.deal, state.deal.terms());
    let cumulative = units(terms, step, deal.carried().unwrap_or_default());
    let due = deal.due().ok_or("the deal is open and nothing is due")?;
    if (due.party, due.tranche, due.cumulative) != (step.party, deal.tranche(), cumulative) {
        return Err(format!("due is said to be {due:?}, it is {step:?}"));
    }
    let task = Task::Pay {
        deal: state.id,
        party: own,
        tranche: due.tranche,
        cumulative,
        amount: due.amount,
        value: due.value,
    };
    Ok((step.party == own).then_some(task))
}
