//! What a private channel says: all there is at first, then what a record changed.

use super::lists::{List, Part};
use crate::edge::{Follows, Metrics};
use crate::http::problem::Fault;
use crate::publication::{AppliedBlock, Publication};
use crate::sessions::Who;
use crate::shared::Shared;
use crate::view::{MarketInfo, View};
use crate::wire;
use bandex_api as api;
use bandex_api::Channel;
use bandex_engine::{Event, KeyState, OrderTerms, Trade};
use bandex_journal::{DealExtras, ProtectionState, ReadError};
use bandex_tradechain::Receipt;
use bandex_types::{AccountId, Amount, BlockId, DealId, OrderRef, PublicKey, Timestamp};
use serde_json::{Value, to_value};
use std::collections::VecDeque;

/// A private channel that is followed.
pub(super) struct Subscription {
    pub channel: Channel,
    pub who: Who,
    /// What the last push was true up to.
    pub seq: u64,
    /// What the follower has been told at all up to: publications up to here are in the snapshot, or were skipped over
    /// because nothing in them is of this channel.
    pub seen: u64,
    /// Whether it is told from the projections what it missed; publications are not for it until it has caught up.
    pub is_behind: bool,
    /// Of the channel `limits`, which tells the whole when it changed: what it told last.
    pub told: Option<Value>,
    _counted: Follows,
}

pub(super) fn value(items: impl serde::Serialize) -> Value {
    to_value(items).unwrap_or_default()
}

/// The own limit as it stands now.
///
/// # Errors
/// The projections do not answer.
pub(super) async fn limits(shared: &Shared, account: AccountId) -> Result<Option<api::Limits>, ReadError> {
    let seq = *shared.checkpoint.borrow();
    let Some((state, trust)) = shared.projections.limits(account).await? else { return Ok(None) };
    let trust = trust.unwrap_or_else(|| wire::no_stake(&state));
    let view = shared.view();
    let raise = bandex_engine::raise(view.trust.rulings(&view.parameters), &trust, &state);
    Ok(Some(wire::limits(&view, seq, &state, &trust, raise)))
}

/// A key of the account with the end of its lane.
fn lane_now(view: &View, key: &KeyState) -> api::LaneNews {
    let head = view.head(&key.key);
    api::LaneNews {
        key: key.key.to_string(),
        block_id: head.filter(|head| head.seq > 0).map(|head| head.id.to_string()),
        lane_seq: head.map_or(0, |head| head.seq),
        seq: view.seq,
        time_us: view.time.as_micros(),
        status: wire::key_status(key.status).to_owned(),
    }
}

/// A block that was sequenced, of a key that stands so now.
pub(super) fn block_in_lane(
    view: &View,
    key: &PublicKey,
    (id, lane_seq): (BlockId, u64),
    seq: u64,
    time: Timestamp,
) -> Option<api::LaneNews> {
    Some(api::LaneNews {
        key: key.to_string(),
        block_id: Some(id.to_string()),
        lane_seq,
        seq,
        time_us: time.as_micros(),
        status: wire::key_status(view.key(key)?.status).to_owned(),
    })
}

/// A key that changed.
fn key_changed(view: &View, key: &KeyState, seq: u64, time: Timestamp) -> api::LaneNews {
    let (block_id, time_us) = (None, time.as_micros());
    let status = wire::key_status(key.status).to_owned();
    let lane_seq = view.head(&key.key).map_or(0, |head| head.seq);
    api::LaneNews { key: key.key.to_string(), block_id, lane_seq, seq, time_us, status }
}

impl Subscription {
    /// What was asked for.
    pub const fn name(&self) -> api::Subscribe {
        api::Subscribe::to(self.channel)
    }

    pub fn new(channel: Channel, who: Who, metrics: &Metrics) -> Self {
        let _counted = metrics.follows(channel);
        Self { channel, who, seq: 0, seen: 0, is_behind: false, told: None, _counted }
    }

    /// All there is now, or the first part of it and the parts that follow; moves the subscription to the record that
    /// the first part is true up to, and has it hear the news behind the whole.
    pub async fn snapshot(&mut self, shared: &Shared) -> Result<(Value, VecDeque<Part>), Fault> {
        let account = self.who.account;
        let seq = shared.caught_up().await?;
        (self.seq, self.seen) = (seq, seq);
        if let Some(list) = List::of(self.channel, account) {
            let mut parts = list.parts(shared, seq).await?;
            let Some(first) = parts.pop_front() else { return Ok((Value::Array(Vec::new()), parts)) };
            self.seq = first.seq;
            return Ok((list.items(shared, first).await?, parts));
        }
        let data = match self.channel {
            Channel::Protections => {
                let rows = shared.projections.protections(account).await?;
                let protections = rows.iter().filter_map(|row| {
                    let info = shared.market_info(row.market)?;
                    Some(wire::protection(&info, row.state, row.updated_seq, row.updated_time))
                });
                value(protections.collect::<Vec<_>>())
            }
            Channel::Balances => {
                let rows = shared.projections.balances(account).await?;
                let view = shared.view();
                value(rows.iter().map(|row| wire::balance(&view, row)).collect::<Vec<_>>())
            }
            Channel::Limits => {
                let told = value(limits(shared, account).await?);
                self.told = Some(told.clone());
                told
            }
            Channel::Lane => {
                let keys = shared.projections.keys(account).await?;
                let view = shared.view();
                value(keys.iter().map(|key| lane_now(&view, key)).collect::<Vec<_>>())
            }
            _ => value(Vec::<api::Fill>::new()),
        };
        Ok((data, VecDeque::new()))
    }

    /// What a publication changed behind what was told; none if nothing.
    pub fn update(&self, shared: &Shared, publication: &Publication) -> Option<Value> {
        let records = publication.records().iter().enumerate();
        let items = records.filter(|(_, applied)| applied.seq > self.seen).flat_map(|(at, applied)| {
            let terms = |order: &OrderRef| publication.terms(order);
            let record = Told {
                seq: applied.seq,
                time: applied.time,
                events: &applied.outcome.events,
                block: applied.block.as_ref(),
                terms: &terms,
            };
            record.items(shared, self.channel, self.who.account, || publication.receipt(at))
        });
        some(items.collect())
    }

    /// Whether a publication may have changed the own limit.
    pub fn is_about_limits(&self, publication: &Publication) -> bool {
        let account = self.who.account;
        let events = publication.records().iter().flat_map(|applied| &applied.outcome.events);
        let mut own = events.filter(|event| match event {
            Event::Account(state) => state.account == account,
            Event::Trust(state) => state.account == account,
            _ => false,
        });
        own.next().is_some()
    }
}

/// A record as private channels tell of it, fresh or long past.
pub(super) struct Told<'a> {
    pub seq: u64,
    pub time: Timestamp,
    pub events: &'a [Event],
    /// Its block, if it is known here.
    pub block: Option<&'a AppliedBlock>,
    /// The terms of an order in it, if it has any.
    pub terms: &'a (dyn Fn(&OrderRef) -> Option<OrderTerms> + Sync),
}

impl Told<'_> {
    /// Whether the account traded, so that its fills need the record's receipt.
    pub fn has_fill(&self, account: AccountId) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Trade(trade) if is_side(trade, account)))
    }

    /// What netting and bonds did to a deal in this record. Fees are left out: these would be only a part of them.
    fn extras(&self, deal: DealId) -> DealExtras {
        let own = self.events.iter().flat_map(DealExtras::of).filter(|(of, _)| *of == deal);
        let sum = own.fold(DealExtras::default(), |sum, (_, extras)| sum.then(&extras));
        DealExtras { maker_fee: Amount::ZERO, taker_fee: Amount::ZERO, ..sum }
    }

    /// The payments of a deal on the chain that the record changed.
    fn payments(&self, info: &MarketInfo, deal: DealId) -> Vec<api::DealPayment> {
        let own = self.events.iter().filter_map(|event| match event {
            Event::Payment(state) if state.deal == deal => {
                Some(wire::payment(info, state, self.seq, self.time))
            }
            _ => None,
        });
        own.collect()
    }

    /// What a private channel of the account tells of the record. The first fill carries the proof of the taker's
    /// record, which is this one: the maker was not asked, so it gets the evidence. Once a record is enough: a receipt
    /// holds the record's whole outcome, and one order may fill thousands.
    pub fn items(
        &self,
        shared: &Shared,
        channel: Channel,
        account: AccountId,
        receipt: impl FnOnce() -> Option<Receipt>,
    ) -> Vec<Value> {
        let mut receipt = Some(receipt);
        let item = |event: &Event| match (channel, event) {
            (Channel::Orders, Event::Order(order)) if order.account == account => {
                let info = shared.market_info(order.market)?;
                let terms = (self.terms)(&order.order);
                Some(value(wire::order(&info, order, terms.as_ref(), self.seq, self.time)))
            }
            (Channel::Protections, Event::Protection { account: whose, market, protection, tripped })
                if *whose == account =>
            {
                let info = shared.market_info(*market)?;
                let state = ProtectionState { protection: *protection, tripped: *tripped };
                Some(value(wire::protection(&info, state, self.seq, self.time)))
            }
            (Channel::Deals, Event::Deal(deal)) if deal.seller == account || deal.buyer == account => {
                let info = shared.market_info(deal.market)?;
                let mut told = wire::deal(&info, deal, Some(&self.extras(deal.id)), self.seq);
                told.payments = self.payments(&info, deal.id);
                Some(value(told))
            }
            (Channel::Fills, Event::Trade(trade)) if is_side(trade, account) => {
                let info = shared.market_info(trade.market)?;
                let receipt = receipt.take().and_then(|make| make()).as_ref().map(wire::receipt);
                Some(value(wire::fill(&info, trade, account, self.seq, self.time, receipt)))
            }
            (Channel::Balances, Event::Balance(state)) if state.account == account => {
                Some(value(wire::balance(&shared.view(), state)))
            }
            (Channel::Lane, Event::Key(key)) if key.account == account => {
                Some(value(key_changed(&shared.view(), key, self.seq, self.time)))
            }
            _ => None,
        };
        let block = self.block.filter(|_| channel == Channel::Lane);
        let block = block.and_then(|block| self.block_of(shared, account, block)).map(value);
        block.into_iter().chain(self.events.iter().filter_map(item)).collect()
    }

    /// The record's block, if a key of the account signed it.
    fn block_of(&self, shared: &Shared, account: AccountId, block: &AppliedBlock) -> Option<api::LaneNews> {
        let (view, key) = (shared.view(), &block.author);
        view.key(key).filter(|state| state.account == account)?;
        block_in_lane(&view, key, (block.id, block.lane_seq), self.seq, self.time)
    }
}

fn is_side(trade: &Trade, account: AccountId) -> bool {
    trade.taker_account == account || trade.maker_account == account
}

/// Items as a push has them; none if there are none.
pub(super) fn some(items: Vec<Value>) -> Option<Value> {
    (!items.is_empty()).then_some(Value::Array(items))
}
