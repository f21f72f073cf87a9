//! The book of one market: what rests, how it is found, and how an order enters and leaves. Who trades with whom is
//! decided in `matcher`, and at the end of an auction in `clear`.

use crate::arena::{Arena, Node, Slot};
use crate::hidden::{Hidden, Reserve};
use crate::ladder::Ladder;
use crate::level::Queue;
use crate::state_hash::state_hash;
use crate::{Band, Level, NewOrder, NoBook, OrderId, Resting, UnknownOrder};
use bandex_types::{Price, Quantity, Side};

/// The resting orders of one market in price-time priority.
///
/// Never crossed while orders are only placed: the best bid is below the best ask after every command. While an auction
/// gathers orders ([`Book::enter`]) bids and asks may cross, until [`Book::uncross`].
#[derive(Debug, Clone)]
pub struct Book {
    pub(crate) arena: Arena,
    pub(crate) hidden: Hidden,
    pub(crate) band: Band,
    bids: Ladder,
    asks: Ladder,
}

impl Default for Book {
    fn default() -> Self {
        Self::new()
    }
}

impl Book {
    /// An empty book.
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// An empty book with room for so many orders at once; more find room too, then.
    pub fn with_capacity(orders: usize) -> Self {
        Self {
            arena: Arena::with_capacity(orders),
            hidden: Hidden::default(),
            band: Band::ALL,
            bids: Ladder::new(Side::Buy),
            asks: Ladder::new(Side::Sell),
        }
    }

    /// From now on trades happen only at prices within the band; `None`: at any price. Nothing that rests is touched.
    pub fn set_band(&mut self, band: Option<Band>) {
        self.band = band.unwrap_or(Band::ALL);
    }

    /// Takes an order off the book and returns it as it rested.
    ///
    /// # Errors
    /// No order of this name rests.
    #[inline(always)]
    pub fn cancel(&mut self, id: OrderId) -> Result<Resting, UnknownOrder> {
        let slot = self.arena.find(id).ok_or(UnknownOrder)?;
        // From here the cancel succeeds.
        let order = self.resting(slot);
        self.take(slot);
        Ok(order)
    }

    /// Makes an order smaller by so many lots, first what it does not show, and returns what it has left. It keeps its
    /// priority. With nothing left, it leaves the book.
    ///
    /// # Errors
    /// No order of this name rests.
    #[inline(always)]
    pub fn reduce(&mut self, id: OrderId, by: Quantity) -> Result<Quantity, UnknownOrder> {
        let slot = self.arena.find(id).ok_or(UnknownOrder)?;
        // From here it succeeds.
        let node = self.arena.node(slot);
        let (side, price, hides) = (node.side(), node.price, node.hides());
        let by = if hides { self.hidden.reduce(slot, by) } else { by };
        let left = self.arena.node(slot).shown.saturating_sub(by);
        if left.is_zero() {
            self.take(slot);
            return Ok(Quantity::ZERO);
        }
        self.arena.node_mut(slot).shown = left;
        self.parts(side).0.reduce(price, by);
        Ok(if hides { self.left(slot) } else { left })
    }

    /// Puts back an order that rested before, behind those already there, and names it anew: so a book is made again
    /// from its orders, each side in the order in which it would trade, as [`Book::orders`] gives it. The order's old
    /// name is not looked at. With `may_cross`, as an auction gathers them.
    ///
    /// # Errors
    /// It cannot have rested so: it shows nothing, more than it has or than it shows at a time, it hides a part without
    /// a display, or it crosses the book.
    pub fn restore(&mut self, order: &Resting, may_cross: bool) -> Result<OrderId, NoBook> {
        let Resting { owner, side, price, left, display, shown, .. } = *order;
        let shows = if display.is_zero() { shown == left } else { shown <= left.min(display) };
        let crosses = !may_cross && self.crosses(side, price);
        if shown.is_zero() || !shows || crosses || self.arena.is_full() {
            return Err(NoBook);
        }
        // From here it rests.
        let (slot, id) = self.arena.insert(owner, side, price, shown, !display.is_zero());
        if !display.is_zero() {
            self.hidden.insert(slot, Reserve { display, hidden: left.saturating_sub(shown) });
        }
        self.link(slot, side, price, shown);
        Ok(id)
    }

    /// The resting order of this name.
    pub fn get(&self, id: OrderId) -> Option<Resting> {
        self.arena.find(id).map(|slot| self.resting(slot))
    }

    /// The best price of a side: the highest bid or the lowest ask.
    pub fn best(&self, side: Side) -> Option<Price> {
        self.ladder(side).best()
    }

    /// The levels of a side, best first, with what they show.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> {
        self.ladder(side).queues().map(|(price, queue)| queue.level(price))
    }

    /// The level of a side at one price; `None` if nothing rests there.
    pub fn level(&self, side: Side, price: Price) -> Option<Level> {
        self.ladder(side).level(price)
    }

    /// The orders of a side in the order in which they would trade.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = Resting> {
        self.slots(side).map(|slot| self.resting(slot))
    }

    /// The orders of a side at one price, in the order in which they would trade.
    pub fn orders_at(&self, side: Side, price: Price) -> impl Iterator<Item = Resting> {
        self.arena.queue(self.ladder(side).first_at(price)).map(|slot| self.resting(slot))
    }

    /// How many orders rest. Takes time linear in the levels: nothing on the common path counts.
    pub fn len(&self) -> usize {
        let levels = self.levels(Side::Buy).chain(self.levels(Side::Sell));
        levels.map(|level| level.orders as usize).sum()
    }

    /// Whether no order rests.
    pub fn is_empty(&self) -> bool {
        self.best(Side::Buy).is_none() && self.best(Side::Sell).is_none()
    }

    /// A mix of number, owner, price and quantities of every order, in priority order, bids first; `number` gives the
    /// caller's number of an order, since two books name theirs differently.
    ///
    /// Two books with the same hash hold the same orders in the same order, but for chance: it finds mistakes and is
    /// no defence against someone who looks for collisions. Takes time linear in the number of orders.
    pub fn state_hash(&self, number: impl Fn(OrderId) -> u64) -> u64 {
        state_hash(self.orders(Side::Buy), self.orders(Side::Sell), number)
    }

    #[inline(always)]
    pub(crate) fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    pub(crate) fn slots(&self, side: Side) -> impl Iterator<Item = Slot> {
        self.ladder(side).queues().flat_map(|(_, queue)| self.arena.queue(queue.first()))
    }

    /// The order that trades after the one in `slot`: the next of its price, or the first of the next price.
    #[inline]
    pub(crate) fn after(&self, slot: Slot) -> Slot {
        let node = self.arena.node(slot);
        if node.next.is_none() { self.ladder(node.side()).first_worse_than(node.price) } else { node.next }
    }

    /// All that an order has open, shown or not.
    #[inline(always)]
    pub(crate) fn left(&self, slot: Slot) -> Quantity {
        let node = self.arena.node(slot);
        if node.hides() { self.left_with_hidden(slot) } else { node.shown }
    }

    #[cold]
    fn left_with_hidden(&self, slot: Slot) -> Quantity {
        let hidden = self.hidden.get(slot).map_or(Quantity::ZERO, |reserve| reserve.hidden);
        // An order's parts together are at most what it was for.
        self.arena.node(slot).shown.checked_add(hidden).expect("an order's quantity fits 64 bits")
    }

    #[inline(always)]
    pub(crate) fn resting(&self, slot: Slot) -> Resting {
        let node = self.arena.node(slot);
        let Node { owner, price, shown, .. } = *node;
        let (id, side) = (node.id(slot), node.side());
        let (left, display) = if node.hides() { self.whole(slot) } else { (shown, Quantity::ZERO) };
        Resting { id, owner, side, price, left, display, shown }
    }

    /// What an order that hides a part has left, and what it shows at a time.
    #[cold]
    fn whole(&self, slot: Slot) -> (Quantity, Quantity) {
        let display = self.hidden.get(slot).map_or(Quantity::ZERO, |reserve| reserve.display);
        (self.left_with_hidden(slot), display)
    }

    /// Puts what is left of an order at the end of the queue of its price. The arena must not be full.
    #[inline(always)]
    pub(crate) fn rest(&mut self, order: &NewOrder, left: Quantity) -> OrderId {
        let hides = !order.display.is_zero();
        let shown = if hides { left.min(order.display) } else { left };
        let (slot, id) = self.arena.insert(order.owner, order.side, order.price, shown, hides);
        if hides {
            self.hide(slot, order.display, left.saturating_sub(shown));
        }
        self.link(slot, order.side, order.price, shown);
        id
    }

    #[cold]
    fn hide(&mut self, slot: Slot, display: Quantity, hidden: Quantity) {
        self.hidden.insert(slot, Reserve { display, hidden });
    }

    /// A side's ladder and the arena that its queues link through. Chosen by a move instead of a jump: sides come at
    /// random, and a wrong guess costs more than all the rest.
    #[inline(always)]
    fn parts(&mut self, side: Side) -> (&mut Ladder, &mut Arena) {
        let Self { arena, bids, asks, .. } = self;
        let ladder = match side {
            Side::Buy => bids,
            Side::Sell => asks,
        };
        (ladder, arena)
    }

    #[inline(always)]
    fn link(&mut self, slot: Slot, side: Side, price: Price, shown: Quantity) {
        let (ladder, arena) = self.parts(side);
        ladder.push(arena.nodes_mut(), slot, price, shown);
    }

    #[inline(always)]
    fn unlink(&mut self, slot: Slot) {
        let (ladder, arena) = self.parts(self.arena.node(slot).side());
        ladder.unlink(arena.nodes_mut(), slot);
    }

    /// Takes the order in `slot` off the book.
    #[inline(always)]
    pub(crate) fn take(&mut self, slot: Slot) {
        if self.arena.node(slot).hides() {
            self.hidden.remove(slot);
        }
        self.unlink(slot);
        self.arena.remove(slot);
    }

    /// Trades lots of the order in `slot`, at most what it shows, and returns all it has left. If it shows nothing any
    /// more, its next part goes to the end of the queue of its price; if it has none, it leaves the book.
    #[inline(always)]
    pub(crate) fn fill(&mut self, slot: Slot, quantity: Quantity) -> Quantity {
        let node = self.arena.node_mut(slot);
        let shown = node.shown.saturating_sub(quantity);
        if !shown.is_zero() {
            node.shown = shown;
            let (side, price) = (node.side(), node.price);
            self.parts(side).0.reduce(price, quantity);
            return self.left(slot);
        }
        if node.hides() && self.show_next(slot) {
            return self.left(slot);
        }
        self.take(slot);
        Quantity::ZERO
    }

    /// Takes off an order that is the first of its price, hides nothing and was filled; `next` stood behind it.
    #[inline(always)]
    pub(crate) fn pop(&mut self, side: Side, price: Price, slot: Slot, shown: Quantity, next: Slot) {
        let (ladder, arena) = self.parts(side);
        ladder.pop(arena.nodes_mut(), price, shown, next);
        arena.remove(slot);
    }

    /// Puts an order's next part at the end of its queue; says whether there was one.
    #[cold]
    fn show_next(&mut self, slot: Slot) -> bool {
        let part = self.hidden.next_part(slot);
        if part.is_zero() {
            return false;
        }
        self.unlink(slot);
        let node = self.arena.node_mut(slot);
        (node.shown, node.previous, node.next) = (part, Slot::NONE, Slot::NONE);
        let (side, price) = (node.side(), node.price);
        self.link(slot, side, price, part);
        true
    }

    /// Whether an order on `side` with limit `limit` would find the best price of the other side acceptable.
    #[inline(always)]
    pub(crate) fn crosses(&self, side: Side, limit: Price) -> bool {
        self.ladder(side.opposite()).crossed_by(limit)
    }

    /// The queue at a price of a side, if it lies near the touch: for hints.
    #[inline]
    pub(crate) fn near(&self, side: Side, price: Price) -> Option<&Queue> {
        self.ladder(side).near(price)
    }
}
