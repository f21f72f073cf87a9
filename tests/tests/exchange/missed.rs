//! What was missed, in pieces: lanes without end, lists longer than a page, and a past that cannot be read any more.

use crate::story::{LOTS, PRICE, Pair};
use bandex_api::{BlockReply, Channel, OrderPage, PushKind};
use bandex_tests::{MARKET, RawLane, Server, Setup, Socket, place};
use bandex_tradechain::body::Operation;
use bandex_types::{OrderRef, Side};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::collections::BTreeSet;

/// More than is read of a lane at a time.
const BLOCKS: usize = 120;
/// More than is told of a list at a time.
const ORDERS: usize = 2_300;

async fn logged_in(server: &Server, lane: &RawLane) -> Socket {
    let mut socket = server.socket().await;
    socket.login(server, lane).await;
    socket
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_of_refused_blocks_is_told_page_by_page() {
    let server = Server::start(Setup::default()).await;
    let mut lane = server.register(1).await;
    let (signed, mut session) = lane.grant(2, |_| {});
    server.submit(&signed).await.read::<BlockReply>();
    let nobodys = OrderRef { key: lane.key(), seq: 1, op: 0 };
    let mut end = 0;
    for at in 0..BLOCKS {
        // None of these is about the account's orders or balances: they change nothing.
        let signed = if at % 3 == 0 { session.cancel(nobodys) } else { lane.cancel(nobodys) };
        let reply: BlockReply = server.submit(&signed).await.read();
        assert!(!reply.operations[0].ok, "{reply:?}");
        end = reply.seq;
    }
    let mut socket = logged_in(&server, &lane).await;
    socket.resume("lane", 0).await;
    let (mut told, mut blocks) = (0, Vec::new());
    while told < end {
        let push = socket.push().await;
        assert_eq!((push.channel, push.kind, push.prev_seq), (Channel::Lane, PushKind::Update, told));
        let items = push.data.as_array().unwrap();
        // A page of blocks, and what they did to keys.
        assert!(items.len() <= 36, "{} items at once", items.len());
        assert!(items.is_sorted_by_key(|item| item["seq"].as_u64()), "{items:?}");
        blocks.extend(
            items
                .iter()
                .filter(|item| !item["block_id"].is_null())
                .map(|item| (item["key"].as_str().unwrap().to_owned(), item["lane_seq"].as_u64().unwrap())),
        );
        told = push.seq;
    }
    for (lane, count) in [(&lane, lane.head().seq), (&session, session.head().seq)] {
        let key = lane.key().to_string();
        let own: Vec<u64> = blocks.iter().filter(|(of, _)| *of == key).map(|(_, seq)| *seq).collect();
        assert_eq!(own, (1..=count).collect::<Vec<_>>());
    }
    assert_eq!(blocks.len(), BLOCKS + 2);
}

/// The references in the items of a push.
fn references(items: &serde_json::Value) -> Vec<String> {
    items.as_array().unwrap().iter().map(|item| item["order"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_longer_than_a_page_is_told_whole() {
    let server = Server::start(Setup::default()).await;
    let mut lane = server.register_with(1, 10_000_000_000).await;
    let token = server.login(&lane).await;
    let mut expected = BTreeSet::new();
    for first in (0..ORDERS).step_by(100) {
        let operations = (0..100).map(|_| place(MARKET, Side::Sell, PRICE, 1)).collect();
        let reply: BlockReply = server.submit(&lane.orders(operations)).await.read();
        assert!(reply.operations.iter().all(|operation| operation.ok), "{first}: {reply:?}");
        expected.extend(reply.operations.into_iter().filter_map(|operation| operation.order));
    }
    let mut socket = logged_in(&server, &lane).await;
    let head = server.get_as(&token, "/v1/orders").await.read::<OrderPage>().seq;
    let snapshot = socket.subscribe("orders", None).await;
    let (mut told, mut found) = (snapshot.seq, references(&snapshot.data));
    let first: BTreeSet<_> = found.iter().cloned().collect();
    assert!(told < head, "there is more");
    while told < head {
        let push = socket.push().await;
        assert_eq!((push.kind, push.prev_seq), (PushKind::Update, told));
        let items = references(&push.data);
        assert!(items.len() <= 1_000 && push.seq > told, "{} items up to {}", items.len(), push.seq);
        found.extend(items);
        told = push.seq;
    }
    assert_eq!(found.iter().cloned().collect::<BTreeSet<_>>(), expected);
    // Whoever lost the connection behind the first part goes on from there, and misses nothing.
    let mut again = logged_in(&server, &lane).await;
    again.resume("orders", snapshot.seq).await;
    let (mut told, mut found) = (snapshot.seq, first);
    while told < head {
        let push = again.push().await;
        found.extend(references(&push.data));
        told = push.seq;
    }
    assert_eq!(found, expected);
    // What comes then is told as news.
    let signed = lane.orders(vec![Operation::CancelAll { market: None, side: None }]);
    let cancelled = server.submit(&signed).await.read::<BlockReply>().seq;
    let push = socket.push().await;
    assert_eq!((push.prev_seq, push.seq), (head, cancelled));
    assert_eq!(references(&push.data).into_iter().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_past_that_cannot_be_read_ends_the_connection_and_not_in_silence() {
    let server = Server::start(Setup { embedded: true, ..Setup::default() }).await;
    let mut pair = Pair::meet(server).await;
    pair.server.set_limit(pair.buyer.account(), 1_000_000_000).await;
    pair.trade_lots(LOTS).await;
    // Somebody follows, so that the channel is there; what lies before it comes from the projections.
    let mut follows = pair.server.socket().await;
    follows.subscribe("trades", Some("BWT-BTC")).await;
    let file = SqliteConnectOptions::new().filename(pair.server.folder().join("projections.sqlite"));
    let mut store = file.connect().await.unwrap();
    sqlx::query("ALTER TABLE trades RENAME TO lost").execute(&mut store).await.unwrap();
    store.close().await.unwrap();
    let mut socket = pair.server.socket().await;
    let params = json!({ "channel": "trades", "market": "BWT-BTC", "resume_from": 1 });
    socket.recorded = Some(Vec::new());
    let req_id = socket.send("subscribe", params).await;
    socket.closed().await;
    // The reply may be lost with the connection, but it is not taken back by another.
    let replies = socket.recorded.take().unwrap().split_off(1);
    let expected = json!({ "req_id": req_id, "ok": true });
    for reply in &replies {
        assert_eq!(json!({ "req_id": reply["req_id"], "ok": reply["ok"] }), expected, "{reply}");
    }
    assert!(replies.len() <= 1, "{replies:?}");
    let (code, reason) = socket.close.unwrap();
    assert_eq!(code, 1011);
    assert!(reason.contains("connect again"), "{reason}");
}
