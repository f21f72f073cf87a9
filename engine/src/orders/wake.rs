//! What follows from trades before the next operation: quotes are pulled, and orders wake whose trigger was reached.

use crate::Refusal;
use crate::apply::Engine;
use crate::effects::Effects;
use crate::open::{OrderIndex, Spot};
use crate::outcome::CancelReason;
use bandex_tradechain::body::MarketState;
use bandex_types::MarketId;
use std::collections::VecDeque;

impl Engine {
    /// Brings everything about that the trades of an operation have caused on a market: first quotes are pulled whose
    /// protection was tripped, then orders wake one by one, the oldest of those reached together first. What a woken
    /// order trades may wake more; they queue behind.
    pub(crate) fn aftermath(&mut self, market: MarketId, effects: &mut Effects) {
        let mut reached = VecDeque::new();
        loop {
            self.pull_tripped(market, effects);
            self.take_reached(market, &mut reached);
            let Some(number) = reached.pop_front() else { return };
            if let Some(index) = self.orders.find_number(number) {
                self.wake(index, effects);
            }
        }
    }

    /// Moves those that the last trades reached to the end of a queue. A trade in between reaches nobody whom neither
    /// the lowest nor the highest does.
    fn take_reached(&mut self, market: MarketId, queue: &mut VecDeque<u64>) {
        let Some((low, high)) = self.scratch.range.take() else { return };
        let Some(market) = self.markets.get_mut(&market) else { return };
        if market.triggers.is_empty() {
            return;
        }
        market.triggers.reach(low);
        market.triggers.reach(high);
        let mut numbers: Vec<u64> = std::iter::from_fn(|| market.triggers.next_reached()).collect();
        numbers.sort_unstable();
        queue.extend(numbers);
    }

    /// Lets a sleeping order arrive. If the market has halted meanwhile it sleeps on, and is reached again when trading
    /// goes on at such a price.
    fn wake(&mut self, index: OrderIndex, effects: &mut Effects) {
        let order = self.orders.get_mut(index);
        if order.spot != Spot::Asleep {
            return;
        }
        order.spot = Spot::Nowhere;
        let market = order.market;
        if self.market_state(market) != MarketState::Trading {
            return self.fall_asleep(index);
        }
        let (arriving, how) = self.arriving(index);
        match self.meet(index, &arriving, how) {
            Ok(placed) => self.carry_out(index, &placed, effects),
            Err(refusal) => {
                let reason = match refusal {
                    Refusal::WouldTrade => CancelReason::WouldTrade,
                    Refusal::LimitExhausted { .. } | Refusal::LimitReached { .. } => {
                        CancelReason::LimitExhausted
                    }
                    _ => CancelReason::Unfilled,
                };
                self.forget(index, reason, effects);
            }
        }
    }
}
