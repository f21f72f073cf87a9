//! What placing an order did: to the makers (events, in the order they happened) and to the order itself.

use crate::{OrderId, Owner};
use bandex_types::{Price, Quantity};

/// Something that happened to a resting order while another one arrived. `R` is the caller's reason type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<R> {
    /// The arriving order traded with a maker.
    Trade {
        /// The resting order.
        maker: OrderId,
        /// Whose it is.
        maker_owner: Owner,
        /// The maker's price in ticks: the price of the trade.
        price: Price,
        /// Lots traded, never 0.
        quantity: Quantity,
        /// Lots of the maker still open, shown or not; at 0 it has left the book.
        maker_left: Quantity,
    },
    /// A maker was taken off the book without a trade.
    MakerRemoved {
        /// The order that rested.
        maker: OrderId,
        /// Whose it is.
        maker_owner: Owner,
        /// Lots that were open and are cancelled by this.
        left: Quantity,
        /// Why.
        reason: Removal<R>,
    },
    /// A maker of the arriving order's owner became smaller, as did the arriving order, by self-trade prevention.
    MakerReduced {
        /// The resting order.
        maker: OrderId,
        /// Whose it is.
        maker_owner: Owner,
        /// By how many lots, never 0.
        by: Quantity,
        /// Lots still open; at 0 it has left the book.
        left: Quantity,
    },
}

/// Why a maker was taken off the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal<R> {
    /// It would have traded with an order of its own owner.
    SelfTrade,
    /// The admission does not admit the maker to any trade, for the reason given.
    NotAdmitted(R),
    /// An auction left it across an order that it may not trade with, and it came later.
    WouldCross,
}

/// What became of an order that was placed; `filled + left + decremented` is its quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed<R> {
    /// Lots traded on arrival.
    pub filled: Quantity,
    /// Lots that did not trade on arrival: 0, resting or cancelled as `rest` says.
    pub left: Quantity,
    /// Lots that self-trade prevention took away, in mode `decrement`.
    pub decremented: Quantity,
    /// What became of `left`.
    pub rest: Rest<R>,
}

/// What became of the part of an order that did not trade on arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest<R> {
    /// There is none.
    Filled,
    /// It rests on the book under this name.
    Resting(OrderId),
    /// It is cancelled.
    Cancelled(CancelReason<R>),
}

/// Why the rest of an order was cancelled on arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReason<R> {
    /// It was not to rest, and nobody was left to trade with.
    Unfilled,
    /// It may not rest, since a maker it could not trade with stands at a price it accepts, and a book is never
    /// crossed.
    WouldCross,
    /// It met an order of its owner, and its mode cancels the newer.
    SelfTrade,
    /// The next trade would have been outside the price band.
    OutsideBand,
    /// The admission refused the taker, before its first trade or between two.
    NotAdmitted(R),
}
