//! Where resting orders live: one vector of nodes of half a cache line, linked into queues by 32-bit slots, freed nodes
//! used again, the last freed first, since that one is still in the cache.
//!
//! A slot is only ever held by the queue, the neighbours and the free list; the book drops all of them when the order
//! leaves. A slot that names no node is therefore a broken book, and a broken book must stop rather than trade on.

use crate::{OrderId, Owner};
use bandex_types::{Price, Quantity, Side};

/// The place of one node; [`Slot::NONE`] is the place before the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Slot(u32);

impl Slot {
    /// No node: the place of one that is never used.
    pub const NONE: Self = Self(0);

    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Which side an order is on, whether it hides a part, and how often its slot was used before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark(u32);

impl Mark {
    const SELL: u32 = 1;
    const HIDES: u32 = 2;
    const GENERATION_SHIFT: u32 = 2;

    const fn side(self) -> Side {
        if self.0 & Self::SELL == 0 { Side::Buy } else { Side::Sell }
    }

    const fn generation(self) -> u32 {
        self.0 >> Self::GENERATION_SHIFT
    }

    /// The mark of the slot's next order.
    const fn next(self, side: Side, hides: bool) -> Self {
        let side = if matches!(side, Side::Sell) { Self::SELL } else { 0 };
        let hides = if hides { Self::HIDES } else { 0 };
        // Generations may come round after 2^30 uses of a slot: no caller keeps a name that long.
        Self((self.0 & !(Self::SELL | Self::HIDES)).wrapping_add(1 << Self::GENERATION_SHIFT) | side | hides)
    }
}

/// A resting order and its neighbours in the queue of its price. In a freed node `next` is the next free one and the
/// generation is already that of the order to come.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(32))]
pub(crate) struct Node {
    pub shown: Quantity,
    pub price: Price,
    pub owner: Owner,
    mark: Mark,
    pub previous: Slot,
    pub next: Slot,
}

impl Node {
    #[inline]
    pub const fn side(&self) -> Side {
        self.mark.side()
    }

    /// The name of the order, which is in this slot.
    #[inline(always)]
    pub const fn id(&self, slot: Slot) -> OrderId {
        OrderId::new(slot.0, self.mark.generation())
    }

    /// Whether it shows its quantity in parts.
    #[inline(always)]
    pub const fn hides(&self) -> bool {
        self.mark.0 & Mark::HIDES != 0
    }
}

/// Whether there is neither a freed node nor room for a new one; the first of so many nodes is never used.
#[inline(always)]
const fn no_slot_left(free: Slot, nodes: usize) -> bool {
    free.is_none() && nodes > MOST
}

/// The node in a slot.
#[inline(always)]
pub(crate) fn at(nodes: &[Node], slot: Slot) -> &Node {
    nodes.get(slot.0 as usize).expect(NO_NODE)
}

/// The node in a slot.
#[inline(always)]
pub(crate) fn at_mut(nodes: &mut [Node], slot: Slot) -> &mut Node {
    nodes.get_mut(slot.0 as usize).expect(NO_NODE)
}

/// All nodes, live and free.
#[derive(Debug, Clone)]
pub(crate) struct Arena {
    nodes: Vec<Node>,
    free: Slot,
}

const NO_NODE: &str = "a slot of the book names no node";
/// The most orders, so that slots fit 32 bits with room to count.
const MOST: usize = 0x7fff_ffff;

impl Arena {
    /// Room for so many orders before the first move of all of them.
    pub fn with_capacity(orders: usize) -> Self {
        let mut nodes = Vec::with_capacity(orders.saturating_add(1));
        nodes.push(Node::default());
        Self { nodes, free: Slot::NONE }
    }

    /// Whether an order more finds no slot.
    #[inline(always)]
    pub fn is_full(&self) -> bool {
        no_slot_left(self.free, self.nodes.len())
    }

    /// Stores an order, linked to nothing, and names it. The arena must not be full.
    #[inline(always)]
    pub fn insert(
        &mut self,
        owner: Owner,
        side: Side,
        price: Price,
        shown: Quantity,
        hides: bool,
    ) -> (Slot, OrderId) {
        let slot = if self.free.is_none() { self.grow() } else { self.free };
        let node = self.node_mut(slot);
        let next_free = node.next;
        let mark = node.mark.next(side, hides);
        *node = Node { shown, price, owner, mark, previous: Slot::NONE, next: Slot::NONE };
        self.free = next_free;
        (slot, OrderId::new(slot.0, mark.generation()))
    }

    #[cold]
    fn grow(&mut self) -> Slot {
        let slot = u32::try_from(self.nodes.len()).expect("place refuses orders that find no slot");
        self.nodes.push(Node::default());
        Slot(slot)
    }

    /// Frees a slot, which the caller has unlinked.
    #[inline(always)]
    pub fn remove(&mut self, slot: Slot) {
        let free = self.free;
        let node = self.node_mut(slot);
        // A name of the order that was here fits no more.
        node.mark = node.mark.next(Side::Buy, false);
        node.next = free;
        self.free = slot;
    }

    /// The slot of the live order with this name.
    #[inline(always)]
    pub fn find(&self, id: OrderId) -> Option<Slot> {
        let node = self.nodes.get(id.slot() as usize)?;
        (node.mark.generation() == id.generation()).then_some(Slot(id.slot()))
    }

    #[inline(always)]
    pub fn node(&self, slot: Slot) -> &Node {
        at(&self.nodes, slot)
    }

    #[inline(always)]
    pub fn node_mut(&mut self, slot: Slot) -> &mut Node {
        at_mut(&mut self.nodes, slot)
    }

    /// All nodes: for what touches several, so that where they lie is read once.
    #[inline(always)]
    pub fn nodes_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// The node at a place that may be any number, for hints.
    #[inline]
    pub fn peek(&self, slot: u32) -> Option<&Node> {
        self.nodes.get(slot as usize)
    }

    /// The place that the next order takes, or 0 if none is free; for hints.
    #[inline]
    pub const fn next_place(&self) -> u32 {
        self.free.get()
    }

    /// The slots from `first` to the end of its queue.
    pub fn queue(&self, first: Slot) -> impl Iterator<Item = Slot> {
        let some = |slot: Slot| (!slot.is_none()).then_some(slot);
        std::iter::successors(some(first), move |slot| some(self.node(*slot).next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_slots_are_used_again_before_new_ones_and_old_names_fit_no_more() {
        assert_eq!(size_of::<Node>(), 32, "two orders to a cache line");
        let mut arena = Arena::with_capacity(0);
        let insert = |arena: &mut Arena| {
            arena.insert(Owner::new(1), Side::Sell, Price::new(7), Quantity::new(1), true)
        };
        let [a, b, c] = [0, 1, 2].map(|_| insert(&mut arena));
        assert_eq!([a.1, b.1].map(|id| id.to_string()), ["1.1", "2.1"]);
        arena.remove(a.0);
        arena.remove(c.0);
        assert_eq!((arena.find(a.1), arena.find(b.1), arena.find(c.1)), (None, Some(b.0), None));
        let [d, e] = [0, 1].map(|_| insert(&mut arena));
        assert_eq!([d.0, e.0], [c.0, a.0]);
        assert_eq!((arena.find(a.1), arena.find(e.1), arena.find(d.1)), (None, Some(e.0), Some(d.0)));
        assert_eq!(arena.node(d.0).id(d.0), d.1);
        assert!(!arena.is_full());
        let node = arena.node(d.0);
        assert_eq!((node.side(), node.hides(), node.shown.get()), (Side::Sell, true, 1));
        assert_eq!(arena.find(OrderId::new(99, 1)), None);
    }

    #[test]
    fn an_arena_is_full_once_no_slot_is_left() {
        for (free, nodes, full) in
            [(0, MOST, false), (0, MOST + 1, true), (7, MOST + 1, false), (0, 1, false)]
        {
            assert_eq!(no_slot_left(Slot(free), nodes), full, "{free} {nodes}");
        }
    }
}
