//! Orders: what was ordered is filled, open or cancelled; books hold exactly what is open.

use super::{Market, Seen};
use crate::broken::{Broken, Invariant, hold};
use bandex_engine::{CancelReason, Engine, Event, OrderState, OrderStatus, Trade};
use bandex_tradechain::Body;
use bandex_tradechain::body::Operation;
use bandex_types::{Amount, MarketId, OrderRef, Price, Quantity, Side};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Orders {
    all: BTreeMap<OrderRef, OrderState>,
    /// The most that a counterparty may owe, of orders that say so.
    own_caps: BTreeMap<OrderRef, Amount>,
    /// When each began to rest: counts the orders that did.
    rested: BTreeMap<OrderRef, u64>,
    /// What an arriving order traded, of which nothing else was told yet.
    arriving: BTreeMap<OrderRef, (Quantity, Price, Price)>,
}

impl Orders {
    pub fn own_cap(&self, order: &OrderRef) -> Option<Amount> {
        self.own_caps.get(order).copied()
    }

    pub fn open(&self) -> impl Iterator<Item = &OrderState> {
        self.all.values().filter(|order| order.status == OrderStatus::Open)
    }

    pub fn take(&mut self, seen: &Seen<'_>) -> Result<(), Broken> {
        if let Some((block, _)) = seen.block
            && let Body::Orders(orders) = &block.body
        {
            for (op, operation) in (0..=u8::MAX).zip(&orders.operations) {
                if let Operation::Place(place) = operation
                    && let Some(cap) = place.own_cap
                {
                    self.own_caps.insert(OrderRef { key: block.author, seq: block.seq, op }, cap);
                }
            }
        }
        for event in seen.events {
            let taken = match event {
                Event::Trade(trade) => self.trade(trade),
                Event::Order(order) => self.order(order),
                _ => Ok(()),
            };
            taken.map_err(|what| Broken::new(Invariant::Orders, format!("record {}: {what}", seen.seq)))?;
        }
        hold(self.arriving.is_empty(), Invariant::Orders, || {
            format!("record {}: an order traded and nothing says what became of it", seen.seq)
        })
    }

    fn trade(&mut self, trade: &Trade) -> Result<(), String> {
        let maker = self.all.get_mut(&trade.maker).ok_or("a trade with an order that does not rest")?;
        let fits = maker.status == OrderStatus::Open
            && maker.price == trade.price
            && maker.side == trade.taker_side.opposite()
            && maker.market == trade.market
            && !trade.quantity.is_zero();
        if !fits {
            return Err(format!("order {} does not rest as it trades", trade.maker));
        }
        maker.filled = maker.filled.checked_add(trade.quantity).ok_or("filled past 64 bits")?;
        if maker.filled > maker.quantity {
            return Err(format!("order {} is filled beyond what was ordered", trade.maker));
        }
        let of = self.arriving.entry(trade.taker).or_insert((Quantity::ZERO, trade.price, trade.price));
        let filled = of.0.checked_add(trade.quantity).ok_or("filled past 64 bits")?;
        *of = (filled, of.1.min(trade.price), of.2.max(trade.price));
        Ok(())
    }

    fn order(&mut self, order: &OrderState) -> Result<(), String> {
        let filled = match self.all.get(&order.order) {
            Some(before) => {
                // Self-trade prevention may make an order smaller.
                let same = (before.account, before.market, before.side, before.price)
                    == (order.account, order.market, order.side, order.price)
                    && order.quantity <= before.quantity;
                if !same || before.status != OrderStatus::Open {
                    return Err(format!("order {} changed after it was accepted or ended", order.order));
                }
                before.filled
            }
            None => match self.arriving.remove(&order.order) {
                Some((filled, least, most)) => {
                    let agreed = match order.side {
                        Side::Buy => most <= order.price,
                        Side::Sell => least >= order.price,
                    };
                    if !agreed {
                        return Err(format!("order {} traded beyond its limit", order.order));
                    }
                    filled
                }
                None => Quantity::ZERO,
            },
        };
        let adds_up = match order.status {
            OrderStatus::Cancelled(CancelReason::SelfTrade) => order.filled <= order.quantity,
            OrderStatus::Open | OrderStatus::Cancelled(_) | OrderStatus::Sleeping => {
                order.filled < order.quantity
            }
            OrderStatus::Filled => order.filled == order.quantity,
        };
        if filled != order.filled || !adds_up {
            return Err(format!(
                "order {} over {} is {:?} with {} filled; its trades come to {filled}",
                order.order, order.quantity, order.status, order.filled
            ));
        }
        let arrival = self.rested.len() as u64;
        if order.status == OrderStatus::Open {
            self.rested.entry(order.order).or_insert(arrival);
        }
        self.all.insert(order.order, order.clone());
        Ok(())
    }

    pub fn compare(&self, engine: &Engine, markets: &BTreeMap<MarketId, Market>) -> Result<(), Broken> {
        let mut resting = 0_usize;
        for market in markets.keys() {
            let mut best = [None; 2];
            for (side, best) in [Side::Buy, Side::Sell].into_iter().zip(&mut best) {
                let book = engine.book_orders(*market, side);
                *best = book.first().map(|order| order.price);
                resting = resting.saturating_add(book.len());
                for (order, next) in book.iter().zip(book.iter().skip(1)) {
                    let sorted = match side {
                        Side::Buy => order.price >= next.price,
                        Side::Sell => order.price <= next.price,
                    };
                    let [first, second] = [order, next].map(|order| self.rested.get(&order.order));
                    let in_time = order.price != next.price || first < second;
                    hold(sorted && in_time, Invariant::Book, || {
                        format!("market {market}: {order:?} rests before {next:?}")
                    })?;
                }
                for order in book {
                    let known = self.all.get(&order.order).is_some_and(|known| {
                        known.status == OrderStatus::Open
                            && (known.market, known.side, known.price) == (*market, side, order.price)
                            && known.quantity.saturating_sub(known.filled) == order.left
                    });
                    hold(known, Invariant::Book, || {
                        format!("market {market}: {order:?} rests otherwise than was told")
                    })?;
                }
            }
            if let [Some(bid), Some(ask)] = best {
                hold(bid < ask, Invariant::Book, || format!("market {market}: {bid} bid, {ask} asked"))?;
            }
        }
        hold(resting == self.open().count(), Invariant::Book, || {
            format!("{resting} orders rest, {} are open", self.open().count())
        })
    }
}
