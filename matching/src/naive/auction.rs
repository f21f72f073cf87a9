//! The naive auction: every price is tried.

use super::trade::smaller;
use super::{NaiveBook, takes};
use crate::{
    CancelReason, Clearing, Cross, Crossed, Crossing, Event, Indicative, MOST_PARTS, NewOrder, OrderId,
    Placed, Refusal, Removal, Rest, Resting,
};
use bandex_types::{PostOnly, Price, Quantity, SelfTrade, Side};

/// So many prices are tried one by one.
const FEW: u64 = 1_000;

impl NaiveBook {
    /// As [`Book::enter`](crate::Book::enter).
    ///
    /// # Errors
    /// As [`Book::enter`](crate::Book::enter).
    pub fn enter<R>(
        &mut self,
        order: &NewOrder,
        own: &[OrderId],
        events: &mut Vec<Event<R>>,
    ) -> Result<Placed<R>, Refusal> {
        if order.quantity.is_zero() {
            return Err(Refusal::ZeroQuantity);
        }
        if !order.may_rest() || order.post_only != PostOnly::Off || !order.minimum.is_zero() {
            return Err(Refusal::NotInAuction);
        }
        let parts = order.quantity.get().checked_div(order.display.get());
        let exact = order.quantity.get().checked_rem(order.display.get()) == Some(0);
        if parts.is_some_and(|parts| parts == 0 || parts > MOST_PARTS || (parts == MOST_PARTS && !exact)) {
            return Err(Refusal::BadDisplay);
        }
        let mut left = order.quantity;
        for maker in self.own_in_the_way(order, own) {
            if left.is_zero() {
                break;
            }
            let Resting { id, owner, left: open, .. } = maker;
            let removed =
                Event::MakerRemoved { maker: id, maker_owner: owner, left: open, reason: Removal::SelfTrade };
            match order.self_trade {
                SelfTrade::CancelOldest => {
                    self.remove(id);
                    events.push(removed);
                }
                SelfTrade::CancelNewest => return Ok(nobody_left(order, left)),
                SelfTrade::CancelBoth => {
                    self.remove(id);
                    events.push(removed);
                    return Ok(nobody_left(order, left));
                }
                SelfTrade::Decrement => {
                    let by = smaller(left, open);
                    left = left.saturating_sub(by);
                    let maker_left = self.reduce(id, by).unwrap_or_default();
                    events.push(Event::MakerReduced { maker: id, maker_owner: owner, by, left: maker_left });
                }
            }
        }
        if left.is_zero() {
            return Ok(nobody_left(order, left));
        }
        let rest = Rest::Resting(self.rest(order, left));
        Ok(Placed { filled: Quantity::ZERO, left, decremented: order.quantity.saturating_sub(left), rest })
    }

    /// Those of the named orders that the order could trade with, best price first.
    fn own_in_the_way(&self, order: &NewOrder, own: &[OrderId]) -> Vec<Resting> {
        let mut own: Vec<Resting> = own.iter().filter_map(|id| self.get(*id)).collect();
        own.retain(|maker| maker.owner == order.owner && takes(order.side, order.price, maker));
        own.sort_by_key(|maker| match order.side {
            Side::Buy => maker.price.get(),
            Side::Sell => u64::MAX - maker.price.get(),
        });
        own
    }

    /// As [`Book::indicative`](crate::Book::indicative). Tries every price from the best ask to the best bid; of very
    /// many, those at orders, next to them, and the reference: between orders nothing else can be better.
    pub fn indicative(&self, reference: Option<Price>) -> Option<Indicative> {
        let (low, high) = (self.best(Side::Sell)?, self.best(Side::Buy)?);
        let mut best: Option<Indicative> = None;
        for price in self.prices_to_try(low, high, reference) {
            let lots = |side: Side| -> u128 {
                let takes = |order: &&Resting| order.side == side && takes(side.opposite(), price, order);
                self.orders.iter().filter(takes).map(|order| u128::from(order.left.get())).sum()
            };
            let (demand, supply) = (lots(Side::Buy), lots(Side::Sell));
            let (volume, surplus) = (demand.min(supply), demand.abs_diff(supply));
            let nearer = |best: &Indicative| {
                reference.is_some_and(|reference| {
                    price.get().abs_diff(reference.get()) < best.price.get().abs_diff(reference.get())
                })
            };
            let better = match &best {
                None => volume > 0,
                Some(best) if volume != best.volume => volume > best.volume,
                Some(best) if surplus != best.surplus => surplus < best.surplus,
                Some(best) => nearer(best),
            };
            if better {
                let side = if demand > supply { Side::Buy } else { Side::Sell };
                let surplus_side = (surplus > 0).then_some(side);
                best = Some(Indicative { price, volume, surplus, surplus_side });
            }
        }
        best
    }

    /// Prices from `low` to `high`, rising.
    fn prices_to_try(&self, low: Price, high: Price, reference: Option<Price>) -> Vec<Price> {
        if high < low {
            return Vec::new();
        }
        if high.get() - low.get() < FEW {
            return (low.get()..=high.get()).map(Price::new).collect();
        }
        let beside =
            |price: Price| [price.get().saturating_sub(1), price.get(), price.get().saturating_add(1)];
        let mut prices: Vec<Price> =
            self.orders.iter().flat_map(|order| beside(order.price)).map(Price::new).collect();
        prices.extend(reference);
        prices.retain(|price| low <= *price && *price <= high);
        prices.sort_unstable();
        prices
    }

    /// As [`Book::uncross`](crate::Book::uncross).
    pub fn uncross<C: Clearing>(
        &mut self,
        reference: Option<Price>,
        clearing: &mut C,
        events: &mut Vec<Crossed<C::Reason>>,
    ) -> Option<Indicative> {
        let found = self.indicative(reference)?;
        let price = found.price;
        while let (Some(buy), Some(sell)) = (self.first(Side::Buy), self.first(Side::Sell)) {
            if buy.price < price || sell.price > price {
                break;
            }
            if buy.owner == sell.owner {
                let order = if clearing.later(buy.id, sell.id) == Side::Buy { buy } else { sell };
                self.remove(order.id);
                events.push(Crossed::Removed {
                    order: order.id,
                    left: order.left,
                    reason: Removal::SelfTrade,
                });
                continue;
            }
            let quantity = smaller(buy.shown, sell.shown);
            let (buy_owner, sell_owner) = (buy.owner, sell.owner);
            let cross = Cross { buy: buy.id, buy_owner, sell: sell.id, sell_owner, price, quantity };
            let (order, reason) = match clearing.cross(&cross) {
                Crossing::Admit => {
                    self.fill(buy.id, quantity);
                    self.fill(sell.id, quantity);
                    let [buy_left, sell_left] = [buy, sell].map(|order| order.left.saturating_sub(quantity));
                    events.push(Crossed::Trade { buy: buy.id, sell: sell.id, quantity, buy_left, sell_left });
                    continue;
                }
                Crossing::RemoveBuy(reason) => (buy, reason),
                Crossing::RemoveSell(reason) => (sell, reason),
            };
            self.remove(order.id);
            events.push(Crossed::Removed {
                order: order.id,
                left: order.left,
                reason: Removal::NotAdmitted(reason),
            });
        }
        // Whoever was removed may leave others across each other, beyond the one price.
        while let (Some(buy), Some(sell)) = (self.first(Side::Buy), self.first(Side::Sell)) {
            if buy.price < sell.price {
                break;
            }
            let order = if clearing.later(buy.id, sell.id) == Side::Buy { buy } else { sell };
            self.remove(order.id);
            events.push(Crossed::Removed { order: order.id, left: order.left, reason: Removal::WouldCross });
        }
        Some(found)
    }

    fn first(&self, side: Side) -> Option<Resting> {
        self.orders(side).next()
    }
}

/// An order that its owner's other orders leave nothing of.
fn nobody_left<R>(order: &NewOrder, left: Quantity) -> Placed<R> {
    let decremented = order.quantity.saturating_sub(left);
    Placed { filled: Quantity::ZERO, left, decremented, rest: Rest::Cancelled(CancelReason::SelfTrade) }
}
