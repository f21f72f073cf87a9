//! The engine's books against those that follow from what was told.

use super::Market;
use super::orders::{Known, Orders};
use crate::broken::{Broken, Invariant, hold};
use bandex_engine::{Engine, OrderStatus};
use bandex_types::{MarketId, OrderRef, Side};
use std::collections::BTreeMap;

impl Orders {
    /// Holds the engine's books and markets against what was told. Where an amendment may or may not have moved an
    /// order, the engine is believed.
    pub fn compare(&mut self, engine: &Engine, markets: &BTreeMap<MarketId, Market>) -> Result<(), Broken> {
        for market in markets.keys() {
            for side in [Side::Buy, Side::Sell] {
                self.compare_side(engine, *market, side)?;
            }
            let gathers = self.floors.get(market).is_some_and(|floor| floor.gathers);
            let crossed = self.crossed(*market).filter(|_| !gathers);
            hold(crossed.is_none(), Invariant::Book, || format!("market {market}: {crossed:?}"))?;
            let expected = if gathers { self.auction_price(*market) } else { None };
            let found = engine.indicative(*market).map(|found| (found.price, found.volume));
            hold(found == expected, Invariant::Book, || {
                format!("market {market}: an auction would be {found:?}, it should be {expected:?}")
            })?;
        }
        for view in engine.markets() {
            let floor = self.floors.get(&view.listing.id);
            let known = floor.map(|floor| (floor.state, floor.rules, floor.last));
            hold(known == Some((view.state, view.rules, view.last)), Invariant::Book, || {
                format!("{view:?} was told as {known:?}")
            })?;
        }
        let alive = self.alive().count();
        hold(engine.open_orders() == alive, Invariant::Book, || {
            format!("{} orders rest or sleep, {alive} are told to", engine.open_orders())
        })
    }

    fn compare_side(&mut self, engine: &Engine, market: MarketId, side: Side) -> Result<(), Broken> {
        let mut expected: Vec<&Known> =
            self.resting(market).filter(|known| known.state.side == side).collect();
        expected.sort_by(|one, other| match (one.is_before(other), other.is_before(one)) {
            (true, _) => std::cmp::Ordering::Less,
            (_, true) => std::cmp::Ordering::Greater,
            _ => std::cmp::Ordering::Equal,
        });
        let found = engine.book_orders(market, side);
        let unsure = expected.iter().any(|known| known.unsure);
        hold(found.len() == expected.len(), Invariant::Book, || {
            format!("market {market}: {} orders rest, {} are open", found.len(), expected.len())
        })?;
        for (order, expected) in found.iter().zip(&expected) {
            let in_turn = order.order == expected.state.order;
            hold(in_turn || unsure, Invariant::Book, || {
                format!("market {market}: {order:?} rests in the place of {expected:?}")
            })?;
            let known = self.all.get(&order.order).filter(|known| known.state.status == OrderStatus::Open);
            let told = known.map(|known| (known.state.price, known.left(), known.shown));
            hold(told == Some((order.price, order.left, order.shown)), Invariant::Book, || {
                format!("market {market}: {order:?} rests otherwise than was told: {known:?}")
            })?;
        }
        if unsure {
            let queue: Vec<OrderRef> = found.iter().map(|order| order.order).collect();
            for order in queue {
                let place = self.next_place();
                if let Some(known) = self.all.get_mut(&order) {
                    (known.place, known.unsure) = (place, false);
                }
            }
        }
        Ok(())
    }
}
