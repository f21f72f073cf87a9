//! Stories: all that happens in a run, as plain data. Whatever a number means is taken modulo what there is, and what
//! cannot happen does nothing; so every list of actions is a story, also one with actions left out.

use crate::setup::{Rules, Setup};
use bandex_tradechain::body::{Fees, TrustTerms};
use bandex_types::Side;
use serde::{Deserialize, Serialize};

/// One run, from its beginning up to the calm at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    /// What it was made from; also what all keys are made from.
    pub seed: u64,
    /// The world it happens in.
    pub setup: Setup,
    /// What happens, in order.
    pub actions: Vec<Action>,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// A client signs a block, keeps it, and sends it.
    Act {
        /// Which.
        client: u8,
        /// What it signs.
        act: Act,
    },
    /// The operator decides something.
    Decide {
        /// What.
        decision: Decision,
    },
    /// The network delivers, loses or doubles messages.
    Deliver {
        /// How many.
        count: u8,
        /// What chooses them and their fate.
        salt: u64,
    },
    /// The node's writer takes what waits; a writer that waits for its disk hears from it.
    Work {
        /// The one that was taken over, if it still runs, instead of the one that serves.
        old: bool,
    },
    /// A client's settlement agent looks what is due.
    Settle {
        /// Which.
        client: u8,
    },
    /// The node has worked out the scores that are due; they wait for the writer like everything else.
    Score,
    /// A client sends again what was not answered, and connects anew.
    Retry {
        /// Which.
        client: u8,
    },
    /// A client's connections end; it knows nothing of it until it connects anew.
    HangUp {
        /// Whose.
        client: u8,
    },
    /// A block is found on the Bitcoin chain.
    Mine {
        /// It holds nothing of what waits.
        empty: bool,
        /// It holds what was spent a second time, instead of the first.
        replaced: bool,
    },
    /// The last blocks of the Bitcoin chain are replaced by one more than they are.
    Reorganise {
        /// How many.
        depth: u8,
        /// What they held waits for a later block.
        later: bool,
        /// What was spent a second time is in them, instead of the first.
        replaced: bool,
    },
    /// What transactions on the Bitcoin chain cost changes.
    Fees {
        /// In satoshi for 1,000 virtual bytes.
        rate: u64,
    },
    /// The node asks its Bitcoin node.
    Follow {
        /// How many of the last blocks that one has not heard of.
        behind: u8,
    },
    /// Time passes, by all clocks.
    Pass {
        /// In microseconds.
        us: u64,
    },
    /// Time passes up to the next moment at which something happens by itself.
    PassToDeadline,
    /// The node's clock jumps: from now on it differs so much from the others.
    Jump {
        /// In microseconds; below zero it is slow.
        skew_us: i64,
    },
    /// The node dies. Its disk stays.
    CrashNode {
        /// Whether a batch that its disk is working on is written all the same.
        written: bool,
    },
    /// The node starts again.
    Start,
    /// A second node opens the store and takes over; the first does not know yet.
    TakeOver,
    /// A client loses its memory. Its lane file stays.
    CrashClient {
        /// Which.
        client: u8,
    },
    /// A settlement agent loses its memory.
    CrashAgent {
        /// Whose.
        client: u8,
    },
    /// The next batch does not go well.
    Disk {
        /// What happens to it.
        fault: DiskFault,
    },
}

/// What happens to a batch on its way to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskFault {
    /// Nothing is written, and the writer is told so.
    Fail,
    /// Nothing is written, and the writer is not told.
    UnknownLost,
    /// All is written, and the writer is not told.
    UnknownKept,
    /// Part of it is written, and the writer is not told.
    Torn,
    /// It takes until the writer's next turn.
    Slow,
    /// At once, and whatever batch: the last committed record is damaged. Nothing survives that, so no story of a seed
    /// has it; it shows that the simulator sees.
    Decay,
}

/// What a client does with a key of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// Grants a new session key.
    Grant {
        /// Its scopes, as bits.
        scopes: u8,
        /// The only market it may trade on.
        market: Option<u8>,
        /// The largest notional of its orders.
        largest: Option<u64>,
        /// How long it lasts, in microseconds.
        lasts_us: Option<u64>,
    },
    /// Revokes a session key.
    Revoke {
        /// Which.
        key: u8,
    },
    /// Replaces the root key.
    Rotate,
    /// Heals the fork of a session key.
    Heal {
        /// Which.
        key: u8,
    },
    /// Operations on orders.
    Orders {
        /// Signed with which key.
        key: u8,
        /// What.
        operations: Vec<Op>,
    },
    /// Says what becomes of a key's orders when it falls silent.
    Guard {
        /// Signed with which key.
        key: u8,
        /// In microseconds; 0: no timer.
        cancel_after_us: u64,
        /// In microseconds.
        on_disconnect_us: Option<u64>,
    },
    /// Moves tokens.
    Transfer {
        /// Signed with which key.
        key: u8,
        /// To which client.
        to: u8,
        /// How many, in bytes.
        amount: u64,
        /// How long the block may be sequenced, in microseconds.
        lasts_us: Option<u64>,
    },
    /// Proposes the record of bandwidth.
    Bandwidth {
        /// Signed with which key.
        key: u8,
        /// With which client.
        to: u8,
        /// The tokens agreed for it.
        tokens: u64,
        /// Whether the proposer pays them.
        pays: bool,
        /// Nobody pays them now: so many bytes are served on credit, or given back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        on_credit: bool,
    },
    /// Posts a bond.
    Bond {
        /// Signed with which key.
        key: u8,
        /// How much, in bytes.
        amount: u64,
    },
    /// Asks for a bond back.
    Unbond {
        /// Signed with which key.
        key: u8,
        /// How much, in bytes.
        amount: u64,
    },
    /// Pays a fee.
    Fee {
        /// Signed with which key.
        key: u8,
        /// How much, in bytes.
        amount: u64,
    },
    /// Asks for the first grant.
    Claim {
        /// Signed with which key.
        key: u8,
    },
    /// Vouches for a client, as a registrar does.
    Certify {
        /// For which.
        to: u8,
        /// How long, in microseconds.
        lasts_us: Option<u64>,
    },
    /// Takes that back.
    Decertify {
        /// From which.
        to: u8,
    },
    /// Says whom it trades with.
    Prefer {
        /// The most that one counterparty may owe it.
        largest: Option<u64>,
        /// The least score of one, in parts per million.
        least: Option<u32>,
    },
    /// Proposes how a deal that went wrong ends. Who is honest proposes what is fair.
    Resolve {
        /// Signed with which key.
        key: u8,
        /// Which of its deals that went wrong.
        deal: u8,
        /// How much of what is locked is delivered, if it does not care.
        deliver: u64,
    },
    /// Gives up what the other side of a deal owes.
    WriteOff {
        /// Signed with which key.
        key: u8,
        /// Which of its deals that went wrong.
        deal: u8,
    },
    /// Makes a default good.
    Cure {
        /// Which of the deals it defaulted in.
        deal: u8,
    },
    /// Breaks the rules as its kind does; honest clients do nothing.
    Misbehave {
        /// How.
        how: u64,
    },
}

/// One operation on orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// Places an order.
    Place {
        /// On which market.
        market: u8,
        /// Buy or sell.
        side: Side,
        /// In ticks.
        price: u64,
        /// In lots.
        quantity: u64,
        /// Good till cancelled, immediate or cancel, fill or kill, good till date.
        lives: Lives,
        /// Refuse it rather than let it trade.
        post_only: bool,
        /// What happens if it meets an order of its own account, by number.
        self_trade: u8,
        /// The most that a counterparty may owe.
        own_cap: Option<u64>,
        /// The least score of a counterparty, in parts per million.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        least_score: Option<u32>,
        /// Its name among the client's own.
        name: Option<u8>,
        /// What few orders have.
        #[serde(default)]
        special: Special,
    },
    /// Cancels an order by its reference.
    Cancel {
        /// Which of those the client placed.
        order: u8,
    },
    /// Cancels an order by its name.
    CancelNamed {
        /// On which market.
        market: u8,
        /// Its name.
        name: u8,
    },
    /// Changes an order's price and quantity.
    Amend {
        /// Which of those the client placed.
        order: u8,
        /// How far the price moves from what was last asked for, in ticks.
        ticks: i8,
        /// How much the quantity grows from what was last asked for, in lots.
        lots: i8,
    },
    /// Cancels all open orders.
    CancelAll {
        /// Only on this market.
        market: Option<u8>,
        /// Only on this side.
        side: Option<Side>,
    },
    /// Replaces all quotes on a market.
    Quote {
        /// Which.
        market: u8,
        /// Let a quote that would trade move to the next tick that does not.
        slide: bool,
        /// Ticks and lots of each bid.
        bids: Vec<(u64, u64)>,
        /// Ticks and lots of each ask.
        asks: Vec<(u64, u64)>,
    },
    /// Sets or ends the protection of quotes on a market.
    Protect {
        /// Which.
        market: u8,
        /// Lots, and within how many microseconds.
        most: Option<(u64, u64)>,
    },
}

/// What few orders have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Special {
    /// It takes what the market gives; its price is its protection.
    pub market: bool,
    /// Its size in quote units, instead of lots.
    pub quote_quantity: Option<u64>,
    /// If it is post-only: move it to the next tick that does not trade.
    pub slide: bool,
    /// The most lots that it shows.
    pub display: Option<u64>,
    /// The least lots to trade on arrival.
    pub minimum: Option<u64>,
    /// It sleeps till the last trade reaches this price, in ticks.
    pub trigger: Option<(Wakes, u64)>,
    /// How long it lives if it lives till a date, in microseconds; none: 30 s.
    pub lasts_us: Option<u64>,
}

/// Which way the price goes that an order sleeps for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wakes {
    /// Against its owner's position.
    StopLoss,
    /// With it.
    TakeProfit,
}

/// How long an order lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lives {
    /// Good till cancelled.
    Gtc,
    /// Immediate or cancel.
    Ioc,
    /// Fill or kill.
    Fok,
    /// Good till a date soon.
    Gtd,
}

/// What the operator decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case", deny_unknown_fields)]
pub enum Decision {
    /// Lists a market; one that is listed is refused.
    ListMarket {
        /// Which of the three.
        market: u8,
    },
    /// Sets what a market does: 0 trades, 1 takes cancels only, 2 halts, 3 gathers for an auction.
    SetState {
        /// Which.
        market: u8,
        /// What.
        state: u8,
    },
    /// Sets how a market trades.
    SetRules {
        /// Which.
        market: u8,
        /// How.
        rules: Rules,
    },
    /// Sets an account's limit.
    SetLimit {
        /// Whose.
        client: u8,
        /// None: the dust.
        limit: Option<u64>,
    },
    /// Sets an account's credit line.
    SetCreditLine {
        /// Whose.
        client: u8,
        /// In bytes.
        line: u64,
    },
    /// Freezes or thaws an account.
    SetFrozen {
        /// Whose.
        client: u8,
        /// From now on.
        frozen: bool,
    },
    /// Sets the parameters of all accounts.
    SetParameters {
        /// The limit of an account that has none of its own.
        dust: u64,
        /// The share of a free limit that one deal may draw.
        share_ppm: u32,
    },
    /// Grants tokens.
    Issue {
        /// To whom.
        client: u8,
        /// In bytes.
        amount: u64,
    },
    /// Sets how limits are earned.
    SetTrust {
        /// How.
        terms: TrustTerms,
    },
    /// Sets what an asset is worth.
    SetRate {
        /// Which of the three.
        asset: u8,
        /// Numerator and denominator.
        rate: Option<(u64, u64)>,
    },
    /// Has walks of the trust graph begin at an account, or not.
    SetSeed {
        /// Whose.
        client: u8,
        /// From now on.
        seed: bool,
    },
    /// Makes an account a registrar, or not.
    SetRegistrar {
        /// Whose.
        client: u8,
        /// From now on.
        registrar: bool,
    },
    /// Sets what trading costs.
    SetFees {
        /// On which market.
        market: u8,
        /// From now on.
        fees: Fees,
    },
}
