//! What the story itself knows of the orders, from results and events alone.

use bandex_matching::{NewOrder, OrderId, Owner};
use bandex_types::{Quantity, Side};
use std::collections::BTreeMap;

/// An order that rests.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    pub owner: Owner,
    pub side: Side,
    /// What was ordered and is neither traded nor cancelled.
    pub open: u128,
    /// Its name on the fast book and on the naive one.
    pub names: [OrderId; 2],
}

/// The resting orders by number, which grows with age.
#[derive(Debug, Default)]
pub struct Orders {
    pub resting: BTreeMap<u64, Known>,
    pub gone: Option<[OrderId; 2]>,
}

impl Orders {
    pub fn at(&self, position: usize) -> Option<(u64, Known)> {
        let position = position.checked_rem(self.resting.len())?;
        self.resting.iter().nth(position).map(|(number, known)| (*number, *known))
    }

    pub fn insert(&mut self, number: u64, order: &NewOrder, open: Quantity, names: [OrderId; 2]) {
        let (owner, side) = (order.owner, order.side);
        let open = u128::from(open.get());
        self.resting.insert(number, Known { owner, side, open, names });
    }

    pub fn remove(&mut self, number: u64) {
        if let Some(known) = self.resting.remove(&number) {
            self.gone = Some(known.names);
        }
    }

    /// Lots of an order are open no more. Says whether as many are left as the book says.
    pub fn shrink(&mut self, number: u64, by: Quantity, left: Quantity) -> bool {
        let Some(known) = self.resting.get_mut(&number) else { return false };
        let Some(open) = known.open.checked_sub(u128::from(by.get())) else { return false };
        known.open = open;
        if open == 0 {
            self.remove(number);
        }
        open == u128::from(left.get())
    }

    /// An owner's orders on a side, or on both, oldest first.
    pub fn of(&self, owner: Owner, side: Option<Side>) -> Vec<u64> {
        let wanted = |known: &Known| known.owner == owner && side.is_none_or(|side| side == known.side);
        self.resting.iter().filter(|(_, known)| wanted(known)).map(|(number, _)| *number).collect()
    }
}
