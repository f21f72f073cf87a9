//! The book of one market: what rests, how it is found, and how an order enters and leaves. Who trades with whom is
//! decided in `matcher`.

use crate::arena::{Arena, Slot};
use crate::ladder::Ladder;
use crate::state_hash::state_hash;
use crate::{Level, NoBook, OrderId, Resting, UnknownOrder};
use bandex_types::{Price, Quantity, Side};
use std::collections::BTreeMap;

/// The resting orders of one market in price-time priority.
///
/// Never crossed: the best bid is below the best ask after every command.
#[derive(Debug, Clone)]
pub struct Book {
    pub(crate) arena: Arena,
    bids: Ladder,
    asks: Ladder,
    index: BTreeMap<OrderId, Slot>,
}

impl Default for Book {
    fn default() -> Self {
        Self::new()
    }
}

impl Book {
    /// An empty book.
    pub fn new() -> Self {
        Self {
            arena: Arena::default(),
            bids: Ladder::new(Side::Buy),
            asks: Ladder::new(Side::Sell),
            index: BTreeMap::new(),
        }
    }

    /// The book in which exactly these orders rest: each side in the order in which it would trade, as
    /// [`Book::orders`] gives it.
    ///
    /// # Errors
    /// They cannot have rested together: an open quantity of 0, a number twice, a crossed book, or 2^32 of them.
    pub fn from_orders(orders: impl IntoIterator<Item = Resting>) -> Result<Self, NoBook> {
        let mut book = Self::new();
        for order in orders {
            let taken = book.index.contains_key(&order.id) || book.arena.is_full();
            if taken || order.left.is_zero() || book.crosses(order.side, order.price) {
                return Err(NoBook(order.id));
            }
            book.rest(order);
        }
        Ok(book)
    }

    /// Takes an order off the book and returns it as it rested.
    ///
    /// # Errors
    /// No order with this number rests.
    pub fn cancel(&mut self, id: OrderId) -> Result<Resting, UnknownOrder> {
        let slot = *self.index.get(&id).ok_or(UnknownOrder)?;
        // From here the cancel succeeds.
        Ok(self.take(slot))
    }

    /// The resting order with this number.
    pub fn get(&self, id: OrderId) -> Option<Resting> {
        self.index.get(&id).map(|slot| *self.arena.order(*slot))
    }

    /// The best price of a side: the highest bid or the lowest ask.
    pub fn best(&self, side: Side) -> Option<Price> {
        self.ladder(side).best()
    }

    /// The levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> {
        self.ladder(side).levels()
    }

    /// The level of a side at one price, found in logarithmic time; `None` if nothing rests there.
    pub fn level(&self, side: Side, price: Price) -> Option<Level> {
        self.ladder(side).level(price)
    }

    /// The orders of a side in the order in which they would trade.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = Resting> {
        self.ladder(side).queues().flat_map(|queue| self.arena.queue(queue.first()))
    }

    /// How many orders rest.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no order rests.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// A mix of number, owner, price and open quantity of every order, in priority order, bids first.
    ///
    /// Two books with the same hash hold the same orders in the same order, but for chance: it finds mistakes and is
    /// no defence against someone who looks for collisions. Takes time linear in the number of orders.
    pub fn state_hash(&self) -> u64 {
        state_hash(self.orders(Side::Buy), self.orders(Side::Sell))
    }

    pub(crate) fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    /// The side's ladder together with the arena that its queues link through.
    fn parts(&mut self, side: Side) -> (&mut Ladder, &mut Arena) {
        match side {
            Side::Buy => (&mut self.bids, &mut self.arena),
            Side::Sell => (&mut self.asks, &mut self.arena),
        }
    }

    /// The order that trades after the one in `slot`: the next of its price, or the first of the next price.
    pub(crate) fn after(&self, slot: Slot) -> Option<Slot> {
        let node = self.arena.node(slot);
        node.next.or_else(|| self.ladder(node.order.side).first_worse_than(node.order.price))
    }

    /// Puts an order at the end of the queue of its price. Its number must be new and the arena not full.
    pub(crate) fn rest(&mut self, order: Resting) {
        let slot = self.arena.insert(order);
        let (ladder, arena) = self.parts(order.side);
        ladder.push(arena, slot);
        self.index.insert(order.id, slot);
    }

    /// Takes the order in `slot` off the book.
    pub(crate) fn take(&mut self, slot: Slot) -> Resting {
        let side = self.arena.order(slot).side;
        let (ladder, arena) = self.parts(side);
        ladder.unlink(arena, slot);
        let order = self.arena.remove(slot);
        self.index.remove(&order.id);
        order
    }

    /// Trades `quantity` of the order in `slot`, at most what it has open, and returns what it has left. An order that
    /// has nothing left leaves the book.
    pub(crate) fn fill(&mut self, slot: Slot, quantity: Quantity) -> Quantity {
        let order = *self.arena.order(slot);
        let left = order.left.saturating_sub(quantity);
        if left.is_zero() {
            self.take(slot);
        } else {
            let (ladder, arena) = self.parts(order.side);
            ladder.reduce(order.price, quantity);
            arena.node_mut(slot).order.left = left;
        }
        left
    }

    /// Whether an order on `side` with limit `limit` would find the best price of the other side acceptable.
    pub(crate) fn crosses(&self, side: Side, limit: Price) -> bool {
        let makers = self.ladder(side.opposite());
        makers.best().is_some_and(|best| makers.accepts(limit, best))
    }
}
