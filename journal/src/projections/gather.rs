//! Many records' events folded into one row for each thing they touched, so that each is written once.
//!
//! Events are whole states: where a thing appears first and its last state are all that a row needs, and folding
//! records together gives the same rows as writing them one by one.

use super::candles::{Candle, CandleInterval};
use super::extras::DealExtras;
use super::rows::{AuctionState, ProtectionState};
use super::{Projected, ProjectedBlock};
use crate::sql::{signed, time};
use bandex_engine::{
    AccountState, BalanceState, CommandResult, DealState, DefaultNotice, Event, ForkNotice, KeyState,
    OrderState, OrderTerms, PaymentState, ProposalState, Trade, TrustState,
};
use bandex_types::{AccountId, AssetId, BlockId, DealId, Hash, MarketId, OrderRef, PublicKey, Timestamp};
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

/// The trades of one interval among the records, and the last record with any.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folded {
    pub(super) candle: Candle,
    pub(super) last_seq: i64,
}

/// An order's reference, its seq known to fit.
type OrderKey = (PublicKey, i64, u8);

/// One row for each thing, by the table's key.
#[derive(Debug, Default)]
pub(super) struct Gathered<'a> {
    pub(super) outcomes: Vec<(Place, &'a [u8])>,
    pub(super) blocks: Vec<SeenBlock<'a>>,
    pub(super) account_records: BTreeSet<(AccountId, i64)>,
    pub(super) accounts: BTreeMap<AccountId, Seen<'a, AccountState>>,
    pub(super) trust: BTreeMap<AccountId, Seen<'a, TrustState>>,
    pub(super) keys: BTreeMap<PublicKey, Seen<'a, KeyState>>,
    pub(super) balances: BTreeMap<(AccountId, AssetId), Seen<'a, BalanceState>>,
    pub(super) orders: BTreeMap<OrderKey, Seen<'a, OrderState>>,
    pub(super) terms: BTreeMap<OrderKey, &'a OrderTerms>,
    pub(super) amendments: BTreeSet<(OrderKey, i64)>,
    pub(super) auctions: Vec<(MarketId, Place, AuctionState)>,
    pub(super) protections: BTreeMap<(AccountId, MarketId), (Place, ProtectionState)>,
    pub(super) trades: BTreeMap<(MarketId, i64), Seen<'a, Trade>>,
    pub(super) candles: BTreeMap<(MarketId, CandleInterval), BTreeMap<i64, Folded>>,
    pub(super) deals: BTreeMap<DealId, Seen<'a, DealState>>,
    pub(super) deal_extras: BTreeMap<DealId, (i64, DealExtras)>,
    pub(super) payments: BTreeMap<(Hash, u32), Seen<'a, PaymentState>>,
    pub(super) deal_records: BTreeSet<(DealId, i64)>,
    pub(super) proposals: BTreeMap<BlockId, Seen<'a, ProposalState>>,
    pub(super) defaults: Vec<(Place, &'a DefaultNotice)>,
    pub(super) forks: Vec<(Place, &'a ForkNotice)>,
}

fn order_key(order: &OrderRef) -> Result<OrderKey, String> {
    Ok((order.key, signed(order.seq)?, order.op))
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
        for order in &record.amended {
            self.amendments.insert((order_key(order)?, place.seq));
        }
        for (index, event) in (0_i64..).zip(&record.outcome.events) {
            self.event(Place { index, ..place }, event)?;
        }
        Ok(())
    }

    fn touch(&mut self, deal: Option<DealId>, at: Place) {
        self.deal_records.extend(deal.map(|deal| (deal, at.seq)));
    }

    fn concern<const N: usize>(&mut self, accounts: [AccountId; N], at: Place) {
        self.account_records.extend(accounts.map(|account| (account, at.seq)));
    }

    fn event(&mut self, at: Place, event: &'a Event) -> Result<(), String> {
        match event {
            Event::Account(state) => {
                self.concern([state.account], at);
                note(&mut self.accounts, state.account, at, state);
            }
            Event::Key(state) => {
                self.concern([state.account], at);
                note(&mut self.keys, state.key, at, state);
            }
            Event::Balance(state) => {
                self.concern([state.account], at);
                note(&mut self.balances, (state.account, state.asset), at, state);
            }
            Event::Order(state) => {
                self.concern([state.account], at);
                note(&mut self.orders, order_key(&state.order)?, at, state);
            }
            Event::Terms(terms) => {
                self.terms.insert(order_key(&terms.order)?, terms);
            }
            Event::Auction { market, price, volume } => {
                self.auctions.push((*market, at, AuctionState { price: *price, volume: *volume }));
            }
            Event::Protection { account, market, protection, tripped } => {
                self.concern([*account], at);
                let state = ProtectionState { protection: *protection, tripped: *tripped };
                self.protections.insert((*account, *market), (at, state));
            }
            Event::Trade(trade) => self.trade(at, trade)?,
            Event::Deal(state) => {
                self.touch(Some(state.id), at);
                self.concern([state.seller, state.buyer], at);
                note(&mut self.deals, state.id, at, state);
            }
            Event::Proposal(state) => {
                self.touch(state.deal, at);
                self.concern([state.from, state.to], at);
                note(&mut self.proposals, state.proposal, at, state);
            }
            Event::Tranche(tranche) => self.touch(Some(tranche.deal), at),
            Event::Default(notice) => {
                self.touch(Some(notice.deal), at);
                self.concern([notice.by, notice.victim], at);
                self.defaults.push((at, notice));
            }
            Event::Fork(notice) => {
                self.concern([notice.account], at);
                self.forks.push((at, notice));
            }
            // The engine's own business: whoever asks for it reads the outcomes.
            Event::Genesis { .. }
            | Event::Asset(_)
            | Event::Market { .. }
            | Event::MarketRules { .. }
            | Event::Parameters(_)
            | Event::TrustTerms(_)
            | Event::Rate { .. }
            | Event::MarketFees { .. }
            | Event::Bitcoin(_)
            | Event::PaymentTerms { .. }
            | Event::Chain(_)
            | Event::Epoch { .. }
            | Event::Scored { .. }
            | Event::Rules { .. } => {}
            Event::Trust(state) => {
                self.concern([state.account], at);
                note(&mut self.trust, state.account, at, &**state);
            }
            Event::Slash(slash) => {
                self.touch(Some(slash.deal), at);
                self.concern([slash.from, slash.to], at);
            }
            Event::Netted(netted) => {
                for deal in netted.replaced.into_iter().chain(netted.deal) {
                    self.touch(Some(deal), at);
                }
            }
            Event::Payment(state) => {
                self.touch(Some(state.deal), at);
                note(&mut self.payments, (state.txid, state.output), at, state);
            }
            Event::DealFees { deal, .. } => self.touch(Some(*deal), at),
            Event::Guard(state) => self.concern([state.account], at),
        }
        self.extras(event, at);
        Ok(())
    }

    fn extras(&mut self, event: &Event, at: Place) {
        for (deal, extras) in DealExtras::of(event) {
            let (seq, sum) = self.deal_extras.entry(deal).or_default();
            (*seq, *sum) = (at.seq, std::mem::take(sum).then(&extras));
        }
    }

    fn trade(&mut self, at: Place, trade: &'a Trade) -> Result<(), String> {
        self.touch(Some(trade.deal), at);
        self.concern([trade.taker_account, trade.maker_account], at);
        note(&mut self.trades, (trade.market, signed(trade.number)?), at, trade);
        let candle = Candle::of(trade);
        for interval in CandleInterval::ALL {
            let start = signed(interval.start_of(time("time", at.time)?).as_micros())?;
            let starts = self.candles.entry((trade.market, interval)).or_default();
            starts
                .entry(start)
                .and_modify(|folded| {
                    *folded = Folded { candle: folded.candle.then(candle), last_seq: at.seq };
                })
                .or_insert(Folded { candle, last_seq: at.seq });
        }
        Ok(())
    }
}

fn place(seq: u64, index: i64, time: Timestamp) -> Result<Place, String> {
    Ok(Place { seq: signed(seq)?, index, time: signed(time.as_micros())? })
}
