//! One side of the book: its prices from best to worst.

use crate::Level;
use crate::arena::{Arena, Slot};
use crate::level::Queue;
use bandex_types::{Price, Quantity, Side};
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

/// How far a price is from the best thinkable one of its side. Bids count downwards and asks upwards, so that on both
/// sides a smaller rank is a better price and one piece of code serves both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(u64);

impl Rank {
    fn of(side: Side, price: Price) -> Self {
        match side {
            Side::Buy => Self(!price.get()),
            Side::Sell => Self(price.get()),
        }
    }

    fn price(self, side: Side) -> Price {
        match side {
            Side::Buy => Price::new(!self.0),
            Side::Sell => Price::new(self.0),
        }
    }
}

/// The queues of one side; none is empty.
#[derive(Debug, Clone)]
pub(crate) struct Ladder {
    side: Side,
    queues: BTreeMap<Rank, Queue>,
}

const NO_QUEUE: &str = "an order rests at a price that has no queue";

impl Ladder {
    pub(crate) fn new(side: Side) -> Self {
        Self { side, queues: BTreeMap::new() }
    }

    /// Whether an order of the other side with limit `limit` accepts `price` of this side.
    pub(crate) fn accepts(&self, limit: Price, price: Price) -> bool {
        Rank::of(self.side, price) <= Rank::of(self.side, limit)
    }

    pub(crate) fn best(&self) -> Option<Price> {
        self.queues.first_key_value().map(|(rank, _)| rank.price(self.side))
    }

    /// The oldest order of the best price.
    pub(crate) fn first(&self) -> Option<Slot> {
        self.queues.first_key_value().and_then(|(_, queue)| queue.first())
    }

    /// The oldest order of the next worse price.
    pub(crate) fn first_worse_than(&self, price: Price) -> Option<Slot> {
        let worse = (Excluded(Rank::of(self.side, price)), Unbounded);
        self.queues.range(worse).next().and_then(|(_, queue)| queue.first())
    }

    pub(crate) fn level(&self, price: Price) -> Option<Level> {
        self.queues.get(&Rank::of(self.side, price)).map(|queue| queue.level(price))
    }

    pub(crate) fn levels(&self) -> impl Iterator<Item = Level> {
        self.queues.iter().map(|(rank, queue)| queue.level(rank.price(self.side)))
    }

    pub(crate) fn queues(&self) -> impl Iterator<Item = &Queue> {
        self.queues.values()
    }

    /// Puts an unlinked order at the end of the queue of its price.
    pub(crate) fn push(&mut self, arena: &mut Arena, slot: Slot) {
        let rank = Rank::of(self.side, arena.order(slot).price);
        self.queues.entry(rank).or_default().push(arena, slot);
    }

    /// Takes an order out of the queue of its price, and the price away with its last order.
    pub(crate) fn unlink(&mut self, arena: &mut Arena, slot: Slot) {
        let rank = Rank::of(self.side, arena.order(slot).price);
        let queue = self.queues.get_mut(&rank).expect(NO_QUEUE);
        queue.unlink(arena, slot);
        if queue.is_empty() {
            self.queues.remove(&rank);
        }
    }

    /// Lots that rested at `price` traded.
    pub(crate) fn reduce(&mut self, price: Price, quantity: Quantity) {
        let rank = Rank::of(self.side, price);
        self.queues.get_mut(&rank).expect(NO_QUEUE).reduce(quantity);
    }
}
