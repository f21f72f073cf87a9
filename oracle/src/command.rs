//! What is done to both books, each thing out of one word.

use bandex_matching::{Band, Direction, NewOrder, Owner};
use bandex_types::{PostOnly, Price, Quantity, SelfTrade, Side, TimeInForce};

/// How many owners there are.
pub const OWNERS: u32 = 5;

/// One command. A position chooses among the orders that rest, modulo their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Places an order, or enters it while an auction gathers.
    Place(NewOrder),
    /// Places a market order by quote quantity.
    PlaceBudget {
        /// The order.
        order: NewOrder,
        /// Lots times ticks.
        budget: u128,
    },
    /// Lets an order sleep until a trade reaches a price.
    Sleep {
        /// The order.
        order: NewOrder,
        /// Which way the price moves to it.
        direction: Direction,
        /// The price.
        price: Price,
    },
    /// Amends an order with loss of priority.
    Replace {
        /// Which.
        position: usize,
        /// What it is then; owner and side stay.
        order: NewOrder,
    },
    /// Makes an order smaller.
    Reduce {
        /// Which.
        position: usize,
        /// By how much.
        by: Quantity,
    },
    /// Cancels an order.
    Cancel {
        /// Which.
        position: usize,
    },
    /// Cancels an order that is gone.
    CancelGone,
    /// Cancels an owner's orders on one side or both.
    CancelAll {
        /// Whose.
        owner: Owner,
        /// Where.
        side: Option<Side>,
    },
    /// Takes a sleeping order away.
    Unsleep {
        /// Which.
        position: usize,
    },
    /// Sets how many lots an owner may yet trade.
    SetLots {
        /// Whose.
        owner: Owner,
        /// How many.
        lots: u64,
    },
    /// Sets the price band.
    SetBand(Option<Band>),
    /// Begins to gather orders for an auction, or ends it.
    Auction {
        /// The reference price.
        reference: Option<Price>,
    },
    /// Makes the book anew from its orders.
    Restore,
}

/// Draws small numbers from one word.
struct Dice(u64);

impl Dice {
    fn draw(&mut self, below: u64) -> u64 {
        let drawn = self.0 % below;
        self.0 /= below;
        drawn
    }

    fn position(&mut self) -> usize {
        usize::try_from(self.draw(256)).unwrap_or(0)
    }

    fn side(&mut self) -> Side {
        if self.draw(2) == 0 { Side::Buy } else { Side::Sell }
    }

    fn owner(&mut self) -> Owner {
        Owner::new(u32::try_from(self.draw(u64::from(OWNERS))).unwrap_or(0))
    }

    fn price(&mut self) -> Price {
        Price::new(match self.draw(64) {
            0 => u64::MAX,
            1 => 1 << 40,
            2 => 5_000,
            _ => self.draw(10),
        })
    }

    fn quantity(&mut self) -> Quantity {
        Quantity::new(match self.draw(64) {
            0 => 0,
            1 => u64::MAX,
            _ => 1 + self.draw(20),
        })
    }

    fn order(&mut self) -> NewOrder {
        let (owner, side, price, quantity) = (self.owner(), self.side(), self.price(), self.quantity());
        let plain = NewOrder::limit(owner, side, price, quantity);
        let self_trade = match self.draw(6) {
            0 => SelfTrade::CancelNewest,
            1 => SelfTrade::CancelBoth,
            2 => SelfTrade::Decrement,
            _ => SelfTrade::CancelOldest,
        };
        let post_only = match self.draw(16) {
            0 => PostOnly::Refuse,
            1 => PostOnly::Slide,
            _ => PostOnly::Off,
        };
        let time_in_force = match self.draw(12) {
            0 => TimeInForce::Gtd,
            1 => TimeInForce::Ioc,
            2 | 3 => TimeInForce::Fok,
            _ => TimeInForce::Gtc,
        };
        let display = Quantity::new(if self.draw(4) == 0 { self.draw(6) } else { 0 });
        let minimum = Quantity::new(if self.draw(10) == 0 { self.draw(12) } else { 0 });
        NewOrder { self_trade, post_only, time_in_force, display, minimum, ..plain }
    }
}

impl Command {
    /// The command of a word.
    pub fn from_word(word: u64) -> Self {
        let mut dice = Dice(word);
        match dice.draw(128) {
            0..72 => Self::Place(dice.order()),
            72..76 => Self::PlaceBudget { budget: u128::from(dice.draw(120)), order: dice.order() },
            76..80 => {
                let direction = if dice.draw(2) == 0 { Direction::Rising } else { Direction::Falling };
                let price = Price::new(dice.draw(10));
                Self::Sleep { order: dice.order(), direction, price }
            }
            80..90 => Self::Replace { position: dice.position(), order: dice.order() },
            90..95 => Self::Reduce { position: dice.position(), by: dice.quantity() },
            95..106 => Self::Cancel { position: dice.position() },
            106 => Self::CancelGone,
            107 => Self::CancelAll {
                side: match dice.draw(3) {
                    0 => Some(Side::Buy),
                    1 => Some(Side::Sell),
                    _ => None,
                },
                owner: dice.owner(),
            },
            108 => Self::Unsleep { position: dice.position() },
            109..120 => Self::SetLots {
                lots: match dice.draw(10) {
                    0 => 0,
                    1..5 => dice.draw(30),
                    5..9 => dice.draw(400),
                    _ => u64::MAX,
                },
                owner: dice.owner(),
            },
            120..122 => Self::SetBand(match dice.draw(3) {
                0 => {
                    let (a, b) = (Price::new(dice.draw(10)), Price::new(dice.draw(10)));
                    Some(Band { low: a.min(b), high: a.max(b) })
                }
                _ => None,
            }),
            122..127 => {
                let reference = Price::new(dice.draw(10));
                Self::Auction { reference: (dice.draw(3) > 0).then_some(reference) }
            }
            _ => Self::Restore,
        }
    }
}
