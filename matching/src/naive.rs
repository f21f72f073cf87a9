//! The oracle: a book so simple that one believes it by reading.
//!
//! One vector in order of arrival, searched from end to end for every maker. It shares words and the fingerprint with
//! [`Book`](crate::Book) and none of its matching: what both do alike, they do for two reasons. Tests, simulators and
//! fuzzers give both the same commands and compare results, events and [`NaiveBook::state_hash`].

use crate::state_hash::state_hash;
use crate::{
    Admission, CancelReason, Event, NewOrder, OrderId, Pair, Placed, Refusal, Removal, Rest, Resting,
    UnknownOrder, Verdict,
};
use bandex_types::{PostOnly, Price, Quantity, SelfTrade, Side, TimeInForce};
use std::cmp::Reverse;

/// The resting orders of one market, in order of arrival.
#[derive(Debug, Clone, Default)]
pub struct NaiveBook {
    orders: Vec<Resting>,
}

impl NaiveBook {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`Book::place`](crate::Book::place).
    ///
    /// # Errors
    /// As [`Book::place`](crate::Book::place).
    pub fn place<A: Admission>(
        &mut self,
        order: &NewOrder,
        admission: &mut A,
        events: &mut Vec<Event<A::Reason>>,
    ) -> Result<Placed<A::Reason>, Refusal> {
        self.refuse(order)?;

        // The taker is judged before anything else happens.
        if self.orders.iter().any(|maker| acceptable(order, maker) && maker.owner != order.owner)
            && let Err(reason) = admission.taker(order)
        {
            return Ok(cancelled(order, order.quantity, CancelReason::NotAdmitted(reason)));
        }

        // A fill-or-kill order is tried on a copy.
        if order.time_in_force == TimeInForce::Fok {
            admission.trial_begins();
            let (left, refused) = self.clone().trade(order, admission, &mut Vec::new());
            admission.trial_ends();
            if let Some(reason) = refused {
                return Ok(cancelled(order, order.quantity, CancelReason::NotAdmitted(reason)));
            }
            if !left.is_zero() {
                return Err(Refusal::FokUnfilled);
            }
        }

        let (left, refused) = self.trade(order, admission, events);
        if let Some(reason) = refused {
            return Ok(cancelled(order, left, CancelReason::NotAdmitted(reason)));
        }
        if left.is_zero() {
            return Ok(Placed { filled: order.quantity, left, rest: Rest::Filled });
        }
        if matches!(order.time_in_force, TimeInForce::Ioc | TimeInForce::Fok) {
            return Ok(cancelled(order, left, CancelReason::Unfilled));
        }
        if self.orders.iter().any(|maker| acceptable(order, maker)) {
            return Ok(cancelled(order, left, CancelReason::WouldCross));
        }
        self.orders.push(Resting {
            id: order.id,
            owner: order.owner,
            side: order.side,
            price: order.price,
            left,
        });
        Ok(Placed { filled: order.quantity.saturating_sub(left), left, rest: Rest::Resting })
    }

    /// As [`Book::cancel`](crate::Book::cancel).
    ///
    /// # Errors
    /// No order with this number rests.
    pub fn cancel(&mut self, id: OrderId) -> Result<Resting, UnknownOrder> {
        let order = self.get(id).ok_or(UnknownOrder)?;
        self.remove(id);
        Ok(order)
    }

    /// As [`Book::get`](crate::Book::get).
    pub fn get(&self, id: OrderId) -> Option<Resting> {
        self.orders.iter().copied().find(|order| order.id == id)
    }

    /// As [`Book::best`](crate::Book::best).
    pub fn best(&self, side: Side) -> Option<Price> {
        let prices = self.orders.iter().filter(|order| order.side == side).map(|order| order.price);
        match side {
            Side::Buy => prices.max(),
            Side::Sell => prices.min(),
        }
    }

    /// The orders of a side in priority order.
    pub fn orders(&self, side: Side) -> Vec<Resting> {
        let mut orders: Vec<Resting> =
            self.orders.iter().copied().filter(|order| order.side == side).collect();
        // Sorting is stable, so that orders of one price stay in order of arrival.
        match side {
            Side::Buy => orders.sort_by_key(|order| Reverse(order.price)),
            Side::Sell => orders.sort_by_key(|order| order.price),
        }
        orders
    }

    /// How many orders rest.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Whether no order rests.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// The same number as [`Book::state_hash`](crate::Book::state_hash) of a book with the same orders.
    pub fn state_hash(&self) -> u64 {
        state_hash(self.orders(Side::Buy).into_iter(), self.orders(Side::Sell).into_iter())
    }

    fn refuse(&self, order: &NewOrder) -> Result<(), Refusal> {
        if order.quantity.is_zero() {
            return Err(Refusal::ZeroQuantity);
        }
        if order.post_only == PostOnly::Slide {
            return Err(Refusal::NotServed("post-only slide"));
        }
        if order.self_trade == SelfTrade::CancelNewest {
            return Err(Refusal::NotServed("self-trade mode cancel_newest"));
        }
        if order.self_trade == SelfTrade::CancelBoth {
            return Err(Refusal::NotServed("self-trade mode cancel_both"));
        }
        if order.self_trade == SelfTrade::Decrement {
            return Err(Refusal::NotServed("self-trade mode decrement"));
        }
        if self.orders.iter().any(|resting| resting.id == order.id) {
            return Err(Refusal::DuplicateId);
        }
        if order.post_only == PostOnly::Refuse && self.orders.iter().any(|maker| acceptable(order, maker)) {
            return Err(Refusal::WouldTrade);
        }
        Ok(())
    }

    /// Trades until nothing is left or nobody is, and returns what is left and why the taker was refused, if it was.
    fn trade<A: Admission>(
        &mut self,
        order: &NewOrder,
        admission: &mut A,
        events: &mut Vec<Event<A::Reason>>,
    ) -> (Quantity, Option<A::Reason>) {
        let mut left = order.quantity;
        let mut skipped = Vec::new();
        while !left.is_zero() {
            let Some(maker) = self.best_maker(order, &skipped) else { break };
            let Resting { id, owner, price, .. } = maker;
            if owner == order.owner {
                self.remove(id);
                let reason = Removal::SelfTrade;
                events.push(Event::MakerRemoved { maker: id, maker_owner: owner, left: maker.left, reason });
                continue;
            }
            let quantity = left.min(maker.left);
            let verdict = admission.pair(&Pair {
                taker: order.id,
                taker_owner: order.owner,
                maker: id,
                maker_owner: owner,
                taker_side: order.side,
                price,
                quantity,
            });
            match verdict {
                Verdict::Admit => {
                    left = left.saturating_sub(quantity);
                    let maker_left = maker.left.saturating_sub(quantity);
                    self.set_left(id, maker_left);
                    events.push(Event::Trade { maker: id, maker_owner: owner, price, quantity, maker_left });
                }
                Verdict::RefuseTaker(reason) => return (left, Some(reason)),
                Verdict::RemoveMaker(reason) => {
                    self.remove(id);
                    let reason = Removal::NotAdmitted(reason);
                    events.push(Event::MakerRemoved {
                        maker: id,
                        maker_owner: owner,
                        left: maker.left,
                        reason,
                    });
                }
                Verdict::Skip => skipped.push(id),
            }
        }
        (left, None)
    }

    /// Of the makers the order accepts and has not skipped, the one with the best price; of several, the oldest.
    fn best_maker(&self, order: &NewOrder, skipped: &[OrderId]) -> Option<Resting> {
        let mut best: Option<&Resting> = None;
        for maker in &self.orders {
            if !acceptable(order, maker) || skipped.contains(&maker.id) {
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

    fn set_left(&mut self, id: OrderId, left: Quantity) {
        for order in &mut self.orders {
            if order.id == id {
                order.left = left;
            }
        }
        self.orders.retain(|order| !order.left.is_zero());
    }

    fn remove(&mut self, id: OrderId) {
        self.orders.retain(|order| order.id != id);
    }
}

/// Whether the maker stands on the other side at a price within the order's limit.
fn acceptable(order: &NewOrder, maker: &Resting) -> bool {
    match (order.side, maker.side) {
        (Side::Buy, Side::Sell) => maker.price <= order.price,
        (Side::Sell, Side::Buy) => maker.price >= order.price,
        (Side::Buy, Side::Buy) | (Side::Sell, Side::Sell) => false,
    }
}

fn cancelled<R>(order: &NewOrder, left: Quantity, reason: CancelReason<R>) -> Placed<R> {
    Placed { filled: order.quantity.saturating_sub(left), left, rest: Rest::Cancelled(reason) }
}
