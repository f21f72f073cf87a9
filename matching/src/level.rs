//! One price: the queue of orders that rest at it, first come first served, and the exact sum of what they show.

use crate::arena::{Arena, Slot};
use bandex_types::{Price, Quantity};

/// What rests at one price of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The price in ticks.
    pub price: Price,
    /// Lots shown at it, never 0. In 128 bits, since the sum of 64-bit quantities may not fit 64.
    pub quantity: u128,
    /// How many orders, never 0.
    pub orders: u32,
}

/// The queue of one price. The sums cannot overflow: an arena holds fewer than 2^31 orders of at most 2^64 lots.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    first: Slot,
    last: Slot,
    orders: u32,
    shown: u128,
}

impl Queue {
    #[inline]
    pub const fn first(&self) -> Slot {
        self.first
    }

    #[inline]
    pub const fn last(&self) -> Slot {
        self.last
    }

    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub fn level(&self, price: Price) -> Level {
        Level { price, quantity: self.shown, orders: self.orders }
    }

    /// Puts an unlinked order at the end.
    #[inline]
    pub fn push(&mut self, arena: &mut Arena, slot: Slot, shown: Quantity) {
        self.shown += u128::from(shown.get());
        self.orders += 1;
        if self.first.is_none() {
            self.first = slot;
        } else {
            arena.node_mut(self.last).next = slot;
            arena.node_mut(slot).previous = self.last;
        }
        self.last = slot;
    }

    /// Takes an order out of the middle or off an end.
    #[inline]
    pub fn unlink(&mut self, arena: &mut Arena, slot: Slot) {
        let node = arena.node(slot);
        let (previous, next, shown) = (node.previous, node.next, node.shown);
        self.shown -= u128::from(shown.get());
        self.orders -= 1;
        if previous.is_none() {
            self.first = next;
        } else {
            arena.node_mut(previous).next = next;
        }
        if next.is_none() {
            self.last = previous;
        } else {
            arena.node_mut(next).previous = previous;
        }
    }

    /// Lots shown at this price are shown no more.
    #[inline]
    pub fn reduce(&mut self, by: Quantity) {
        self.shown -= u128::from(by.get());
    }
}
