//! The naive sweep through the makers, one after the other.

use super::{NaiveBook, takes};
use crate::{
    Admission, Band, CancelReason, Event, NewOrder, OrderId, Pair, Placed, Removal, Rest, Resting, Verdict,
};
use bandex_types::{Quantity, SelfTrade, Side};

/// Why a sweep ended before the makers did.
pub(super) enum Halt<R> {
    Refused(R),
    SelfTrade,
    OutsideBand,
}

/// How far an order came.
pub(super) struct Sweep<R> {
    pub filled: Quantity,
    pub left: Quantity,
    pub decremented: Quantity,
    pub halt: Option<Halt<R>>,
}

pub(super) fn smaller(a: Quantity, b: Quantity) -> Quantity {
    if a <= b { a } else { b }
}

/// An order that may not trade at all.
pub(super) fn nobody<R>(order: &NewOrder, reason: R) -> Placed<R> {
    let rest = Rest::Cancelled(CancelReason::NotAdmitted(reason));
    Placed { filled: Quantity::ZERO, left: order.quantity, decremented: Quantity::ZERO, rest }
}

fn sum(a: Quantity, b: Quantity) -> Quantity {
    Quantity::new(a.get().saturating_add(b.get()))
}

impl NaiveBook {
    /// Trades until nothing is left, `enough` was traded, the budget buys nothing more, or nobody is left.
    pub(super) fn trade<A: Admission>(
        &mut self,
        order: &NewOrder,
        enough: Option<Quantity>,
        budget: Option<u128>,
        admission: &mut A,
        events: &mut Vec<Event<A::Reason>>,
    ) -> Sweep<A::Reason> {
        let zero = Quantity::ZERO;
        let mut sweep = Sweep { filled: zero, left: order.quantity, decremented: zero, halt: None };
        let mut budget = budget;
        let mut skipped = Vec::new();
        while !sweep.left.is_zero() && enough.is_none_or(|enough| sweep.filled < enough) {
            let Some(maker) = self.best_maker(order, &skipped) else { break };
            if maker.owner == order.owner {
                if self.meet_own(order, &maker, &mut sweep, events) {
                    continue;
                }
                break;
            }
            if !self.band.unwrap_or(Band::ALL).holds(maker.price) {
                sweep.halt = Some(Halt::OutsideBand);
                break;
            }
            let price = u128::from(maker.price.get());
            let affordable =
                budget.map_or(u128::MAX, |budget| budget.checked_div(price).unwrap_or(u128::MAX));
            let affordable = Quantity::new(u64::try_from(affordable).unwrap_or(u64::MAX));
            let quantity = smaller(smaller(sweep.left, maker.shown), affordable);
            if quantity.is_zero() {
                break;
            }
            match admission.pair(&pair(order, &maker, quantity)) {
                Verdict::Admit => {
                    sweep.left = sweep.left.saturating_sub(quantity);
                    sweep.filled = sum(sweep.filled, quantity);
                    budget = budget.map(|budget| budget - price * u128::from(quantity.get()));
                    self.fill(maker.id, quantity);
                    events.push(Event::Trade {
                        maker: maker.id,
                        maker_owner: maker.owner,
                        price: maker.price,
                        quantity,
                        maker_left: maker.left.saturating_sub(quantity),
                    });
                }
                Verdict::RefuseTaker(reason) => {
                    sweep.halt = Some(Halt::Refused(reason));
                    break;
                }
                Verdict::RemoveMaker(reason) => {
                    self.remove(maker.id);
                    events.push(removed(&maker, Removal::NotAdmitted(reason)));
                }
                Verdict::Skip => skipped.push(maker.id),
            }
        }
        sweep
    }

    /// Prevents a trade between two orders of one owner; says whether the arriving one goes on.
    fn meet_own<R>(
        &mut self,
        order: &NewOrder,
        maker: &Resting,
        sweep: &mut Sweep<R>,
        events: &mut Vec<Event<R>>,
    ) -> bool {
        match order.self_trade {
            SelfTrade::CancelOldest => {
                self.remove(maker.id);
                events.push(removed(maker, Removal::SelfTrade));
                true
            }
            SelfTrade::CancelNewest => {
                sweep.halt = Some(Halt::SelfTrade);
                false
            }
            SelfTrade::CancelBoth => {
                self.remove(maker.id);
                events.push(removed(maker, Removal::SelfTrade));
                sweep.halt = Some(Halt::SelfTrade);
                false
            }
            SelfTrade::Decrement => {
                let by = smaller(sweep.left, maker.left);
                sweep.left = sweep.left.saturating_sub(by);
                sweep.decremented = sum(sweep.decremented, by);
                let left = self.reduce(maker.id, by).unwrap_or_default();
                events.push(Event::MakerReduced { maker: maker.id, maker_owner: maker.owner, by, left });
                if sweep.left.is_zero() {
                    sweep.halt = Some(Halt::SelfTrade);
                }
                !sweep.left.is_zero()
            }
        }
    }

    /// Of the makers the order accepts and has not skipped, the one with the best price; of several, the first.
    fn best_maker(&self, order: &NewOrder, skipped: &[OrderId]) -> Option<Resting> {
        let mut best: Option<&Resting> = None;
        for maker in &self.orders {
            if !takes(order.side, order.price, maker) || skipped.contains(&maker.id) {
                continue;
            }
            let better = match (best, order.side) {
                (None, _) => true,
                (Some(best), Side::Buy) => maker.price < best.price,
                (Some(best), Side::Sell) => maker.price > best.price,
            };
            if better {
                best = Some(maker);
            }
        }
        best.copied()
    }

    /// Takes lots of what an order shows. If it shows nothing any more, its next part goes to the end of the queue.
    pub(super) fn fill(&mut self, id: OrderId, quantity: Quantity) {
        let Some(position) = self.orders.iter().position(|order| order.id == id) else { return };
        let mut order = self.orders.remove(position);
        order.left = order.left.saturating_sub(quantity);
        order.shown = order.shown.saturating_sub(quantity);
        if !order.shown.is_zero() {
            self.orders.insert(position, order);
        } else if !order.left.is_zero() {
            order.shown = smaller(order.display, order.left);
            self.orders.push(order);
        }
    }
}

fn pair(order: &NewOrder, maker: &Resting, quantity: Quantity) -> Pair {
    Pair {
        taker_owner: order.owner,
        maker: maker.id,
        maker_owner: maker.owner,
        taker_side: order.side,
        price: maker.price,
        quantity,
    }
}

fn removed<R>(maker: &Resting, reason: Removal<R>) -> Event<R> {
    Event::MakerRemoved { maker: maker.id, maker_owner: maker.owner, left: maker.left, reason }
}
