//! How an arriving order meets the book, and what becomes of it and of those it meets.

use super::place::most_lots;
use super::{Scratch, from_book};
use crate::Refusal;
use crate::admission::{Arrival, Bar, Limits};
use crate::apply::Engine;
use crate::effects::Effects;
use crate::open::{OpenOrder, OrderIndex, Spot};
use crate::outcome::{CancelReason, Event, OrderStatus};
use crate::timers::Timer;
use bandex_matching::{self as matching, NewOrder, OrderId, Placed, Removal, Rest};
use bandex_types::{Amount, PostOnly};

/// How an order comes to the book.
#[derive(Debug, Clone, Copy)]
pub(super) enum How {
    /// It is new there, and sized in lots or by lots times ticks.
    Place { budget: Option<u128> },
    /// It rests there and arrives anew.
    Replace(OrderId),
}

impl Engine {
    /// Lets the book match a new order that passed every check, and carries out what the book says.
    pub(super) fn take_in(
        &mut self,
        order: OpenOrder,
        paying: Amount,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = self.orders.add(order);
        let (arriving, how) = self.arriving(index);
        let placed = match self.meet(index, &arriving, how) {
            Ok(placed) => placed,
            Err(refusal) => {
                self.orders.remove(index);
                return Err(refusal);
            }
        };
        // From here the order is accepted.
        self.next_order += 1;
        self.promise(index, paying, effects);
        self.tell_terms(index, effects);
        self.carry_out(index, &placed, effects);
        Ok(())
    }

    /// What of an order comes to the book, and how.
    pub(super) fn arriving(&self, index: OrderIndex) -> (NewOrder, How) {
        let order = self.orders.get(index);
        let arriving = order.arriving();
        let sized = order.budget().zip(self.markets.get(&order.market));
        match sized {
            None => (arriving, How::Place { budget: None }),
            Some((budget, market)) => {
                let quantity = most_lots(market, order.side, order.price, budget);
                let budget = Some(market.legs().budget(budget));
                (NewOrder { quantity, ..arriving }, How::Place { budget })
            }
        }
    }

    /// Asks the book to match an order. What it says about others is left in the scratch.
    ///
    /// # Errors
    /// The book refuses, or the account has no room for any trade: then nothing has changed.
    pub(super) fn meet(
        &mut self,
        index: OrderIndex,
        arriving: &NewOrder,
        how: How,
    ) -> Result<Placed<Bar>, Refusal> {
        let id = self.orders.get(index).market;
        let by_counterparty = self.serves_trust();
        let market = self.markets.get_mut(&id).ok_or(Refusal::UnknownMarket)?;
        let legs = market.legs();
        let Scratch { draws, events, .. } = &mut self.scratch;
        draws.clear();
        events.clear();
        let (book, slots) = market.parts();
        let limits = Limits {
            accounts: &self.accounts,
            orders: &self.orders,
            deals: &self.deals,
            parameters: &self.parameters,
            by_counterparty,
            guards: &self.guards,
            slots,
            market: id,
            legs,
            draws,
        };
        let mut arrival = Arrival { limits, taker: index };
        let placed = match how {
            How::Place { budget: None } => book.place(arriving, &mut arrival, events),
            How::Place { budget: Some(budget) } => book.place_budget(arriving, budget, &mut arrival, events),
            How::Replace(id) => book.replace(id, arriving, &mut arrival, events),
        };
        match placed.map_err(from_book)? {
            Placed {
                rest: Rest::Cancelled(matching::CancelReason::NotAdmitted(Bar::Exhausted { limit, free })),
                ..
            } if events.is_empty() => {
                let account = self.orders.get(index).account;
                Err(self.limit_refusal(account, limit, free))
            }
            Placed {
                rest: Rest::Cancelled(matching::CancelReason::NotAdmitted(Bar::BelowTranche { least, cap })),
                ..
            } if events.is_empty() => {
                let order = self.orders.get(index);
                Err(self.too_small_to_pay(order.account, order.side, least, cap))
            }
            placed => Ok(placed),
        }
    }

    /// Does what the book said about an order that was accepted, and about those it met.
    pub(super) fn carry_out(&mut self, index: OrderIndex, placed: &Placed<Bar>, effects: &mut Effects) {
        let market = self.orders.get(index).market;
        let mut events = std::mem::take(&mut self.scratch.events);
        self.scratch.draws.join();
        let mut fills = std::mem::take(&mut self.scratch.draws.fills);
        let mut drawn = fills.drain(..);
        for event in events.drain(..) {
            let (matching::Event::Trade { maker, .. }
            | matching::Event::MakerRemoved { maker, .. }
            | matching::Event::MakerReduced { maker, .. }) = event;
            let Some(maker) = self.markets.get(&market).map(|market| market.order(maker)) else { continue };
            match event {
                matching::Event::Trade { price, quantity, .. } => {
                    let drawn = drawn.next().expect("the admission keeps terms for each trade");
                    self.trade(index, maker, price, quantity, drawn, effects);
                    self.after_fill(maker, effects);
                }
                matching::Event::MakerRemoved { reason, .. } => {
                    self.forget(maker, cancel_reason(reason), effects);
                }
                matching::Event::MakerReduced { by, .. } => self.reduced(maker, by, effects),
            }
        }
        drop(drawn);
        self.scratch.events = events;
        self.scratch.draws.fills = fills;
        self.finish(index, placed, effects);
    }

    /// Says what became of an order that arrived, and lets it rest if it does.
    fn finish(&mut self, index: OrderIndex, placed: &Placed<Bar>, effects: &mut Effects) {
        let order = self.orders.get_mut(index);
        order.quantity = order.quantity.saturating_sub(placed.decremented);
        if order.budget().is_some() {
            order.quantity = order.filled;
        }
        let market = order.market;
        let status = match &placed.rest {
            Rest::Resting(id) => return self.rest(index, *id, effects),
            Rest::Filled => OrderStatus::Filled,
            // What an order by quote quantity traded is all there is of it.
            Rest::Cancelled(matching::CancelReason::Unfilled)
                if order.budget().is_some() && !order.filled.is_zero() =>
            {
                OrderStatus::Filled
            }
            Rest::Cancelled(reason) => OrderStatus::Cancelled(match reason {
                matching::CancelReason::Unfilled => CancelReason::Unfilled,
                matching::CancelReason::WouldCross => CancelReason::WouldCross,
                matching::CancelReason::SelfTrade => CancelReason::SelfTrade,
                matching::CancelReason::OutsideBand => CancelReason::OutsideBand,
                matching::CancelReason::NotAdmitted(bar) => barred(*bar),
            }),
        };
        self.close(index, status, effects);
        if status == OrderStatus::Cancelled(CancelReason::OutsideBand) {
            self.halt(market, effects);
        }
    }

    fn rest(&mut self, index: OrderIndex, id: OrderId, effects: &mut Effects) {
        let order = self.orders.get_mut(index);
        order.spot = Spot::Book(id);
        if let Some(market) = self.markets.get_mut(&order.market) {
            market.rests(id, index);
            // A post-only order may have moved to the next price.
            if order.post_only == PostOnly::Slide
                && let Some(resting) = market.book.get(id)
            {
                order.price = resting.price;
            }
        }
        self.set_date(index);
        self.trim_lock(index, effects);
        self.tell_order(index, OrderStatus::Open, effects);
        self.recount_bid(index);
    }

    /// Sets the timer of an order that ends by itself.
    pub(super) fn set_date(&mut self, index: OrderIndex) {
        let order = self.orders.get(index);
        if let Some(expires) = order.expires() {
            self.timers.set(expires, Timer::Order(order.number));
        }
    }

    /// Says how an open order stands.
    pub(super) fn tell_order(&self, index: OrderIndex, status: OrderStatus, effects: &mut Effects) {
        let order = self.orders.get(index);
        effects.push(Event::Order(order.state(self.accounts.get(order.account).id, status)));
    }
}

/// Why a maker was taken off the book.
pub(crate) fn cancel_reason(removal: Removal<Bar>) -> CancelReason {
    match removal {
        Removal::SelfTrade => CancelReason::SelfTrade,
        Removal::WouldCross => CancelReason::WouldCross,
        Removal::NotAdmitted(bar) => barred(bar),
    }
}

fn barred(bar: Bar) -> CancelReason {
    match bar {
        Bar::Exhausted { .. } => CancelReason::LimitExhausted,
        Bar::Protected => CancelReason::Protection,
        Bar::TooSmall => CancelReason::WouldCross,
        Bar::BelowTranche { .. } => CancelReason::BelowTranche,
    }
}
