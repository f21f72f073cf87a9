//! How an auction gathers orders and ends: entering without matching, the indicative price, and the uncrossing at one
//! price.

use crate::arena::Slot;
use crate::auction::{Depth, uniform_price};
use crate::matcher::refuse_display;
use crate::{
    Book, CancelReason, Clearing, Cross, Crossed, Crossing, Event, Indicative, NewOrder, OrderId, Placed,
    Refusal, Removal, Rest, Resting,
};
use bandex_types::{PostOnly, Price, Quantity, SelfTrade, Side};
use std::collections::BTreeMap;

impl Book {
    /// Lets an order wait for an auction: it rests at its price and trades with nobody yet, though it may cross the
    /// other side. `own` names its owner's resting orders on the other side, the oldest first: those it could trade with
    /// are treated as its self-trade mode says, best price first, so that the auction finds none of them.
    ///
    /// # Errors
    /// A refusal changes nothing at all; see [`Refusal`].
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
        refuse_display(order)?;
        if self.arena.is_full() {
            return Err(Refusal::BookFull);
        }
        // From here the order succeeds.
        let mut left = order.quantity;
        for maker in self.own_in_the_way(order, own) {
            match order.self_trade {
                SelfTrade::CancelOldest => self.remove_own(&maker, events),
                SelfTrade::CancelNewest => return Ok(self_traded(order, left)),
                SelfTrade::CancelBoth => {
                    self.remove_own(&maker, events);
                    return Ok(self_traded(order, left));
                }
                SelfTrade::Decrement => {
                    let by = left.min(maker.left);
                    left = left.saturating_sub(by);
                    let (maker, maker_owner) = (maker.id, maker.owner);
                    let open = self.reduce(maker, by).unwrap_or(Quantity::ZERO);
                    events.push(Event::MakerReduced { maker, maker_owner, by, left: open });
                    if left.is_zero() {
                        return Ok(self_traded(order, left));
                    }
                }
            }
        }
        let rest = Rest::Resting(self.rest(order, left));
        Ok(Placed { filled: Quantity::ZERO, left, decremented: order.quantity.saturating_sub(left), rest })
    }

    /// Those of the named orders that the order could trade with, best price first.
    fn own_in_the_way(&self, order: &NewOrder, own: &[OrderId]) -> Vec<Resting> {
        let makers = self.ladder(order.side.opposite());
        let in_the_way = |maker: &Resting| {
            maker.owner == order.owner && maker.side != order.side && makers.accepts(order.price, maker.price)
        };
        let mut own: Vec<Resting> = own.iter().filter_map(|id| self.get(*id)).filter(in_the_way).collect();
        // Sorting is stable, so that orders of one price stay in the caller's order.
        own.sort_by_key(|maker| makers.rank(maker.price));
        own
    }

    fn remove_own<R>(&mut self, maker: &Resting, events: &mut Vec<Event<R>>) {
        let Resting { id, owner, left, .. } = *maker;
        if self.cancel(id).is_ok() {
            events.push(Event::MakerRemoved {
                maker: id,
                maker_owner: owner,
                left,
                reason: Removal::SelfTrade,
            });
        }
    }

    /// What an auction would do if it ended now; `None` if nothing would trade. Counts what is not shown, too. Takes
    /// time linear in the crossed levels and in the orders that hide a part.
    pub fn indicative(&self, reference: Option<Price>) -> Option<Indicative> {
        let (best_bid, best_ask) = (self.best(Side::Buy)?, self.best(Side::Sell)?);
        if best_bid < best_ask {
            return None;
        }
        let hidden = self.hidden_by_price();
        let depth = |side: Side, limit: Price| -> Vec<Depth> {
            let makers = self.ladder(side);
            let crossed = self.levels(side).take_while(|level| makers.accepts(limit, level.price));
            let hides = |price| hidden.get(&(side, price)).copied().unwrap_or(0);
            crossed
                .map(|level| Depth { price: level.price, lots: level.quantity + hides(level.price) })
                .collect()
        };
        uniform_price(&depth(Side::Buy, best_ask), &depth(Side::Sell, best_bid), reference)
    }

    fn hidden_by_price(&self) -> BTreeMap<(Side, Price), u128> {
        let mut hidden = BTreeMap::new();
        for (slot, lots) in self.hidden.iter() {
            if let Some(node) = self.arena.peek(slot) {
                *hidden.entry((node.side(), node.price)).or_default() += u128::from(lots.get());
            }
        }
        hidden
    }

    /// Ends the gathering: finds the price of [`Book::indicative`] and trades at it whatever can, better prices first
    /// and older orders first. Afterwards the book is not crossed. Appends to `events` what happened, in order.
    ///
    /// An order that the clearing removes trades no more, and others take its part, so that less may trade than the
    /// indicative volume. Of two orders that are across each other at the end, which only such removals bring about, the
    /// later is taken off.
    pub fn uncross<C: Clearing>(
        &mut self,
        reference: Option<Price>,
        clearing: &mut C,
        events: &mut Vec<Crossed<C::Reason>>,
    ) -> Option<Indicative> {
        let found = self.indicative(reference)?;
        while let Some((buy, sell)) = self.touch(found.price, found.price) {
            self.cross_pair(found.price, &buy, &sell, clearing, events);
        }
        while let Some((buy, sell)) = self.touch(Price::ZERO, Price::MAX) {
            if buy.price < sell.price {
                break;
            }
            let order = if clearing.later(buy.id, sell.id) == Side::Buy { buy } else { sell };
            self.take_off(&order, Removal::WouldCross, events);
        }
        Some(found)
    }

    /// The first bid and the first ask, if the bid is at `low` or above and the ask at `high` or below.
    fn touch(&self, low: Price, high: Price) -> Option<(Resting, Resting)> {
        let first = |side: Side| -> Option<Slot> {
            let slot = self.ladder(side).first();
            (!slot.is_none()).then_some(slot)
        };
        let (buy, sell) = (self.resting(first(Side::Buy)?), self.resting(first(Side::Sell)?));
        (buy.price >= low && sell.price <= high).then_some((buy, sell))
    }

    fn cross_pair<C: Clearing>(
        &mut self,
        price: Price,
        buy: &Resting,
        sell: &Resting,
        clearing: &mut C,
        events: &mut Vec<Crossed<C::Reason>>,
    ) {
        if buy.owner == sell.owner {
            // Entering prevents this; what rested before the auction does not cross.
            let order = if clearing.later(buy.id, sell.id) == Side::Buy { buy } else { sell };
            return self.take_off(order, Removal::SelfTrade, events);
        }
        let quantity = buy.shown.min(sell.shown);
        let (buy_owner, sell_owner) = (buy.owner, sell.owner);
        match clearing.cross(&Cross { buy: buy.id, buy_owner, sell: sell.id, sell_owner, price, quantity }) {
            Crossing::Admit => {
                let [buy_left, sell_left] = [buy.id, sell.id].map(|id| match self.arena.find(id) {
                    Some(slot) => self.fill(slot, quantity),
                    None => Quantity::ZERO,
                });
                events.push(Crossed::Trade { buy: buy.id, sell: sell.id, quantity, buy_left, sell_left });
            }
            Crossing::RemoveBuy(reason) => self.take_off(buy, Removal::NotAdmitted(reason), events),
            Crossing::RemoveSell(reason) => self.take_off(sell, Removal::NotAdmitted(reason), events),
        }
    }

    fn take_off<R>(&mut self, order: &Resting, reason: Removal<R>, events: &mut Vec<Crossed<R>>) {
        if self.cancel(order.id).is_ok() {
            events.push(Crossed::Removed { order: order.id, left: order.left, reason });
        }
    }
}

/// An order that its owner's other orders leave nothing of, or that is cancelled for them.
fn self_traded<R>(order: &NewOrder, left: Quantity) -> Placed<R> {
    let decremented = order.quantity.saturating_sub(left);
    Placed { filled: Quantity::ZERO, left, decremented, rest: Rest::Cancelled(CancelReason::SelfTrade) }
}
