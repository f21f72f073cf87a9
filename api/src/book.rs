//! Books on the wire: by levels, by orders, and their best prices.

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::AnyOfBuilder;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// One price of a book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Level {
    /// The price.
    pub price: String,
    /// What rests there; 0 in an update means the level is gone.
    pub quantity: String,
    /// How many orders rest there.
    pub orders: u64,
}

/// A book. Over the WebSocket the same shape is an update: the levels that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Book {
    /// The market.
    pub market: String,
    /// The record after which it looked so.
    pub seq: u64,
    /// What the market does: `trading`, `cancel_only`, `halted` or `auction`. Bids may be above asks unless it trades.
    #[serde(default)]
    pub state: String,
    /// Best first.
    pub bids: Vec<Level>,
    /// Best first.
    pub asks: Vec<Level>,
    /// The checksum of the best ten levels of each side: see [`crate::checksum::levels`]. In an update, of the book
    /// after it.
    #[serde(default)]
    pub checksum: u32,
}

/// An order as everybody sees it rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RestingOrder {
    /// Its reference: KEY:SEQ:OP.
    pub order: String,
    /// The price.
    pub price: String,
    /// What it shows.
    pub quantity: String,
}

/// A book, order by order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BookOrders {
    /// The market.
    pub market: String,
    /// The record after which it looked so.
    pub seq: u64,
    /// What the market does: `trading`, `cancel_only`, `halted` or `auction`. Bids may be above asks unless it trades.
    pub state: String,
    /// Best price first, at a price in the order in which they would trade.
    pub bids: Vec<RestingOrder>,
    /// Best price first, at a price in the order in which they would trade.
    pub asks: Vec<RestingOrder>,
    /// The checksum of the orders at the best ten prices of each side: see [`crate::checksum::orders`].
    pub checksum: u32,
}

/// A change of one order on a book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderChange {
    /// Its reference: KEY:SEQ:OP.
    pub order: String,
    /// `buy` or `sell`.
    pub side: String,
    /// The price.
    pub price: String,
    /// What it shows now; 0: it is gone. An order that is not known yet goes to the end of its price's queue; one that
    /// lost its place there is told as gone first.
    pub quantity: String,
}

/// What changed in a book, order by order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BookOrdersUpdate {
    /// The market.
    pub market: String,
    /// The record after which it looks so.
    pub seq: u64,
    /// What the market does: `trading`, `cancel_only`, `halted` or `auction`.
    pub state: String,
    /// To be taken in this order.
    pub changes: Vec<OrderChange>,
    /// The checksum of the book after the changes.
    pub checksum: u32,
}

/// The best prices of a book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Bbo {
    /// The market.
    pub market: String,
    /// The record after which they were so.
    pub seq: u64,
    /// What the market does: `trading`, `cancel_only`, `halted` or `auction`. Only while it trades is the bid below the ask.
    pub state: String,
    /// The highest bid; null if there is none.
    pub bid: Option<String>,
    /// What rests there.
    pub bid_quantity: Option<String>,
    /// The lowest ask; null if there is none.
    pub ask: Option<String>,
    /// What rests there.
    pub ask_quantity: Option<String>,
}

/// A market in short: its best prices, its last trade, and what was traded in the last 24 hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ticker {
    /// The market.
    pub market: String,
    /// The record up to which this is true.
    pub seq: u64,
    /// The time for which this was worked out.
    pub time_us: u64,
    /// What the market does: `trading`, `cancel_only`, `halted` or `auction`. Only while it trades is the bid below the ask.
    pub state: String,
    /// The highest bid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid: Option<String>,
    /// What rests there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid_quantity: Option<String>,
    /// The lowest ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<String>,
    /// What rests there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_quantity: Option<String>,
    /// The price of the last trade ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// How much was traded then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_quantity: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_us: Option<u64>,
    /// The first price of the 24 hours; absent, like the three behind it, if nothing was traded in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
    /// The highest price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<String>,
    /// The lowest price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<String>,
    /// The last price less the first; may be below zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// How much was traded, in base.
    pub volume: String,
    /// What it cost, in quote; rounded down to the smallest unit.
    pub quote_volume: String,
    /// How many trades.
    pub trades: u64,
    /// Where the 24 hours begin: they are 1,440 whole minutes, the one that runs among them.
    pub since_us: u64,
}

/// The tickers of all markets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tickers {
    /// The record up to which this is true.
    pub seq: u64,
    /// One for each market.
    pub tickers: Vec<Ticker>,
}

/// A book by levels or by orders, as was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum AnyBook {
    /// By levels.
    Levels(Book),
    /// By orders.
    Orders(BookOrders),
}

/// Any of the two: an empty book is both.
impl PartialSchema for AnyBook {
    fn schema() -> RefOr<Schema> {
        let refs = [Book::name(), BookOrders::name()].map(Ref::from_schema_name);
        let any = refs.into_iter().fold(AnyOfBuilder::new(), AnyOfBuilder::item);
        RefOr::T(Schema::AnyOf(any.build()))
    }
}

impl ToSchema for AnyBook {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Book::name().into_owned(), Book::schema()));
        schemas.push((BookOrders::name().into_owned(), BookOrders::schema()));
        Book::schemas(schemas);
        BookOrders::schemas(schemas);
    }
}
