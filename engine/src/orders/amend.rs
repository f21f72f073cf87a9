//! Amending an order: another price, another total quantity, the same reference.

use super::arrive::How;
use super::gather::waiting;
use super::means::{Means, most_notional};
use super::terms::check_display;
use super::{bad_terms, from_book};
use crate::Refusal;
use crate::apply::{Engine, Signer};
use crate::effects::Effects;
use crate::open::{OrderIndex, Spot};
use crate::outcome::{CancelReason, OrderStatus};
use bandex_matching::{NewOrder, OrderId};
use bandex_tradechain::body::MarketState;
use bandex_types::{Amount, Price, Quantity};

impl Engine {
    /// Changes price and total quantity, fills included. An order that only becomes smaller keeps its place in the queue;
    /// any other is judged like one that arrives, and keeps its place if it is refused.
    pub(super) fn amend(
        &mut self,
        signer: Signer<'_>,
        index: OrderIndex,
        price: Price,
        quantity: Quantity,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let order = self.orders.get(index);
        if order.account != signer.account {
            return Err(Refusal::NotYourOrder);
        }
        self.check_grant(signer, order.market, Amount::ZERO)?;
        let (state, spot) = (self.market_state(order.market), order.spot);
        let ends = quantity <= order.filled;
        let shrinks = price == order.price && quantity <= order.quantity;
        let closed = state == MarketState::Halted || (state == MarketState::CancelOnly && !ends && !shrinks);
        if closed {
            return Err(Refusal::MarketClosed { state });
        }
        if ends {
            self.take_off(index, CancelReason::Requested, effects);
            return Ok(());
        }
        if order.budget().is_some() {
            return bad_terms("an order sized in quote units cannot be amended; cancel it and place another");
        }
        match spot {
            Spot::Book(id) if shrinks => {
                self.shrink(index, id, quantity, effects);
                Ok(())
            }
            Spot::Book(id) => self.move_order(signer, index, id, (price, quantity), effects),
            Spot::Asleep | Spot::Nowhere => self.amend_sleeper(signer, index, (price, quantity), effects),
        }
    }

    /// Makes an order smaller in its place.
    fn shrink(&mut self, index: OrderIndex, id: OrderId, quantity: Quantity, effects: &mut Effects) {
        let order = self.orders.get_mut(index);
        let by = order.quantity.saturating_sub(quantity);
        order.quantity = quantity;
        if let Some(market) = self.markets.get_mut(&order.market) {
            let left = market.book.reduce(id, by);
            assert!(left == Ok(order.left()), "what is open rests on the book");
        }
        self.trim_lock(index, effects);
        self.recount_bid(index);
        self.tell_order(index, OrderStatus::Open, effects);
    }

    /// What the order would need at its new price and quantity, what it has committed counting as free.
    fn judge_amended(
        &self,
        signer: Signer<'_>,
        index: OrderIndex,
        (price, quantity): (Price, Quantity),
    ) -> Result<Means, Refusal> {
        let order = self.orders.get(index);
        let market = self.markets.get(&order.market).ok_or(Refusal::UnknownMarket)?;
        let open = quantity.saturating_sub(order.filled);
        self.check_grant(signer, order.market, most_notional(market, order.side, price, open))?;
        let means = Means::new(market, order.side, price, open)?.instead_of(order);
        self.check_means(order.account, market.legs().paying_rail(order.side), &means)?;
        Ok(means)
    }

    fn amend_sleeper(
        &mut self,
        signer: Signer<'_>,
        index: OrderIndex,
        terms: (Price, Quantity),
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let means = self.judge_amended(signer, index, terms)?;
        let rare = self.orders.get(index).rare();
        if !rare.display.is_zero() {
            check_display(rare.display, terms.1)?;
        }
        if rare.minimum > terms.1 {
            return bad_terms("the quantity would be below the order's minimum");
        }
        // From here it sleeps on with other terms.
        let order = self.orders.get_mut(index);
        (order.price, order.quantity) = terms;
        self.promise(index, means.paying, effects);
        self.recount_bid(index);
        self.tell_order(index, OrderStatus::Sleeping, effects);
        Ok(())
    }

    /// Takes a resting order off and lets it arrive anew.
    fn move_order(
        &mut self,
        signer: Signer<'_>,
        index: OrderIndex,
        id: OrderId,
        terms: (Price, Quantity),
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let means = self.judge_amended(signer, index, terms)?;
        let order = self.orders.get_mut(index);
        let (market, side, before) = (order.market, order.side, (order.price, order.quantity));
        (order.price, order.quantity) = terms;
        // Its minimum was for its first arrival; what it shows is at most what is left.
        let arriving = order.arriving();
        let arriving = NewOrder {
            minimum: Quantity::ZERO,
            display: arriving.display.min(arriving.quantity),
            ..arriving
        };
        let gathers = self.market_state(market) == MarketState::Auction;
        let moved = if gathers {
            self.gather_again(index, id, &arriving)
        } else {
            self.begin_trading(market);
            self.meet(index, &arriving, How::Replace(id))
        };
        let placed = match moved {
            Ok(placed) => placed,
            Err(refusal) => {
                let order = self.orders.get_mut(index);
                (order.price, order.quantity) = before;
                return Err(refusal);
            }
        };
        // From here it has arrived anew.
        if before.0 != terms.0 {
            self.left_levels.push((market, side, before.0));
        }
        if let Some(rare) = &mut self.orders.get_mut(index).rare {
            rare.display = arriving.display;
        }
        self.promise(index, means.paying, effects);
        self.carry_out(index, &placed, effects);
        self.aftermath(market, effects);
        Ok(())
    }

    /// Lets an order that has gathered for an auction gather anew.
    fn gather_again(
        &mut self,
        index: OrderIndex,
        id: OrderId,
        arriving: &NewOrder,
    ) -> Result<bandex_matching::Placed<crate::admission::Bar>, Refusal> {
        let order = self.orders.get(index);
        if !arriving.display.is_zero() {
            check_display(arriving.display, arriving.quantity)?;
        }
        let legs = self.markets.get(&order.market).map(|market| market.legs());
        if let Some(legs) = legs.filter(|legs| legs.expose()) {
            self.check_limit(order.account, &legs)?;
        }
        // From here it succeeds: an auction refuses nothing else of an order that rests already.
        let own = self.own_across(index);
        let market = self.markets.get_mut(&order.market).ok_or(Refusal::UnknownMarket)?;
        let taken = market.book.cancel(id);
        assert!(taken.is_ok(), "what is open rests on the book");
        self.scratch.draws.clear();
        self.scratch.events.clear();
        market.book.enter(&waiting(arriving), &own, &mut self.scratch.events).map_err(from_book)
    }
}
