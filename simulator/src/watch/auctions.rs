//! Auctions: the price that each should have, and who trades there with whom.

use super::floor::Uncrossing;
use super::orders::{Known, Orders};
use bandex_engine::Trade;
use bandex_types::{MarketId, Price, Quantity, Side, Timestamp};
use std::cmp::Reverse;

impl Orders {
    /// The price and the volume of an auction that ends now: most volume, then least surplus, then nearest to the last
    /// price, then lowest. Volume and surplus change only at the prices of orders, so their neighbours and the last
    /// price are all that need be tried.
    pub(super) fn auction_price(&self, market: MarketId) -> Option<(Price, u128)> {
        let resting: Vec<&Known> = self.resting(market).collect();
        let reference = self.floors.get(&market).and_then(|floor| floor.last);
        let lots = |side: Side, price: Price| -> u128 {
            let trades = |order: &&&Known| match side {
                _ if order.state.side != side => false,
                Side::Buy => order.state.price >= price,
                Side::Sell => order.state.price <= price,
            };
            resting.iter().filter(trades).map(|order| u128::from(order.left().get())).sum()
        };
        let near = |order: &&Known| {
            let price = order.state.price.get();
            [price.saturating_sub(1), price, price.saturating_add(1)].map(Price::new)
        };
        let ranked = resting.iter().flat_map(near).chain(reference).map(|price| {
            let (demand, supply) = (lots(Side::Buy, price), lots(Side::Sell, price));
            let distance = reference.map(|reference| price.get().abs_diff(reference.get()));
            (Reverse(demand.min(supply)), demand.abs_diff(supply), distance, price)
        });
        let (Reverse(volume), _, _, price) = ranked.min()?;
        (volume > 0).then_some((price, volume))
    }

    pub(super) fn begin_auction(&mut self, market: MarketId) {
        let expected = self.auction_price(market);
        if let Some(floor) = self.floors.get_mut(&market) {
            floor.gathers = false;
            floor.uncrossing = Some(Uncrossing { expected, traded: 0, removed: false });
        }
    }

    /// A trade of an auction: at its one price, between the first of both sides, the later of them the taker.
    pub(super) fn auction_trade(&mut self, now: Timestamp, trade: &Trade) -> Result<(), String> {
        let expected = self.floors.get(&trade.market).and_then(|floor| floor.uncrossing.as_ref()?.expected);
        if expected.map(|(price, _)| price) != Some(trade.price) {
            return Err(format!("an auction trades at {}, it should at {expected:?}", trade.price));
        }
        let (taker, maker) = (self.open_order(&trade.taker)?, self.open_order(&trade.maker)?);
        let fits = taker.state.side == trade.taker_side
            && maker.state.side == trade.taker_side.opposite()
            && (taker.state.account, maker.state.account) == (trade.taker_account, trade.maker_account)
            && (taker.state.market, maker.state.market) == (trade.market, trade.market)
            && taker.number > maker.number
            && [taker, maker].iter().all(|order| order.accepts(trade.price));
        if !fits {
            return Err(format!("{trade:?} is not between these orders: {taker:?}, {maker:?}"));
        }
        for order in [taker, maker] {
            if let Some(first) = self.first_before(order) {
                return Err(format!("order {} trades before {}", order.state.order, first.state.order));
            }
            self.check_guard(order, now)?;
        }
        if trade.quantity != taker.shown.min(maker.shown) {
            return Err(format!("{} lots trade of {taker:?} and {maker:?}", trade.quantity));
        }
        for order in [trade.taker, trade.maker] {
            self.fill(&order, now, trade.quantity)?;
        }
        if let Some(floor) = self.floors.get_mut(&trade.market) {
            floor.traded(trade.price);
            if let Some(uncrossing) = &mut floor.uncrossing {
                uncrossing.traded = uncrossing.traded.saturating_add(trade.quantity.get());
            }
        }
        Ok(())
    }

    /// An auction has traded all that it could.
    pub(super) fn end_auction(
        &mut self,
        market: MarketId,
        price: Option<Price>,
        volume: u64,
    ) -> Result<(), String> {
        let floor = self.floors.get_mut(&market).ok_or("an auction on no market")?;
        let ended = floor.uncrossing.take().ok_or("an auction ends that has not begun")?;
        let told = price.map(|price| (price, u128::from(volume)));
        let expected = ended.expected.map(|(price, volume)| {
            // Of those that may not trade together one is taken off, and less may trade.
            (price, if ended.removed { ended.traded.into() } else { volume })
        });
        if told != expected.filter(|(_, volume)| *volume > 0) || volume != ended.traded {
            return Err(format!("an auction is told as {told:?} over {volume}, it was {ended:?}"));
        }
        floor.reference = floor.last;
        if let Some((bid, ask)) = self.crossed(market) {
            return Err(format!("an auction leaves {bid} bid and {ask} asked"));
        }
        self.woke_last = false;
        self.reach(market);
        Ok(())
    }

    /// The best bid and the best ask, if they could trade.
    pub(super) fn crossed(&self, market: MarketId) -> Option<(Price, Price)> {
        let prices = |side| {
            self.resting(market).filter(move |order| order.state.side == side).map(|order| order.state.price)
        };
        let (bid, ask) = (prices(Side::Buy).max()?, prices(Side::Sell).min()?);
        (bid >= ask).then_some((bid, ask))
    }

    /// No quote trades whose protection is used up.
    pub(super) fn check_guard(&self, order: &Known, now: Timestamp) -> Result<(), String> {
        let state = &order.state;
        if order.terms.quote && self.guards.bars(state.account, state.market, now) {
            return Err(format!("quote {} trades though its protection is used up", state.order));
        }
        Ok(())
    }

    /// Counts a fill of an order that rests; of what it shows the next part goes to the end of the queue.
    pub(super) fn fill(
        &mut self,
        order: &bandex_types::OrderRef,
        now: Timestamp,
        quantity: Quantity,
    ) -> Result<(), String> {
        let place = self.next_place();
        let known = self.all.get_mut(order).ok_or("a trade of no order")?;
        let state = &mut known.state;
        state.filled = state.filled.checked_add(quantity).ok_or("filled past 64 bits")?;
        if state.filled > state.quantity {
            return Err(format!("order {order} is filled beyond what was ordered"));
        }
        let (account, market) = (state.account, state.market);
        known.shown = known.shown.saturating_sub(quantity);
        if known.shown.is_zero() && !known.left().is_zero() {
            (known.place, known.shown) = (place, known.part());
            self.counts.refreshed = self.counts.refreshed.saturating_add(1);
        }
        if known.terms.quote {
            self.guards.fill(account, market, now, quantity);
        }
        Ok(())
    }
}
