//! How the node and its markets stand.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a market does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MarketStatus {
    /// The market.
    pub market: String,
    /// `trading`, `cancel_only`, `halted` or `auction`.
    pub state: String,
    /// When that changes by itself, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_us: Option<u64>,
}

/// How the node and its markets stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// `running`, or `stopping` before connections are closed.
    pub state: String,
    /// The last published record.
    pub seq: u64,
    /// The node's clock.
    pub time_us: u64,
    /// The version of the rules in force.
    pub rules: u32,
    /// The network that all blocks must name.
    pub network: u32,
    /// The node's key, hex.
    pub node: String,
    /// Each market, by number.
    pub markets: Vec<MarketStatus>,
    /// How it stands with the exchange's Bitcoin node, in the words of [`crate::BitcoinNode`].
    pub bitcoin: String,
}
