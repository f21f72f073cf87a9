//! A market with three traders who may owe as much as they like, small numbers for prices and quantities, and words for
//! what came of it all.

use crate::story::{BWT, LOTS};
use bandex_api::{Book, Level, Market, OperationReply, Order, OrderPage, Scale, TradePage};
use bandex_tests::{MARKET, RawLane, Server, Setup};
use bandex_tradechain::body::{Operation, Place, Quote, Quotes};
use bandex_types::{OrderRef, Price, Quantity, Side};
use serde_json::{Value, json};

/// Ticks of one unit of price in these tests: 0.00000005 BTC a BWT.
pub const TICKS: u64 = 1_000_000;

/// Who is on the floor.
pub const ANNA: usize = 0;
pub const BERT: usize = 1;
pub const CARL: usize = 2;

pub struct Floor {
    pub server: Server,
    pub traders: Vec<RawLane>,
    pub tokens: Vec<String>,
}

pub fn price(units: u64) -> Price {
    Price::new(units * TICKS)
}

pub fn lots(units: u64) -> Quantity {
    Quantity::new(units * LOTS)
}

/// A limit order with whatever else `change` makes of it.
pub fn order(side: Side, at: u64, quantity: u64, change: impl FnOnce(&mut Place)) -> Operation {
    let mut place = Place::limit(MARKET, side, price(at), lots(quantity));
    change(&mut place);
    Operation::Place(Box::new(place))
}

pub fn buy(at: u64, quantity: u64) -> Operation {
    order(Side::Buy, at, quantity, |_| ())
}

pub fn sell(at: u64, quantity: u64) -> Operation {
    order(Side::Sell, at, quantity, |_| ())
}

/// Quotes of one unit each.
pub fn quotes(bids: &[u64], asks: &[u64], slide: bool) -> Operation {
    let quote = |side| move |at: &u64| Quote { side, price: price(*at), quantity: lots(1) };
    let quotes = bids.iter().map(quote(Side::Buy)).chain(asks.iter().map(quote(Side::Sell))).collect();
    Operation::Quote(Quotes { market: MARKET, slide, quotes })
}

pub fn scale() -> Scale {
    Scale::new(9, 11, 1_000, 1, 200_000_000).unwrap()
}

/// A price as these tests count.
pub fn price_in_units(text: &str) -> String {
    units(scale().parse_price(text).unwrap().get(), TICKS)
}

/// A quantity as these tests count.
pub fn in_units(text: &str) -> String {
    units(scale().parse_quantity(text).unwrap().get(), LOTS)
}

/// Whole units, or with what lies beyond: one tick more than 7 is `7+1`, one less `7-1`.
fn units(number: u64, unit: u64) -> String {
    let (whole, rest) = (number / unit, number % unit);
    match rest {
        0 => whole.to_string(),
        _ if rest <= unit / 2 => format!("{whole}+{rest}"),
        _ => format!("{}-{}", whole + 1, unit - rest),
    }
}

/// `bids | asks`, each level as quantity@price, best first.
pub fn in_words(book: &Book) -> String {
    let level = |level: &Level| format!("{}@{}", in_units(&level.quantity), price_in_units(&level.price));
    let side = |levels: &[Level]| levels.iter().map(level).collect::<Vec<_>>().join(" ");
    format!("{} | {}", side(&book.bids), side(&book.asks)).trim().to_owned()
}

/// What became of an operation: its refusal's code, or how the order stands.
pub fn said(reply: &OperationReply) -> String {
    if !reply.ok {
        assert!(reply.order.is_none() && reply.detail.is_some(), "{reply:?}");
        return reply.code.clone().expect("a refusal has a code");
    }
    let status = reply.status.clone().unwrap_or_else(|| "done".to_owned());
    match reply.filled.as_deref().map(in_units) {
        Some(filled) if filled != "0" && status != "filled" => format!("{status} {filled}"),
        _ => status,
    }
}

impl Floor {
    pub async fn open() -> Self {
        Self::with(Server::start(Setup::default()).await).await
    }

    pub async fn with(server: Server) -> Self {
        let (mut traders, mut tokens) = (Vec::new(), Vec::new());
        for seed in 1..=3 {
            let lane = server.register_with(seed, 1_000 * BWT).await;
            server.set_limit(lane.account(), 1_000_000_000_000).await;
            tokens.push(server.login(&lane).await);
            traders.push(lane);
        }
        Self { server, traders, tokens }
    }

    /// One block of operations; what became of each.
    pub async fn operate(&mut self, who: usize, operations: Vec<Operation>) -> Vec<OperationReply> {
        let count = operations.len();
        let signed = self.traders[who].orders(operations);
        let reply: bandex_api::BlockReply = self.server.submit(&signed).await.read();
        assert_eq!(reply.operations.len(), count);
        reply.operations
    }

    /// One operation, which must be answered so; gives the reference of the order it would place.
    pub async fn check(&mut self, who: usize, operation: Operation, expected: &str) -> OrderRef {
        let words = format!("{operation:?}");
        let replies = self.operate(who, vec![operation]).await;
        assert_eq!(said(&replies[0]), expected, "{words}: {replies:?}");
        self.traders[who].last_order(0)
    }

    /// What the levels of the book must be.
    pub async fn check_book(&self, expected: &str) {
        assert_eq!(in_words(&self.server.book().await), expected);
    }

    /// An order of one of the traders.
    pub async fn order(&self, who: usize, order: OrderRef) -> Order {
        self.server.get_as(&self.tokens[who], &format!("/v1/orders/{order}")).await.read()
    }

    /// Where an order stands: status, reason, what is filled of how much, and at which price.
    pub async fn check_order(&self, who: usize, order: OrderRef, expected: &str) {
        let order = self.order(who, order).await;
        let status =
            order.reason.map_or(order.status.clone(), |reason| format!("{}: {reason}", order.status));
        let (filled, quantity) = (in_units(&order.filled), in_units(&order.quantity));
        assert_eq!(format!("{status}, {filled} of {quantity} at {}", price_in_units(&order.price)), expected);
    }

    /// The orders of a trader that are open or sleep.
    pub async fn open_orders(&self, who: usize) -> Vec<Order> {
        let page: OrderPage = self.server.get_as(&self.tokens[who], "/v1/orders").await.read();
        page.orders
    }

    /// The trades so far, oldest first, each as quantity@price.
    pub async fn trades(&self) -> Vec<String> {
        let page: TradePage = self.server.get("/v1/trades/BWT-BTC").await.read();
        let words = |trade: &bandex_api::Trade| {
            format!("{}@{}", in_units(&trade.quantity), price_in_units(&trade.price))
        };
        page.trades.iter().rev().map(words).collect()
    }

    pub async fn market(&self) -> Market {
        self.server.get("/v1/markets/BWT-BTC").await.read()
    }

    pub async fn set_state(&self, state: &str) {
        let change = json!([{ "change": "set_market_state", "market": 1, "state": state }]);
        self.server.configure(change).await;
    }

    /// Sets the market's rules; those not given are 0.
    pub async fn set_rules(&self, given: Value) {
        let mut rules = json!({ "band_ppm": 0, "halt_us": 0, "auction_us": 0, "most_orders": 0 });
        for (name, value) in given.as_object().unwrap() {
            rules[name] = value.clone();
        }
        let change = json!([{ "change": "set_market_rules", "market": 1, "rules": rules }]);
        self.server.configure(change).await;
    }
}
