//! What a command did: a result, and events that carry the new state of everything it touched.
//!
//! Events are whole states, not differences, so a projection or a client that sees the last one knows enough.

mod bitcoin;
mod trust;

pub use bitcoin::{ChainState, Payee, PaymentState, PaymentStatus};
pub use trust::{Certificate, LimitParts, Netted, Slash, TrustState};

use crate::{DealState, Refusal};
use bandex_settlement::Party;
use bandex_tradechain::body::{
    AssetListing, BitcoinTerms, Fees, MarketListing, MarketRules, MarketState, Parameters, PaymentTerms,
    Protection, Scopes, Trigger, TrustTerms,
};
use bandex_tradechain::{SignedBlock, outcome_digest};
use bandex_types::{
    AccountId, Amount, AssetId, BlockId, DealId, Hash, MarketId, OrderRef, OrderType, PostOnly, Price,
    PublicKey, Quantity, Ratio, SelfTrade, Side, TimeInForce, Timestamp,
};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;
use std::fmt;

/// Everything that came of one command. Its bytes are hashed into the record.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct Outcome {
    /// What became of the command itself.
    pub result: CommandResult,
    /// What changed, in the order it changed; expiries due before the command come first.
    pub events: Vec<Event>,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(tag = "result", content = "operations", rename_all = "snake_case")]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum CommandResult {
    /// It took effect; for orders and configure blocks, operation by operation.
    Done(Vec<OperationResult>) = 0,
    /// It was sequenced and refused as a whole.
    Refused(Refusal) = 1,
}

/// What became of one operation.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(tag = "result", content = "refusal", rename_all = "snake_case")]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum OperationResult {
    /// It took effect; the events say how.
    Done = 0,
    /// It changed nothing.
    Refused(Refusal) = 1,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Event {
    /// The journal's root of trust.
    Genesis {
        /// The network.
        network: u32,
    } = 0,
    /// An account, new or changed.
    Account(AccountState) = 1,
    /// A key, new or changed.
    Key(KeyState) = 2,
    /// An order, new or changed.
    Order(OrderState) = 3,
    /// A trade.
    Trade(Trade) = 4,
    /// A deal, new or changed.
    Deal(Box<DealState>) = 5,
    /// A movement within a deal that is now final.
    Tranche(Tranche) = 6,
    /// A balance, new or changed.
    Balance(BalanceState) = 7,
    /// A proposal that waits for a countersignature, or stopped waiting.
    Proposal(ProposalState) = 8,
    /// Somebody did not pay in time.
    Default(DefaultNotice) = 9,
    /// A key signed two blocks for one seq.
    Fork(ForkNotice) = 10,
    /// An asset, new.
    Asset(AssetListing) = 11,
    /// A market, new or changed.
    Market {
        /// What it is.
        listing: MarketListing,
        /// What it does.
        state: MarketState,
    } = 12,
    /// The parameters of all accounts.
    Parameters(Parameters) = 13,
    /// Other rules hold from the next record on.
    Rules {
        /// Their version.
        version: u32,
    } = 14,
    /// What makes an order more than a plain limit order; once, when it is accepted.
    Terms(Box<OrderTerms>) = 15,
    /// The rules of a market's trading, new.
    MarketRules {
        /// Which market.
        market: MarketId,
        /// Its rules from now on.
        rules: MarketRules,
    } = 16,
    /// An auction has ended.
    Auction {
        /// On which market.
        market: MarketId,
        /// The one price of all its trades, in ticks; none if nothing traded.
        price: Option<Price>,
        /// Lots traded.
        volume: u64,
    } = 17,
    /// The protection of an account's quotes on a market, new or tripped.
    Protection {
        /// Whose.
        account: AccountId,
        /// Where.
        market: MarketId,
        /// What is set; none if it ended.
        protection: Option<Protection>,
        /// Whether its quotes have been pulled.
        tripped: bool,
    } = 18,
    /// What an account has at stake, new or changed.
    Trust(Box<TrustState>) = 19,
    /// How limits are earned and who is admitted, new.
    TrustTerms(TrustTerms) = 20,
    /// What an asset is worth, new.
    Rate {
        /// Which asset.
        asset: AssetId,
        /// Millisatoshi for a smallest unit; none: see the change of that name.
        rate: Option<Ratio>,
    } = 21,
    /// What a market's trading costs, new.
    MarketFees {
        /// Which market.
        market: MarketId,
        /// From the next delivery on.
        fees: Fees,
    } = 22,
    /// An epoch of the trust graph has ended; its scores are due.
    Epoch {
        /// Counts from 1970 on.
        epoch: u64,
        /// What the walks are drawn with.
        checkpoint: Hash,
        /// How many edges the graph has.
        edges: u64,
    } = 23,
    /// The scores of an epoch were taken in; how accounts stand then is told as their trust.
    Scored {
        /// Which epoch.
        epoch: u64,
    } = 24,
    /// A bond paid for a default.
    Slash(Slash) = 25,
    /// Two deals were replaced by one.
    Netted(Netted) = 26,
    /// Fees were taken out of tokens that a deal delivered.
    DealFees {
        /// The deal.
        deal: DealId,
        /// For the maker, in bytes.
        maker: Amount,
        /// For the taker, in bytes.
        taker: Amount,
    } = 27,
    /// Which Bitcoin chain is followed, and from where on.
    Bitcoin(BitcoinTerms) = 28,
    /// What a market asks of payments on the chain, new.
    PaymentTerms {
        /// Which market.
        market: MarketId,
        /// For deals that are opened from now on.
        terms: PaymentTerms,
    } = 29,
    /// How far the chain is known, and what fees are like.
    Chain(ChainState) = 30,
    /// A payment on the chain, new or standing otherwise than before.
    Payment(PaymentState) = 31,
    /// What becomes of a key's orders when its program falls silent, new; or its timer has run down.
    Guard(GuardState) = 32,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct AccountState {
    /// Its id.
    pub account: AccountId,
    /// Why it may not order, if it may not.
    pub frozen: Option<FreezeReason>,
    /// How much others may let it owe in all, in the unit of account.
    pub limit: Amount,
    /// How much of that its open deals reserve.
    pub reserved: Amount,
    /// How far below zero its tokens may go, in bytes.
    pub credit_line: Amount,
}

/// Why an account may read and settle but not order.
///
/// In order of gravity, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(tag = "reason", content = "by", rename_all = "snake_case")]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum FreezeReason {
    /// Its root key forked; nothing thaws it.
    RootFork(PublicKey) = 0,
    /// It did not pay a tranche in time.
    Default(DealId) = 1,
    /// One of its session keys forked; `heal` by the root key thaws it.
    SessionFork(PublicKey) = 2,
    /// The operator decided so.
    Operator = 3,
}

impl fmt::Display for FreezeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RootFork(key) => write!(f, "its root key {key} forked"),
            Self::Default(deal) => write!(f, "it did not pay in deal {deal}"),
            Self::SessionFork(key) => {
                write!(f, "its session key {key} forked, and the root key has not healed it")
            }
            Self::Operator => f.write_str("by the operator"),
        }
    }
}

/// A key of an account.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct KeyState {
    /// The key.
    pub key: PublicKey,
    /// Whose.
    pub account: AccountId,
    /// Whether it is the root key.
    pub root: bool,
    /// What it may do.
    pub scopes: Scopes,
    /// Whether it still may.
    pub status: KeyStatus,
    /// When its grant ends by itself.
    pub expires: Option<Timestamp>,
}

impl KeyState {
    /// Whether the key may sign anything at `now`.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.status == KeyStatus::Active && self.expires.is_none_or(|expires| expires > now)
    }

    /// Whether its holder may read what belongs to the account at `now`. A root key that forked still may: nobody else
    /// could fetch the evidence of open deals.
    pub fn may_read(&self, now: Timestamp) -> bool {
        self.is_active(now) || (self.root && self.status == KeyStatus::Forked)
    }
}

/// What becomes of a key's orders when its program falls silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct GuardState {
    /// The key.
    pub key: PublicKey,
    /// Whose.
    pub account: AccountId,
    /// For how long its orders outlive its last `guard` block, in microseconds; 0: no timer.
    pub cancel_after_us: u64,
    /// For how long its orders outlive its last connection, in microseconds; none: the node does not cancel them.
    pub on_disconnect_us: Option<u64>,
    /// When its orders go, if the timer runs.
    pub due: Option<Timestamp>,
}

impl GuardState {
    /// Whether its orders stay whatever becomes of its program.
    pub const fn is_off(&self) -> bool {
        self.cancel_after_us == 0 && self.on_disconnect_us.is_none()
    }
}

/// Whether a key may still sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum KeyStatus {
    /// It may.
    Active = 0,
    /// The root key ended it, or rotated away from it.
    Revoked = 1,
    /// It forked.
    Forked = 2,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct OrderState {
    /// Its reference.
    pub order: OrderRef,
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// Limit in ticks.
    pub price: Price,
    /// Ordered lots, less what self-trade prevention took away. Of a market order by quote quantity, what it traded.
    pub quantity: Quantity,
    /// Lots traded so far.
    pub filled: Quantity,
    /// Where it stands.
    pub status: OrderStatus,
    /// The trader's own name for it.
    pub client_id: Option<String>,
}

/// The terms of an order beside side, price and quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct OrderTerms {
    /// Its reference.
    pub order: OrderRef,
    /// Limit or market.
    pub order_type: OrderType,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// The date of a GTD order.
    pub expires: Option<Timestamp>,
    /// What it does if it would trade on arrival.
    pub post_only: PostOnly,
    /// What it does if it meets an order of its own account.
    pub self_trade: SelfTrade,
    /// How many lots the book shows at a time.
    pub display: Option<Quantity>,
    /// The least it had to trade on arrival.
    pub minimum: Option<Quantity>,
    /// What it sleeps for.
    pub trigger: Option<Trigger>,
    /// A market order's size in quote units.
    pub quote_quantity: Option<Amount>,
    /// Whether it is one of its account's quotes.
    pub quote: bool,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(tag = "status", content = "reason", rename_all = "snake_case")]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum OrderStatus {
    /// It rests on the book.
    Open = 0,
    /// All of it traded.
    Filled = 1,
    /// The rest was cancelled.
    Cancelled(CancelReason) = 2,
    /// It waits for its trigger.
    Sleeping = 3,
}

/// Why the rest of an order was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum CancelReason {
    /// Its owner asked.
    Requested = 0,
    /// An IOC order's rest.
    Unfilled = 1,
    /// It would have traded with an order of its own account.
    SelfTrade = 2,
    /// It may not rest: an order stands at its price that it may not trade with.
    WouldCross = 3,
    /// The limit of its account is used up.
    LimitExhausted = 4,
    /// Its account was frozen.
    AccountFrozen = 5,
    /// The key that placed it ended or forked.
    KeyEnded = 6,
    /// A GTD order's date has passed.
    Expired = 7,
    /// The next trade would have been outside the price band.
    OutsideBand = 8,
    /// It was a quote, and its account's protection was tripped.
    Protection = 9,
    /// A market order that an auction left over.
    AuctionUnfilled = 10,
    /// Other quotes took its place.
    Replaced = 11,
    /// It was post-only, and would have traded when it woke.
    WouldTrade = 12,
    /// Its account is not admitted any more.
    NotAdmitted = 13,
    /// What is left of it, or its account's limit, is too small for a payment on the chain.
    BelowTranche = 14,
    /// The timer of the key that placed it has run down.
    Timer = 15,
    /// The last connection of the key that placed it has ended.
    Disconnected = 16,
}

/// A trade: one fill of a taker by a maker.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct Trade {
    /// The market.
    pub market: MarketId,
    /// Counts the market's trades from 1.
    pub number: u64,
    /// In ticks: the maker's price.
    pub price: Price,
    /// In lots.
    pub quantity: Quantity,
    /// Which way the taker traded.
    pub taker_side: Side,
    /// The order that arrived.
    pub taker: OrderRef,
    /// The order that rested.
    pub maker: OrderRef,
    /// Whose the taker is.
    pub taker_account: AccountId,
    /// Whose the maker is.
    pub maker_account: AccountId,
    /// The deal that settles it.
    pub deal: DealId,
}

/// A movement within a deal that is now final.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct Tranche {
    /// The deal.
    pub deal: DealId,
    /// Its number, from 1.
    pub tranche: u32,
    /// Who sent.
    pub party: Party,
    /// How much, in smallest units of the sender's leg.
    pub units: Amount,
    /// The same in quote units.
    pub value: Amount,
}

/// A balance of one asset on the `token` rail.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct BalanceState {
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub asset: AssetId,
    /// In smallest units; below zero is credit taken.
    #[serde(serialize_with = "as_text")]
    pub balance: i128,
    /// How much of it is locked.
    pub locked: Amount,
}

/// A proposal.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct ProposalState {
    /// The id of the `pay` or `bandwidth` block.
    pub proposal: BlockId,
    /// Who proposed.
    pub from: AccountId,
    /// Who may acknowledge.
    pub to: AccountId,
    /// The deal, if it is a payment.
    pub deal: Option<DealId>,
    /// Where it stands.
    pub status: ProposalStatus,
}

/// Where a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum ProposalStatus {
    /// Waits for the countersignature.
    Waiting = 0,
    /// Countersigned.
    Acknowledged = 1,
    /// Nobody answered in time.
    Expired = 2,
}

/// Somebody did not pay in time.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct DefaultNotice {
    /// The deal.
    pub deal: DealId,
    /// Who did not pay.
    pub by: AccountId,
    /// Who lost.
    pub victim: AccountId,
    /// How much, in quote units.
    pub loss: Amount,
    /// The most it could have been: the victim's cap.
    pub cap: Amount,
}

/// A key signed two blocks for one seq.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct ForkNotice {
    /// Whose key.
    pub account: AccountId,
    /// The key.
    pub key: PublicKey,
    /// The seq.
    pub seq: u64,
    /// The block that was sequenced.
    pub first: BlockId,
    /// The block that contradicts it.
    pub second: BlockId,
}

/// About how many bytes an event takes; an encoding with more grows.
const BYTES_AN_EVENT: usize = 160;

impl Outcome {
    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64 + BYTES_AN_EVENT * self.events.len());
        self.encode_into(&mut bytes);
        bytes
    }

    /// Appends the canonical bytes to what a buffer holds already.
    pub fn encode_into(&self, bytes: &mut Vec<u8>) {
        let written = BorshSerialize::serialize(self, bytes);
        debug_assert!(written.is_ok(), "an outcome is far below the u32::MAX entries that a Vec can take");
    }

    /// The digest that the record keeps.
    pub fn digest(&self) -> Hash {
        outcome_digest(&self.encode())
    }
}

impl ForkNotice {
    /// From the two blocks.
    pub(crate) fn new(
        account: AccountId,
        key: PublicKey,
        seq: u64,
        first: &SignedBlock,
        second: &SignedBlock,
    ) -> Self {
        Self { account, key, seq, first: first.id(), second: second.id() }
    }
}

fn as_text<S: serde::Serializer>(number: &i128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}
