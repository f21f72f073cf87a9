//! Books that are followed are the node's, at every depth and order by order, over gaps and restarts.

use super::{Bustle, scale};
use bandex_api::{Auction, Book, BookOrders, Level, Push, PushKind, Trade, TradePage};
use bandex_sdk::api::Depth;
use bandex_sdk::{BookError, LocalBook, LocalOrders};
use bandex_tests::{Server, Setup, Socket};
use bandex_types::Side;
use serde_json::{Value, json};

const DEPTHS: [Option<Depth>; 4] = [None, Some(Depth::Ten), Some(Depth::Fifty), Some(Depth::FiveHundred)];

fn topic(channel: &str, depth: Option<Depth>) -> Value {
    json!({ "channel": channel, "market": "BWT-BTC", "depth": depth })
}

fn local(depth: Option<Depth>) -> LocalBook {
    let book = LocalBook::new("BWT-BTC", scale());
    depth.map_or(book.clone(), |depth| book.with_depth(depth))
}

/// The levels of a local book as they are on the wire.
fn levels(book: &LocalBook, side: Side) -> Vec<Level> {
    let on_wire = |level: bandex_sdk::BookLevel| Level {
        price: scale().price(level.price),
        quantity: scale().quantity(level.quantity),
        orders: level.orders,
    };
    book.levels(side).map(on_wire).collect()
}

/// Takes pushes until the book is the node's; every one of them must follow and leave the book right.
async fn until_equal(socket: &mut Socket, book: &mut LocalBook, on_node: &Book) {
    while levels(book, Side::Buy) != on_node.bids || levels(book, Side::Sell) != on_node.asks {
        book.apply(&socket.push().await).unwrap();
    }
    assert_eq!(book.checksum(), on_node.checksum);
}

async fn on_node(server: &Server, depth: Option<Depth>) -> Book {
    let most = depth.and_then(Depth::levels).unwrap_or(1_000);
    server.get(&format!("/v1/book/BWT-BTC?depth={most}")).await.read()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_book_of_any_depth_is_the_best_of_the_nodes() {
    let server = Server::start(Setup::default()).await;
    let mut bustle = Bustle::new(&server, 3).await;
    bustle.run(20).await;
    let mut followers = Vec::new();
    for depth in DEPTHS {
        let (mut socket, mut book) = (server.socket().await, local(depth));
        let snapshot = socket.follow(topic("book", depth)).await;
        assert_eq!(snapshot.depth, depth);
        book.apply(&snapshot).unwrap();
        followers.push((depth, socket, book));
    }
    for _ in 0..8 {
        bustle.run(12).await;
        for (depth, socket, book) in &mut followers {
            let expected = on_node(&server, *depth).await;
            until_equal(socket, book, &expected).await;
        }
    }
    let all = on_node(&server, None).await;
    assert!(all.bids.len() > 10 && all.asks.len() > 10, "{} and {}", all.bids.len(), all.asks.len());
}

/// The orders of a local book as a snapshot has them.
fn orders(book: &LocalOrders, side: Side) -> Vec<(String, String, String)> {
    let texts = |order: bandex_sdk::BookOrder| {
        let (price, quantity) = (scale().price(order.price), scale().quantity(order.quantity));
        (order.order.to_string(), price, quantity)
    };
    book.orders(side).map(texts).collect()
}

fn told(snapshot: &Push) -> [Vec<(String, String, String)>; 2] {
    let book: BookOrders = serde_json::from_value(snapshot.data.clone()).unwrap();
    [book.bids, book.asks]
        .map(|side| side.into_iter().map(|order| (order.order, order.price, order.quantity)).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_book_of_orders_has_the_queues_of_the_engine() {
    let server = Server::start(Setup::default()).await;
    let mut bustle = Bustle::new(&server, 5).await;
    let mut early = server.socket().await;
    let mut book = LocalOrders::new("BWT-BTC", scale());
    book.apply(&early.follow(topic("book_orders", None)).await).unwrap();
    bustle.run(80).await;
    // Whoever comes late is told by the same topic; both go on with the same pushes.
    let mut late = server.socket().await;
    let snapshot = late.follow(topic("book_orders", None)).await;
    while book.seq() < Some(snapshot.seq) {
        book.apply(&early.push().await).unwrap();
    }
    assert_eq!([Side::Buy, Side::Sell].map(|side| orders(&book, side)), told(&snapshot));
    let mut other = LocalOrders::new("BWT-BTC", scale());
    other.apply(&snapshot).unwrap();
    bustle.run(80).await;
    bustle.lose_a_place().await;
    let last = bustle.mark().await;
    let mut moved = 0;
    while book.seq() < Some(last) {
        let push = early.push().await;
        let changes = push.data["changes"].as_array().unwrap();
        // An order that goes and comes again in one push has lost its place.
        let gone = changes.iter().filter(|change| change["quantity"] == "0");
        moved += gone
            .filter(|gone| changes.iter().filter(|change| change["order"] == gone["order"]).count() > 1)
            .count();
        book.apply(&push).unwrap();
        other.apply(&late.push().await).unwrap();
    }
    // How many of the others did in one push is a matter of how busy the machine is.
    assert!(moved > 0, "no order lost its place");
    // What rests at a price is what the book by levels says.
    let all = on_node(&server, None).await;
    for (side, levels) in [(Side::Buy, &all.bids), (Side::Sell, &all.asks)] {
        assert_eq!(sums(&book, side), *levels);
    }
    for side in [Side::Buy, Side::Sell] {
        assert_eq!(orders(&book, side), orders(&other, side));
    }
    // An engine made anew from the journal has the same queues.
    let server = server.restart(|_| {}).await;
    let again = server.socket().await.follow(topic("book_orders", None)).await;
    assert_eq!([Side::Buy, Side::Sell].map(|side| orders(&book, side)), told(&again));
}

/// The orders of a local book as levels.
fn sums(book: &LocalOrders, side: Side) -> Vec<Level> {
    let mut sums: Vec<(bandex_types::Price, u64, u64)> = Vec::new();
    for order in book.orders(side) {
        match sums.last_mut() {
            Some((price, lots, count)) if *price == order.price => {
                (*lots, *count) = (*lots + order.quantity.get(), *count + 1);
            }
            _ => sums.push((order.price, order.quantity.get(), 1)),
        }
    }
    let on_wire = |(price, lots, orders)| Level {
        price: scale().price(price),
        quantity: scale().quantity(bandex_types::Quantity::new(lots)),
        orders,
    };
    sums.into_iter().map(on_wire).collect()
}

/// Follows on from a seq; gives the first push.
async fn resume(socket: &mut Socket, mut topic: Value, from: u64) -> Push {
    topic["resume_from"] = json!(from);
    let reply = socket.ask("subscribe", topic).await;
    assert!(reply.ok, "{reply:?}");
    socket.push().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_break_is_made_up_for_or_begun_anew() {
    let server = Server::start(Setup::default()).await;
    let mut bustle = Bustle::new(&server, 9).await;
    bustle.run(5).await;
    for depth in [None, Some(Depth::Ten)] {
        let (mut socket, mut book) = (server.socket().await, local(depth));
        book.apply(&socket.follow(topic("book", depth)).await).unwrap();
        let from = book.seq().unwrap();
        drop(socket);
        bustle.run(5).await;
        // The topic outlives its last follower for a while, so what was missed is told.
        let mut socket = server.socket().await;
        let first = resume(&mut socket, topic("book", depth), from).await;
        assert_eq!((first.kind, first.prev_seq), (PushKind::Update, from));
        let behind = book.clone();
        book.apply(&first).unwrap();
        let expected = on_node(&server, depth).await;
        until_equal(&mut socket, &mut book, &expected).await;
        // A push that is left out is noticed.
        bustle.trade().await;
        let next = socket.push().await;
        let skipped = behind.clone().apply(&next);
        assert!(matches!(skipped, Err(BookError::Gap { .. })), "{skipped:?}");
        book.apply(&next).unwrap();
        bustle.run(5).await;
        // A place that nobody knows is answered with the whole.
        let mut socket = server.socket().await;
        let anew = resume(&mut socket, topic("book", depth), 1).await;
        assert_eq!((anew.kind, anew.prev_seq), (PushKind::Snapshot, 0));
    }
    // So is every place after a restart.
    let mut socket = server.socket().await;
    let from = socket.follow(topic("book", None)).await.seq;
    let server = server.restart(|_| {}).await;
    bustle.move_to(&server).await;
    bustle.run(2).await;
    let mut socket = server.socket().await;
    let anew = resume(&mut socket, topic("book", None), from).await;
    assert_eq!((anew.kind, anew.prev_seq), (PushKind::Snapshot, 0));
    let mut book = local(None);
    book.apply(&anew).unwrap();
    let expected = on_node(&server, None).await;
    until_equal(&mut socket, &mut book, &expected).await;
}

/// Trades from a record on, until the number `last` was told; pushes must follow one another.
async fn trades(socket: &mut Socket, from: u64, last: u64) -> Vec<Trade> {
    let mut push = resume(socket, topic("trades", None), from).await;
    let (mut told, mut seq): (Vec<Trade>, _) = (Vec::new(), from);
    loop {
        assert_eq!((push.kind, push.prev_seq), (PushKind::Update, seq));
        let trades: Vec<Trade> = serde_json::from_value(push.data).unwrap();
        assert!(trades.iter().all(|trade| seq < trade.seq && trade.seq <= push.seq));
        seq = push.seq;
        told.extend(trades);
        if told.last().is_some_and(|trade| trade.number >= last) {
            return told;
        }
        push = socket.push().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trades_and_auctions_go_on_from_any_record() {
    let server = Server::start(Setup::default()).await;
    let mut bustle = Bustle::new(&server, 21).await;
    bustle.run(60).await;
    let server = server.restart(|_| {}).await;
    bustle.move_to(&server).await;
    bustle.run(20).await;
    let end = bustle.trade().await;
    let page: TradePage = server.get("/v1/trades/BWT-BTC?limit=1000").await.read();
    let all: Vec<Trade> = page.trades.into_iter().rev().collect();
    let last = all.last().unwrap().number;
    assert!(last > 30, "{last}");
    for from in [0, 1, all[0].seq, all[3].seq, all[7].seq - 1, end / 2, end - 1] {
        let told = trades(&mut server.socket().await, from, last).await;
        let missed: Vec<Trade> = all.iter().filter(|trade| trade.seq > from).cloned().collect();
        assert_eq!(told, missed, "from {from}");
    }
    // Behind the last one there is nothing to make up for, and then comes what happens.
    let mut socket = server.socket().await;
    let seq = socket.follow(topic("trades", None)).await.seq;
    let mut again = server.socket().await;
    let reply =
        again.ask("subscribe", json!({ "channel": "trades", "market": "BWT-BTC", "resume_from": seq })).await;
    assert_eq!(reply.result, Some(json!({ "seq": seq })));
    bustle.trade().await;
    let push = again.push().await;
    assert_eq!((push.kind, push.prev_seq), (PushKind::Update, seq));
    assert_eq!(socket.push().await, push, "everybody is told the same");
    // Auctions: how the market stands, and those that ended.
    let gather = json!([{ "change": "set_market_state", "market": 1, "state": "auction" }]);
    server.configure(gather).await;
    server.configure(json!([{ "change": "set_market_state", "market": 1, "state": "trading" }])).await;
    let push = resume(&mut server.socket().await, topic("auction", None), 1).await;
    assert_eq!((push.kind, push.prev_seq), (PushKind::Update, 1));
    let auction: Auction = serde_json::from_value(push.data).unwrap();
    assert_eq!((auction.state.as_str(), auction.ended.len()), ("trading", 1), "{auction:?}");
}
