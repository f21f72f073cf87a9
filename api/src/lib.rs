//! Wire types of REST and WebSocket, shared by server and SDK.
//!
//! Prices, quantities and amounts are decimal strings here and integers everywhere else; [`Scale`] is the border.
//! Ids, keys and bytes are lower-case hex, times are integer microseconds since 1970.

mod account;
mod admin;
mod bitcoin;
mod block;
mod book;
mod breach;
pub mod checksum;
mod deal;
mod http_signature;
mod market;
mod prepare;
mod problem;
mod rate;
mod scale;
mod session;
mod socket;
mod status;
mod trust;

pub use account::{
    Balance, Balances, ExportQuery, Grant, GrantPage, Guard, Key, Lock, Order, OrderPage, OrderQuery,
    OrderTerms, Protection, Protections, Trigger,
};
pub use admin::StateDigest;
pub use bitcoin::{Bitcoin, BitcoinNode, DealChain, DealPayment, DealPayments, MarketPayments, Payee};
pub use block::{
    BlockReply, Fork, Lane, LaneQuery, Leaf, OperationReply, ProvenRecord, QuoteReply, Receipt, SignedBlock,
    StoredBlock, SubmitQuery, Validated,
};
pub use book::{
    AnyBook, Bbo, Book, BookOrders, BookOrdersUpdate, Level, OrderChange, RestingOrder, Ticker, Tickers,
};
pub use breach::{DefaultNotice, DefaultPage, ForkNotice, ForkPage, PageQuery};
pub use deal::{
    Carried, Deal, DealFees, DealPage, DealQuery, Due, Evidence, Fill, FillPage, FillQuery, InFlight,
    Tranche, TranchePage,
};
pub use http_signature::{
    HttpSignatureError, HttpTarget, SignatureInput, check_content_digest, content_digest,
};
pub use market::{
    Asset, Auction, AuctionPage, AuctionQuery, AuctionResult, BookQuery, Candle, CandlePage, CandleQuery,
    Indicative, Market, MarketLimits, MarketRules, Markets, Node, Parameters, Trade, TradePage, TradeQuery,
};
pub use prepare::{Prepare, PrepareOperation, PreparePlace, Prepared};
pub use problem::Problem;
pub use rate::{RateLimits, RatePolicy, RateUse};
pub use scale::{AssetScale, Scale, ScaleError};
pub use session::{Challenge, Login, Session};
pub use socket::{
    Channel, Depth, DepthError, Heartbeat, Hello, LaneNews, Notice, Push, PushKind, Reply, Request,
    Subscribe, Subscribed,
};
pub use status::{MarketStatus, Status, Time};
pub use trust::{
    Admission, Certificate, Epoch, Fees, LimitParts, Limits, Rate, Reputation, ReputationQuery, Stake,
    Standing, Trust, TrustTerms,
};
