//! Stories: all that happens in a run, as plain data. Whatever a number means is taken modulo what there is, and what
//! cannot happen does nothing; so every list of actions is a story, also one with actions left out.

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

/// A world before anything happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Who trades here.
    pub clients: Vec<Kind>,
    /// How many of the clients, from the last, have no account yet when the story begins.
    pub late: u8,
    /// How many markets are listed, of three: tokens for money, money for tokens, money for money.
    pub markets: u8,
    /// Smallest base units a lot.
    pub lot_units: u64,
    /// Quote units = lots × ticks × 1 ⁄ this.
    pub tick_den: u64,
    /// The smallest tranche worth its handling, in quote units.
    pub least_tranche: u64,
    /// How long a due party has to pay, in microseconds.
    pub pay_us: u64,
    /// How long a payee has to acknowledge, in microseconds.
    pub acknowledge_us: u64,
    /// How long a proposal stays open, in microseconds.
    pub proposal_us: u64,
    /// The limit of an account that has none of its own.
    pub dust: u64,
    /// The share of a free limit that one deal may draw, in parts per million.
    pub share_ppm: u32,
    /// Open bids stay below this multiple of the limit.
    pub bid_multiple: u32,
    /// The tokens each client starts with, in bytes.
    pub issued: u64,
    /// The most blocks in a batch.
    pub batch_max: u16,
    /// The most blocks that wait for the writer.
    pub queue_max: u16,
    /// How many messages in a hundred are lost.
    pub loss_percent: u8,
    /// How many messages in a hundred come twice.
    pub doubling_percent: u8,
    /// Whether messages overtake each other.
    pub reordering: bool,
    /// How all markets trade in the beginning.
    #[serde(default)]
    pub rules: Rules,
}

/// How a market trades. All zero: any price, any number of orders, and what is halted waits for the operator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How far from the last price a trade may be, in parts per million of it.
    pub band_ppm: u32,
    /// How long a market is halted by a trade beyond that, in microseconds.
    pub halt_us: u64,
    /// How long an auction gathers, in microseconds.
    pub auction_us: u64,
    /// The most open orders of an account.
    pub most_orders: u32,
}

/// What a client is like. The first three are honest: they pay and acknowledge as soon as they can, and sign no place of
/// a lane twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Places orders that rest.
    Maker,
    /// Places orders that trade.
    Taker,
    /// Trades and settles with a session key.
    Bot,
    /// Signs two blocks for one place of a lane, to spend its tokens twice.
    Forker,
    /// Leaves gaps in its lane.
    GapMaker,
    /// Never pays what is due.
    NonPayer,
    /// Never acknowledges what was paid.
    NonAcknowledger,
    /// Reports wrong tranches and amounts, and in deals of others.
    WrongPayer,
    /// Reports payments that it did not make, and acknowledges what is not its to acknowledge.
    Liar,
    /// Registers again and again.
    Registrar,
    /// Oversteps what its session keys are granted.
    Crosser,
    /// Splits itself into many accounts, each with its dust, and pays with none.
    Splitter,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Maker,
        Self::Taker,
        Self::Bot,
        Self::Forker,
        Self::GapMaker,
        Self::NonPayer,
        Self::NonAcknowledger,
        Self::WrongPayer,
        Self::Liar,
        Self::Registrar,
        Self::Crosser,
        Self::Splitter,
    ];

    /// Whether it keeps to the rules.
    pub const fn is_honest(self) -> bool {
        matches!(self, Self::Maker | Self::Taker | Self::Bot)
    }
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
    /// A client sends again what was not answered, and connects anew.
    Retry {
        /// Which.
        client: u8,
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
}
