//! The world outside: money that really moved, whatever anybody says of it.

use bandex_settlement::Party;
use bandex_types::{Amount, DealId};
use std::collections::BTreeMap;

/// What each side of a deal has really sent outside the exchange.
#[derive(Debug, Default)]
pub(crate) struct Bank(BTreeMap<(DealId, Party), Moved>);

#[derive(Debug, Default, Clone, Copy)]
struct Moved {
    units: u128,
    value: u128,
}

impl Bank {
    /// Moves money: units of the payer's asset, and what they are worth in quote.
    pub fn pay(&mut self, deal: DealId, payer: Party, units: Amount, value: Amount) {
        let moved = self.0.entry((deal, payer)).or_default();
        moved.units = moved.units.saturating_add(u128::from(units.get()));
        moved.value = moved.value.saturating_add(u128::from(value.get()));
    }

    /// What arrived, in units of the payer's asset.
    pub fn units(&self, deal: DealId, payer: Party) -> u128 {
        self.0.get(&(deal, payer)).map_or(0, |moved| moved.units)
    }

    /// What left, in quote value.
    pub fn value(&self, deal: DealId, payer: Party) -> u128 {
        self.0.get(&(deal, payer)).map_or(0, |moved| moved.value)
    }
}
