//! What a channel says: all there is at first, then what a publication changed.

use crate::http;
use crate::http::problem::Fault;
use crate::publication::{Applied, LevelChange, Publication};
use crate::sessions::Who;
use crate::shared::Shared;
use crate::view::MarketInfo;
use crate::wire;
use bandex_api as api;
use bandex_api::Channel;
use bandex_engine::{Event, LevelView, OrderTerms, Trade};
use bandex_journal::{
    AuctionState, Cursor, DealExtras, DealFilter, OrderFilter, OrderStand, ProtectionState,
};
use bandex_tradechain::Receipt;
use bandex_tradechain::body::MarketState;
use bandex_types::{AccountId, Amount, DealId, OrderRef, Side, Timestamp};
use serde_json::{Value, to_value};
use std::sync::Arc;

/// The levels of a book's snapshot, a side.
const DEPTH: usize = 1_000;
/// The items of other snapshots.
const ITEMS: usize = 1_000;
/// The trades of a snapshot.
const TRADES: usize = 100;

/// A channel that is followed.
pub(super) struct Subscription {
    pub channel: Channel,
    pub market: Option<Arc<MarketInfo>>,
    /// Whose, of private channels.
    pub who: Option<Who>,
    /// What the last push was true up to.
    pub seq: u64,
    /// What the follower has been told at all up to: publications up to here are in the snapshot, or were skipped over
    /// because nothing in them is of this channel.
    pub seen: u64,
    /// Whether it is told from the projections what it missed; publications are not for it until it has caught up.
    pub is_behind: bool,
}

fn value(items: impl serde::Serialize) -> Value {
    to_value(items).unwrap_or_default()
}

impl Subscription {
    pub fn market_symbol(&self) -> Option<&str> {
        self.market.as_ref().map(|info| info.symbol.as_str())
    }

    /// All there is now; moves the subscription to the record it is true up to.
    pub async fn snapshot(&mut self, shared: &Shared) -> Result<Value, Fault> {
        let (seq, data) = match (self.channel, &self.market, self.who) {
            (Channel::Book, Some(info), _) => {
                let view = shared.view();
                let book = view.markets.get(&info.listing.id);
                (view.seq, value(book.map(|book| wire::book(book, view.seq, DEPTH))))
            }
            (Channel::Trades, Some(info), _) => {
                let seq = shared.caught_up().await?;
                let rows = shared.projections.trades(info.listing.id, None, TRADES).await?;
                let on_wire =
                    |row: &bandex_journal::TradeRow| wire::trade(info, &row.trade, row.at.seq, row.time);
                // What was projected meanwhile is told by the updates.
                let told = rows.iter().rev().filter(|row| row.at.seq <= seq);
                (seq, value(told.map(on_wire).collect::<Vec<_>>()))
            }
            (Channel::Auction, Some(info), _) => auction_snapshot(shared, info).await?,
            (Channel::Orders, _, Some(who)) => {
                let seq = shared.caught_up().await?;
                let filter = OrderFilter {
                    account: who.account,
                    market: None,
                    stand: OrderStand::Open,
                    client_id: None,
                };
                let rows = shared.projections.orders(&filter, None, ITEMS).await?;
                let orders = rows.iter().filter_map(|row| {
                    let info = shared.market_info(row.state.market)?;
                    Some(http::order_on_the_wire(&info, row))
                });
                (seq, value(orders.collect::<Vec<_>>()))
            }
            (Channel::Protections, _, Some(who)) => {
                let seq = shared.caught_up().await?;
                let rows = shared.projections.protections(who.account).await?;
                let protections = rows.iter().filter_map(|row| {
                    let info = shared.market_info(row.market)?;
                    Some(wire::protection(&info, row.state, row.updated_seq, row.updated_time))
                });
                (seq, value(protections.collect::<Vec<_>>()))
            }
            (Channel::Deals, _, Some(who)) => {
                let seq = shared.caught_up().await?;
                let filter = DealFilter { account: Some(who.account), due_by: None, open_only: true };
                let rows = shared.projections.deals(&filter, None, ITEMS).await?;
                (seq, value(http::deals_on_the_wire(shared, &rows).await?))
            }
            (Channel::Fills, _, Some(_)) => (shared.view().seq, value(Vec::<api::Fill>::new())),
            (Channel::Book | Channel::Trades | Channel::Auction, None, _) => {
                return Err(Fault::bad_request("this channel needs a market"));
            }
            (_, _, None) => return Err(Fault::not_logged_in()),
            _ => return Err(Fault::bad_request("this channel is not served yet")),
        };
        (self.seq, self.seen) = (seq, seq);
        Ok(data)
    }

    /// What a publication changed behind what was told; none if nothing.
    pub fn update(&self, shared: &Shared, publication: &Publication) -> Option<Value> {
        match (self.channel, &self.market, self.who) {
            (Channel::Book, Some(info), _) => book(info, publication),
            (Channel::Auction, Some(info), _) => auction(info, publication),
            (Channel::Trades, Some(info), _) => {
                let records = publication.records().iter();
                let trades = records.flat_map(|applied| {
                    applied.outcome.events.iter().filter_map(move |event| match event {
                        Event::Trade(trade) if trade.market == info.listing.id => {
                            Some(value(wire::trade(info, trade, applied.seq, applied.time)))
                        }
                        _ => None,
                    })
                });
                some(trades.collect())
            }
            (_, _, Some(who)) => {
                let records = publication.records().iter().enumerate();
                let items =
                    records.filter(|(_, applied)| applied.seq > self.seen).flat_map(|(at, applied)| {
                        let events = &applied.outcome.events;
                        let terms = |order: &OrderRef| publication.terms(order);
                        let record = Told { seq: applied.seq, time: applied.time, events, terms: &terms };
                        record.items(shared, self.channel, who.account, || publication.receipt(at))
                    });
                some(items.collect())
            }
            _ => None,
        }
    }
}

/// A record as private channels tell of it, fresh or long past.
pub(super) struct Told<'a> {
    pub seq: u64,
    pub time: Timestamp,
    pub events: &'a [Event],
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
            _ => None,
        };
        self.events.iter().filter_map(item).collect()
    }
}

fn is_side(trade: &Trade, account: AccountId) -> bool {
    trade.taker_account == account || trade.maker_account == account
}

/// Items as a push has them; none if there are none.
pub(super) fn some(items: Vec<Value>) -> Option<Value> {
    (!items.is_empty()).then_some(Value::Array(items))
}

/// The changed levels, and the market's state: a batch that changed any level says what it is.
fn book(info: &MarketInfo, publication: &Publication) -> Option<Value> {
    let change = publication.market(info.listing.id)?;
    let side = |side: Side| {
        let changes = publication.levels().iter();
        let here = changes.filter(move |change| change.market == info.listing.id && change.side == side);
        here.map(|change| level_change(info, change)).collect::<Vec<_>>()
    };
    let (market, state) = (info.symbol.clone(), wire::market_state(change.state).to_owned());
    let (bids, asks) = (side(Side::Buy), side(Side::Sell));
    if bids.is_empty() && asks.is_empty() && !is_decided(info, publication) {
        return None;
    }
    Some(value(api::Book { market, seq: publication.last_seq(), state, bids, asks, checksum: 0 }))
}

fn level_change(info: &MarketInfo, change: &LevelChange) -> api::Level {
    let gone = LevelView { price: change.price, quantity: 0, orders: 0 };
    wire::level(info, &change.level.unwrap_or(gone))
}

fn events(publication: &Publication) -> impl Iterator<Item = (&Applied, &Event)> {
    let records = publication.records().iter();
    records.flat_map(|applied| applied.outcome.events.iter().map(move |event| (applied, event)))
}

/// Whether the market's state was set.
fn is_decided(info: &MarketInfo, publication: &Publication) -> bool {
    let sets =
        |event: &Event| matches!(event, Event::Market { listing, .. } if listing.id == info.listing.id);
    events(publication).any(|(_, event)| sets(event))
}

/// The state that was set, what an auction that gathers would give now, and what those gave that ended.
fn auction(info: &MarketInfo, publication: &Publication) -> Option<Value> {
    let change = publication.market(info.listing.id)?;
    if change.state == MarketState::Trading && !is_decided(info, publication) {
        return None;
    }
    let ended = events(publication).filter_map(|(applied, event)| match event {
        Event::Auction { market, price, volume } if *market == info.listing.id => {
            let state = AuctionState { price: *price, volume: *volume };
            Some(wire::auction_result(info, state, applied.seq, applied.time))
        }
        _ => None,
    });
    let told = api::Auction {
        market: info.symbol.clone(),
        seq: publication.last_seq(),
        state: wire::market_state(change.state).to_owned(),
        ends_us: change.ends.map(Timestamp::as_micros),
        indicative: change.indicative.as_ref().map(|found| wire::indicative(info, found)),
        ended: ended.collect(),
    };
    Some(value(told))
}

async fn auction_snapshot(shared: &Shared, info: &MarketInfo) -> Result<(u64, Value), Fault> {
    let (seq, mut told) = {
        let view = shared.view();
        let book = view.markets.get(&info.listing.id);
        let book = book.ok_or_else(|| Fault::not_found("the market is not listed"))?;
        let told = api::Auction {
            market: info.symbol.clone(),
            seq: view.seq,
            state: wire::market_state(book.market.state).to_owned(),
            ends_us: book.ends.map(Timestamp::as_micros),
            indicative: book.indicative.as_ref().map(|found| wire::indicative(info, found)),
            ended: Vec::new(),
        };
        (view.seq, told)
    };
    shared.caught_up_to(seq).await?;
    // What was projected meanwhile is told by the updates.
    let after = Cursor { seq: seq.saturating_add(1), index: 0 };
    let rows = shared.projections.auctions(info.listing.id, Some(after), 1).await?;
    let ended = rows.iter().map(|row| wire::auction_result(info, row.state, row.at.seq, row.time));
    told.ended = ended.collect();
    Ok((seq, value(told)))
}
