//! Where resting orders live: one vector of nodes, linked into queues by 32-bit slots, freed nodes used again.
//!
//! A slot is only ever held by the queue, the neighbours and the index entry of a live order; the book drops all of
//! them when the order leaves. A slot that names no node is therefore a broken book, and a broken book must stop
//! rather than trade on.

use crate::Resting;
use bandex_types::Quantity;
use std::iter::successors;
use std::num::NonZeroU32;

/// The place of one node, counted from 1, so that "none" costs no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot(NonZeroU32);

impl Slot {
    fn index(self) -> usize {
        // Lossless: the targets this builds for have pointers of at least 32 bits.
        self.0.get() as usize - 1
    }
}

/// A resting order and its neighbours in the queue of its price. In a freed node `next` is the next free one.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) order: Resting,
    pub(crate) previous: Option<Slot>,
    pub(crate) next: Option<Slot>,
}

/// All nodes, live and free.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arena {
    nodes: Vec<Node>,
    free: Option<Slot>,
}

const NO_NODE: &str = "a slot of the book names no node";

impl Arena {
    /// Whether no order can be added: 2^32 - 1 rest.
    pub(crate) fn is_full(&self) -> bool {
        self.free.is_none() && self.slot_after_last().is_none()
    }

    fn slot_after_last(&self) -> Option<Slot> {
        u32::try_from(self.nodes.len()).ok()?.checked_add(1).and_then(NonZeroU32::new).map(Slot)
    }

    /// Stores an order, linked to nothing. The arena must not be full.
    pub(crate) fn insert(&mut self, order: Resting) -> Slot {
        let node = Node { order, previous: None, next: None };
        if let Some(slot) = self.free {
            let freed = self.node_mut(slot);
            let next_free = freed.next;
            *freed = node;
            self.free = next_free;
            return slot;
        }
        let slot = self.slot_after_last().expect("place refuses orders that find no slot");
        self.nodes.push(node);
        slot
    }

    /// Frees a slot, which the caller has unlinked, and gives the order that was in it.
    pub(crate) fn remove(&mut self, slot: Slot) -> Resting {
        let free = self.free;
        let node = self.node_mut(slot);
        let order = node.order;
        // No live order has nothing left, so a stale slot is caught by `node` in debug builds.
        node.order.left = Quantity::ZERO;
        node.next = free;
        self.free = Some(slot);
        order
    }

    /// The order in a slot.
    pub(crate) fn order(&self, slot: Slot) -> &Resting {
        let order = &self.node(slot).order;
        debug_assert!(!order.left.is_zero(), "{slot:?} is free");
        order
    }

    pub(crate) fn node(&self, slot: Slot) -> &Node {
        self.nodes.get(slot.index()).expect(NO_NODE)
    }

    pub(crate) fn node_mut(&mut self, slot: Slot) -> &mut Node {
        self.nodes.get_mut(slot.index()).expect(NO_NODE)
    }

    /// The orders from `first` to the end of its queue.
    pub(crate) fn queue(&self, first: Option<Slot>) -> impl Iterator<Item = Resting> {
        successors(first, |slot| self.node(*slot).next).map(|slot| *self.order(slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OrderId, Owner};
    use bandex_types::{Price, Side};

    #[test]
    fn freed_slots_are_used_again_before_new_ones() {
        let order = |id| Resting {
            id: OrderId::new(id),
            owner: Owner::new(1),
            side: Side::Buy,
            price: Price::new(1),
            left: Quantity::new(1),
        };
        let mut arena = Arena::default();
        let slots: Vec<Slot> = (0..3).map(|id| arena.insert(order(id))).collect();
        assert_eq!(arena.remove(slots[0]), order(0));
        assert_eq!(arena.remove(slots[2]), order(2));
        assert_eq!([arena.insert(order(3)), arena.insert(order(4))], [slots[2], slots[0]]);
        assert_eq!(arena.order(slots[1]), &order(1));
        assert_eq!(arena.order(slots[2]), &order(3));
        assert_eq!(arena.nodes.len(), 3);
        arena.insert(order(5));
        assert_eq!(arena.nodes.len(), 4);
        assert!(!arena.is_full());
    }
}
