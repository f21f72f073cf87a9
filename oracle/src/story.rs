//! What must hold after every command, and what has happened at all: a test of what never happens tests nothing.

use crate::limits::Short;
use crate::twin::{Same, Twin, holds, same};
use crate::{Command, Difference};
use bandex_matching::{CancelReason, NewOrder, OrderId, Placed, Refusal, Rest};
use bandex_types::{Price, Side, TimeInForce};
use std::collections::BTreeMap;

/// How often each thing happened.
pub type Coverage = BTreeMap<&'static str, u64>;

/// A twin that counts what happens.
#[derive(Debug, Default)]
pub struct Story {
    twin: Twin,
    /// How often each thing happened.
    pub coverage: Coverage,
}

impl Story {
    /// Two empty books.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`Twin::step`].
    ///
    /// # Errors
    /// As [`Twin::step`].
    pub fn step(&mut self, command: &Command) -> Result<(), Difference> {
        self.twin.step(command)?;
        for what in self.twin.seen.drain(..) {
            *self.coverage.entry(what).or_default() += 1;
        }
        Ok(())
    }
}

impl Twin {
    pub(crate) fn note_refusal(&mut self, found: &Result<Placed<Short>, Refusal>) {
        self.seen.push(match found {
            Err(Refusal::ZeroQuantity) => "zero quantity",
            Err(Refusal::BadDisplay) => "bad display",
            Err(Refusal::BadMinimum) => "bad minimum",
            Err(Refusal::WouldTrade) => "would trade",
            Err(Refusal::FokUnfilled) => "fok unfilled",
            Err(Refusal::MinimumUnfilled) => "minimum unfilled",
            Err(Refusal::NotInAuction) => "not in auction",
            _ => "other refusal",
        });
    }

    pub(crate) fn note_placed(&mut self, order: &NewOrder, placed: &Placed<Short>) {
        self.seen.push(match placed.rest {
            Rest::Filled if order.time_in_force == TimeInForce::Fok => "fok filled",
            Rest::Filled => "filled",
            Rest::Resting(_) if self.gathering => "entered",
            Rest::Resting(_) if !order.display.is_zero() => "resting in parts",
            Rest::Resting(_) => "resting",
            Rest::Cancelled(CancelReason::Unfilled) => "unfilled",
            Rest::Cancelled(CancelReason::WouldCross) => "would cross",
            Rest::Cancelled(CancelReason::SelfTrade) => "self trade",
            Rest::Cancelled(CancelReason::OutsideBand) => "outside band",
            Rest::Cancelled(CancelReason::NotAdmitted(Short::Taker)) => "not admitted",
            Rest::Cancelled(CancelReason::NotAdmitted(_)) => "refused in the middle",
        });
        if !placed.decremented.is_zero() {
            self.seen.push("decremented");
        }
        if !order.minimum.is_zero() && placed.filled >= order.minimum {
            self.seen.push("minimum filled");
        }
    }

    /// What is quick to check.
    pub(crate) fn check(&self) -> Same {
        same("orders", &self.book.len(), &self.naive.len())?;
        same("known orders", &self.book.len(), &self.orders.resting.len())?;
        for side in [Side::Buy, Side::Sell] {
            same("best price", &self.book.best(side), &self.naive.best(side))?;
        }
        let crossed =
            self.book.best(Side::Buy).zip(self.book.best(Side::Sell)).is_some_and(|(bid, ask)| bid >= ask);
        holds("never crossed in continuous trading", self.gathering || !crossed)
    }

    /// Everything.
    pub(crate) fn check_all(&self) -> Same {
        self.check()?;
        let (fast, naive) = (|id: OrderId| self.of(0, id), |id: OrderId| self.of(1, id));
        same("state hash", &self.book.state_hash(fast), &self.naive.state_hash(naive))?;
        for side in [Side::Buy, Side::Sell] {
            let levels: Vec<_> = self.book.levels(side).collect();
            same("levels", &levels, &self.naive.levels(side).collect())?;
            let found: Vec<_> =
                levels.iter().filter_map(|level| self.book.level(side, level.price)).collect();
            same("levels one by one", &found, &levels)?;
            for order in self.book.orders(side) {
                let known = self.orders.resting.get(&self.of(0, order.id));
                let tallies = known.is_some_and(|known| known.open == u128::from(order.left.get()));
                holds("filled, open and cancelled make up what was ordered", tallies)?;
                let shows =
                    order.shown <= order.left && (order.display.is_zero() || order.shown <= order.display);
                holds("an order shows at most its display", shows)?;
            }
        }
        if self.gathering {
            let reference = Some(Price::new(5));
            same("indicative", &self.book.indicative(reference), &self.naive.indicative(reference))?;
        }
        Ok(())
    }
}
