//! What a channel says: all there is at first, then what a publication changed.

use crate::http::problem::Fault;
use crate::publication::Publication;
use crate::sessions::Who;
use crate::shared::Shared;
use crate::view::MarketInfo;
use crate::wire;
use bandex_api as api;
use bandex_api::Channel;
use bandex_engine::Event;
use bandex_journal::{DealFilter, OrderFilter};
use bandex_types::Side;
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
    /// What the follower has been told at all up to: publications up to here are in the snapshot.
    pub seen: u64,
}

fn value(items: impl serde::Serialize) -> Value {
    to_value(items).unwrap_or_default()
}

impl Subscription {
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
            (Channel::Orders, _, Some(who)) => {
                let seq = shared.caught_up().await?;
                let filter = OrderFilter { account: who.account, market: None, open_only: true };
                let rows = shared.projections.orders(&filter, None, ITEMS).await?;
                let orders = rows.iter().filter_map(|row| {
                    let info = shared.market_info(row.state.market)?;
                    Some(wire::order(&info, &row.state, row.updated_seq, row.updated_time))
                });
                (seq, value(orders.collect::<Vec<_>>()))
            }
            (Channel::Deals, _, Some(who)) => {
                let seq = shared.caught_up().await?;
                let filter = DealFilter { account: Some(who.account), due_by: None, open_only: true };
                let rows = shared.projections.deals(&filter, None, ITEMS).await?;
                let deals = rows.iter().filter_map(|row| {
                    let info = shared.market_info(row.state.market)?;
                    Some(wire::deal(&info, &row.state, row.updated_seq))
                });
                (seq, value(deals.collect::<Vec<_>>()))
            }
            (Channel::Fills, _, Some(_)) => (shared.view().seq, value(Vec::<api::Fill>::new())),
            (Channel::Book | Channel::Trades, None, _) => {
                return Err(Fault::bad_request("this channel needs a market"));
            }
            (_, _, None) => return Err(Fault::not_logged_in()),
        };
        (self.seq, self.seen) = (seq, seq);
        Ok(data)
    }

    /// What a publication changed; none if nothing.
    pub fn update(&self, shared: &Shared, publication: &Publication) -> Option<Value> {
        match (self.channel, &self.market, self.who) {
            (Channel::Book, Some(info), _) => book(info, publication),
            (Channel::Trades, Some(info), _) => {
                let trades = events(publication).filter_map(|(_, applied, event)| match event {
                    Event::Trade(trade) if trade.market == info.listing.id => {
                        Some(wire::trade(info, trade, applied.seq, applied.time))
                    }
                    _ => None,
                });
                some(trades.collect())
            }
            (Channel::Orders, _, Some(who)) => {
                let orders = events(publication).filter_map(|(_, applied, event)| match event {
                    Event::Order(order) if order.account == who.account => {
                        let info = shared.market_info(order.market)?;
                        Some(wire::order(&info, order, applied.seq, applied.time))
                    }
                    _ => None,
                });
                some(orders.collect())
            }
            (Channel::Fills, _, Some(who)) => some(fills(shared, who, publication)),
            (Channel::Deals, _, Some(who)) => {
                let deals = events(publication).filter_map(|(_, applied, event)| match event {
                    Event::Deal(deal) if deal.seller == who.account || deal.buyer == who.account => {
                        let info = shared.market_info(deal.market)?;
                        Some(wire::deal(&info, deal, applied.seq))
                    }
                    _ => None,
                });
                some(deals.collect())
            }
            _ => None,
        }
    }
}

fn some<T: serde::Serialize>(items: Vec<T>) -> Option<Value> {
    (!items.is_empty()).then(|| value(items))
}

fn events(publication: &Publication) -> impl Iterator<Item = (usize, &crate::publication::Applied, &Event)> {
    let records = publication.records().iter().enumerate();
    records
        .flat_map(|(index, applied)| applied.outcome.events.iter().map(move |event| (index, applied, event)))
}

fn book(info: &MarketInfo, publication: &Publication) -> Option<Value> {
    let side = |side: Side| {
        let changes = publication.levels().iter();
        let here = changes.filter(move |change| change.market == info.listing.id && change.side == side);
        here.map(|change| wire::level_change(info, change)).collect::<Vec<_>>()
    };
    let (bids, asks) = (side(Side::Buy), side(Side::Sell));
    if bids.is_empty() && asks.is_empty() {
        return None;
    }
    Some(value(api::Book { market: info.symbol.clone(), seq: publication.last_seq(), bids, asks }))
}

/// The account's fills, each with the proof of the taker's record: the maker was not asked, so it gets the evidence.
fn fills(shared: &Shared, who: Who, publication: &Publication) -> Vec<api::Fill> {
    let (mut fills, mut proved) = (Vec::new(), None);
    for (index, applied, event) in events(publication) {
        let Event::Trade(trade) = event else { continue };
        let Some(info) = shared.market_info(trade.market) else { continue };
        if trade.taker_account == who.account || trade.maker_account == who.account {
            // Once a record: a receipt holds the record's whole outcome, and one order may fill thousands.
            let first = proved.replace(index) != Some(index);
            let receipt = first.then(|| publication.receipt(index)).flatten().as_ref().map(wire::receipt);
            fills.push(wire::fill(&info, trade, who.account, applied.seq, applied.time, receipt));
        }
    }
    fills
}
