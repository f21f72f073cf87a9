//! Blocks that the node puts together for a key to sign.

use crate::Trigger;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a block shall say. Either `body` or `orders` is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Prepare {
    /// The key that will sign it, hex.
    pub key: String,
    /// After this moment of sequenced time it has no effect; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry_us: Option<u64>,
    /// Its place in the key's lane; the next one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The id of the block before it; the end of the lane if absent. Given with `seq`, or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// A body as docs/tradechain.md has it in JSON and `GET /v1/blocks/{id}` shows it, with its `kind`; numbers are in ticks,
    /// lots and smallest units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub body: Option<serde_json::Value>,
    /// Operations on orders in decimals: 1 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<PrepareOperation>>)]
    pub orders: Option<Vec<serde_json::Value>>,
}

/// An operation on orders in decimals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum PrepareOperation {
    /// Places an order.
    Place(Box<PreparePlace>),
    /// Cancels an order, by its reference or by the name that its trader gave it.
    Cancel {
        /// KEY:SEQ:OP.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<String>,
        /// The name, on the market of `market`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
        /// The market of an order that is named by its client id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        market: Option<String>,
    },
    /// Cancels every open order of the account that the fields do not leave out.
    CancelAll {
        /// Only on this market.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        market: Option<String>,
        /// Only on this side: `buy` or `sell`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        side: Option<String>,
    },
    /// Changes price and total quantity of an order; what is absent stays as it is.
    Amend {
        /// KEY:SEQ:OP.
        order: String,
        /// The order's market; the node knows it, and refuses another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        market: Option<String>,
        /// The new limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        price: Option<String>,
        /// The new total quantity, what has traded included.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quantity: Option<String>,
    },
}

/// A new order in decimals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreparePlace {
    /// The market.
    pub market: String,
    /// `buy` or `sell`.
    pub side: String,
    /// `limit` or `market`; `limit` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_type: Option<String>,
    /// The limit in quote a base. Of a market order its protection: the worst price it may trade at; one that sells may
    /// leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// How much base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<String>,
    /// A market order's size in quote, instead of base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote_quantity: Option<String>,
    /// `gtc`, `ioc`, `fok` or `gtd`; if absent `gtd` with `expires_us`, `ioc` for a market order, else `gtc`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_in_force: Option<String>,
    /// When a GTD order is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_us: Option<u64>,
    /// `off`, `refuse` or `slide`; `off` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_only: Option<String>,
    /// `cancel_oldest`, `cancel_newest`, `cancel_both` or `decrement`; `cancel_oldest` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_trade: Option<String>,
    /// How much of it the book shows at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// The least that must trade on arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<String>,
    /// What it sleeps for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// The most that any one counterparty may owe its owner, in quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_cap: Option<String>,
    /// The least score of a counterparty, in parts per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_score: Option<u32>,
    /// The trader's own name for it: 1 to 64 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// A block to be signed. Nothing is kept of it: another may take its place in the lane before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Prepared {
    /// The id that the block has once it is signed.
    pub block_id: String,
    /// Its canonical bytes, hex: `payload` of `POST /v1/blocks`.
    pub payload: String,
    /// What is signed, hex: the tag of blocks and the payload.
    pub preimage: String,
    /// What the payload says; read it before signing.
    #[schema(value_type = Object)]
    pub block: serde_json::Value,
}
