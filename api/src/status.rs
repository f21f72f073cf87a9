//! What the node does right now.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The node's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Time {
    /// The node's clock, in microseconds since 1970.
    pub time_us: u64,
    /// The last published record.
    pub seq: u64,
}

/// Whether the node works, and what its markets do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// `running`, or `stopping` from the moment on at which it takes no more commands.
    pub state: String,
    /// The last published record.
    pub seq: u64,
    /// The node's clock, in microseconds since 1970.
    pub time_us: u64,
    /// The version of the rules in force.
    pub rules: u32,
    /// The network that all blocks must name.
    pub network: u32,
    /// The node's key, hex.
    pub node: String,
    /// What each market does.
    pub markets: Vec<MarketStatus>,
    /// How it stands with the Bitcoin node: a word of [`crate::BitcoinNode::state`].
    pub bitcoin: String,
}

/// What a market does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MarketStatus {
    /// The market.
    pub market: String,
    /// `trading`, `cancel_only`, `halted` or `auction`.
    pub state: String,
    /// When the state changes by itself, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_us: Option<u64>,
}
