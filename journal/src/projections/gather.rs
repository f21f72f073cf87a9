//! Many records' events folded into one row for each thing they touched, so that each is written once.
//!
//! Events are whole states: where a thing appears first and its last state are all that a row needs, and folding
//! records together gives the same rows as writing them one by one.

use super::{Projected, ProjectedBlock};
use crate::sql::signed;
use bandex_engine::{
    AccountState, BalanceState, CommandResult, DealState, Event, KeyState, OrderState, ProposalState, Trade,
};
use bandex_types::{AccountId, AssetId, BlockId, DealId, MarketId, PublicKey, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A place in the journal, its numbers known to fit the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) seq: i64,
    pub(super) index: i64,
    pub(super) time: i64,
}

/// A thing's first and last appearance among the records, and its state at the last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a, T> {
    pub(super) first: Place,
    pub(super) last: Place,
    pub(super) state: &'a T,
}

/// A block, its place in its lane known to fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeenBlock<'a> {
    pub(super) record_seq: i64,
    pub(super) lane_seq: i64,
    pub(super) block: &'a ProjectedBlock,
}

/// An order's reference, its seq known to fit.
type OrderKey = (PublicKey, i64, u8);

/// One row for each thing, by the table's key.
#[derive(Debug, Default)]
pub(super) struct Gathered<'a> {
    pub(super) outcomes: Vec<(Place, &'a [u8])>,
    pub(super) blocks: Vec<SeenBlock<'a>>,
    pub(super) accounts: BTreeMap<AccountId, Seen<'a, AccountState>>,
    pub(super) keys: BTreeMap<PublicKey, Seen<'a, KeyState>>,
    pub(super) balances: BTreeMap<(AccountId, AssetId), Seen<'a, BalanceState>>,
    pub(super) orders: BTreeMap<OrderKey, Seen<'a, OrderState>>,
    pub(super) trades: BTreeMap<(MarketId, i64), Seen<'a, Trade>>,
    pub(super) deals: BTreeMap<DealId, Seen<'a, DealState>>,
    pub(super) deal_records: BTreeSet<(DealId, i64)>,
    pub(super) proposals: BTreeMap<BlockId, Seen<'a, ProposalState>>,
}

fn note<'a, K: Ord, T>(map: &mut BTreeMap<K, Seen<'a, T>>, key: K, at: Place, state: &'a T) {
    let seen = map.entry(key).or_insert(Seen { first: at, last: at, state });
    (seen.last, seen.state) = (at, state);
}

impl<'a> Gathered<'a> {
    /// Folds records, which come in the journal's order.
    ///
    /// # Errors
    /// A number does not fit the store, in words.
    pub(super) fn from(records: &'a [Projected]) -> Result<Self, String> {
        let mut gathered = Self::default();
        for record in records {
            gathered.add(record)?;
        }
        Ok(gathered)
    }

    fn add(&mut self, record: &'a Projected) -> Result<(), String> {
        let place = place(record.seq, 0, record.time)?;
        self.outcomes.push((place, &record.outcome_bytes));
        if let Some(block) = &record.block {
            let lane_seq = signed(block.lane_seq)?;
            self.blocks.push(SeenBlock { record_seq: place.seq, lane_seq, block });
            // A refused payment names a deal and does nothing to it: anybody could add such records.
            if matches!(record.outcome.result, CommandResult::Done(_)) {
                self.touch(block.deal, place);
            }
        }
        for (index, event) in (0_i64..).zip(&record.outcome.events) {
            self.event(Place { index, ..place }, event)?;
        }
        Ok(())
    }

    fn touch(&mut self, deal: Option<DealId>, at: Place) {
        self.deal_records.extend(deal.map(|deal| (deal, at.seq)));
    }

    fn event(&mut self, at: Place, event: &'a Event) -> Result<(), String> {
        match event {
            Event::Account(state) => note(&mut self.accounts, state.account, at, state),
            Event::Key(state) => note(&mut self.keys, state.key, at, state),
            Event::Balance(state) => note(&mut self.balances, (state.account, state.asset), at, state),
            Event::Order(state) => {
                let key = (state.order.key, signed(state.order.seq)?, state.order.op);
                note(&mut self.orders, key, at, state);
            }
            Event::Trade(trade) => {
                self.touch(Some(trade.deal), at);
                note(&mut self.trades, (trade.market, signed(trade.number)?), at, trade);
            }
            Event::Deal(state) => {
                self.touch(Some(state.id), at);
                note(&mut self.deals, state.id, at, state);
            }
            Event::Proposal(state) => {
                self.touch(state.deal, at);
                note(&mut self.proposals, state.proposal, at, state);
            }
            Event::Tranche(tranche) => self.touch(Some(tranche.deal), at),
            Event::Default(notice) => self.touch(Some(notice.deal), at),
            // The engine's own business, and forks: whoever asks for them reads the outcomes.
            Event::Genesis { .. }
            | Event::Fork(_)
            | Event::Asset(_)
            | Event::Market { .. }
            | Event::Parameters(_)
            | Event::Rules { .. } => {}
        }
        Ok(())
    }
}

fn place(seq: u64, index: i64, time: Timestamp) -> Result<Place, String> {
    Ok(Place { seq: signed(seq)?, index, time: signed(time.as_micros())? })
}
