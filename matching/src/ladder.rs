//! One side of the book: its prices from best to worst.
//!
//! Prices near the touch lie in a [`Window`]; the others, few as a rule, in a tree. Nothing is moved between the two
//! while the touch wanders a little; only after many orders came to prices outside is the window laid anew around the
//! touch, or made larger if many prices outside are in use. So an order far away costs a search in the tree, and
//! nobody can make the book move its window with a few orders.

use crate::Level;
use crate::arena::{Node, Slot, at};
use crate::level::Queue;
use crate::window::Window;
use bandex_types::{Price, Quantity, Side};
use std::collections::BTreeMap;

/// The smallest window, 128 KiB; a market with little traffic has none.
const SMALLEST: usize = 4_096;
/// The largest window, 2 MiB.
const LARGEST: usize = 65_536;
/// So many orders outside, and there is a first window.
const FIRST_STRAYS: u32 = 64;

/// The queues of one side; none is empty.
///
/// A rank is how far a price is from the best thinkable one of its side: bids count downwards and asks upwards, so that
/// on both sides a smaller rank is a better price and one piece of code serves both.
#[derive(Debug, Clone)]
pub(crate) struct Ladder {
    /// What turns prices into ranks and back: 0 for asks, all ones for bids.
    mask: u64,
    /// The best rank, if there are levels.
    best: u64,
    levels: u32,
    /// Orders that came to or left prices outside the window since it was laid.
    strays: u32,
    window: Window,
    outside: BTreeMap<u64, Queue>,
}

const NO_QUEUE: &str = "an order rests at a price that has no queue";

impl Ladder {
    pub fn new(side: Side) -> Self {
        let mask = match side {
            Side::Buy => u64::MAX,
            Side::Sell => 0,
        };
        Self { mask, best: 0, levels: 0, strays: 0, window: Window::default(), outside: BTreeMap::new() }
    }

    #[inline(always)]
    pub const fn rank(&self, price: Price) -> u64 {
        price.get() ^ self.mask
    }

    #[inline]
    const fn price(&self, rank: u64) -> Price {
        Price::new(rank ^ self.mask)
    }

    /// Whether an order of the other side with limit `limit` accepts `price` of this side.
    #[inline(always)]
    pub const fn accepts(&self, limit: Price, price: Price) -> bool {
        self.rank(price) <= self.rank(limit)
    }

    /// Whether an order of the other side with limit `limit` accepts the best price.
    #[inline(always)]
    pub const fn crossed_by(&self, limit: Price) -> bool {
        self.levels != 0 && self.best <= self.rank(limit)
    }

    pub fn best(&self) -> Option<Price> {
        (self.levels != 0).then(|| self.price(self.best))
    }

    /// The oldest order of the best price.
    #[inline]
    pub fn first(&self) -> Slot {
        if self.levels == 0 {
            return Slot::NONE;
        }
        match self.window.queue(self.best) {
            Some(queue) => queue.first(),
            None => self.first_outside(),
        }
    }

    #[cold]
    fn first_outside(&self) -> Slot {
        self.outside.get(&self.best).map_or(Slot::NONE, Queue::first)
    }

    /// The oldest order of the next worse price.
    pub fn first_worse_than(&self, price: Price) -> Slot {
        let next = self.rank(price).checked_add(1).and_then(|rank| self.next_rank(rank));
        next.and_then(|rank| self.queue(rank)).map_or(Slot::NONE, Queue::first)
    }

    #[inline]
    fn queue(&self, rank: u64) -> Option<&Queue> {
        self.window.queue(rank).or_else(|| self.outside.get(&rank)).filter(|queue| !queue.is_empty())
    }

    /// The first rank in use at `rank` or after it.
    #[inline]
    fn next_rank(&self, rank: u64) -> Option<u64> {
        let near = self.window.next_used(rank);
        if self.outside.is_empty() {
            return near;
        }
        let far = self.outside.range(rank..).next().map(|(rank, _)| *rank);
        near.into_iter().chain(far).min()
    }

    pub fn level(&self, price: Price) -> Option<Level> {
        self.queue(self.rank(price)).map(|queue| queue.level(price))
    }

    /// The oldest order at a price.
    pub fn first_at(&self, price: Price) -> Slot {
        self.queue(self.rank(price)).map_or(Slot::NONE, Queue::first)
    }

    /// The queues from best to worst, each with its price.
    pub fn queues(&self) -> impl Iterator<Item = (Price, &Queue)> {
        let first = (self.levels != 0).then_some(self.best);
        let ranks = std::iter::successors(first, |rank| self.next_rank(rank.checked_add(1)?));
        ranks.filter_map(|rank| Some((self.price(rank), self.queue(rank)?)))
    }

    /// The last order at a price, if the window shows it: for hints.
    #[inline]
    pub fn near(&self, price: Price) -> Option<&Queue> {
        self.window.queue(self.rank(price))
    }

    /// Puts an unlinked order at the end of the queue of its price.
    #[inline(always)]
    pub fn push(&mut self, nodes: &mut [Node], slot: Slot, price: Price, shown: Quantity) {
        let rank = self.rank(price);
        let Some(queue) = self.window.queue_mut(rank) else {
            return self.push_outside(nodes, slot, rank, shown);
        };
        let is_new = queue.is_empty();
        queue.push(nodes, slot, shown);
        if is_new {
            self.window.set_used(rank);
            self.appear(rank);
        }
    }

    #[cold]
    fn push_outside(&mut self, nodes: &mut [Node], slot: Slot, rank: u64, shown: Quantity) {
        let queue = self.outside.entry(rank).or_default();
        let is_new = queue.is_empty();
        queue.push(nodes, slot, shown);
        if is_new {
            self.appear(rank);
        }
        self.stray();
    }

    #[inline(always)]
    fn appear(&mut self, rank: u64) {
        if self.levels == 0 || rank < self.best {
            self.best = rank;
        }
        self.levels += 1;
    }

    /// Takes an order out of the queue of its price, and the price away with its last order.
    #[inline(always)]
    pub fn unlink(&mut self, nodes: &mut [Node], slot: Slot) {
        let rank = self.rank(at(nodes, slot).price);
        let Some(queue) = self.window.queue_mut(rank) else { return self.unlink_outside(nodes, slot, rank) };
        queue.unlink(nodes, slot);
        if queue.is_empty() {
            self.window.set_unused(rank);
            self.vanish(rank);
        }
    }

    /// Takes the first order of a price off, which shows so much and has `next` behind it.
    #[inline(always)]
    pub fn pop(&mut self, nodes: &mut [Node], price: Price, shown: Quantity, next: Slot) {
        let rank = self.rank(price);
        let Some(queue) = self.window.queue_mut(rank) else {
            return self.pop_outside(nodes, rank, shown, next);
        };
        queue.pop(nodes, shown, next);
        if next.is_none() {
            self.window.set_unused(rank);
            self.vanish(rank);
        }
    }

    #[cold]
    fn pop_outside(&mut self, nodes: &mut [Node], rank: u64, shown: Quantity, next: Slot) {
        let queue = self.outside.get_mut(&rank).expect(NO_QUEUE);
        queue.pop(nodes, shown, next);
        if next.is_none() {
            self.outside.remove(&rank);
            self.vanish(rank);
        }
        self.stray();
    }

    #[cold]
    fn unlink_outside(&mut self, nodes: &mut [Node], slot: Slot, rank: u64) {
        let queue = self.outside.get_mut(&rank).expect(NO_QUEUE);
        queue.unlink(nodes, slot);
        if queue.is_empty() {
            self.outside.remove(&rank);
            self.vanish(rank);
        }
        self.stray();
    }

    #[inline(always)]
    fn vanish(&mut self, rank: u64) {
        self.levels -= 1;
        if rank == self.best && self.levels != 0 {
            self.best = self.first_rank(rank).expect("a level is left, and none is better than the best");
        }
    }

    /// The first rank in use, all of which are at `rank` or after it: spares the search that [`Self::next_rank`] makes.
    #[inline(always)]
    fn first_rank(&self, rank: u64) -> Option<u64> {
        let near = self.window.next_used(rank);
        if self.outside.is_empty() {
            return near;
        }
        let far = self.outside.first_key_value().map(|(rank, _)| *rank);
        near.into_iter().chain(far).min()
    }

    /// Lots that are shown at `price` are shown no more.
    #[inline(always)]
    pub fn reduce(&mut self, price: Price, by: Quantity) {
        let rank = self.rank(price);
        match self.window.queue_mut(rank) {
            Some(queue) => queue.reduce(by),
            None => self.outside.get_mut(&rank).expect(NO_QUEUE).reduce(by),
        }
    }

    /// Counts an order outside the window, and lays the window anew once its work has been paid for by that many.
    fn stray(&mut self) {
        self.strays += 1;
        let size = self.window.len();
        let most = u32::try_from(size / 8).unwrap_or(u32::MAX).max(FIRST_STRAYS);
        if self.strays < most || self.levels == 0 {
            return;
        }
        self.strays = 0;
        let crowded = self.outside.len() > size / 8;
        let wanted = if size == 0 {
            SMALLEST
        } else if crowded {
            size.saturating_mul(4).min(LARGEST)
        } else {
            size
        };
        // The touch comes to lie at a quarter: worse prices are used more than better ones to come.
        let room = u64::try_from(wanted).unwrap_or(u64::MAX);
        let base = self.best.saturating_sub(room / 4).min(u64::MAX - room);
        let moved = base.abs_diff(self.window.base()) > room / 8;
        if wanted != size || moved {
            self.lay(base, wanted, room);
        }
    }

    /// Lays a window of `size` ranks from `base` on; `room` is the same number.
    fn lay(&mut self, base: u64, size: usize, room: u64) {
        for (rank, queue) in std::mem::replace(&mut self.window, Window::new(base, size)).drain() {
            match self.window.queue_mut(rank) {
                Some(place) => {
                    *place = queue;
                    self.window.set_used(rank);
                }
                None => {
                    self.outside.insert(rank, queue);
                }
            }
        }
        while let Some((rank, _)) = self.outside.range(base..base + room).next() {
            let rank = *rank;
            let (Some(queue), Some(place)) = (self.outside.remove(&rank), self.window.queue_mut(rank)) else {
                break;
            };
            *place = queue;
            self.window.set_used(rank);
        }
    }
}

#[cfg(test)]
mod tests;
