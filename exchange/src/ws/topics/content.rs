//! What a topic is about: its state, and how a publication changes it.

use super::{book, lists, orders, states};
use crate::http::problem::Fault;
use crate::publication::Publication;
use crate::shared::Shared;
use crate::view::MarketInfo;
use bandex_api::{Channel, Subscribe};
use bandex_journal::CandleInterval;
use serde_json::value::RawValue;
use std::sync::Arc;
use tokio::sync::broadcast;

/// What there is to tell.
pub(super) struct Change {
    /// The record up to which it is told.
    pub seq: u64,
    pub data: Box<RawValue>,
}

/// The state of a topic.
pub(super) trait Content: Send {
    /// All of it, which is true up to the record `seq`.
    fn snapshot(&self, seq: u64) -> Box<RawValue>;

    /// Takes in a publication; gives what it changed.
    fn take(&mut self, shared: &Shared, publication: &Publication) -> Option<Change>;

    /// Looks once a second for what changes without a publication.
    fn look(&mut self, _shared: &Shared) -> Option<Change> {
        None
    }
}

/// A state with the news behind it.
pub(super) struct Begun {
    pub content: Box<dyn Content>,
    /// The record up to which it is true.
    pub seq: u64,
    /// Every publication behind that record.
    pub news: broadcast::Receiver<Arc<Publication>>,
}

/// Of a heartbeat: nothing changes but the time.
struct Nothing;

impl Content for Nothing {
    fn snapshot(&self, _seq: u64) -> Box<RawValue> {
        RawValue::NULL.to_owned()
    }

    fn take(&mut self, _shared: &Shared, _publication: &Publication) -> Option<Change> {
        None
    }
}

/// The market that a topic is about.
///
/// # Errors
/// It names none, or one that is not listed.
pub(super) fn market(shared: &Shared, name: &Subscribe) -> Result<Arc<MarketInfo>, Fault> {
    let missing = || Fault::bad_request("this channel needs a market");
    let symbol = name.market.as_deref().ok_or_else(missing)?;
    let unknown = || Fault::not_found(format!("there is no market {symbol}; /v1/markets lists them"));
    shared.market(symbol).ok_or_else(unknown)
}

/// The interval that a topic of candles is about.
///
/// # Errors
/// There is no such interval.
fn interval(name: &Subscribe) -> Result<CandleInterval, Fault> {
    let Some(text) = name.interval.as_deref() else { return Ok(CandleInterval::Minute) };
    text.parse().map_err(|error| Fault::bad_request(format!("interval: {error}")))
}

/// Refuses what the channel does not have.
pub(super) fn check(name: &Subscribe) -> Result<(), Fault> {
    if name.depth.is_some() && name.channel != Channel::Book {
        return Err(Fault::bad_request("only the channel book has a depth; leave it out"));
    }
    if name.interval.is_some() && name.channel != Channel::Candles {
        return Err(Fault::bad_request("only the channel candles has an interval; leave it out"));
    }
    if name.market.is_some() && !name.channel.is_of_a_market() {
        return Err(Fault::bad_request("this channel is of all markets; leave the market out"));
    }
    Ok(())
}

/// Begins with what there is now.
///
/// # Errors
/// The topic asks for something that there is not, or its store cannot be read.
pub(super) async fn begin(shared: &Shared, name: &Subscribe) -> Result<Begun, Fault> {
    check(name)?;
    let info = if name.channel.is_of_a_market() { Some(market(shared, name)?) } else { None };
    let interval = interval(name)?;
    // The lock keeps state and news together: whoever holds it has yet to hear of what is published next.
    let (early, newest, seq, news) = {
        let view = shared.view();
        let book = info.as_ref().and_then(|info| view.markets.get(&info.listing.id));
        let early: Option<Box<dyn Content>> = match (name.channel, book) {
            (Channel::Book, Some(book)) => Some(Box::new(book::Levels::new(book, name.depth))),
            (Channel::BookOrders, Some(book)) => Some(Box::new(orders::Orders::new(book))),
            (Channel::Bbo, Some(book)) => Some(Box::new(states::Best::new(book, view.seq))),
            (Channel::Ticker, Some(book)) => Some(Box::new(states::Ticker::new(book, view.seq))),
            (Channel::Markets, _) => Some(Box::new(states::Markets::new(&view))),
            (Channel::Status, _) => Some(Box::new(states::Status::new(shared, &view))),
            (Channel::Heartbeat, _) => Some(Box::new(Nothing)),
            _ => None,
        };
        let newest = book.and_then(|book| book.traded.newest(interval).copied());
        (early, newest, view.seq, shared.news.subscribe())
    };
    let content: Box<dyn Content> = match (early, name.channel, info) {
        (Some(content), ..) => content,
        (None, Channel::Trades, Some(info)) => Box::new(lists::Trades::read(shared, info, seq).await?),
        (None, Channel::Candles, Some(info)) => {
            Box::new(lists::Candles::read(shared, info, interval, newest, seq).await?)
        }
        (None, Channel::Auction, Some(info)) => Box::new(lists::Auctions::read(shared, info, seq).await?),
        (None, ..) => return Err(Fault::bad_request("this channel is private")),
    };
    Ok(Begun { content, seq, news })
}
