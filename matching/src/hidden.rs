//! What orders do not show: the rest of those that show their quantity in parts. Few orders do, so it lies apart from
//! the nodes, and whoever hides nothing pays nothing for it.

use crate::arena::Slot;
use bandex_types::Quantity;
use std::collections::BTreeMap;

/// One order's part that is not shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reserve {
    /// How many lots it shows at a time, above 0.
    pub display: Quantity,
    /// Lots not shown yet.
    pub hidden: Quantity,
}

/// By slot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hidden(BTreeMap<u32, Reserve>);

impl Hidden {
    pub fn insert(&mut self, slot: Slot, reserve: Reserve) {
        self.0.insert(slot.get(), reserve);
    }

    pub fn get(&self, slot: Slot) -> Option<Reserve> {
        self.0.get(&slot.get()).copied()
    }

    pub fn remove(&mut self, slot: Slot) {
        self.0.remove(&slot.get());
    }

    /// Takes the next part that is to be shown; 0 once nothing is hidden.
    pub fn next_part(&mut self, slot: Slot) -> Quantity {
        let Some(reserve) = self.0.get_mut(&slot.get()) else { return Quantity::ZERO };
        let part = reserve.display.min(reserve.hidden);
        reserve.hidden = reserve.hidden.saturating_sub(part);
        part
    }

    /// Takes away up to `by` lots; gives what of `by` is left to take elsewhere.
    pub fn reduce(&mut self, slot: Slot, by: Quantity) -> Quantity {
        let Some(reserve) = self.0.get_mut(&slot.get()) else { return by };
        let rest = by.saturating_sub(reserve.hidden);
        reserve.hidden = reserve.hidden.saturating_sub(by);
        rest
    }

    /// All slots with what they hide, in lots.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Quantity)> {
        self.0.iter().map(|(slot, reserve)| (*slot, reserve.hidden))
    }
}
