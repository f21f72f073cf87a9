//! Orders as a reader of outcomes sees them: filled + open + cancelled = ordered, and no crossed book.

use bandex_engine::{Engine, Event, OrderState, OrderStatus, Outcome, Trade};
use bandex_tradechain::body::{MarketListing, Operation, Place};
use bandex_tradechain::{Body, Decoded};
use bandex_types::{
    AccountId, Amount, AssetId, MarketId, OrderRef, PostOnly, Price, Quantity, Rail, Rounding, Side,
    TimeInForce, quote_amount,
};
use std::collections::{BTreeMap, BTreeSet};

/// All orders ever placed.
#[derive(Default)]
pub struct Orders {
    /// As the last event says.
    pub states: BTreeMap<OrderRef, OrderState>,
    /// As they were asked for, refused ones too.
    pub asked: BTreeMap<OrderRef, Place>,
    traded: BTreeMap<OrderRef, u128>,
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
    pub fn note_placed(&mut self, decoded: &Decoded) {
        let Some((block, _)) = decoded.block() else { return };
        let Body::Orders(orders) = &block.body else { return };
        for (op, operation) in (0..).zip(&orders.operations) {
            if let Operation::Place(place) = operation {
                let order = OrderRef { key: block.author, seq: block.seq, op };
                // A forged block for a place that is taken asks for nothing.
                self.asked.entry(order).or_insert_with(|| (**place).clone());
            }
        }
    }

    pub fn trade(&mut self, engine: &Engine, trade: &Trade) {
        let number = self.numbers.entry(trade.market).or_default();
        *number += 1;
        assert_eq!(trade.number, *number, "trades are counted without gaps");
        assert!(!trade.quantity.is_zero());
        assert_ne!(trade.taker_account, trade.maker_account, "nobody trades with itself");
        let maker = self.states.get(&trade.maker).expect("a maker rested before");
        assert_eq!((maker.status.clone(), maker.price), (OrderStatus::Open, trade.price));
        assert_eq!((maker.side, maker.account), (trade.taker_side.opposite(), trade.maker_account));
        let taker = self.asked.get(&trade.taker).expect("a taker was asked for");
        let accepts = match taker.side {
            Side::Buy => trade.price <= taker.price,
            Side::Sell => trade.price >= taker.price,
        };
        assert!(accepts && taker.side == trade.taker_side && taker.market == trade.market, "{trade:?}");
        assert_eq!(taker.post_only, PostOnly::Off, "a post-only order takes nothing");
        assert_eq!(listing_of(engine, trade.market).id, maker.market);
        for order in [trade.taker, trade.maker] {
            *self.traded.entry(order).or_default() += u128::from(trade.quantity.get());
        }
    }

    pub fn change(&mut self, state: &OrderState) {
        let asked = self.asked.get(&state.order).expect("an order was asked for");
        assert_eq!((asked.market, asked.side, asked.price), (state.market, state.side, state.price));
        assert_eq!((asked.quantity, &asked.client_id), (state.quantity, &state.client_id));
        let traded = self.traded.get(&state.order).copied().unwrap_or(0);
        assert_eq!(u128::from(state.filled.get()), traded, "filled is what it traded: {state:?}");
        match state.status {
            OrderStatus::Open => {
                assert!(!left(state).is_zero());
                assert!(!matches!(asked.time_in_force, TimeInForce::Ioc | TimeInForce::Fok), "{state:?}");
            }
            OrderStatus::Filled => assert!(left(state).is_zero()),
            OrderStatus::Cancelled(_) => {
                assert!(!left(state).is_zero());
                assert_ne!(
                    asked.time_in_force,
                    TimeInForce::Fok,
                    "a FOK order fills or is refused: {state:?}"
                );
            }
        }
        if let Some(before) = self.states.insert(state.order, state.clone()) {
            assert_eq!(before.status, OrderStatus::Open, "what has ended stays so: {state:?}");
        }
    }

    /// Those that rest.
    pub fn open(&self) -> impl Iterator<Item = &OrderState> {
        self.states.values().filter(|state| state.status == OrderStatus::Open)
    }

    /// What each order must lock: what it may still pay on the ledger, 0 if it pays elsewhere or has ended.
    pub fn locks(&self, engine: &Engine) -> Vec<(OrderRef, AccountId, u128)> {
        let lock = |state: &OrderState| {
            let listing = listing_of(engine, state.market);
            let left = match state.status {
                OrderStatus::Open => left(state),
                _ => Quantity::ZERO,
            };
            let units = match (state.side, rails(engine, &listing)) {
                (Side::Sell, (Rail::Token, _)) => left.get() * listing.lot_units,
                (Side::Buy, (_, Rail::Token)) => notional(engine, &listing, state.price, left).get(),
                _ => 0,
            };
            (state.order, state.account, u128::from(units))
        };
        self.states.values().map(lock).collect()
    }

    /// What the open bids of an account come to on quote legs outside the ledger.
    pub fn open_bids(&self, engine: &Engine, whose: &AccountId) -> u128 {
        let worth = |state: &OrderState| {
            let listing = listing_of(engine, state.market);
            let outside = state.side == Side::Buy && rails(engine, &listing).1 == Rail::Attested;
            if outside { notional(engine, &listing, state.price, left(state)).get() } else { 0 }
        };
        self.open().filter(|state| state.account == *whose).map(|state| u128::from(worth(state))).sum()
    }

    /// The books hold exactly the open orders, are sorted and not crossed.
    pub fn check(&self, engine: &Engine, outcome: &Outcome) {
        let mut rest: BTreeSet<OrderRef> = BTreeSet::new();
        for view in engine.markets() {
            let market = view.listing.id;
            let [bids, asks] = [Side::Buy, Side::Sell].map(|side| engine.levels(market, side));
            assert!(bids.is_sorted_by(|one, next| one.price > next.price));
            assert!(asks.is_sorted_by(|one, next| one.price < next.price));
            if let (Some(bid), Some(ask)) = (bids.first(), asks.first()) {
                assert!(bid.price < ask.price, "the book is crossed at {bid:?} and {ask:?}");
            }
            for (side, levels) in [(Side::Buy, bids), (Side::Sell, asks)] {
                let orders = engine.book_orders(market, side);
                for order in &orders {
                    let state = self.states.get(&order.order).expect("what rests was told");
                    assert_eq!((state.status.clone(), left(state)), (OrderStatus::Open, order.left));
                    assert_eq!((state.market, state.side, state.price), (market, side, order.price));
                    assert!(rest.insert(order.order));
                }
                for level in &levels {
                    let there = orders.iter().filter(|order| order.price == level.price);
                    let sum: u128 = there.clone().map(|order| u128::from(order.left.get())).sum();
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
        assert_eq!(engine.open_orders(), rest.len());
        check_walks(outcome);
    }
}

/// A taker walks from the best price to worse ones.
fn check_walks(outcome: &Outcome) {
    let mut last: BTreeMap<OrderRef, Price> = BTreeMap::new();
    for event in &outcome.events {
        let Event::Trade(trade) = event else { continue };
        if let Some(before) = last.insert(trade.taker, trade.price) {
            match trade.taker_side {
                Side::Buy => assert!(before <= trade.price),
                Side::Sell => assert!(before >= trade.price),
            }
        }
    }
}
