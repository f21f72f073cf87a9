//! Placing an order: everything it can be refused for, then the way it takes: it meets the book, sleeps, or waits for an
//! auction.

use super::means::{Means, most_notional};
use super::terms::{check_first_rules, check_terms, direction, waits_for_auction};
use crate::Refusal;
use crate::apply::{Engine, Signer};
use crate::effects::Effects;
use crate::market::Market;
use crate::open::{OpenOrder, OrderIndex, Spot};
use crate::outcome::{Event, OrderStatus};
use crate::refusal::check_serves;
use bandex_tradechain::body::{MarketState, Place};
use bandex_types::{Amount, OrderRef, Price, Quantity, Side, TimeInForce};

impl Engine {
    pub(super) fn place(
        &mut self,
        signer: Signer<'_>,
        reference: OrderRef,
        place: &Place,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let market = self.markets.get(&place.market).ok_or(Refusal::UnknownMarket)?;
        let gathers = self.serves_trading() && market.state == MarketState::Auction;
        if market.state != MarketState::Trading && !gathers {
            return Err(Refusal::MarketClosed { state: market.state });
        }
        self.refuse_frozen(signer.account)?;
        self.refuse_unadmitted(signer.account)?;
        if self.serves_trading() {
            if place.least_score.is_some() {
                check_serves(self.serves_trust(), "least_score")?;
            }
            check_terms(place, self.time)?;
        } else {
            check_first_rules(place)?;
        }
        if gathers && !waits_for_auction(place) {
            return Err(Refusal::NotInAuction);
        }
        if place.quantity.is_zero() && place.quote_quantity.is_none() {
            return Err(Refusal::ZeroQuantity);
        }
        if let Some(client_id) = &place.client_id
            && self.orders.find_client_id(signer.lane, place.market, client_id).is_some()
        {
            return Err(Refusal::DuplicateClientId);
        }
        let means = self.judge_means(signer, market, place)?;
        let stays = !matches!(place.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        if stays || gathers || place.trigger.is_some() {
            self.check_most_orders(signer.account, place.market, 1, 0)?;
        }
        let order = OpenOrder::new(self.next_order, reference, signer.lane, signer.account, place);
        if let Some(trigger) = place.trigger {
            if let Some(last) = market.last
                && direction(place.side, trigger).reaches(last, trigger.price)
            {
                return Err(Refusal::TriggerReached { last });
            }
            self.sleep(order, means.paying, effects);
            return Ok(());
        }
        if gathers {
            return self.gather(order, means.paying, effects);
        }
        self.begin_trading(place.market);
        self.take_in(order, means.paying, effects)?;
        self.aftermath(place.market, effects);
        Ok(())
    }

    /// Refuses what the key may not order, what 64 bits cannot hold, and what the account has no means for.
    fn judge_means(&self, signer: Signer<'_>, market: &Market, place: &Place) -> Result<Means, Refusal> {
        let legs = market.legs();
        let means = match place.quote_quantity {
            None => {
                // What is too large for 64 bits in quote units is told before what the key may not do.
                legs.quote_units(place.quantity, place.price).ok_or(Refusal::TooLarge)?;
                let most = most_notional(market, place.side, place.price, place.quantity);
                self.check_grant(signer, place.market, most)?;
                Means::new(market, place.side, place.price, place.quantity)?
            }
            Some(budget) => {
                self.check_grant(signer, place.market, budget)?;
                let lots = most_lots(market, place.side, place.price, budget);
                if lots.is_zero() {
                    return Err(Refusal::ZeroQuantity);
                }
                let paying = match place.side {
                    Side::Buy => budget,
                    Side::Sell => legs.base_units(lots).ok_or(Refusal::TooLarge)?,
                };
                let side = place.side;
                let notional = legs.worth(budget);
                Means { side, paying, notional, released_lock: Amount::ZERO, released_bids: 0 }
            }
        };
        self.check_means(signer.account, legs.paying_rail(place.side), &means)?;
        let most = place
            .quote_quantity
            .unwrap_or_else(|| legs.quote_units(place.quantity, place.price).unwrap_or(Amount::MAX));
        self.check_payable(signer.account, &legs, place.side, most)?;
        if let Some(display) = place.display {
            // A part that is shown must be worth a payment too: it is what others trade with.
            let shown = legs.quote_units(display, place.price).unwrap_or(Amount::MAX);
            self.check_payable(signer.account, &legs, Side::Buy, shown)?;
        }
        Ok(means)
    }

    /// Takes in an order that waits for its trigger.
    fn sleep(&mut self, order: OpenOrder, paying: Amount, effects: &mut Effects) {
        let index = self.orders.add(order);
        self.next_order += 1;
        self.promise(index, paying, effects);
        self.tell_terms(index, effects);
        self.fall_asleep(index);
        self.recount_bid(index);
        self.set_date(index);
        self.tell_order(index, OrderStatus::Sleeping, effects);
    }

    /// Sets the trigger of an order that was taken in.
    pub(crate) fn fall_asleep(&mut self, index: OrderIndex) {
        let order = self.orders.get_mut(index);
        order.spot = Spot::Asleep;
        let (number, side) = (order.number, order.side);
        if let Some(trigger) = order.trigger()
            && let Some(market) = self.markets.get_mut(&order.market)
        {
            market.triggers.add(number, direction(side, trigger), trigger.price);
        }
    }

    /// Says what makes an accepted order special, if anything does.
    pub(super) fn tell_terms(&self, index: OrderIndex, effects: &mut Effects) {
        if self.serves_trading()
            && let Some(terms) = self.orders.get(index).special_terms()
        {
            effects.push(Event::Terms(terms));
        }
    }
}

/// The most lots that an order sized in quote units can trade.
pub(super) fn most_lots(market: &Market, side: Side, price: Price, budget: Amount) -> Quantity {
    let most = u64::MAX.checked_div(market.listing.lot_units).unwrap_or(0);
    let lots = match side {
        // However cheap the asks are.
        Side::Buy => u128::from(most),
        Side::Sell => market.legs().budget(budget).checked_div(u128::from(price.get())).unwrap_or(0),
    };
    Quantity::new(u64::try_from(lots).unwrap_or(u64::MAX))
}
