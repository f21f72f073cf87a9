//! What a market does: trading, halts, and auctions with their one price.

use crate::Refusal;
use crate::admission::{Auction, Limits};
use crate::apply::Engine;
use crate::effects::Effects;
use crate::open::OrderIndex;
use crate::orders::cancel_reason;
use crate::outcome::{CancelReason, Event};
use crate::refusal::check_serves;
use crate::timers::Timer;
use bandex_matching::Crossed;
use bandex_tradechain::body::{MarketRules, MarketState};
use bandex_types::{MarketId, OrderType, Price, Side};

impl Engine {
    /// The operator decides what a market does.
    pub(crate) fn decide_market_state(
        &mut self,
        market: MarketId,
        state: MarketState,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        if !self.markets.contains_key(&market) {
            return Err(Refusal::UnknownMarket);
        }
        self.change_state(market, state, 0, effects);
        Ok(())
    }

    pub(crate) fn set_market_rules(
        &mut self,
        market: MarketId,
        rules: MarketRules,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        check_serves(self.serves_trading(), "set_market_rules")?;
        let found = self.markets.get_mut(&market).ok_or(Refusal::UnknownMarket)?;
        // From here they hold; timers that run already run on.
        found.rules = rules;
        found.book.set_band(None);
        effects.push(Event::MarketRules { market, rules });
        Ok(())
    }

    /// A trade would have left the price band.
    pub(crate) fn halt(&mut self, market: MarketId, effects: &mut Effects) {
        let halt_us = self.markets.get(&market).map_or(0, |market| market.rules.halt_us);
        self.change_state(market, MarketState::Halted, halt_us, effects);
    }

    /// A halt or an auction ends by itself.
    pub(crate) fn market_is_due(&mut self, market: MarketId, effects: &mut Effects) {
        let next = match self.markets.get(&market).map(|market| market.state) {
            Some(MarketState::Halted) => MarketState::Auction,
            Some(MarketState::Auction) => MarketState::Trading,
            Some(MarketState::Trading | MarketState::CancelOnly) | None => return,
        };
        self.change_state(market, next, 0, effects);
    }

    /// Changes the state of a market: for good, or for some time. What an auction gathered is matched before trading
    /// goes on.
    fn change_state(&mut self, id: MarketId, state: MarketState, lasts_us: u64, effects: &mut Effects) {
        let serves_trading = self.serves_trading();
        let Some(market) = self.markets.get_mut(&id) else { return };
        if let Some(at) = market.timer.take() {
            self.timers.clear(at, Timer::Market(id));
        }
        market.state = state;
        let mut lasts_us = lasts_us;
        if state == MarketState::Auction && serves_trading {
            market.gathers = true;
            lasts_us = market.rules.auction_us;
        }
        if lasts_us > 0 {
            let at = self.time.plus(lasts_us);
            market.timer = Some(at);
            self.timers.set(at, Timer::Market(id));
        }
        let ends = state == MarketState::Trading && market.gathers;
        effects.push(Event::Market { listing: market.listing.clone(), state });
        if ends {
            self.uncross(id, effects);
        }
    }

    /// Ends the gathering of a market: trades all that can at one price.
    fn uncross(&mut self, id: MarketId, effects: &mut Effects) {
        self.guards.pass(id, self.time);
        let by_counterparty = self.serves_trust();
        let Some(market) = self.markets.get_mut(&id) else { return };
        market.gathers = false;
        let (legs, reference) = (market.legs(), market.last);
        self.scratch.draws.clear();
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
            draws: &mut self.scratch.draws,
        };
        let mut crossed = Vec::new();
        let cleared = book.uncross(reference, &mut Auction { limits }, &mut crossed);
        let price = cleared.map(|cleared| cleared.price);
        let volume = self.carry_out_auction(id, price.unwrap_or_default(), crossed, effects);
        let price = price.filter(|_| volume > 0);
        effects.push(Event::Auction { market: id, price, volume });
        self.cancel_left_over(id, effects);
        if let Some(market) = self.markets.get_mut(&id) {
            market.set_band();
        }
        self.aftermath(id, effects);
    }

    /// Does what the book said about an auction; gives the lots that traded.
    fn carry_out_auction(
        &mut self,
        id: MarketId,
        price: Price,
        crossed: Vec<Crossed<crate::admission::Bar>>,
        effects: &mut Effects,
    ) -> u64 {
        let mut volume = 0_u64;
        self.scratch.draws.join();
        let mut fills = std::mem::take(&mut self.scratch.draws.fills);
        let mut drawn = fills.drain(..);
        for event in crossed {
            let order = |order| self.markets.get(&id).map(|market| market.order(order));
            match event {
                Crossed::Trade { buy, sell, quantity, .. } => {
                    let (Some(buy), Some(sell)) = (order(buy), order(sell)) else { continue };
                    let drawn = drawn.next().expect("the admission keeps terms for each trade");
                    let later = self.orders.get(buy).number > self.orders.get(sell).number;
                    let (taker, maker) = if later { (buy, sell) } else { (sell, buy) };
                    self.trade(taker, maker, price, quantity, drawn, effects);
                    self.after_fill(maker, effects);
                    self.after_fill(taker, effects);
                    volume = volume.saturating_add(quantity.get());
                }
                Crossed::Removed { order: removed, reason, .. } => {
                    let Some(index) = order(removed) else { continue };
                    self.forget(index, cancel_reason(reason), effects);
                }
            }
        }
        drop(drawn);
        self.scratch.draws.fills = fills;
        volume
    }

    /// Cancels what an auction left of market orders, oldest first.
    fn cancel_left_over(&mut self, id: MarketId, effects: &mut Effects) {
        let Some(market) = self.markets.get(&id) else { return };
        let resting = [Side::Buy, Side::Sell].into_iter().flat_map(|side| market.book.orders(side));
        let mut left: Vec<(u64, OrderIndex)> = resting
            .map(|resting| market.order(resting.id))
            .map(|index| (self.orders.get(index), index))
            .filter(|(order, _)| order.order_type == OrderType::Market)
            .map(|(order, index)| (order.number, index))
            .collect();
        left.sort_unstable_by_key(|(number, _)| *number);
        for (_, index) in left {
            self.take_off(index, CancelReason::AuctionUnfilled, effects);
        }
    }
}
