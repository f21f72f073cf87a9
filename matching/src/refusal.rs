//! Why the book does not do what it was asked.

use crate::OrderId;

/// Why an order was not placed. A refusal changes nothing at all: no book, no events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The order is for 0 lots.
    #[error("an order needs a quantity above 0")]
    ZeroQuantity,
    /// An order with this number rests on the book.
    #[error("an order with this number rests already")]
    DuplicateId,
    /// A post-only order would trade on arrival.
    #[error("a post-only order would trade on arrival")]
    WouldTrade,
    /// A fill-or-kill order cannot trade in full.
    #[error("a fill-or-kill order cannot be filled in full")]
    FokUnfilled,
    /// The order asks for something that this book does not do; the text names it.
    #[error("{0} is not served")]
    NotServed(&'static str),
}

/// No order with the given number rests on the book: it was never placed, did not rest, or is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no order with this number rests on the book")]
pub struct UnknownOrder;

/// Orders do not make a book: this one cannot rest with those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("order {0} cannot rest with the orders before it")]
pub struct NoBook(pub OrderId);
