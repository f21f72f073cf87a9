//! What belongs to an account, on the wire.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    /// Its reference: KEY:SEQ:OP.
    pub order: String,
    /// Whose.
    pub account: String,
    /// The market.
    pub market: String,
    /// `buy` or `sell`.
    pub side: String,
    /// Its limit.
    pub price: String,
    /// What was ordered.
    pub quantity: String,
    /// What has traded.
    pub filled: String,
    /// `open`, `filled` or `cancelled`.
    pub status: String,
    /// Why, if it was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The trader's own name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The record that last changed it.
    pub seq: u64,
    /// When that was.
    pub time_us: u64,
}

/// Which orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
pub struct OrderQuery {
    /// Only on this market (BASE-QUOTE).
    pub market: Option<String>,
    /// Only open ones, unless this is true.
    pub closed: Option<bool>,
    /// Where the page before ended: its `next_before`.
    pub before: Option<String>,
    /// How many, at most 1000; 100 if absent.
    pub limit: Option<u32>,
}

/// Some orders, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderPage {
    /// The record up to which the answer is true.
    pub seq: u64,
    /// The orders.
    pub orders: Vec<Order>,
    /// Give this as `before` for the next page; none after the last.
    pub next_before: Option<String>,
}

/// Tokens of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Balance {
    /// The asset.
    pub asset: String,
    /// Below zero is credit taken.
    pub balance: String,
    /// The part that is locked.
    pub locked: String,
    /// What could be spent now, credit line included.
    pub free: String,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Key {
    /// The key, hex.
    pub key: String,
    /// Whether it is the root key.
    pub root: bool,
    /// What it may do: 1 orders, 2 settle, 4 tokens, added up.
    pub scopes: u8,
    /// `active`, `revoked` or `forked`.
    pub status: String,
}

/// What an account has, and how far others let it go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Balances {
    /// The record up to which the answer is true.
    pub seq: u64,
    /// Whose.
    pub account: String,
    /// Tokens.
    pub balances: Vec<Balance>,
    /// How much others may let it owe in all, in BTC.
    pub limit: String,
    /// How much of that open deals reserve, in BTC.
    pub reserved: String,
    /// How far below zero its tokens may go, in BWT.
    pub credit_line: String,
    /// Why it may not order, if it may not: `default`, `session_fork`, `root_fork` or `operator`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<String>,
    /// Its keys.
    pub keys: Vec<Key>,
}
