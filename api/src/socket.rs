//! The WebSocket: requests with replies, and pushes of channels.

use crate::Problem;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// The node's first message on a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hello {
    /// Always `hello`.
    pub channel: String,
    /// The network.
    pub network: u32,
    /// The node's key, hex.
    pub node: String,
    /// To sign for `login` on this connection, within ten seconds; hex. The method `challenge` gives another.
    pub nonce: String,
    /// The node's clock.
    pub time_us: u64,
}

/// The node's word before it closes a connection for reasons of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// Always `notice`.
    pub channel: String,
    /// `stopping`: the server ends, or starts again.
    pub code: String,
    /// The same in words.
    pub detail: String,
    /// After so many milliseconds the connection is closed, if not before.
    pub close_in_ms: u64,
    /// The node's clock.
    pub time_us: u64,
}

/// A request. Methods: `submit` ([`crate::SignedBlock`] with an optional `receipt: false`), `validate`
/// ([`crate::SignedBlock`]), `challenge`, `login` ([`crate::Login`] with the nonce of [`Hello`] or of `challenge`),
/// `subscribe` and `unsubscribe` ([`Subscribe`]), `ping`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Its parameters.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub params: serde_json::Value,
    /// Comes back with the reply.
    pub req_id: u64,
}

/// The reply to a request. Replies to submissions come in the order of the submissions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Reply {
    /// The request's.
    pub req_id: u64,
    /// Whether it succeeded.
    pub ok: bool,
    /// What it gives: of `submit` and `validate` a [`crate::BlockReply`], of `challenge` a [`crate::Challenge`], of
    /// `subscribe` a [`Subscribed`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub result: Option<serde_json::Value>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// The node's clock when it had read the request.
    #[serde(default)]
    pub time_in_us: u64,
    /// The node's clock when it put the reply on its way.
    #[serde(default)]
    pub time_out_us: u64,
}

/// A channel to follow, with what it is asked for: two subscriptions that differ in market, depth or interval are two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Subscribe {
    /// Which.
    pub channel: Channel,
    /// The market, of channels that are of one market.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<String>,
    /// Of `book`: how many levels of each side; all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<Depth>,
    /// Of `candles`: how long each is, `1m`, `5m`, `15m`, `1h`, `4h` or `1d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// The `seq` of the last push that was heard of it, or of a subscription's reply. Private channels, `trades` and
    /// `auction` go on from any record ever, with an update instead of a snapshot; 0 is for all there is. Of the others
    /// the updates since come if the node still has them, else a snapshot. Of `unsubscribe` nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_from: Option<u64>,
}

impl Subscribe {
    /// To a channel, all of it, from now on.
    pub const fn to(channel: Channel) -> Self {
        Self { channel, market: None, depth: None, interval: None, resume_from: None }
    }
}

/// What a subscription's reply says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Subscribed {
    /// The record up to which the snapshot is true that comes next; of a subscription that goes on, where it does.
    pub seq: u64,
}

/// How many levels of each side of a book.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "DepthText", into = "DepthText")]
pub enum Depth {
    /// The best ten.
    Ten,
    /// The best fifty.
    Fifty,
    /// The best five hundred.
    FiveHundred,
    /// All.
    #[default]
    Full,
}

/// As it is on the wire: a number or a word.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
enum DepthText {
    Levels(u32),
    Word(String),
}

/// No depth that is served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("depth: {0} is none of 10, 50, 500, \"full\"")]
pub struct DepthError(String);

impl Depth {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Ten, Self::Fifty, Self::FiveHundred, Self::Full];

    /// The most levels of a side; none if all are told.
    pub const fn levels(self) -> Option<u32> {
        match self {
            Self::Ten => Some(10),
            Self::Fifty => Some(50),
            Self::FiveHundred => Some(500),
            Self::Full => None,
        }
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.levels() {
            Some(levels) => levels.fmt(f),
            None => f.write_str("full"),
        }
    }
}

impl FromStr for Depth {
    type Err = DepthError;
    fn from_str(text: &str) -> Result<Self, DepthError> {
        let found = Self::ALL.into_iter().find(|depth| depth.to_string() == text);
        found.ok_or_else(|| DepthError(text.to_owned()))
    }
}

impl TryFrom<DepthText> for Depth {
    type Error = DepthError;
    fn try_from(text: DepthText) -> Result<Self, DepthError> {
        match text {
            DepthText::Levels(levels) => levels.to_string().parse(),
            DepthText::Word(word) if word == "full" => Ok(Self::Full),
            DepthText::Word(word) => Err(DepthError(word)),
        }
    }
}

impl From<Depth> for DepthText {
    fn from(depth: Depth) -> Self {
        depth.levels().map_or_else(|| Self::Word("full".to_owned()), Self::Levels)
    }
}

impl utoipa::PartialSchema for Depth {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
        let levels = Self::ALL.into_iter().filter_map(Self::levels);
        let numbers = ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some(levels));
        let word = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["full"]));
        OneOfBuilder::new().item(numbers).item(word).description(Some("How many levels of each side.")).into()
    }
}

impl ToSchema for Depth {}

/// A channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The levels of a market: [`crate::Book`].
    Book,
    /// The orders that rest on a market: [`crate::BookOrders`], then [`crate::BookOrdersUpdate`]s.
    BookOrders,
    /// The best prices of a market: [`crate::Bbo`].
    Bbo,
    /// The trades of a market: [`crate::Trade`]s.
    Trades,
    /// A market in short: [`crate::Ticker`].
    Ticker,
    /// The candles of a market, of one interval: [`crate::Candle`]s.
    Candles,
    /// The markets: [`crate::Market`]s, all or those that changed.
    Markets,
    /// How the node and its markets stand: [`crate::Status`].
    Status,
    /// A sign of life once a second: [`Heartbeat`].
    Heartbeat,
    /// The state of a market and what its auction would give: [`crate::Auction`].
    Auction,
    /// The account's orders: [`crate::Order`]s.
    Orders,
    /// The account's fills: [`crate::Fill`]s.
    Fills,
    /// The account's deals: [`crate::Deal`]s.
    Deals,
    /// The protections of the account's quotes: [`crate::Protection`]s.
    Protections,
    /// The account's balances: [`crate::Balance`]s, all or those that changed.
    Balances,
    /// The account's limit and what it is made of: [`crate::Limits`], whole.
    Limits,
    /// The lanes of the account's keys: [`LaneNews`].
    Lane,
}

/// Whether a push is the whole or a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PushKind {
    /// All there is now.
    Snapshot,
    /// What changed since the push before.
    Update,
}

/// News of a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Push {
    /// The channel.
    pub channel: Channel,
    /// The market, as it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market: Option<String>,
    /// The depth, as it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<Depth>,
    /// The interval, as it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// Whole or change.
    pub kind: PushKind,
    /// The seq of the push before on this channel, 0 before the first.
    pub prev_seq: u64,
    /// The record up to which this is true.
    pub seq: u64,
    /// What the channel says: see [`Channel`]. In lists the items are oldest first, but in the snapshots
    /// of `orders` and `deals` newest first.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Heartbeat {
    /// Counts from 1 in each subscription, without gaps.
    pub count: u64,
    /// The node's clock.
    pub time_us: u64,
    /// The last published record.
    pub seq: u64,
}

/// What happened to a key of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LaneNews {
    /// The key, hex.
    pub key: String,
    /// The block that was sequenced, hex; null if the key itself changed. In a snapshot the last block of the lane.
    pub block_id: Option<String>,
    /// The seq of that block in the key's lane; of a key that changed, that of its last block.
    pub lane_seq: u64,
    /// The record; in a snapshot the record up to which this is true.
    pub seq: u64,
    /// When that was.
    pub time_us: u64,
    /// `active`, `revoked` or `forked`.
    pub status: String,
}

impl Channel {
    /// All there are.
    pub const ALL: [Self; 17] = [
        Self::Book,
        Self::BookOrders,
        Self::Bbo,
        Self::Trades,
        Self::Ticker,
        Self::Candles,
        Self::Markets,
        Self::Status,
        Self::Heartbeat,
        Self::Auction,
        Self::Orders,
        Self::Fills,
        Self::Deals,
        Self::Protections,
        Self::Balances,
        Self::Limits,
        Self::Lane,
    ];

    /// The name, as in `book_orders`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Book => "book",
            Self::BookOrders => "book_orders",
            Self::Bbo => "bbo",
            Self::Trades => "trades",
            Self::Ticker => "ticker",
            Self::Candles => "candles",
            Self::Markets => "markets",
            Self::Status => "status",
            Self::Heartbeat => "heartbeat",
            Self::Auction => "auction",
            Self::Orders => "orders",
            Self::Fills => "fills",
            Self::Deals => "deals",
            Self::Protections => "protections",
            Self::Balances => "balances",
            Self::Limits => "limits",
            Self::Lane => "lane",
        }
    }

    /// Whether it belongs to an account and needs a login.
    pub const fn is_private(self) -> bool {
        matches!(
            self,
            Self::Orders
                | Self::Fills
                | Self::Deals
                | Self::Protections
                | Self::Balances
                | Self::Limits
                | Self::Lane
        )
    }

    /// Whether it is of one market, which a subscription must name.
    pub const fn is_of_a_market(self) -> bool {
        matches!(
            self,
            Self::Book
                | Self::BookOrders
                | Self::Bbo
                | Self::Trades
                | Self::Ticker
                | Self::Candles
                | Self::Auction
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_named_as_on_the_wire() {
        for channel in Channel::ALL {
            assert_eq!(serde_json::to_value(channel).unwrap(), channel.name());
        }
    }

    #[test]
    fn depths_are_numbers_or_a_word() {
        let check = |json: &str, depth: Depth| {
            assert_eq!(serde_json::from_str::<Depth>(json).unwrap(), depth);
            assert_eq!(serde_json::to_string(&depth).unwrap(), json);
        };
        check("10", Depth::Ten);
        check("50", Depth::Fifty);
        check("500", Depth::FiveHundred);
        check("\"full\"", Depth::Full);
        for wrong in ["0", "11", "\"10\"", "\"all\"", "null", "-1"] {
            assert!(serde_json::from_str::<Depth>(wrong).is_err(), "{wrong}");
        }
    }
}
