//! How connections end, and what one of them may ask for.

use crate::story::PRICE;
use bandex_api::{BlockReply, Reply};
use bandex_sdk::LocalOrders;
use bandex_tests::{MARKET, RawLane, Server, Setup, Socket, place};
use bandex_tradechain::SignedBlock;
use bandex_tradechain::body::{Change, MarketListing};
use bandex_types::{Amount, AssetId, MarketId, Ratio, Side};
use serde_json::{Value, json};
use std::time::Duration;

fn code(reply: Reply) -> Option<String> {
    reply.error.map(|error| error.code)
}

/// Fifty orders of a price each, so that the news of them are long.
fn many(lane: &mut RawLane, turn: u64) -> SignedBlock {
    let orders = (0..50).map(|at| place(MARKET, Side::Buy, PRICE - 50 * turn - at, 1));
    lane.orders(orders.collect())
}

/// Listens until the connection is closed; gives what was missing then.
async fn drain(socket: &mut Socket) -> usize {
    let mut pushes = 0;
    while socket.push_or_end().await.is_some() {
        pushes += 1;
    }
    pushes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_too_slowly_is_told_so_and_others_hear_everything() {
    let server = Server::start(Setup { unread_max: 128 * 1024, ..Setup::default() }).await;
    let mut lane = server.register(1).await;
    server.set_limit(lane.account(), 1_000_000_000_000_000).await;
    let topic = json!({ "channel": "book_orders", "market": "BWT-BTC" });
    let mut slow = Socket::connect_narrow(&server.socket_url()).await;
    slow.follow(topic.clone()).await;
    let mut fast = server.socket().await;
    let mut book = LocalOrders::new("BWT-BTC", super::scale());
    book.apply(&fast.follow(topic).await).unwrap();
    // The slow one reads nothing until far more was said than anything between the two programs holds.
    for turn in 0..600 {
        let seq = server.submit(&many(&mut lane, turn)).await.read::<BlockReply>().seq;
        while book.seq() < Some(seq) {
            book.apply(&fast.push().await).unwrap();
        }
    }
    let pushes = drain(&mut slow).await;
    assert!(pushes < 600, "{pushes} pushes: it was told everything");
    let (code, reason) = slow.close.clone().expect("it is told why");
    assert_eq!(code, 1008, "{reason}");
    assert!(reason.starts_with("too slow: "), "{reason}");
    assert_eq!(book.len(), 600 * 50);
    // A snapshot is larger than what may wait unread, and nobody is cut off for asking for it.
    let mut late = Socket::connect_narrow(&server.socket_url()).await;
    let snapshot = late.follow(json!({ "channel": "book_orders", "market": "BWT-BTC" })).await;
    let mut again = LocalOrders::new("BWT-BTC", super::scale());
    again.apply(&snapshot).unwrap();
    let seq = server.submit(&many(&mut lane, 600)).await.read::<BlockReply>().seq;
    while again.seq() < Some(seq) {
        again.apply(&late.push().await).unwrap();
    }
    assert_eq!(again.len(), 601 * 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_says_so_first() {
    let server = Server::start(Setup::default()).await;
    let mut sockets = [server.socket().await, server.socket().await];
    sockets[0].follow(json!({ "channel": "status" })).await;
    let folder = server.stop().await;
    for socket in &mut sockets {
        while socket.push_or_end().await.is_some() {}
        let notice = socket.notice.clone().expect("a word before the end");
        assert_eq!((notice.code.as_str(), notice.close_in_ms), ("stopping", 1_000));
        assert_eq!(socket.close.as_ref().map(|(code, _)| *code), Some(1012));
    }
    drop(folder);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_for_is_bounded() {
    let server = Server::start(Setup::default()).await;
    let listing = |id: u32, quote| MarketListing {
        id: MarketId::new(id),
        base: AssetId::BWT,
        quote,
        lot_units: 1_000,
        tick_value: Ratio::new(1, 1_000_000).unwrap(),
        least_tranche: Amount::new(1_000),
        pay_us: 600_000_000,
        acknowledge_us: 600_000_000,
    };
    for (id, symbol) in [(3, "AAA"), (4, "BBB"), (5, "CCC")] {
        let asset = json!({
            "change": "list_asset", "id": id, "symbol": symbol, "decimals": 4, "rail": "attested"
        });
        let market = serde_json::to_value(Change::ListMarket(listing(id, AssetId::new(id)))).unwrap();
        server.configure(json!([asset, market])).await;
    }
    let mut topics = Vec::new();
    for market in ["BWT-BTC", "BWT-EUR", "BWT-AAA", "BWT-BBB", "BWT-CCC"] {
        for channel in ["book_orders", "bbo", "trades", "ticker", "auction"] {
            topics.push(json!({ "channel": channel, "market": market }));
        }
        for depth in [json!(10), json!(50), json!(500), json!("full"), Value::Null] {
            topics.push(json!({ "channel": "book", "market": market, "depth": depth }));
        }
        for interval in ["1m", "5m", "15m"] {
            topics.push(json!({ "channel": "candles", "market": market, "interval": interval }));
        }
    }
    assert!(topics.len() > 64);
    let mut socket = server.socket().await;
    let (most, more) = topics.split_at(64);
    for topic in most {
        socket.follow(topic.clone()).await;
    }
    assert_eq!(
        code(socket.ask("subscribe", more[0].clone()).await).as_deref(),
        Some("too_many_subscriptions")
    );
    // One that is followed already is no more than before, and one less makes room.
    socket.follow(most[0].clone()).await;
    assert!(socket.ask("unsubscribe", most[1].clone()).await.ok);
    socket.follow(more[0].clone()).await;
    for (wrong, expected) in [
        (json!({ "channel": "book", "market": "BWT-BTC", "depth": 11 }), "bad_request"),
        (json!({ "channel": "bbo", "market": "BWT-BTC", "depth": 10 }), "bad_request"),
        (json!({ "channel": "candles", "market": "BWT-BTC", "interval": "2m" }), "bad_request"),
        (json!({ "channel": "trades", "market": "BWT-BTC", "interval": "1m" }), "bad_request"),
        (json!({ "channel": "status", "market": "BWT-BTC" }), "bad_request"),
        (json!({ "channel": "ticker" }), "bad_request"),
        (json!({ "channel": "ticker", "market": "BWT-XXX" }), "not_found"),
        (json!({ "channel": "lane" }), "not_logged_in"),
    ] {
        let mut socket = server.socket().await;
        assert_eq!(code(socket.ask("subscribe", wrong.clone()).await).as_deref(), Some(expected), "{wrong}");
    }
    // A message that is too long ends the connection.
    let text = json!({ "method": "ping", "params": { "pad": "x".repeat(64 * 1024) }, "req_id": 7 });
    socket.send_text(text.to_string()).await;
    drain(&mut socket).await;
    assert_eq!(socket.close.as_ref().map(|(code, _)| *code), Some(1009), "{:?}", socket.close);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nonce_serves_once_and_for_a_while() {
    let server = Server::start(Setup::default()).await;
    let lane = server.register(1).await;
    let mut socket = server.socket().await;
    let by_greeting = socket.signed_login(&server, &lane);
    assert!(socket.ask("login", by_greeting.clone()).await.ok);
    assert_eq!(code(socket.ask("login", by_greeting).await).as_deref(), Some("login_failed"));
    // A new one takes the place of the one before.
    socket.challenge().await;
    let old = socket.signed_login(&server, &lane);
    socket.challenge().await;
    assert_eq!(code(socket.ask("login", old).await).as_deref(), Some("login_failed"));
    let fresh = socket.signed_login(&server, &lane);
    assert!(socket.ask("login", fresh).await.ok);
    // One that is too old is refused; its ten seconds are what is waited for.
    socket.challenge().await;
    let late = socket.signed_login(&server, &lane);
    tokio::time::sleep(Duration::from_millis(10_100)).await;
    assert_eq!(code(socket.ask("login", late).await).as_deref(), Some("login_failed"));
    let reply = socket.ask("ping", json!({})).await;
    assert!(reply.time_in_us > 0 && reply.time_out_us >= reply.time_in_us, "{reply:?}");
}
