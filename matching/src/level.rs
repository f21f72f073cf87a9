//! One price: the queue of orders that rest at it, first come first served, and the exact sum of what they show.

use crate::arena::{Node, Slot, at, at_mut};
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

/// The queue of one price.
///
/// The sums wrap on purpose, which spares a check at each step: an arena holds fewer than 2^31 orders of at most 2^64
/// lots, and only what was added is taken away.
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
    #[inline(always)]
    pub fn push(&mut self, nodes: &mut [Node], slot: Slot, shown: Quantity) {
        self.shown = self.shown.wrapping_add(u128::from(shown.get()));
        self.orders = self.orders.wrapping_add(1);
        if self.first.is_none() {
            self.first = slot;
        } else {
            at_mut(nodes, self.last).next = slot;
            at_mut(nodes, slot).previous = self.last;
        }
        self.last = slot;
    }

    /// Takes off the first order, which shows so much and has `next` behind it.
    #[inline(always)]
    pub fn pop(&mut self, nodes: &mut [Node], shown: Quantity, next: Slot) {
        self.shown = self.shown.wrapping_sub(u128::from(shown.get()));
        self.orders = self.orders.wrapping_sub(1);
        self.first = next;
        if next.is_none() {
            self.last = Slot::NONE;
        } else {
            at_mut(nodes, next).previous = Slot::NONE;
        }
    }

    /// Takes an order out of the middle or off an end.
    #[inline(always)]
    pub fn unlink(&mut self, nodes: &mut [Node], slot: Slot) {
        let node = at(nodes, slot);
        let (previous, next) = (node.previous, node.next);
        self.shown = self.shown.wrapping_sub(u128::from(node.shown.get()));
        self.orders = self.orders.wrapping_sub(1);
        if previous.is_none() {
            self.first = next;
        } else {
            at_mut(nodes, previous).next = next;
        }
        if next.is_none() {
            self.last = previous;
        } else {
            at_mut(nodes, next).previous = previous;
        }
    }

    /// Lots shown at this price are shown no more.
    #[inline(always)]
    pub fn reduce(&mut self, by: Quantity) {
        self.shown = self.shown.wrapping_sub(u128::from(by.get()));
    }
}
