//! Worlds before anything happens: who is in them, what they are like, and by which rules all trade.

use bandex_tradechain::body::{Fees, TrustTerms};
use serde::{Deserialize, Serialize};

/// A world before anything happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Who trades here.
    pub clients: Vec<Kind>,
    /// How many of the clients, from the last, have no account yet when the story begins.
    pub late: u8,
    /// How many markets are listed, of three: tokens for money, money for tokens, money for money. One more is paid on the
    /// Bitcoin chain, if there is one.
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
    /// How limits are earned; none: nobody earns more than the dust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<Trust>,
    /// How payments on the Bitcoin chain work; none: there is no market that is paid there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<OnChain>,
}

/// How payments on the Bitcoin chain work in a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnChain {
    /// How many confirmations make a payment paid.
    pub confirmations: u16,
    /// How many make it final.
    pub final_confirmations: u16,
    /// The largest share of a payment that its fee may take, in parts per million.
    pub fee_share_ppm: u32,
    /// How long a buyer has to pay, in microseconds.
    pub pay_us: u64,
    /// How long a payee has to name its script, in microseconds.
    pub name_us: u64,
}

/// How trust works in a world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// The operator's terms in the beginning.
    pub terms: TrustTerms,
    /// What a token is worth in the unit of account, as numerator and denominator; none: it has no rate.
    pub rate: Option<(u64, u64)>,
    /// What trading costs on all markets in the beginning.
    pub fees: Fees,
    /// How many of the clients, from the first, the walks of the trust graph begin at.
    pub seeds: u8,
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
    /// Feeds accounts of its own with honoured service, in a cycle, and then steals with all.
    CycleFeeder,
    /// The same in series.
    SerialFeeder,
    /// The same, each account fed by itself.
    ParallelFeeder,
    /// Feeds the same accounts as every other of its kind.
    Colluder,
    /// Comes back under a new name after each default.
    Whitewasher,
    /// Honours small deals until it takes all that it can from everybody at once.
    BustOut,
    /// Trades with an account of its own, and pays nobody else.
    WashTrader,
    /// Reports payments that it did not make, and writes the disputes off.
    FalseClaimant,
    /// Takes its bond back as soon as it has to pay.
    BondRunner,
    /// Never acknowledges what was paid, and writes the disputes off.
    Griefer,
    /// Trades both ways with the same victim at far prices, so that deals are netted, and never pays.
    Netter,
    /// Never names a script to be paid to on the Bitcoin chain.
    Nameless,
    /// Pays a part of what is due on the chain.
    Underpayer,
    /// Spends twice what it pays on the chain, as soon as a reorganisation or a slow block lets it.
    DoubleSpender,
    /// Pays on the chain once it has defaulted.
    LatePayer,
    /// Names one script for all its deals on the chain.
    Reuser,
    /// Pays all that is due on the chain once more.
    DoublePayer,
}

impl Kind {
    /// Every kind that there was before limits could be earned.
    pub const PLAIN: [Self; 12] = [
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

    /// Those that attack trust.
    pub const TRUST: [Self; 11] = [
        Self::CycleFeeder,
        Self::SerialFeeder,
        Self::ParallelFeeder,
        Self::Colluder,
        Self::Whitewasher,
        Self::BustOut,
        Self::WashTrader,
        Self::FalseClaimant,
        Self::BondRunner,
        Self::Griefer,
        Self::Netter,
    ];

    /// Those that cheat on the Bitcoin chain.
    pub const CHAIN: [Self; 6] = [
        Self::Nameless,
        Self::Underpayer,
        Self::DoubleSpender,
        Self::LatePayer,
        Self::Reuser,
        Self::DoublePayer,
    ];

    /// Whether it keeps to the rules.
    pub const fn is_honest(self) -> bool {
        matches!(self, Self::Maker | Self::Taker | Self::Bot)
    }

    /// Whether it never acknowledges what was paid.
    pub const fn withholds(self) -> bool {
        matches!(self, Self::NonAcknowledger | Self::Griefer)
    }

    /// Whether it reports payments that it did not make.
    pub const fn claims(self) -> bool {
        matches!(self, Self::Liar | Self::FalseClaimant)
    }

    /// Whether it has others pay for accounts of its own.
    pub const fn feeds(self) -> bool {
        matches!(self, Self::CycleFeeder | Self::SerialFeeder | Self::ParallelFeeder | Self::Colluder)
    }

    /// Whether it gives up what a dispute is about, so that nobody looks any further.
    pub const fn gives_up(self) -> bool {
        matches!(self, Self::FalseClaimant | Self::Griefer)
    }
}
