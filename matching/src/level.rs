//! One price: the queue of orders that rest at it, first come first served, and their exact sum.

use crate::arena::{Arena, Slot};
use bandex_types::{Price, Quantity};

/// What rests at one price of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The price in ticks.
    pub price: Price,
    /// Lots open at it, never 0. In 128 bits, since the sum of 64-bit quantities may not fit 64.
    pub quantity: u128,
    /// How many orders, never 0.
    pub orders: u32,
}

/// The queue of one price. The sums cannot overflow: an arena holds fewer than 2^32 orders of at most 2^64 lots.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    first: Option<Slot>,
    last: Option<Slot>,
    quantity: u128,
    orders: u32,
}

impl Queue {
    pub(crate) fn first(&self) -> Option<Slot> {
        self.first
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.orders == 0
    }

    pub(crate) fn level(&self, price: Price) -> Level {
        Level { price, quantity: self.quantity, orders: self.orders }
    }

    /// Puts an unlinked order at the end.
    pub(crate) fn push(&mut self, arena: &mut Arena, slot: Slot) {
        self.quantity += u128::from(arena.order(slot).left.get());
        self.orders += 1;
        arena.node_mut(slot).previous = self.last;
        match self.last {
            Some(last) => arena.node_mut(last).next = Some(slot),
            None => self.first = Some(slot),
        }
        self.last = Some(slot);
    }

    /// Takes an order out of the middle or off an end.
    pub(crate) fn unlink(&mut self, arena: &mut Arena, slot: Slot) {
        self.quantity -= u128::from(arena.order(slot).left.get());
        self.orders -= 1;
        let node = arena.node(slot);
        let (previous, next) = (node.previous, node.next);
        match previous {
            Some(previous) => arena.node_mut(previous).next = next,
            None => self.first = next,
        }
        match next {
            Some(next) => arena.node_mut(next).previous = previous,
            None => self.last = previous,
        }
    }

    /// Lots that rested at this price traded.
    pub(crate) fn reduce(&mut self, quantity: Quantity) {
        self.quantity -= u128::from(quantity.get());
    }
}
