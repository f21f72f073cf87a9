//! What a push says, typed.

use crate::wire::WireError;
use bandex_api::{
    Auction, Balance, Bbo, Book, BookOrders, BookOrdersUpdate, Candle, Channel, Deal, Fill, Heartbeat,
    LaneNews, Limits, Market, Order, Protection, Push, PushKind, Status, Ticker, Trade,
};
use serde::de::DeserializeOwned;

/// What a push says. In lists the items are oldest first.
///
/// ```no_run
/// # async fn example(mut trades: bandex_sdk::Subscription) -> Result<(), bandex_sdk::WireError> {
/// use bandex_sdk::News;
/// while let Some(push) = trades.next().await {
///     if let News::Trades(trades) = News::try_from(&push)? {
///         println!("{} trades up to record {}", trades.len(), push.seq);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// A whole book, or the levels that changed.
    Book(Book),
    /// A whole book of orders.
    BookOrders(BookOrders),
    /// What changed in a book of orders.
    BookOrdersUpdate(BookOrdersUpdate),
    /// The best prices.
    Bbo(Bbo),
    /// Trades.
    Trades(Vec<Trade>),
    /// A market in short.
    Ticker(Box<Ticker>),
    /// Candles: the last ones, or those that changed.
    Candles(Vec<Candle>),
    /// Markets: all, or those that changed.
    Markets(Vec<Market>),
    /// How the node and its markets stand.
    Status(Status),
    /// A sign of life.
    Heartbeat(Heartbeat),
    /// The state of a market.
    Auction(Auction),
    /// The account's orders: those that are open, or those that changed.
    Orders(Vec<Order>),
    /// The account's fills.
    Fills(Vec<Fill>),
    /// The account's deals: those that are open, or those that changed.
    Deals(Vec<Deal>),
    /// The protections of the account's quotes.
    Protections(Vec<Protection>),
    /// The account's balances: all, or those that changed.
    Balances(Vec<Balance>),
    /// The account's limit, whole.
    Limits(Box<Limits>),
    /// What happened in the lanes of the account's keys.
    Lane(Vec<LaneNews>),
}

fn read<T: DeserializeOwned>(push: &Push) -> Result<T, WireError> {
    T::deserialize(&push.data).map_err(|error| WireError { field: "data", why: error.to_string() })
}

impl TryFrom<&Push> for News {
    type Error = WireError;
    fn try_from(push: &Push) -> Result<Self, WireError> {
        Ok(match (push.channel, push.kind) {
            (Channel::Book, _) => Self::Book(read(push)?),
            (Channel::BookOrders, PushKind::Snapshot) => Self::BookOrders(read(push)?),
            (Channel::BookOrders, PushKind::Update) => Self::BookOrdersUpdate(read(push)?),
            (Channel::Bbo, _) => Self::Bbo(read(push)?),
            (Channel::Trades, _) => Self::Trades(read(push)?),
            (Channel::Ticker, _) => Self::Ticker(read(push)?),
            (Channel::Candles, _) => Self::Candles(read(push)?),
            (Channel::Markets, _) => Self::Markets(read(push)?),
            (Channel::Status, _) => Self::Status(read(push)?),
            (Channel::Heartbeat, _) => Self::Heartbeat(read(push)?),
            (Channel::Auction, _) => Self::Auction(read(push)?),
            (Channel::Orders, _) => Self::Orders(read(push)?),
            (Channel::Fills, _) => Self::Fills(read(push)?),
            (Channel::Deals, _) => Self::Deals(read(push)?),
            (Channel::Protections, _) => Self::Protections(read(push)?),
            (Channel::Balances, _) => Self::Balances(read(push)?),
            (Channel::Limits, _) => Self::Limits(read(push)?),
            (Channel::Lane, _) => Self::Lane(read(push)?),
        })
    }
}
