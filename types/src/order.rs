//! The words of an order that blocks, books and deals share.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

macro_rules! word {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal,)+ }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize,
            Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        #[borsh(use_discriminant = true)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$variant_doc])* $variant = $number,)+
        }
    };
}

word! {
    /// Which way an order trades, seen from its owner and in terms of the base asset.
    Side {
        /// Buys base, pays quote.
        Buy = 0,
        /// Sells base, receives quote.
        Sell = 1,
    }
}

word! {
    /// How an order is priced.
    OrderType {
        /// Trades at its price or better.
        Limit = 0,
        /// Trades at any price up to its protection price.
        Market = 1,
    }
}

word! {
    /// How long an order lives.
    TimeInForce {
        /// Good till cancelled: the rest goes onto the book.
        Gtc = 0,
        /// Immediate or cancel: the rest is cancelled.
        Ioc = 1,
        /// Fill or kill: all at once or nothing.
        Fok = 2,
        /// Good till date: as GTC, cancelled at the date the order names.
        Gtd = 3,
    }
}

word! {
    /// What to do with an order that would trade on arrival although its owner wants it to rest.
    PostOnly {
        /// Let it trade.
        Off = 0,
        /// Refuse it.
        Refuse = 1,
        /// Move its price to the next tick that does not trade.
        Slide = 2,
    }
}

word! {
    /// What happens when two orders of one account would trade with each other; the taker's mode rules.
    SelfTrade {
        /// The resting order is cancelled.
        CancelOldest = 0,
        /// The arriving order is cancelled.
        CancelNewest = 1,
        /// Both are cancelled.
        CancelBoth = 2,
        /// Both are reduced by the smaller quantity.
        Decrement = 3,
    }
}

word! {
    /// How a leg of a deal is paid.
    Rail {
        /// By the exchange's own ledger, at once.
        Token = 0,
        /// Outside the exchange; counts when the payee countersigns.
        Attested = 1,
        /// On the Bitcoin chain, to a script of the payee; counts when it is proven to be confirmed.
        Bitcoin = 2,
    }
}

impl Side {
    /// The other side.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}
