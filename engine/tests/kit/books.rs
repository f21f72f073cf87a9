//! Orders as a reader of outcomes sees them: filled + open + cancelled = ordered, and no crossed book.

use super::trust::{Rates, worth_up};
use bandex_engine::{CancelReason, Engine, Event, OrderState, OrderStatus, Outcome, Trade};
use bandex_tradechain::body::{MarketListing, MarketState, Operation, Place};
use bandex_tradechain::{Body, Decoded};
use bandex_types::{
    AccountId, Amount, AssetId, MarketId, OrderRef, OrderType, PostOnly, Price, Quantity, Rail, Ratio,
    Rounding, SelfTrade, Side, TimeInForce, quote_amount,
};
use std::collections::{BTreeMap, BTreeSet};

/// All orders ever placed.
#[derive(Default)]
pub struct Orders {
    /// As the last event says.
    pub states: BTreeMap<OrderRef, OrderState>,
    /// As they were asked for, refused ones too.
    pub asked: BTreeMap<OrderRef, Place>,
    /// What amendments of the command being applied ask for.
    amended: Vec<(OrderRef, Price, Quantity)>,
    /// Where the command being applied ends an auction.
    uncrossing: BTreeSet<MarketId>,
    traded: BTreeMap<OrderRef, u128>,
    /// What a quote unit was worth when an order was last told.
    rates: BTreeMap<OrderRef, Option<Ratio>>,
    numbers: BTreeMap<MarketId, u64>,
}

/// A market's listing.
pub fn listing_of(engine: &Engine, market: MarketId) -> MarketListing {
    engine.markets().find(|view| view.listing.id == market).expect("the market is listed").listing
}

/// The rails of base and quote.
pub fn rails(engine: &Engine, listing: &MarketListing) -> (Rail, Rail) {
    let rail = |asset: AssetId| engine.asset(asset).expect("the asset is listed").rail;
    (rail(listing.base), rail(listing.quote))
}

/// What a quantity at a price comes to in quote units: rounded down on the ledger, else up.
pub fn notional(engine: &Engine, listing: &MarketListing, price: Price, quantity: Quantity) -> Amount {
    let rounding = if rails(engine, listing).1 == Rail::Token { Rounding::Down } else { Rounding::Up };
    quote_amount(quantity, price, listing.tick_value, rounding).expect("what was accepted fits")
}

fn left(state: &OrderState) -> Quantity {
    state.quantity.checked_sub(state.filled).expect("no order trades more than it asked for")
}

impl Orders {
    /// Keeps what the orders of a block asked for.
    pub fn note_placed(&mut self, decoded: &Decoded, outcome: &Outcome) {
        self.amended.clear();
        let uncrossed = outcome.events.iter().filter_map(|event| match event {
            Event::Auction { market, .. } => Some(*market),
            _ => None,
        });
        self.uncrossing = uncrossed.collect();
        let Some((block, _)) = decoded.block() else { return };
        let Body::Orders(orders) = &block.body else { return };
        for (op, operation) in orders.numbered() {
            let order = OrderRef { key: block.author, seq: block.seq, op };
            // A forged block for a place that is taken asks for nothing.
            match operation {
                Operation::Place(place) => {
                    self.asked.entry(order).or_insert_with(|| (**place).clone());
                }
                Operation::Quote(quotes) => {
                    for (op, quote) in (op..=u8::MAX).zip(&quotes.quotes) {
                        let post_only = if quotes.slide { PostOnly::Slide } else { PostOnly::Refuse };
                        let plain = Place::limit(quotes.market, quote.side, quote.price, quote.quantity);
                        let place = Place { post_only, ..plain };
                        self.asked.entry(OrderRef { op, ..order }).or_insert(place);
                    }
                }
                Operation::Amend { order, price, quantity } => {
                    self.amended.push((*order, *price, *quantity));
                }
                _ => {}
            }
        }
    }

    /// The limits that an order may have had at some moment of the command being applied.
    fn limits(&self, order: &OrderRef) -> Vec<Price> {
        let told = self.states.get(order).map(|state| state.price);
        let asked = self.asked.get(order).map(|place| place.price).filter(|_| told.is_none());
        let amended =
            self.amended.iter().filter(|(amended, _, _)| amended == order).map(|(_, price, _)| *price);
        told.into_iter().chain(asked).chain(amended).collect()
    }

    pub fn trade(&mut self, engine: &Engine, trade: &Trade) {
        let number = self.numbers.entry(trade.market).or_default();
        *number += 1;
        assert_eq!(trade.number, *number, "trades are counted without gaps");
        assert!(!trade.quantity.is_zero());
        assert_ne!(trade.taker_account, trade.maker_account, "nobody trades with itself");
        let auction = self.uncrossing.contains(&trade.market);
        let maker = self.states.get(&trade.maker).expect("a maker rested before");
        assert_eq!(maker.status, OrderStatus::Open);
        assert_eq!((maker.side, maker.account), (trade.taker_side.opposite(), trade.maker_account));
        assert!(accepts(maker.side, maker.price, trade.price));
        assert!(auction || maker.price == trade.price, "the maker's price: {trade:?}");
        let taker = self.asked.get(&trade.taker).expect("a taker was asked for");
        let within = |limit: &Price| accepts(taker.side, *limit, trade.price);
        assert!(self.limits(&trade.taker).iter().any(within), "{trade:?}");
        assert!(taker.side == trade.taker_side && taker.market == trade.market, "{trade:?}");
        assert!(auction || taker.post_only == PostOnly::Off, "a post-only order takes nothing: {trade:?}");
        assert_eq!(listing_of(engine, trade.market).id, maker.market);
        for order in [trade.taker, trade.maker] {
            *self.traded.entry(order).or_default() += u128::from(trade.quantity.get());
        }
    }

    pub fn change(&mut self, engine: &Engine, state: &OrderState, rates: &Rates) {
        let rate = rates.get(&listing_of(engine, state.market).quote).copied();
        self.rates.insert(state.order, rate);
        let asked = self.asked.get(&state.order).expect("an order was asked for");
        assert_eq!((asked.market, asked.side), (state.market, state.side));
        assert_eq!(asked.client_id, state.client_id);
        self.check_terms(asked, state);
        let traded = self.traded.get(&state.order).copied().unwrap_or(0);
        assert_eq!(u128::from(state.filled.get()), traded, "filled is what it traded: {state:?}");
        let at_once = matches!(asked.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        match state.status {
            OrderStatus::Open => {
                assert!(!left(state).is_zero());
                assert!(!at_once || asked.order_type == OrderType::Market, "{state:?}");
            }
            OrderStatus::Sleeping => assert!(asked.trigger.is_some() && state.filled.is_zero(), "{state:?}"),
            OrderStatus::Filled => assert!(left(state).is_zero()),
            OrderStatus::Cancelled(reason) => {
                let whole = asked.quote_quantity.is_some() || reason == CancelReason::SelfTrade;
                assert!(whole || !left(state).is_zero());
                let woken = asked.time_in_force != TimeInForce::Fok || asked.trigger.is_some();
                assert!(woken, "a FOK order fills or is refused: {state:?}");
            }
        }
        if let Some(before) = self.states.insert(state.order, state.clone()) {
            assert!(is_alive(&before), "what has ended stays so: {state:?}");
            let slept = before.status == OrderStatus::Sleeping;
            assert!(slept || state.status != OrderStatus::Sleeping, "nothing falls asleep again: {state:?}");
        }
    }

    /// Price and quantity are those of before, or as an amendment of this command asks, or a little less: where
    /// self-trade prevention made the order smaller or a post-only order moved.
    fn check_terms(&self, asked: &Place, state: &OrderState) {
        let before = self.states.get(&state.order).map(|state| (state.price, state.quantity));
        let amended = self.amended.iter().filter(|(order, _, _)| *order == state.order);
        let mut told = before
            .or(Some((asked.price, asked.quantity)))
            .into_iter()
            .chain(amended.map(|(_, price, quantity)| (*price, *quantity)));
        let decrements = |place: &Place| place.self_trade == SelfTrade::Decrement;
        let fits = |(price, quantity): (Price, Quantity)| {
            let slid = asked.post_only == PostOnly::Slide && accepts(state.side, price, state.price);
            let sized = match asked.quote_quantity {
                Some(_) => state.quantity == state.filled,
                None => {
                    state.quantity == quantity
                        || (state.quantity < quantity && self.asked.values().any(decrements))
                }
            };
            (price == state.price || slid) && sized
        };
        assert!(told.any(fits), "{state:?} was {asked:?} and {before:?}");
    }

    /// Those that rest.
    pub fn open(&self) -> impl Iterator<Item = &OrderState> {
        self.states.values().filter(|state| state.status == OrderStatus::Open)
    }

    /// Those that rest or sleep.
    pub fn alive(&self) -> impl Iterator<Item = &OrderState> {
        self.states.values().filter(|state| is_alive(state))
    }

    /// What an order may still pay or receive: lots of base, and quote units at its limit.
    fn size(&self, engine: &Engine, state: &OrderState) -> (u64, u64) {
        let listing = listing_of(engine, state.market);
        if !is_alive(state) {
            return (0, 0);
        }
        match self.asked[&state.order].quote_quantity {
            None => (left(state).get(), notional(engine, &listing, state.price, left(state)).get()),
            Some(budget) => {
                let ticks = u128::from(budget.get()) * u128::from(listing.tick_value.den())
                    / u128::from(listing.tick_value.num());
                let lots = ticks.checked_div(u128::from(state.price.get())).unwrap_or(0);
                (u64::try_from(lots).expect("what was accepted fits"), budget.get())
            }
        }
    }

    /// What each order must lock: what it may still pay on the ledger, 0 if it pays elsewhere or has ended.
    pub fn locks(&self, engine: &Engine) -> Vec<(OrderRef, AccountId, u128)> {
        let lock = |state: &OrderState| {
            let listing = listing_of(engine, state.market);
            let (lots, quote) = self.size(engine, state);
            let units = match (state.side, rails(engine, &listing)) {
                (Side::Sell, (Rail::Token, _)) => lots * listing.lot_units,
                (Side::Buy, (_, Rail::Token)) => quote,
                _ => 0,
            };
            (state.order, state.account, u128::from(units))
        };
        self.states.values().map(lock).collect()
    }

    /// What the open bids of an account come to on quote legs outside the ledger, sleeping ones included.
    pub fn open_bids(&self, engine: &Engine, whose: &AccountId) -> u128 {
        let worth = |state: &OrderState| {
            let listing = listing_of(engine, state.market);
            let outside = state.side == Side::Buy && rails(engine, &listing).1 != Rail::Token;
            let units = if outside { self.size(engine, state).1 } else { 0 };
            worth_up(self.rates[&state.order], units)
        };
        self.alive().filter(|state| state.account == *whose).map(worth).sum()
    }

    /// The books hold exactly the open orders, are sorted and not crossed.
    pub fn check(&self, engine: &Engine, outcome: &Outcome) {
        let mut rest: BTreeSet<OrderRef> = BTreeSet::new();
        for view in engine.markets() {
            let market = view.listing.id;
            let [bids, asks] = [Side::Buy, Side::Sell].map(|side| engine.levels(market, side));
            assert!(bids.is_sorted_by(|one, next| one.price > next.price));
            assert!(asks.is_sorted_by(|one, next| one.price < next.price));
            // What gathers for an auction may stand across each other until that is over.
            if let (Some(bid), Some(ask), MarketState::Trading) = (bids.first(), asks.first(), view.state) {
                assert!(bid.price < ask.price, "the book is crossed at {bid:?} and {ask:?}");
            }
            for (side, levels) in [(Side::Buy, bids), (Side::Sell, asks)] {
                let orders = engine.book_orders(market, side);
                for order in &orders {
                    let state = self.states.get(&order.order).expect("what rests was told");
                    assert_eq!((state.status, left(state)), (OrderStatus::Open, order.left));
                    let display = self.asked[&order.order].display.unwrap_or(order.left);
                    assert!(!order.shown.is_zero() && order.shown <= display.min(order.left), "{order:?}");
                    assert_eq!((state.market, state.side, state.price), (market, side, order.price));
                    assert!(rest.insert(order.order));
                }
                for level in &levels {
                    let there = orders.iter().filter(|order| order.price == level.price);
                    let sum: u128 = there.clone().map(|order| u128::from(order.shown.get())).sum();
                    assert_eq!(
                        (sum, there.count()),
                        (level.quantity, usize::try_from(level.orders).expect("it fits"))
                    );
                    assert_eq!(engine.level(market, side, level.price), Some(*level));
                }
                let in_levels: u64 = levels.iter().map(|level| level.orders).sum();
                assert_eq!(usize::try_from(in_levels).expect("it fits"), orders.len());
            }
        }
        assert_eq!(rest, self.open().map(|state| state.order).collect(), "open is what rests");
        assert_eq!(engine.open_orders(), self.alive().count());
        check_walks(outcome);
    }
}

/// Whether an order rests or sleeps.
fn is_alive(state: &OrderState) -> bool {
    matches!(state.status, OrderStatus::Open | OrderStatus::Sleeping)
}

/// Whether an order with a limit trades at a price.
fn accepts(side: Side, limit: Price, price: Price) -> bool {
    match side {
        Side::Buy => price <= limit,
        Side::Sell => price >= limit,
    }
}

/// A taker walks from the best price to worse ones.
fn check_walks(outcome: &Outcome) {
    let mut last: BTreeMap<OrderRef, Price> = BTreeMap::new();
    for event in &outcome.events {
        let trade = match event {
            Event::Trade(trade) => trade,
            // Its walk is over; an amendment may begin another.
            Event::Order(state) => {
                last.remove(&state.order);
                continue;
            }
            _ => continue,
        };
        if let Some(before) = last.insert(trade.taker, trade.price) {
            match trade.taker_side {
                Side::Buy => assert!(before <= trade.price),
                Side::Sell => assert!(before >= trade.price),
            }
        }
    }
}
