//! The oracle: a book so simple that one believes it by reading.
//!
//! One vector in order of priority among equals, searched from end to end for every maker. It shares words and the
//! fingerprint with [`Book`](crate::Book) and none of its matching: what both do alike, they do for two reasons. Tests,
//! simulators and fuzzers give both the same commands and compare results, events and [`NaiveBook::state_hash`].

mod auction;
mod trade;

use crate::state_hash::state_hash;
use crate::{
    Admission, Band, CancelReason, Event, Level, MOST_PARTS, NewOrder, NoBook, OrderId, Placed, Refusal,
    Rest, Resting, UnknownOrder,
};
use bandex_types::{PostOnly, Price, Quantity, Side, TimeInForce};
use std::cmp::Reverse;
use trade::{Halt, Sweep, nobody, smaller};

/// The resting orders of one market. Of two with one price, the one that stands first trades first.
#[derive(Debug, Clone, Default)]
pub struct NaiveBook {
    orders: Vec<Resting>,
    band: Option<Band>,
    names: u32,
}

impl NaiveBook {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`Book::set_band`](crate::Book::set_band).
    pub fn set_band(&mut self, band: Option<Band>) {
        self.band = band;
    }

    /// The band that is set.
    pub fn band(&self) -> Option<Band> {
        self.band
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
        let order = self.refuse(order)?;
        if let Some(reason) = self.not_admitted(&order, order.needed(), admission)? {
            return Ok(nobody(&order, reason));
        }
        Ok(self.carry_out(&order, None, admission, events))
    }

    /// As [`Book::place_budget`](crate::Book::place_budget).
    ///
    /// # Errors
    /// As [`Book::place_budget`](crate::Book::place_budget).
    pub fn place_budget<A: Admission>(
        &mut self,
        order: &NewOrder,
        budget: u128,
        admission: &mut A,
        events: &mut Vec<Event<A::Reason>>,
    ) -> Result<Placed<A::Reason>, Refusal> {
        let order = NewOrder {
            time_in_force: TimeInForce::Ioc,
            post_only: PostOnly::Off,
            display: Quantity::ZERO,
            minimum: Quantity::ZERO,
            ..*order
        };
        self.refuse(&order)?;
        if let Some(reason) = self.not_admitted(&order, Quantity::ZERO, admission)? {
            return Ok(nobody(&order, reason));
        }
        Ok(self.carry_out(&order, Some(budget), admission, events))
    }

    /// As [`Book::replace`](crate::Book::replace).
    ///
    /// # Errors
    /// As [`Book::replace`](crate::Book::replace).
    pub fn replace<A: Admission>(
        &mut self,
        id: OrderId,
        order: &NewOrder,
        admission: &mut A,
        events: &mut Vec<Event<A::Reason>>,
    ) -> Result<Placed<A::Reason>, Refusal> {
        let old = self.get(id).ok_or(Refusal::UnknownOrder)?;
        if (old.owner, old.side) != (order.owner, order.side) {
            return Err(Refusal::UnknownOrder);
        }
        let order = self.refuse(order)?;
        // One lot is tried at least, so that an order that may not trade at all keeps its place.
        let least = if self.would_trade(&order) { Quantity::new(1) } else { Quantity::ZERO };
        match self.not_admitted(&order, order.needed().max(least), admission) {
            Ok(Some(reason)) => return Ok(nobody(&order, reason)),
            Err(refusal) if !order.needed().is_zero() => return Err(refusal),
            Ok(None) | Err(_) => {}
        }
        self.remove(id);
        Ok(self.carry_out(&order, None, admission, events))
    }

    /// As [`Book::reduce`](crate::Book::reduce).
    ///
    /// # Errors
    /// No order of this name rests.
    pub fn reduce(&mut self, id: OrderId, by: Quantity) -> Result<Quantity, UnknownOrder> {
        let order = self.orders.iter_mut().find(|order| order.id == id).ok_or(UnknownOrder)?;
        order.left = order.left.saturating_sub(by);
        order.shown = order.shown.min(order.left);
        let left = order.left;
        self.orders.retain(|order| !order.left.is_zero());
        Ok(left)
    }

    /// As [`Book::cancel`](crate::Book::cancel).
    ///
    /// # Errors
    /// No order of this name rests.
    pub fn cancel(&mut self, id: OrderId) -> Result<Resting, UnknownOrder> {
        let order = self.get(id).ok_or(UnknownOrder)?;
        self.remove(id);
        Ok(order)
    }

    /// As [`Book::restore`](crate::Book::restore).
    ///
    /// # Errors
    /// As [`Book::restore`](crate::Book::restore).
    pub fn restore(&mut self, order: &Resting, may_cross: bool) -> Result<OrderId, NoBook> {
        let part = if order.display.is_zero() { order.left } else { smaller(order.display, order.left) };
        let shows = !order.shown.is_zero() && order.shown <= part;
        let hides = order.display.is_zero() && order.shown < order.left;
        let across =
            self.orders.iter().any(|other| other.side != order.side && takes(order.side, order.price, other));
        if !shows || hides || (across && !may_cross) {
            return Err(NoBook);
        }
        let id = self.name();
        self.orders.push(Resting { id, ..*order });
        Ok(id)
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
    pub fn orders(&self, side: Side) -> impl Iterator<Item = Resting> {
        let mut orders: Vec<Resting> =
            self.orders.iter().copied().filter(|order| order.side == side).collect();
        // Sorting is stable, so that orders of one price stay in their order.
        match side {
            Side::Buy => orders.sort_by_key(|order| Reverse(order.price)),
            Side::Sell => orders.sort_by_key(|order| order.price),
        }
        orders.into_iter()
    }

    /// As [`Book::levels`](crate::Book::levels).
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> {
        let mut levels: Vec<Level> = Vec::new();
        for order in self.orders(side) {
            let lots = u128::from(order.shown.get());
            match levels.last_mut().filter(|level| level.price == order.price) {
                Some(level) => {
                    level.quantity += lots;
                    level.orders += 1;
                }
                None => levels.push(Level { price: order.price, quantity: lots, orders: 1 }),
            }
        }
        levels.into_iter()
    }

    /// As [`Book::level`](crate::Book::level).
    pub fn level(&self, side: Side, price: Price) -> Option<Level> {
        self.levels(side).find(|level| level.price == price)
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
    pub fn state_hash(&self, number: impl Fn(OrderId) -> u64) -> u64 {
        state_hash(self.orders(Side::Buy), self.orders(Side::Sell), number)
    }

    /// Refuses what needs nobody else's judgement; gives the order with the price it slid to.
    fn refuse(&self, order: &NewOrder) -> Result<NewOrder, Refusal> {
        if order.quantity.is_zero() {
            return Err(Refusal::ZeroQuantity);
        }
        let (display, most) = (order.display.get(), u128::from(MOST_PARTS));
        if display > order.quantity.get()
            || (display != 0 && u128::from(display) * most < u128::from(order.quantity.get()))
        {
            return Err(Refusal::BadDisplay);
        }
        let minimum = order.minimum;
        if minimum > order.quantity || (!minimum.is_zero() && order.post_only != PostOnly::Off) {
            return Err(Refusal::BadMinimum);
        }
        if !self.would_trade(order) {
            return Ok(*order);
        }
        match order.post_only {
            PostOnly::Off => Ok(*order),
            PostOnly::Refuse => Err(Refusal::WouldTrade),
            PostOnly::Slide => {
                let best = self.best(order.side.opposite()).ok_or(Refusal::WouldTrade)?;
                let price = match order.side {
                    Side::Buy => best.checked_sub(Price::new(1)),
                    Side::Sell => best.checked_add(Price::new(1)),
                };
                Ok(NewOrder { price: price.ok_or(Refusal::WouldTrade)?, ..*order })
            }
        }
    }

    fn would_trade(&self, order: &NewOrder) -> bool {
        self.orders.iter().any(|maker| takes(order.side, order.price, maker))
    }

    /// Why the order may not trade, asked before anything changes; refuses it if it cannot trade what it needs.
    fn not_admitted<A: Admission>(
        &self,
        order: &NewOrder,
        needed: Quantity,
        admission: &mut A,
    ) -> Result<Option<A::Reason>, Refusal> {
        let meets = self
            .orders
            .iter()
            .any(|maker| takes(order.side, order.price, maker) && maker.owner != order.owner);
        if meets && let Err(reason) = admission.taker(order) {
            return Ok(Some(reason));
        }
        if needed.is_zero() {
            return Ok(None);
        }
        if !self.would_trade(order) {
            return Err(unmet(order));
        }
        // What it needs is tried on a copy.
        admission.trial_begins();
        let sweep = self.clone().trade(order, Some(needed), None, admission, &mut Vec::new());
        admission.trial_ends();
        match sweep.halt {
            _ if sweep.filled >= needed => Ok(None),
            Some(Halt::Refused(reason)) => Ok(Some(reason)),
            _ => Err(unmet(order)),
        }
    }

    /// Trades and rests an order that was judged.
    fn carry_out<A: Admission>(
        &mut self,
        order: &NewOrder,
        budget: Option<u128>,
        admission: &mut A,
        events: &mut Vec<Event<A::Reason>>,
    ) -> Placed<A::Reason> {
        let Sweep { filled, left, decremented, halt } = self.trade(order, None, budget, admission, events);
        let rest = match halt {
            Some(Halt::Refused(reason)) => Rest::Cancelled(CancelReason::NotAdmitted(reason)),
            Some(Halt::SelfTrade) => Rest::Cancelled(CancelReason::SelfTrade),
            _ if left.is_zero() => Rest::Filled,
            Some(Halt::OutsideBand) => Rest::Cancelled(CancelReason::OutsideBand),
            None if !order.may_rest() => Rest::Cancelled(CancelReason::Unfilled),
            None if self.would_trade(order) => Rest::Cancelled(CancelReason::WouldCross),
            None => Rest::Resting(self.rest(order, left)),
        };
        Placed { filled, left, decremented, rest }
    }

    fn rest(&mut self, order: &NewOrder, left: Quantity) -> OrderId {
        let NewOrder { owner, side, price, display, .. } = *order;
        let shown = if display.is_zero() { left } else { smaller(left, display) };
        let id = self.name();
        self.orders.push(Resting { id, owner, side, price, left, display, shown });
        id
    }

    fn name(&mut self) -> OrderId {
        self.names += 1;
        OrderId::new(self.names, 0)
    }

    fn remove(&mut self, id: OrderId) {
        self.orders.retain(|order| order.id != id);
    }
}

/// The refusal of an order that does not trade what it needs.
fn unmet(order: &NewOrder) -> Refusal {
    if order.time_in_force == TimeInForce::Fok { Refusal::FokUnfilled } else { Refusal::MinimumUnfilled }
}

/// Whether an order on `side` with this limit may trade with the maker.
fn takes(side: Side, limit: Price, maker: &Resting) -> bool {
    match (side, maker.side) {
        (Side::Buy, Side::Sell) => maker.price <= limit,
        (Side::Sell, Side::Buy) => maker.price >= limit,
        (Side::Buy, Side::Buy) | (Side::Sell, Side::Sell) => false,
    }
}
