//! Operations on orders: one to a hundred under one signature, judged one by one.

use bandex_types::{
    Amount, MarketId, OrderRef, OrderType, PostOnly, Price, Quantity, SelfTrade, Side, TimeInForce,
    Timestamp, TimestampError,
};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// The most operations in one block.
pub const MAX_OPERATIONS: usize = 100;
/// The most quotes in one operation.
pub const MAX_QUOTES: usize = 100;
/// The most orders that one block can place: each has a number of 8 bits.
const MOST_NUMBERS: usize = 256;
/// The longest client order id.
pub const MAX_CLIENT_ID_BYTES: usize = 64;

/// Operations that succeed or fail one by one, in order.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Orders {
    /// One to [`MAX_OPERATIONS`].
    pub operations: Vec<Operation>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Operation {
    /// Places an order, named (key, seq, number of this operation).
    Place(Box<Place>) = 0,
    /// Cancels an order of the same account.
    Cancel {
        /// Which.
        order: OrderRef,
    } = 1,
    /// Cancels the open order that the same key placed with this client id.
    CancelClient {
        /// The market it rests on.
        market: MarketId,
        /// The id it was given.
        client_id: String,
    } = 2,
    /// Changes price and total quantity (fills included) of an order, which keeps its reference.
    Amend {
        /// Which.
        order: OrderRef,
        /// The new price.
        price: Price,
        /// The new total quantity.
        quantity: Quantity,
    } = 3,
    /// Cancels every open order of the account, sleeping ones included, that the fields do not leave out.
    CancelAll {
        /// Only on this market.
        market: Option<MarketId>,
        /// Only on this side.
        side: Option<Side>,
    } = 4,
    /// Replaces all quotes of the account on a market by these, or changes nothing. A quote takes one order number
    /// after the other, from this operation's own on.
    Quote(Quotes) = 5,
    /// Sets or ends the protection of the account's quotes on a market.
    Protect {
        /// The market.
        market: MarketId,
        /// From now on; none ends it. Setting it again lets quotes in that were pulled.
        protection: Option<Protection>,
    } = 6,
}

/// The quotes of an account on one market: orders that only ever rest, replaced all at once.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Quotes {
    /// The market.
    pub market: MarketId,
    /// Whether a quote that would trade moves to the next tick that does not; otherwise all are refused.
    pub slide: bool,
    /// At most [`MAX_QUOTES`]; none pulls the quotes that rest.
    pub quotes: Vec<Quote>,
}

/// One quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Quote {
    /// Buy or sell the base asset.
    pub side: Side,
    /// In ticks.
    pub price: Price,
    /// How many lots; 0 is refused.
    pub quantity: Quantity,
}

/// When the quotes of a market maker are pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Protection {
    /// Once more lots than this were filled ...
    pub quantity: Quantity,
    /// ... within this time, in microseconds; above 0.
    pub window_us: u64,
}

/// A new order. Every field of the design is in the bytes from the start; those not yet served are refused by name.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Place {
    /// The market.
    pub market: MarketId,
    /// Buy or sell the base asset.
    pub side: Side,
    /// Limit or market.
    pub order_type: OrderType,
    /// The limit in ticks, or a market order's protection; 0 is legal.
    pub price: Price,
    /// How many lots; 0 is refused.
    pub quantity: Quantity,
    /// A market order's size in quote units, instead of lots.
    pub quote_quantity: Option<Amount>,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// The date of a GTD order.
    pub expires: Option<Timestamp>,
    /// What to do if it would trade on arrival.
    pub post_only: PostOnly,
    /// What to do if it meets an order of its own account.
    pub self_trade: SelfTrade,
    /// How many lots the book shows at a time (iceberg).
    pub display: Option<Quantity>,
    /// The least quantity to trade on arrival, else it is refused.
    pub minimum: Option<Quantity>,
    /// A stop or take-profit: it sleeps until the last trade reaches this.
    pub trigger: Option<Trigger>,
    /// The most that any one counterparty may owe its owner, in the unit of account.
    pub own_cap: Option<Amount>,
    /// The least reputation score of a counterparty, in parts per million.
    pub least_score: Option<u32>,
    /// The trader's own name for it, 1 to [`MAX_CLIENT_ID_BYTES`] bytes without control characters.
    pub client_id: Option<String>,
}

/// When a sleeping order wakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Trigger {
    /// Against or with the position.
    pub kind: TriggerKind,
    /// The price of the last trade that wakes it.
    pub price: Price,
}

/// Which way the price must move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum TriggerKind {
    /// A buy wakes at or above the price, a sell at or below.
    StopLoss = 0,
    /// A buy wakes at or below the price, a sell at or above.
    TakeProfit = 1,
}

impl Place {
    /// A limit order, good till cancelled, with nothing special about it.
    pub fn limit(market: MarketId, side: Side, price: Price, quantity: Quantity) -> Self {
        Self {
            market,
            side,
            order_type: OrderType::Limit,
            price,
            quantity,
            quote_quantity: None,
            time_in_force: TimeInForce::Gtc,
            expires: None,
            post_only: PostOnly::Off,
            self_trade: SelfTrade::CancelOldest,
            display: None,
            minimum: None,
            trigger: None,
            own_cap: None,
            least_score: None,
            client_id: None,
        }
    }
}

impl Operation {
    /// How many order numbers it takes: one, or one a quote.
    fn numbers(&self) -> usize {
        match self {
            Self::Quote(quotes) => quotes.quotes.len().max(1),
            _ => 1,
        }
    }

    fn is_misshapen(&self) -> bool {
        match self {
            Self::Quote(quotes) => quotes.quotes.len() > MAX_QUOTES,
            Self::Protect { protection: Some(protection), .. } => protection.window_us == 0,
            _ => false,
        }
    }
}

impl Orders {
    /// The operations, each with the number that its order, or its first quote, has within the block. Without quotes
    /// that is the operation's place from 0.
    pub fn numbered(&self) -> impl Iterator<Item = (u8, &Operation)> {
        self.operations.iter().scan(0_usize, |next, operation| {
            let number = u8::try_from(*next).ok()?;
            *next += operation.numbers();
            Some((number, operation))
        })
    }

    /// The rules that need no state.
    ///
    /// # Errors
    /// Too few or too many operations, or a client id that is empty, too long or holds control characters.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.operations.is_empty() || self.operations.len() > MAX_OPERATIONS {
            return Err("a block of orders holds 1 to 100 operations");
        }
        if self.operations.iter().map(Operation::numbers).sum::<usize>() > MOST_NUMBERS {
            return Err("a block of orders places at most 256 orders, quotes included");
        }
        if self.operations.iter().any(Operation::is_misshapen) {
            return Err("a quote operation holds at most 100 quotes, and a protection's window is above 0");
        }
        let unfit = |id: &str| id.is_empty() || id.len() > MAX_CLIENT_ID_BYTES || super::has_control(id);
        let wrong = self.operations.iter().any(|operation| match operation {
            Operation::Place(place) => place.client_id.as_deref().is_some_and(unfit),
            Operation::CancelClient { client_id, .. } => unfit(client_id),
            _ => false,
        });
        if wrong { Err("a client id has 1 to 64 bytes and no control characters") } else { Ok(()) }
    }

    /// Every date in it must be plausible as microseconds.
    ///
    /// # Errors
    /// One is not.
    pub fn check_times(&self) -> Result<(), TimestampError> {
        self.operations
            .iter()
            .filter_map(|operation| match operation {
                Operation::Place(place) => place.expires,
                _ => None,
            })
            .try_for_each(|time| time.plausible().map(drop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bandex_types::PublicKey;

    #[test]
    fn every_order_of_a_block_has_a_number_of_its_own() {
        let check = |operations: Vec<Operation>, expected: &[u8]| {
            let orders = Orders { operations };
            assert_eq!(orders.check(), Ok(()));
            let numbers: Vec<u8> = orders.numbered().map(|(number, _)| number).collect();
            assert_eq!(numbers, expected);
            assert!(orders.numbered().map(|(_, operation)| operation).eq(&orders.operations));
        };
        let order = OrderRef { key: PublicKey::new([1; 32]), seq: 1, op: 0 };
        let cancel = || Operation::Cancel { order };
        let quotes = |count| {
            let quote = Quote { side: Side::Buy, price: Price::new(1), quantity: Quantity::new(1) };
            Operation::Quote(Quotes { market: MarketId::new(1), slide: false, quotes: vec![quote; count] })
        };
        check(vec![cancel(), cancel(), cancel()], &[0, 1, 2]);
        check(vec![cancel(), quotes(3), cancel(), quotes(0), cancel()], &[0, 1, 4, 5, 6]);
        check(vec![quotes(100), quotes(100), quotes(55), cancel()], &[0, 100, 200, 255]);
        let most = Orders { operations: vec![quotes(100), quotes(100), quotes(56), cancel()] };
        assert!(most.check().is_err(), "a number has 8 bits");
    }
}
