//! Books on the wire: by levels, by orders, their best prices, and what was traded lately.

use super::{market_state, quote_volume};
use crate::view::{BookLevel, MarketBook, MarketInfo};
use bandex_api as api;
use bandex_api::checksum;
use bandex_engine::{LevelView, ShownOrder};
use bandex_types::{Price, Side, Timestamp};

/// A level; one of quantity 0 is gone.
pub(crate) fn level(info: &MarketInfo, level: &LevelView) -> api::Level {
    api::Level {
        price: info.scale.price(level.price),
        quantity: info.scale.sum(level.quantity),
        orders: level.orders,
    }
}

/// A book down to `depth` levels a side, after the record `seq`. Its checksum is of the best ten levels however few
/// are shown.
pub(crate) fn book(book: &MarketBook, seq: u64, depth: usize) -> api::Book {
    let info = &book.market;
    let side = |side| {
        let most = depth.max(checksum::LEVELS);
        book.best_first(side).take(most).map(|found| level(info, &found.level)).collect::<Vec<_>>()
    };
    let (market, state) = (info.symbol.clone(), market_state(info.state).to_owned());
    let (mut bids, mut asks) = (side(Side::Buy), side(Side::Sell));
    let checksum = level_checksum(&bids, &asks);
    bids.truncate(depth);
    asks.truncate(depth);
    api::Book { market, seq, state, bids, asks, checksum }
}

/// The checksum of two sides, best first.
pub(crate) fn level_checksum(bids: &[api::Level], asks: &[api::Level]) -> u32 {
    fn texts(side: &[api::Level]) -> impl Iterator<Item = (&str, &str)> {
        side.iter().map(|level| (level.price.as_str(), level.quantity.as_str()))
    }
    checksum::levels(texts(bids), texts(asks))
}

/// An order at a price.
pub(crate) fn resting(info: &MarketInfo, price: Price, order: &ShownOrder) -> api::RestingOrder {
    api::RestingOrder {
        order: order.order.to_string(),
        price: info.scale.price(price),
        quantity: info.scale.quantity(order.shown),
    }
}

/// The text of a level's orders, for the checksum of a book by orders.
pub(crate) fn joined(info: &MarketInfo, level: &BookLevel) -> checksum::Joined {
    let mut text = checksum::Joined::default();
    for order in level.orders.iter().map(|order| resting(info, level.level.price, order)) {
        text.push(&order.order);
        text.push(&order.price);
        text.push(&order.quantity);
    }
    text
}

/// A book by orders down to `depth` orders a side, after the record `seq`. Its checksum is of the orders at the best
/// ten prices however few are shown.
pub(crate) fn book_orders(book: &MarketBook, seq: u64, depth: usize) -> api::BookOrders {
    let info = &book.market;
    let side = |side| {
        let levels = book.best_first(side);
        let orders =
            levels.flat_map(|level| level.orders.iter().map(|order| resting(info, level.level.price, order)));
        orders.take(depth).collect()
    };
    let mut text = checksum::Joined::default();
    for of in [Side::Buy, Side::Sell] {
        book.best_first(of).take(checksum::LEVELS).for_each(|level| text.append(&joined(info, level)));
    }
    api::BookOrders {
        market: info.symbol.clone(),
        seq,
        state: market_state(info.state).to_owned(),
        bids: side(Side::Buy),
        asks: side(Side::Sell),
        checksum: text.checksum(),
    }
}

/// The best prices of a market after the record `seq`.
pub(crate) fn bbo(book: &MarketBook, seq: u64) -> api::Bbo {
    let best = |side| book.best_first(side).next().map(|found| level(&book.market, &found.level));
    let parts = |side| best(side).map(|level| (level.price, level.quantity)).unzip();
    let ((bid, bid_quantity), (ask, ask_quantity)) = (parts(Side::Buy), parts(Side::Sell));
    let state = super::market_state(book.market.state).to_owned();
    api::Bbo { market: book.market.symbol.clone(), seq, state, bid, bid_quantity, ask, ask_quantity }
}

/// A market in short after the record `seq`, its statistics of the 24 hours that end `now`.
pub(crate) fn ticker(book: &MarketBook, seq: u64, now: Timestamp) -> api::Ticker {
    let (info, traded) = (&book.market, &book.traded);
    let api::Bbo { state, bid, bid_quantity, ask, ask_quantity, .. } = bbo(book, seq);
    let day = traded.day(now);
    let price = |price| info.scale.price(price);
    let (volume, notional) = day.candle.map_or((0, 0), |candle| (candle.volume, candle.notional));
    let quote = quote_volume(notional, info.listing.tick_value);
    api::Ticker {
        market: info.symbol.clone(),
        seq,
        time_us: now.as_micros(),
        state,
        bid,
        bid_quantity,
        ask,
        ask_quantity,
        last: traded.last.map(|last| price(last.price)),
        last_quantity: traded.last.map(|last| info.scale.quantity(last.quantity)),
        last_us: traded.last.map(|last| last.time.as_micros()),
        open: day.candle.map(|candle| price(candle.open)),
        high: day.candle.map(|candle| price(candle.high)),
        low: day.candle.map(|candle| price(candle.low)),
        change: day.candle.map(|candle| change(info, candle.open, candle.close)),
        volume: info.scale.sum(volume),
        quote_volume: info.quote_scale.balance(i128::try_from(quote).unwrap_or(i128::MAX)),
        trades: day.candle.map_or(0, |candle| candle.trades),
        since_us: day.since.as_micros(),
    }
}

/// By how much a price went up, below zero if it fell.
fn change(info: &MarketInfo, from: Price, to: Price) -> String {
    let size = Price::new(to.get().abs_diff(from.get()));
    let sign = if to < from { "-" } else { "" };
    format!("{sign}{}", info.scale.price(size))
}
