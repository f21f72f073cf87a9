//! Markets, books and trades on the wire.

use crate::{Fees, MarketPayments, Rate, RatePolicy, TrustTerms};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What a client must know before its first block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// The network that all blocks must name.
    pub network: u32,
    /// The node's key, which signs batches and is an account's home, hex.
    pub key: String,
    /// The id of the genesis, hex.
    pub genesis: String,
    /// The version of the rules in force.
    pub rules: u32,
    /// The last published record.
    pub seq: u64,
    /// The node's clock.
    pub time_us: u64,
}

/// An asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Asset {
    /// Its number in blocks.
    pub id: u32,
    /// Its name.
    pub symbol: String,
    /// One whole unit is ten to this power smallest units.
    pub decimals: u8,
    /// `token`, `attested` or `bitcoin`.
    pub rail: String,
}

/// A market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Market {
    /// Its number in blocks.
    pub id: u32,
    /// BASE-QUOTE.
    pub symbol: String,
    /// What is traded.
    pub base: String,
    /// What it is paid with.
    pub quote: String,
    /// `trading`, `cancel_only`, `halted` or `auction`.
    pub state: String,
    /// The price step, in quote a base; one tick in blocks.
    pub tick: String,
    /// The quantity step, in base; one lot in blocks.
    pub lot: String,
    /// Smallest base units a lot.
    pub lot_units: u64,
    /// Smallest quote units = lots × ticks × tick_num ⁄ tick_den.
    pub tick_num: u64,
    /// See `tick_num`.
    pub tick_den: u64,
    /// The smallest tranche, in quote.
    pub least_tranche: String,
    /// How long the due party has to pay a tranche.
    pub pay_us: u64,
    /// How long a payee has to acknowledge.
    pub acknowledge_us: u64,
    /// The least and the largest that an order may name, as far as numbers go.
    #[serde(default)]
    pub limits: MarketLimits,
    /// How it trades.
    #[serde(default)]
    pub rules: MarketRules,
    /// What its trading costs.
    #[serde(default)]
    pub fees: Fees,
    /// What it asks of payments, if its quote is paid on the Bitcoin chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payments: Option<MarketPayments>,
    /// The price of the last trade; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_price: Option<String>,
    /// When the state changes by itself, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_us: Option<u64>,
    /// What an auction would give if it ended now; absent if nothing would trade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indicative: Option<Indicative>,
}

/// The least and the largest that an order may name: what the numbers can hold. Price band, admission, limits and, where
/// the quote is paid on a chain, the smallest payment bound it further.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MarketLimits {
    /// The smallest quantity: a lot, in base.
    pub least_quantity: String,
    /// The largest quantity, in base.
    pub largest_quantity: String,
    /// The lowest price: a tick, in quote a base.
    pub least_price: String,
    /// The highest price at which a lot can be paid, in quote a base.
    pub largest_price: String,
}

/// The rules of a market's trading, as the operator set them. 0 is no bound.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MarketRules {
    /// How far a trade may be from the last price before, in parts per million; beyond, the market is halted instead.
    pub band_ppm: u32,
    /// How long such a halt lasts; then orders gather for an auction. 0: until the operator decides.
    pub halt_us: u64,
    /// How long an auction gathers. 0: until the operator decides.
    pub auction_us: u64,
    /// How many open orders an account may have.
    pub most_orders: u32,
}

/// The one price at which an auction would trade now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Indicative {
    /// The price.
    pub price: String,
    /// What would trade, in base.
    pub volume: String,
    /// What would be left at that price, in base.
    pub surplus: String,
    /// On which side, `buy` or `sell`; absent if nothing would be left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surplus_side: Option<String>,
}

/// The state of a market with its auction, if it gathers for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Auction {
    /// The market.
    pub market: String,
    /// The record up to which this is true.
    pub seq: u64,
    /// `trading`, `cancel_only`, `halted` or `auction`.
    pub state: String,
    /// When the state changes by itself, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_us: Option<u64>,
    /// What the auction would give if it ended now; absent if nothing would trade, or none gathers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indicative: Option<Indicative>,
    /// Auctions that ended: in a snapshot the last one, in an update those since the push before.
    pub ended: Vec<AuctionResult>,
}

/// What an auction gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuctionResult {
    /// The record that ended it.
    pub seq: u64,
    /// When.
    pub time_us: u64,
    /// The price of all its trades; absent if nothing could trade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// What was traded, in base.
    pub volume: String,
}

/// Some auctions that ended, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuctionPage {
    /// The market.
    pub market: String,
    /// The record up to which this is true.
    pub seq: u64,
    /// The auctions.
    pub auctions: Vec<AuctionResult>,
    /// Give this as `cursor` for the next page; none after the last.
    pub next_cursor: Option<String>,
}

/// Which auctions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuctionQuery {
    /// Where the page before ended: its `next_cursor`, as it is.
    #[param(pattern = "^[A-Za-z0-9_-]+$", max_length = 200)]
    pub cursor: Option<String>,
    /// How many, at most 1000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

/// Parameters of all accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Parameters {
    /// The limit of an account that has none of its own, in BTC.
    pub dust: String,
    /// The share of a counterparty's free limit that one deal may draw, in parts per million.
    pub share_ppm: u32,
    /// Open bids and unsettled purchases stay below this multiple of the limit.
    pub bid_multiple: u32,
    /// Zero bits that a register block's id must begin with.
    pub register_work_bits: u8,
    /// How long an unanswered bandwidth proposal stays open.
    pub proposal_us: u64,
}

/// All that is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Markets {
    /// The node.
    pub node: Node,
    /// Parameters of all accounts.
    pub parameters: Parameters,
    /// How limits follow from what accounts have at stake, paid and honoured.
    #[serde(default)]
    pub trust: TrustTerms,
    /// What assets are worth, for those that have a rate.
    #[serde(default)]
    pub rates: Vec<Rate>,
    /// How much may be asked in what time.
    #[serde(default)]
    pub rate_limits: Vec<RatePolicy>,
    /// Assets.
    pub assets: Vec<Asset>,
    /// Markets.
    pub markets: Vec<Market>,
}

/// How deep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BookQuery {
    /// Levels, or orders, a side, at most 1000; 50 if absent.
    #[param(minimum = 1, maximum = 1000)]
    pub depth: Option<u32>,
    /// Whether every order is told instead of levels.
    pub orders: Option<bool>,
}

/// Which trades.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TradeQuery {
    /// Where the page before ended: its `next_cursor`, as it is.
    #[param(pattern = "^[A-Za-z0-9_-]+$", max_length = 200)]
    pub cursor: Option<String>,
    /// How many, at most 1000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

/// A trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trade {
    /// The market.
    pub market: String,
    /// Counts the market's trades from 1.
    pub number: u64,
    /// The record that made it.
    pub seq: u64,
    /// When.
    pub time_us: u64,
    /// The maker's price, or the auction's.
    pub price: String,
    /// How much.
    pub quantity: String,
    /// `buy` or `sell`; in an auction the side of the order that came later.
    pub taker_side: String,
    /// The order that arrived, or came later; both orders are public blocks.
    pub taker: String,
    /// The order that rested, or came first.
    pub maker: String,
}

/// Some trades, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TradePage {
    /// The record up to which this is true.
    pub seq: u64,
    /// The trades.
    pub trades: Vec<Trade>,
    /// Give this as `cursor` for the next page; none after the last.
    pub next_cursor: Option<String>,
}

/// Which candles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CandleQuery {
    /// How long each is: `1m`, `5m`, `15m`, `1h`, `4h` or `1d`; `1m` if absent.
    #[param(pattern = "^(1m|5m|15m|1h|4h|1d)$")]
    pub interval: Option<String>,
    /// Where the page before ended: its `next_cursor`, as it is.
    #[param(pattern = "^[A-Za-z0-9_-]+$", max_length = 200)]
    pub cursor: Option<String>,
    /// How many, at most 1000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

/// What was traded in one interval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Candle {
    /// Where the interval begins: a whole multiple of its length since 1970 UTC.
    pub start_us: u64,
    /// The first price.
    pub open: String,
    /// The highest.
    pub high: String,
    /// The lowest.
    pub low: String,
    /// The last.
    pub close: String,
    /// How much was traded, in base.
    pub volume: String,
    /// What it cost, in quote; rounded down to the smallest unit.
    pub quote_volume: String,
    /// How many trades.
    pub trades: u64,
}

/// Some candles, newest first. Intervals without a trade have none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CandlePage {
    /// The market.
    pub market: String,
    /// How long each is.
    pub interval: String,
    /// The record up to which this is true.
    pub seq: u64,
    /// The candles.
    pub candles: Vec<Candle>,
    /// Give this as `cursor` for the next page; none after the last.
    pub next_cursor: Option<String>,
}
