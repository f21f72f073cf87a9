//! What a fill does to the two orders, to their deal, and to those who wait for prices.

use crate::accounts::AccountIndex;
use crate::admission::Drawn;
use crate::apply::Engine;
use crate::deals::{Fill, Filled};
use crate::effects::Effects;
use crate::open::OrderIndex;
use crate::outcome::{CancelReason, Event, OrderStatus, Trade};
use bandex_tradechain::deal_id;
use bandex_types::{Amount, MarketId, Price, Quantity, Side};

impl Engine {
    /// Two orders trade: the fill goes into their deal, and what they locked for it with it. What becomes of the orders
    /// themselves is told by [`Engine::after_fill`] or when the taker has finished.
    pub(crate) fn trade(
        &mut self,
        taker: OrderIndex,
        maker: OrderIndex,
        price: Price,
        quantity: Quantity,
        drawn: Drawn,
        effects: &mut Effects,
    ) {
        let parties = [taker, maker].map(|index| {
            let order = self.orders.get_mut(index);
            order.filled = order.filled.checked_add(quantity).expect("fills stay within the order");
            Filled { order: order.order, account: order.account }
        });
        let [taken, made] = parties;
        let order = self.orders.get(taker);
        let (id, taker_side) = (order.market, order.side);
        let (opened, deal, [base, quote]) = if drawn.again {
            (None, deal_id(&taken.order, &made.order), [Amount::ZERO; 2])
        } else {
            let fill = Fill { market: id, taker_side, taker: taken, maker: made, terms: drawn.terms };
            let (index, deal, locks) = self.open_deal(fill, effects);
            (Some(index), deal, locks)
        };
        let (sell, buy) = match taker_side {
            Side::Sell => (taker, maker),
            Side::Buy => (maker, taker),
        };
        self.orders.get_mut(sell).take_locked(base);
        self.orders.get_mut(buy).take_locked(quote);
        let number = self.markets.get_mut(&id).map_or(0, |market| {
            market.trades += 1;
            market.last = Some(price);
            market.trades
        });
        effects.push(Event::Trade(Trade {
            market: id,
            number,
            price,
            quantity,
            taker_side,
            taker: taken.order,
            maker: made.order,
            taker_account: self.accounts.get(taken.account).id,
            maker_account: self.accounts.get(made.account).id,
            deal,
        }));
        if let Some(index) = opened {
            self.net_new(index, effects);
        }
        self.scratch.range = Some(match self.scratch.range {
            None => (price, price),
            Some((low, high)) => (low.min(price), high.max(price)),
        });
        for index in [taker, maker] {
            self.count_quote(index, id, quantity);
        }
    }

    /// Counts a fill against the protection of the account, if it was of a quote.
    fn count_quote(&mut self, index: OrderIndex, market: MarketId, quantity: Quantity) {
        let order = self.orders.get(index);
        if order.quote && self.guards.fill(order.account, market, self.time, quantity) {
            self.scratch.tripped.push(order.account);
        }
    }

    /// Says how an order that rests stands after a fill, and lets it go if nothing is left of it.
    pub(crate) fn after_fill(&mut self, index: OrderIndex, effects: &mut Effects) {
        self.recount_bid(index);
        let order = self.orders.get(index);
        if order.left().is_zero() {
            self.close(index, OrderStatus::Filled, effects);
            return;
        }
        // Fills that are known and not told yet were paid for with their deal's first: they only make the lock smaller
        // than what is left would need.
        self.trim_lock(index, effects);
        self.tell_order(index, OrderStatus::Open, effects);
    }

    /// Self-trade prevention has made an order that rests smaller.
    pub(super) fn reduced(&mut self, index: OrderIndex, by: Quantity, effects: &mut Effects) {
        let order = self.orders.get_mut(index);
        order.quantity = order.quantity.saturating_sub(by);
        if order.left().is_zero() {
            return self.close(index, OrderStatus::Cancelled(CancelReason::SelfTrade), effects);
        }
        self.recount_bid(index);
        self.trim_lock(index, effects);
        self.tell_order(index, OrderStatus::Open, effects);
    }

    /// The account whose protections were tripped, each once.
    pub(super) fn take_tripped(&mut self) -> Option<AccountIndex> {
        self.scratch.tripped.pop()
    }
}
