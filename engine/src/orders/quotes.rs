//! Mass quotes: all quotes of an account on a market replaced in one operation, or none.

use super::means::{Means, most_notional};
use crate::Refusal;
use crate::apply::{Engine, Signer};
use crate::effects::Effects;
use crate::market::Market;
use crate::open::{OpenOrder, OrderIndex};
use crate::outcome::CancelReason;
use bandex_tradechain::body::{MarketState, Place, Quote, Quotes};
use bandex_types::{Amount, MarketId, OrderRef, PostOnly, Price, Rail, SelfTrade, Side};

/// The best prices that quotes may not reach: of the book without the account's old quotes, and of the new ones judged
/// so far.
#[derive(Debug, Clone, Copy)]
struct Touch {
    bid: Option<Price>,
    ask: Option<Price>,
}

impl Touch {
    fn of(&self, side: Side) -> Option<Price> {
        match side {
            Side::Buy => self.bid,
            Side::Sell => self.ask,
        }
    }

    /// The price at which a quote rests: its own, or the next that does not trade. `None` if there is none, or if it may
    /// not move.
    fn price(&self, quote: &Quote, slide: bool) -> Option<Price> {
        let Some(across) = self.of(quote.side.opposite()) else { return Some(quote.price) };
        let tick = Price::new(1);
        let (trades, next) = match quote.side {
            Side::Buy => (quote.price >= across, across.checked_sub(tick)),
            Side::Sell => (quote.price <= across, across.checked_add(tick)),
        };
        match (trades, slide) {
            (false, _) => Some(quote.price),
            (true, true) => next,
            (true, false) => None,
        }
    }

    /// Counts a quote that rests.
    fn add(&mut self, side: Side, price: Price) {
        match side {
            Side::Buy => self.bid = Some(self.bid.map_or(price, |bid| bid.max(price))),
            Side::Sell => self.ask = Some(self.ask.map_or(price, |ask| ask.min(price))),
        }
    }
}

impl Engine {
    pub(super) fn quote(
        &mut self,
        signer: Signer<'_>,
        first: OrderRef,
        quotes: &Quotes,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let market = self.markets.get(&quotes.market).ok_or(Refusal::UnknownMarket)?;
        match market.state {
            MarketState::Trading => {}
            MarketState::Auction => return Err(Refusal::NotInAuction),
            state => return Err(Refusal::MarketClosed { state }),
        }
        self.refuse_frozen(signer.account)?;
        self.refuse_unadmitted(signer.account)?;
        self.check_grant(signer, quotes.market, Amount::ZERO)?;
        let guard = self.guards.get(signer.account, quotes.market);
        if !quotes.quotes.is_empty() && guard.is_some_and(|guard| guard.tripped) {
            return Err(Refusal::ProtectionTripped);
        }
        let old = self.quotes_of(signer.account, quotes.market);
        let places = self.judge_quotes(signer, market, quotes, &old)?;
        // From here the old quotes go and the new ones rest.
        for index in old {
            self.take_off(index, CancelReason::Replaced, effects);
        }
        for (number, (place, paying)) in (first.op..=u8::MAX).zip(places) {
            let reference = OrderRef { op: number, ..first };
            let mut order = OpenOrder::new(self.next_order, reference, signer.lane, signer.account, &place);
            order.quote = true;
            let taken = self.take_in(order, paying, effects);
            assert!(taken.is_ok(), "quotes were judged together before the first of them rests");
        }
        Ok(())
    }

    /// The quotes of an account on a market, oldest first.
    pub(super) fn quotes_of(
        &self,
        account: crate::accounts::AccountIndex,
        market: MarketId,
    ) -> Vec<OrderIndex> {
        let is_quote = |index: &OrderIndex| {
            let order = self.orders.get(*index);
            order.quote && order.market == market
        };
        self.orders.of_account(account).filter(is_quote).collect()
    }

    /// The orders that the quotes become, with what each locks; all of them, or a refusal.
    fn judge_quotes(
        &self,
        signer: Signer<'_>,
        market: &Market,
        quotes: &Quotes,
        old: &[OrderIndex],
    ) -> Result<Vec<(Place, Amount)>, Refusal> {
        self.check_most_orders(signer.account, quotes.market, quotes.quotes.len(), old.len())?;
        let mut touch = Touch {
            bid: self.best_without(market, Side::Buy, old),
            ask: self.best_without(market, Side::Sell, old),
        };
        let (mut locks, mut bids) = (0_u128, None);
        let mut places = Vec::with_capacity(quotes.quotes.len());
        for quote in &quotes.quotes {
            if quote.quantity.is_zero() {
                return Err(Refusal::BadQuotes { rule: "the quantity of a quote is above 0".to_owned() });
            }
            let price = touch.price(quote, quotes.slide).ok_or(Refusal::WouldTrade)?;
            touch.add(quote.side, price);
            let means = Means::new(market, quote.side, price, quote.quantity)?;
            let notional = most_notional(market, quote.side, price, quote.quantity);
            self.check_grant(signer, quotes.market, notional)?;
            self.check_payable(signer.account, &market.legs(), quote.side, notional)?;
            match (market.legs().paying_rail(quote.side), quote.side) {
                (Rail::Token, _) => locks += u128::from(means.paying.get()),
                (Rail::Attested | Rail::Bitcoin, Side::Buy) => {
                    bids = Some(bids.unwrap_or(0) + u128::from(means.notional.get()));
                }
                (Rail::Attested | Rail::Bitcoin, Side::Sell) => {}
            }
            let post_only = if quotes.slide { PostOnly::Slide } else { PostOnly::Refuse };
            let plain = Place::limit(quotes.market, quote.side, price, quote.quantity);
            let place = Place { post_only, self_trade: SelfTrade::CancelOldest, ..plain };
            places.push((place, means.paying));
        }
        self.check_quoted(signer, locks, bids, old)?;
        Ok(places)
    }

    /// Whether the account has the means for all quotes together; what the old ones have committed counts as free.
    fn check_quoted(
        &self,
        signer: Signer<'_>,
        locks: u128,
        bids: Option<u128>,
        old: &[OrderIndex],
    ) -> Result<(), Refusal> {
        let old = || old.iter().map(|index| self.orders.get(*index));
        let locked: u128 = old().map(|order| u128::from(order.locked().get())).sum();
        let released = Amount::new(u64::try_from(locked).unwrap_or(u64::MAX));
        let needed = Amount::new(u64::try_from(locks).unwrap_or(u64::MAX));
        if locks > 0 {
            self.ledger.check_free(signer.account, needed, released)?;
        }
        // A bid of nothing is one too: whoever is above the bound places none.
        if let Some(bids) = bids {
            let released = old().map(|order| u128::from(order.bid_notional.get())).sum();
            self.check_bids(signer.account, bids, released)?;
        }
        Ok(())
    }

    /// The best price of a side once some of its orders are gone.
    fn best_without(&self, market: &Market, side: Side, gone: &[OrderIndex]) -> Option<Price> {
        let stays = |id| !gone.contains(&market.order(id));
        market.book.orders(side).find(|resting| stays(resting.id)).map(|resting| resting.price)
    }
}
