//! The WebSocket: requests with replies, and pushes of channels.

use crate::Problem;
use serde::{Deserialize, Serialize};
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
    /// To sign for `login` on this connection, hex.
    pub nonce: String,
    /// The node's clock.
    pub time_us: u64,
}

/// A request. Methods: `submit` ([`crate::SignedBlock`] with an optional `receipt: false`), `login`
/// ([`crate::Login`] with the nonce of [`Hello`]), `subscribe` and `unsubscribe` ([`Subscribe`]), `ping`.
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
    /// What it gives: of `submit` a [`crate::BlockReply`].
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub result: Option<serde_json::Value>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// A channel to follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Subscribe {
    /// Which.
    pub channel: Channel,
    /// The market, of public channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub market: Option<String>,
    /// Of private channels: the `seq` of the last push that was heard of it, or of a subscription's reply; 0 for all
    /// there is. No snapshot comes then, but an update for each record behind it. Of `unsubscribe` nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_from: Option<u64>,
}

/// A channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The levels of a market: [`crate::Book`].
    Book,
    /// The trades of a market: [`crate::Trade`]s.
    Trades,
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
    /// The market, of public channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub market: Option<String>,
    /// Whole or change.
    pub kind: PushKind,
    /// The seq of the push before on this channel, 0 before the first.
    pub prev_seq: u64,
    /// The record up to which this is true.
    pub seq: u64,
    /// A [`crate::Book`], a [`crate::Auction`], or a list of the channel's items.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

impl Channel {
    /// Whether it belongs to an account and needs a login.
    pub const fn is_private(self) -> bool {
        matches!(self, Self::Orders | Self::Fills | Self::Deals | Self::Protections)
    }
}
