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
    /// Its limit, where it slid or was amended to.
    pub price: String,
    /// What was ordered, or what it was amended to.
    pub quantity: String,
    /// What has traded.
    pub filled: String,
    /// `open`, `sleeping` (until its trigger is reached), `filled` or `cancelled`.
    pub status: String,
    /// Why, if it was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The trader's own name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What it was placed with; absent of a plain limit order, good till cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<OrderTerms>,
    /// When it was placed. Pages and snapshots tell it; a push about an order that neither told of is of its placing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed_us: Option<u64>,
    /// The record that last changed it.
    pub seq: u64,
    /// When that was.
    pub time_us: u64,
}

/// What an order was placed with beyond side, price and quantity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderTerms {
    /// `limit` or `market`; the price of a market order is its protection.
    pub order_type: String,
    /// `gtc`, `ioc`, `fok` or `gtd`.
    pub time_in_force: String,
    /// When a GTD order is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_us: Option<u64>,
    /// `off`, `refuse` or `slide`.
    pub post_only: String,
    /// `cancel_oldest`, `cancel_newest`, `cancel_both` or `decrement`.
    pub self_trade: String,
    /// How much the book shows at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// The least that had to trade on arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<String>,
    /// What wakes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// A market order's size in quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote_quantity: Option<String>,
    /// Whether it is a quote, replaced and pulled with the account's others.
    pub quote: bool,
}

/// When a sleeping order wakes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trigger {
    /// `stop_loss` or `take_profit`.
    pub kind: String,
    /// The price of the last trade that wakes it.
    pub price: String,
}

/// The protection of an account's quotes on a market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Protection {
    /// The market.
    pub market: String,
    /// Quotes are pulled once more than this was filled ...; absent if there is no protection any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<String>,
    /// ... within this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_us: Option<u64>,
    /// Whether quotes were pulled: new ones are refused until the protection is set again.
    pub tripped: bool,
    /// The record that last changed it.
    pub seq: u64,
    /// When that was.
    pub time_us: u64,
}

/// The account's protections, by market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Protections {
    /// The record up to which the answer is true.
    pub seq: u64,
    /// Those that are set, tripped or not.
    pub protections: Vec<Protection>,
}

/// Which orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrderQuery {
    /// Only on this market (BASE-QUOTE).
    pub market: Option<String>,
    /// `open` (they rest or sleep), `closed` or `all`; if absent `open`, or `all` if a `client_id` is given.
    #[param(pattern = "^(open|closed|all)$")]
    pub state: Option<String>,
    /// Only those to which their trader gave this name; it need not be the name of one order only.
    pub client_id: Option<String>,
    /// Where the page before ended: its `next_cursor`, as it is.
    #[param(pattern = "^[A-Za-z0-9_-]+$", max_length = 200)]
    pub cursor: Option<String>,
    /// How many, at most 1000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

/// Some orders, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderPage {
    /// The record up to which the answer is true.
    pub seq: u64,
    /// The orders.
    pub orders: Vec<Order>,
    /// Give this as `cursor` for the next page; none after the last.
    pub next_cursor: Option<String>,
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
    /// What it is locked for; the amounts add up to `locked`. Not in the channel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Lock>,
}

/// Tokens that are locked for one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lock {
    /// `order` (it would pay with them), `deal` (they are still to be delivered), `bond`, or `leaving` (a bond that was
    /// asked back and is still at stake).
    pub reason: String,
    /// The order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The deal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deal: Option<String>,
    /// How many.
    pub amount: String,
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

/// A key of the account with what it was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// The key, hex.
    pub key: String,
    /// Whether it is the root key, which may do everything.
    pub root: bool,
    /// What it may do: `orders`, `settle`, `tokens`.
    pub scopes: Vec<String>,
    /// The markets that it may trade on; null: all.
    pub markets: Option<Vec<String>>,
    /// The largest notional of one of its orders, in smallest quote units of the order's market.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_notional: Option<String>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_us: Option<u64>,
    /// `active`, `revoked`, `forked` or `expired`.
    pub status: String,
    /// What becomes of its orders when its program falls silent, if it has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
}

/// What becomes of a key's orders when its program falls silent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Guard {
    /// For how long they outlive its last `guard` block; 0: there is no timer.
    pub cancel_after_us: u64,
    /// For how long they outlive its last connection; absent: they stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_disconnect_us: Option<u64>,
    /// When they go, if the timer runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_us: Option<u64>,
}

/// Some keys of the account, in the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantPage {
    /// The record up to which the answer is true.
    pub seq: u64,
    /// The keys.
    pub grants: Vec<Grant>,
    /// Give this as `cursor` for the next page; none after the last.
    pub next_cursor: Option<String>,
}

/// From where on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// Only what came of this record and later ones.
    #[param(minimum = 0)]
    pub from_seq: Option<u64>,
}
