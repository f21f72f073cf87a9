//! What goes into the book and what rests there.

use bandex_types::{PostOnly, Price, Quantity, SelfTrade, Side, TimeInForce};
use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($inner);

        impl $name {
            /// Wraps the caller's number.
            pub const fn new(number: $inner) -> Self {
                Self(number)
            }

            /// The caller's number.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number! {
    /// The number of an order, given by the caller, never used twice in one book.
    ///
    /// The book remembers only what rests: it refuses the number of a resting order, but that a number is not used
    /// again after its order is gone is the caller's duty. Numbers say nothing about priority.
    OrderId(u64)
}
number! {
    /// The number of an account, given by the caller. Two orders of one owner never trade with each other.
    Owner(u32)
}

/// An order as it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOrder {
    /// Its number.
    pub id: OrderId,
    /// Whose it is.
    pub owner: Owner,
    /// Which way it trades.
    pub side: Side,
    /// Its limit in ticks. A sell at 0 takes any price; a buy at 0 trades only with a sell that rests at 0.
    pub price: Price,
    /// How many lots; 0 is refused.
    pub quantity: Quantity,
    /// How long it lives. The book treats GTD as GTC: it has no clock, whoever owns the timers cancels.
    pub time_in_force: TimeInForce,
    /// Whether it must rest; `Slide` is not served.
    pub post_only: PostOnly,
    /// What becomes of resting orders of its owner in its way; only `CancelOldest` is served.
    pub self_trade: SelfTrade,
}

/// An order on the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resting {
    /// Its number.
    pub id: OrderId,
    /// Whose it is.
    pub owner: Owner,
    /// Which way it trades.
    pub side: Side,
    /// Its limit in ticks, at which it trades.
    pub price: Price,
    /// How many lots are still open, never 0.
    pub left: Quantity,
}
