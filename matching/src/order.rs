//! What goes into the book and what rests there.

use bandex_types::{PostOnly, Price, Quantity, SelfTrade, Side, TimeInForce};
use std::fmt;

/// The book's name for an order that rests on it, given when it comes to rest.
///
/// It leads straight to the order's place, so that nothing is searched. Once the order has left, the name means
/// nothing any more; the place, [`OrderId::slot`], is used again for another order under another name. Names say
/// nothing about age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId {
    generation: u32,
    slot: u32,
}

impl OrderId {
    /// The name of no order: of one that is yet to be given a name.
    pub const NONE: Self = Self { generation: u32::MAX, slot: u32::MAX };

    pub(crate) const fn new(slot: u32, generation: u32) -> Self {
        Self { generation, slot }
    }

    /// The order's place among all that rest, counted from 0 without large gaps: for a caller's table beside the book.
    pub const fn slot(self) -> u32 {
        self.slot
    }

    pub(crate) const fn generation(self) -> u32 {
        self.generation
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot, self.generation)
    }
}

/// The number of an account, given by the caller. Two orders of one owner never trade with each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(u32);

impl Owner {
    /// Wraps the caller's number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The caller's number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The most parts that an order may show one after the other.
pub const MOST_PARTS: u64 = 100;

/// An order as it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOrder {
    /// Whose it is.
    pub owner: Owner,
    /// Which way it trades.
    pub side: Side,
    /// Its limit in ticks; of a market order, the price that protects it. A sell at 0 takes any price; a buy at 0
    /// trades only with a sell that rests at 0.
    pub price: Price,
    /// How many lots; 0 is refused.
    pub quantity: Quantity,
    /// How long it lives. The book treats GTD as GTC: it has no clock, whoever owns the timers cancels.
    pub time_in_force: TimeInForce,
    /// Whether it must rest, and what becomes of it if it would trade.
    pub post_only: PostOnly,
    /// What becomes of it and of resting orders of its owner in its way.
    pub self_trade: SelfTrade,
    /// How many lots it shows at a time while it rests; 0: all of them.
    pub display: Quantity,
    /// The least it must trade on arrival, or it is refused; 0: nothing.
    pub minimum: Quantity,
}

impl NewOrder {
    /// A limit order, good till cancelled, with nothing special about it.
    pub const fn limit(owner: Owner, side: Side, price: Price, quantity: Quantity) -> Self {
        Self {
            owner,
            side,
            price,
            quantity,
            time_in_force: TimeInForce::Gtc,
            post_only: PostOnly::Off,
            self_trade: SelfTrade::CancelOldest,
            display: Quantity::ZERO,
            minimum: Quantity::ZERO,
        }
    }

    /// Whether what does not trade on arrival goes onto the book.
    pub(crate) const fn may_rest(&self) -> bool {
        matches!(self.time_in_force, TimeInForce::Gtc | TimeInForce::Gtd)
    }

    /// What it must trade on arrival to be taken at all.
    pub(crate) const fn needed(&self) -> Quantity {
        match self.time_in_force {
            TimeInForce::Fok => self.quantity,
            _ => self.minimum,
        }
    }
}

/// An order on the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resting {
    /// Its name.
    pub id: OrderId,
    /// Whose it is.
    pub owner: Owner,
    /// Which way it trades.
    pub side: Side,
    /// Its limit in ticks, at which it trades.
    pub price: Price,
    /// How many lots are still open, what it does not show included; never 0.
    pub left: Quantity,
    /// How many lots it shows at a time; 0: all of them.
    pub display: Quantity,
    /// How many lots it shows now, never 0: all of `left`, or the part of it whose turn it is.
    pub shown: Quantity,
}
