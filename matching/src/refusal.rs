//! Why the book does not do what it was asked.

/// Why an order was not placed. A refusal changes nothing at all: no book, no events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The order is for 0 lots.
    #[error("an order needs a quantity above 0")]
    ZeroQuantity,
    /// It would show more than it is for, or so little at a time that it has more than 100 parts.
    #[error("an order shows at most its quantity, and at least a hundredth of it")]
    BadDisplay,
    /// The least it must trade on arrival is more than it is for, or the order must not trade on arrival at all.
    #[error("a minimum is at most the quantity, and not for orders that must rest")]
    BadMinimum,
    /// A post-only order would trade on arrival, and there is no price to slide to.
    #[error("a post-only order would trade on arrival")]
    WouldTrade,
    /// A fill-or-kill order cannot trade in full.
    #[error("a fill-or-kill order cannot be filled in full")]
    FokUnfilled,
    /// The order cannot trade its minimum.
    #[error("the order cannot trade its minimum on arrival")]
    MinimumUnfilled,
    /// An auction gathers only orders that wait for it.
    #[error("an auction takes orders that may rest, without a minimum and not post-only")]
    NotInAuction,
    /// No order of this name, owner and side rests on the book.
    #[error("no such order rests on the book")]
    UnknownOrder,
    /// 2^31 - 1 orders rest.
    #[error("the book is full")]
    BookFull,
}

/// No order with the given name rests on the book: it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no order with this name rests on the book")]
pub struct UnknownOrder;

/// Orders do not make a book: this one cannot rest with those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order cannot rest with the orders before it: it is empty, shows too much, or crosses them")]
pub struct NoBook;

impl From<UnknownOrder> for Refusal {
    fn from(_: UnknownOrder) -> Self {
        Self::UnknownOrder
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OrderId;

    #[test]
    fn an_order_that_is_gone_is_a_refusal_too() {
        assert_eq!(Refusal::from(UnknownOrder), Refusal::UnknownOrder);
        assert_eq!(OrderId::new(3, 1).to_string(), "3.1");
    }
}
