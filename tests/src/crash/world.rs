//! What all clients see together: accounts, open deals, and counts of what was answered.

use bandex_engine::{DealState, Event, Outcome};
use bandex_settlement::Party;
use bandex_tradechain::Body;
use bandex_tradechain::body::{Acknowledge, Pay};
use bandex_types::{AccountId, DealId};
use std::collections::{BTreeMap, BTreeSet};

/// What became of what was sent, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Blocks that were acknowledged: sequenced, with or without effect.
    pub acknowledged: u64,
    /// Of these, those that were refused.
    pub refused: u64,
    /// Blocks that were sent again though they had been answered, and were answered the same.
    pub repeated: u64,
    /// Blocks with a wrong signature, all rejected.
    pub rejected: u64,
    /// Answers that left open what became of the block.
    pub unknown: u64,
    /// Connections that broke or could not be made.
    pub broken: u64,
}

/// A deal as far as it is known.
#[derive(Debug)]
struct Known {
    seq: u64,
    state: DealState,
}

/// What is shared.
#[derive(Debug, Default)]
pub struct World {
    /// Everybody who may be sent tokens.
    pub accounts: Vec<AccountId>,
    /// What was answered so far.
    pub tally: Tally,
    deals: BTreeMap<DealId, Known>,
    /// By who has to act next, without those somebody is acting on.
    waiting: BTreeMap<AccountId, BTreeSet<DealId>>,
}

impl World {
    /// Takes in what came of record `seq`.
    pub fn observe(&mut self, seq: u64, outcome: &Outcome) {
        for event in &outcome.events {
            if let Event::Deal(state) = event
                && self.deals.get(&state.id).is_none_or(|known| known.seq < seq)
            {
                self.update(seq, state);
            }
        }
    }

    fn update(&mut self, seq: u64, state: &DealState) {
        if let Some(known) = self.deals.remove(&state.id) {
            let waiting = self.waiting.entry(next_of(&known.state).0).or_default();
            waiting.remove(&state.id);
        }
        if !state.deal.state().is_closed() {
            self.waiting.entry(next_of(state).0).or_default().insert(state.id);
            self.deals.insert(state.id, Known { seq, state: state.clone() });
        }
    }

    /// The step that one of these accounts owes in some deal, and which account that is. Nobody else is told the same.
    pub fn settle(&mut self, accounts: &[AccountId]) -> Option<(AccountId, Body)> {
        let (account, deal) = accounts
            .iter()
            .find_map(|account| Some((*account, self.waiting.get_mut(account)?.pop_first()?)))?;
        self.deals.get(&deal).map(|known| (account, next_of(&known.state).1))
    }

    /// Nobody acts any more: every open deal waits again for its next step.
    pub fn release(&mut self) {
        self.waiting.clear();
        for known in self.deals.values() {
            self.waiting.entry(next_of(&known.state).0).or_default().insert(known.state.id);
        }
    }
}

/// Who has to act next in an open deal, and how.
fn next_of(state: &DealState) -> (AccountId, Body) {
    let of = |party| if party == Party::Seller { state.seller } else { state.buyer };
    match (state.deal.in_flight(), state.deal.due()) {
        (Some(paid), _) => (of(paid.party.other()), Body::from(Acknowledge { proposal: paid.proposal })),
        (None, Some(due)) => {
            let (deal, tranche, cumulative) = (state.id, due.tranche, due.cumulative);
            (of(due.party), Body::from(Pay { deal, tranche, cumulative, reference: String::new() }))
        }
        (None, None) => panic!("an open deal waits for somebody: {state:?}"),
    }
}
