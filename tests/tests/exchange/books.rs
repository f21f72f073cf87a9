//! Public channels: a book that is followed is the book that is asked for; no trade is missed.

use crate::story::{BWT, Dice, PRICE};
use bandex_api::{Level, Push, PushKind, Scale, TradePage};
use bandex_sdk::{BookLevel, LocalBook};
use bandex_tests::{MARKET, RawLane, Server, Setup, Socket};
use bandex_tradechain::body::{Operation, Place};
use bandex_types::{OrderRef, PostOnly, Price, Quantity, Side, TimeInForce};

/// How many blocks each trader sends.
const BLOCKS: u64 = 50;

/// A trader that does anything that orders can do.
struct Busy {
    lane: RawLane,
    placed: Vec<OrderRef>,
}

impl Busy {
    async fn new(server: &Server, seed: u8) -> Self {
        let lane = server.register_with(seed, 1_000 * BWT).await;
        server.set_limit(lane.account(), 1_000_000_000_000).await;
        Self { lane, placed: Vec::new() }
    }

    fn operation(&self, dice: &mut Dice) -> Operation {
        if !self.placed.is_empty() && dice.roll(3) == 0 {
            let order = self.placed[usize::try_from(dice.roll(self.placed.len() as u64)).unwrap()];
            return Operation::Cancel { order };
        }
        let side = if dice.roll(2) == 0 { Side::Buy } else { Side::Sell };
        let price = Price::new(PRICE - 10 + dice.roll(21));
        let mut place = Place::limit(MARKET, side, price, Quantity::new(1_000 * (1 + dice.roll(9))));
        match dice.roll(6) {
            0 => place.time_in_force = TimeInForce::Ioc,
            1 => place.time_in_force = TimeInForce::Fok,
            2 => place.post_only = PostOnly::Refuse,
            _ => {}
        }
        Operation::Place(Box::new(place))
    }

    fn block(&mut self, dice: &mut Dice) -> bandex_tradechain::SignedBlock {
        let operations: Vec<Operation> = (0..1 + dice.roll(5)).map(|_| self.operation(dice)).collect();
        let signed = self.lane.orders(operations.clone());
        for (operation, op) in operations.iter().zip(0..) {
            if matches!(operation, Operation::Place(_)) {
                self.placed.push(self.lane.last_order(op));
            }
        }
        signed
    }
}

/// Two busy traders on one connection.
struct Burst {
    dice: Dice,
    traders: [Busy; 2],
    socket: Socket,
}

impl Burst {
    async fn new(server: &Server, seed: u64) -> Self {
        let traders = [Busy::new(server, 1).await, Busy::new(server, 2).await];
        Self { dice: Dice(seed), traders, socket: server.socket().await }
    }

    /// Sends many blocks of both without waiting for any answer; gives the record of one more, which changes the book
    /// for certain.
    async fn run(&mut self) -> u64 {
        for _ in 0..BLOCKS {
            for trader in &mut self.traders {
                let signed = trader.block(&mut self.dice);
                self.socket.send_block(&signed).await;
            }
        }
        for _ in 0..2 * BLOCKS {
            let reply = self.socket.reply().await;
            assert!(reply.ok, "{reply:?}");
        }
        let (last, _) = self.traders[0].lane.limit(Side::Buy, 1, 1);
        let reply = self.socket.submit(&last).await;
        assert!(reply.operations[0].ok, "{reply:?}");
        reply.seq
    }
}

/// Reads pushes up to the record `last`, checking that none is missing.
async fn pushes_until(socket: &mut Socket, first: &Push, last: u64) -> Vec<Push> {
    let (mut seq, mut pushes) = (first.seq, Vec::new());
    while seq < last {
        let push = socket.push().await;
        assert_eq!((push.kind, push.prev_seq), (PushKind::Update, seq), "each push follows the one before");
        assert!(push.seq > seq);
        seq = push.seq;
        pushes.push(push);
    }
    pushes
}

fn scale() -> Scale {
    Scale::new(9, 11, 1_000, 1, 200_000_000).unwrap()
}

fn levels(levels: &[Level]) -> Vec<BookLevel> {
    let read = |level: &Level| BookLevel {
        price: scale().parse_price(&level.price).unwrap(),
        quantity: scale().parse_quantity(&level.quantity).unwrap(),
        orders: level.orders,
    };
    levels.iter().map(read).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_followed_book_is_the_book() {
    let server = Server::start(Setup::default()).await;
    let mut early = server.socket().await;
    let first = early.subscribe("book", Some("BWT-BTC")).await;
    let mut burst = Burst::new(&server, 7).await;
    burst.run().await;
    // Whoever comes in the midst of it gets the same.
    let mut late = server.socket().await;
    let (last, midst) = tokio::join!(burst.run(), late.subscribe("book", Some("BWT-BTC")));
    assert!(midst.seq > first.seq, "the second one came later");
    let on_node = server.book().await;
    assert_eq!(on_node.seq, last);
    assert!(on_node.bids.len() + on_node.asks.len() > 5, "{on_node:?}");
    for (socket, snapshot) in [(&mut early, first), (&mut late, midst)] {
        let mut book = LocalBook::new("BWT-BTC", scale());
        book.apply(&snapshot).unwrap();
        for push in pushes_until(socket, &snapshot, last).await {
            book.apply(&push).unwrap();
        }
        assert_eq!(book.seq(), Some(last));
        assert_eq!(book.levels(Side::Buy).collect::<Vec<_>>(), levels(&on_node.bids));
        assert_eq!(book.levels(Side::Sell).collect::<Vec<_>>(), levels(&on_node.asks));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_trade_is_told_once_and_in_order() {
    let server = Server::start(Setup::default()).await;
    let mut socket = server.socket().await;
    let first = socket.subscribe("trades", Some("BWT-BTC")).await;
    assert_eq!(first.data, serde_json::json!([]));
    Burst::new(&server, 11).await.run().await;
    let page: TradePage = server.get("/v1/trades/BWT-BTC?limit=1000").await.read();
    let mut on_node = page.trades;
    on_node.reverse();
    assert!(on_node.len() > 20, "{}", on_node.len());
    let mut told: Vec<bandex_api::Trade> = Vec::new();
    let mut seq = first.seq;
    while told.len() < on_node.len() {
        let push = socket.push().await;
        assert_eq!((push.kind, push.prev_seq), (PushKind::Update, seq));
        seq = push.seq;
        told.extend(serde_json::from_value::<Vec<bandex_api::Trade>>(push.data).unwrap());
    }
    assert_eq!(told, on_node);
    assert!(told.iter().zip(1..).all(|(trade, number)| trade.number == number));
    // A late comer sees the latest hundred at first.
    let snapshot = server.socket().await.subscribe("trades", Some("BWT-BTC")).await;
    let shown: Vec<bandex_api::Trade> = serde_json::from_value(snapshot.data).unwrap();
    assert_eq!(shown, on_node[on_node.len().saturating_sub(100)..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_unsubscribes_hears_no_more() {
    let server = Server::start(Setup::default()).await;
    let mut lane = server.register(1).await;
    let mut socket = server.socket().await;
    let market = serde_json::json!({ "channel": "book", "market": "BWT-BTC" });
    socket.subscribe("book", Some("BWT-BTC")).await;
    socket.subscribe("book", Some("BWT-EUR")).await;
    assert!(socket.ask("unsubscribe", market).await.ok);
    let (signed, _) = lane.limit(Side::Buy, PRICE, 1_000);
    socket.submit(&signed).await;
    let other = lane.orders(vec![bandex_tests::place(bandex_tests::OTHER_MARKET, Side::Buy, PRICE, 1)]);
    socket.submit(&other).await;
    assert_eq!(
        socket.push().await.market.as_deref(),
        Some("BWT-EUR"),
        "the first push is of the other market"
    );
    for (params, code) in [
        (serde_json::json!({ "channel": "book", "market": "BWT-XXX" }), "not_found"),
        (serde_json::json!({ "channel": "book" }), "bad_request"),
        (serde_json::json!({ "channel": "weather" }), "bad_request"),
        (serde_json::json!({}), "bad_request"),
    ] {
        let reply = socket.ask("subscribe", params.clone()).await;
        assert_eq!(reply.error.map(|error| error.code).as_deref(), Some(code), "{params}");
    }
}
