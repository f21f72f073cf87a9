//! The WebSocket: order entry in order, garbage that does no harm, private channels, and what a break of the
//! connection leaves.

use crate::story::{BWT, LOTS, PRICE, Pair};
use bandex_api::{BlockReply, Deal, Fill, Order, PushKind, StoredBlock};
use bandex_engine::{Event, Outcome};
use bandex_sdk::{Client, Durability, FileLane, Options, Trader, receipt_from_wire};
use bandex_tests::{MARKET, Server, Setup, Socket, place, soon};
use bandex_tradechain::Keypair;
use bandex_tradechain::body::{Operation, Orders};
use bandex_types::{Price, Side};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_come_in_the_order_of_submissions() {
    let server = Server::start(Setup::default()).await;
    let mut lane = server.register(1).await;
    let mut socket = server.socket().await;
    let mut expected = Vec::new();
    for turn in 0..60_u64 {
        let code = match turn % 4 {
            0 => {
                // Costs the verifier a signature, as good ones do.
                let mut wrong = lane
                    .block(Orders { operations: vec![place(MARKET, Side::Buy, PRICE, 1)] })
                    .sign(lane.keypair());
                wrong.payload[60] ^= 1;
                expected.push((socket.send_block(&wrong).await, Some("bad_signature")));
                continue;
            }
            1 => {
                // Costs it nothing.
                let id = socket.send("submit", json!({ "payload": "zz", "signature": "" })).await;
                expected.push((id, Some("malformed")));
                continue;
            }
            2 => Some("to_self"),
            _ => None,
        };
        let signed = match code {
            Some(_) => lane.transfer(lane.account(), 1),
            None => lane.limit(Side::Buy, PRICE, 1 + turn).0,
        };
        expected.push((socket.send_block(&signed).await, code));
    }
    let mut seq = 0;
    for (req_id, code) in expected {
        let reply = socket.reply().await;
        assert_eq!(reply.req_id, req_id);
        assert_eq!(reply.error.as_ref().map(|error| error.code.as_str()), code, "{reply:?}");
        if let Some(result) = reply.result {
            let done: BlockReply = serde_json::from_value(result).unwrap();
            assert!(done.seq > seq, "records follow the order of submission");
            seq = done.seq;
            done.receipt.expect("a reply carries its receipt");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_need_not_wait_for_its_order() {
    let server = Server::start(Setup::default()).await;
    let mut lane = server.register_with(1, 10 * BWT).await;
    let mut socket = server.socket().await;
    for at in 0..20 {
        let (signed, order) = lane.limit(Side::Sell, PRICE + at, LOTS / 20);
        socket.send_block(&signed).await;
        let cancel = lane.cancel(order);
        socket.send_block(&cancel).await;
    }
    for _ in 0..40 {
        let reply = socket.reply().await;
        let done: BlockReply = serde_json::from_value(reply.result.unwrap()).unwrap();
        assert!(done.operations[0].ok, "{done:?}");
    }
    assert!(server.book().await.asks.is_empty());
    // In one block too: place, cancel by reference, place under a name, cancel by name.
    let mut named = bandex_tradechain::body::Place::limit(
        MARKET,
        Side::Sell,
        Price::new(PRICE),
        bandex_types::Quantity::new(5),
    );
    named.client_id = Some("mine".to_owned());
    let next = bandex_types::OrderRef { key: lane.key(), seq: lane.head().seq + 1, op: 0 };
    let signed = lane.orders(vec![
        place(MARKET, Side::Sell, PRICE, 5),
        Operation::Cancel { order: next },
        Operation::Place(Box::new(named)),
        Operation::CancelClient { market: MARKET, client_id: "mine".to_owned() },
        Operation::Cancel { order: next },
    ]);
    let reply = socket.submit(&signed).await;
    let codes: Vec<Option<&str>> =
        reply.operations.iter().map(|operation| operation.code.as_deref()).collect();
    assert_eq!(codes, [None, None, None, None, Some("unknown_order")]);
    assert!(server.book().await.asks.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_does_no_harm() {
    let server = Server::start(Setup::default()).await;
    let mut lane = server.register(1).await;
    let mut socket = server.socket().await;
    for text in [
        "",
        "{",
        "[]",
        "null",
        "7",
        r#"{"req_id":1}"#,
        r#"{"method":7,"req_id":1}"#,
        "\u{0}",
        "{\"method\":\"ping\"} {}",
    ] {
        socket.send_text(text).await;
        let reply = socket.reply().await;
        assert_eq!(
            (reply.ok, reply.error.map(|error| error.code).as_deref()),
            (false, Some("bad_request")),
            "{text:?}"
        );
    }
    socket.send_bytes(vec![0xff, 0x00, 0x80]).await;
    assert!(!socket.reply().await.ok);
    for (method, params, code) in [
        ("dance", json!({}), "bad_request"),
        ("submit", json!({}), "bad_request"),
        ("submit", json!({ "payload": 7, "signature": 8 }), "bad_request"),
        ("submit", json!([]), "bad_request"),
        ("submit", json!({ "payload": "zz", "signature": "zz" }), "malformed"),
        ("submit", json!({ "payload": "", "signature": "00".repeat(64) }), "malformed"),
        ("login", json!({ "key": "zz", "nonce": "zz", "signature": "zz" }), "login_failed"),
        ("login", json!({}), "bad_request"),
    ] {
        let reply = socket.ask(method, params).await;
        assert_eq!(reply.error.map(|error| error.code).as_deref(), Some(code), "{method}");
    }
    // The connection and the server are as good as before.
    assert!(socket.ask("ping", json!({})).await.ok);
    let (signed, _) = lane.limit(Side::Buy, PRICE, 1);
    socket.submit(&signed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_channels_tell_each_side_its_own() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    let mut stranger = pair.server.register(3).await;
    let mut of_seller = follow_all(&pair.server, &pair.seller).await;
    let mut of_buyer = follow_all(&pair.server, &pair.buyer).await;
    let mut of_stranger = follow_all(&pair.server, &stranger).await;
    let id = pair.trade().await;

    let (orders, fills, deals) = told(&mut of_seller, 2, 1, 1).await;
    assert_eq!(orders.iter().map(|order| order.status.as_str()).collect::<Vec<_>>(), ["open", "filled"]);
    assert!(
        orders.iter().all(|order| order.account == pair.seller.account().to_string() && order.side == "sell")
    );
    assert_eq!(
        (fills[0].role.as_str(), fills[0].side.as_str(), fills[0].deal.as_str()),
        ("maker", "sell", id.to_string().as_str())
    );
    assert_eq!(deals[0].deal, id.to_string());
    check_fill(&pair, &fills[0]);

    let (orders, fills, deals) = told(&mut of_buyer, 1, 1, 1).await;
    assert_eq!((orders[0].status.as_str(), orders[0].filled.as_str()), ("filled", "1"));
    assert_eq!((fills[0].role.as_str(), fills[0].side.as_str()), ("taker", "buy"));
    assert_eq!((deals[0].deal.as_str(), deals[0].state.as_str()), (id.to_string().as_str(), "open"));
    check_fill(&pair, &fills[0]);

    // The stranger hears first of all of its own order: of the deal nothing came before it.
    let (signed, _) = stranger.limit(Side::Buy, 1, 1);
    pair.server.submit(&signed).await.read::<BlockReply>();
    let push = of_stranger.push().await;
    let orders: Vec<Order> = serde_json::from_value(push.data).unwrap();
    assert_eq!((orders.len(), orders[0].account.clone()), (1, stranger.account().to_string()));

    // Who comes late finds what is open.
    let mut late = pair.server.socket().await;
    late.login(&pair.server, &pair.seller).await;
    let deals: Vec<Deal> = serde_json::from_value(late.subscribe("deals", None).await.data).unwrap();
    assert_eq!((deals.len(), deals[0].deal.clone()), (1, id.to_string()));
    let orders = late.subscribe("orders", None).await.data;
    assert_eq!(orders, json!([]), "nothing of the seller rests");
}

async fn follow_all(server: &Server, lane: &bandex_tests::RawLane) -> Socket {
    let mut socket = server.socket().await;
    socket.login(server, lane).await;
    for channel in ["orders", "fills", "deals"] {
        assert_eq!(socket.subscribe(channel, None).await.data, json!([]), "{channel}");
    }
    socket
}

/// What the private channels tell until they have told so many of each.
async fn told(
    socket: &mut Socket,
    orders: usize,
    fills: usize,
    deals: usize,
) -> (Vec<Order>, Vec<Fill>, Vec<Deal>) {
    let mut found = (Vec::new(), Vec::new(), Vec::new());
    while found.0.len() < orders || found.1.len() < fills || found.2.len() < deals {
        let push = socket.push().await;
        assert_eq!((push.kind, push.market), (PushKind::Update, None));
        match push.channel {
            bandex_api::Channel::Orders => {
                found.0.extend(serde_json::from_value::<Vec<_>>(push.data).unwrap())
            }
            bandex_api::Channel::Fills => {
                found.1.extend(serde_json::from_value::<Vec<_>>(push.data).unwrap())
            }
            bandex_api::Channel::Deals => {
                found.2.extend(serde_json::from_value::<Vec<_>>(push.data).unwrap())
            }
            other => panic!("nobody asked for {other:?}"),
        }
    }
    found
}

/// A fill's receipt is the node's, is about the taker's record, and holds the very trade.
fn check_fill(pair: &Pair, fill: &Fill) {
    assert_eq!((fill.market.as_str(), fill.number, fill.quantity.as_str()), ("BWT-BTC", 1, "1"));
    assert_eq!(fill.price, "0.00000039159");
    let receipt = receipt_from_wire(fill.receipt.as_ref().expect("a fill carries its proof")).unwrap();
    receipt.check(&pair.server.node(), pair.server.network()).unwrap();
    assert_eq!((receipt.leaf.seq, receipt.leaf.time.as_micros()), (fill.seq, fill.time_us));
    let outcome: Outcome = borsh::from_slice(&receipt.outcome).unwrap();
    let trade = outcome.events.iter().find_map(|event| match event {
        Event::Trade(trade) => Some(trade),
        _ => None,
    });
    let trade = trade.expect("the outcome holds the trade");
    assert_eq!((trade.deal.to_string(), trade.number), (fill.deal.clone(), fill.number));
    let (own, role) = if fill.role == "taker" { (trade.taker, "taker") } else { (trade.maker, "maker") };
    assert_eq!((fill.order.clone(), fill.role.as_str()), (own.to_string(), role));
    assert_eq!(trade.price, Price::new(PRICE));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_whose_answer_was_lost_is_sent_again() {
    let server = Server::start(Setup::default()).await;
    let mut lane = server.register_with(1, 10 * BWT).await;
    let (signed, order) = lane.limit(Side::Sell, PRICE, LOTS);
    let mut socket = server.socket().await;
    socket.send_block(&signed).await;
    drop(socket);
    // Whether the first was taken or lost with its connection: the second makes sure, and neither doubles it.
    let mut again = server.socket().await;
    let reply = again.submit(&signed).await;
    assert_eq!(again.submit(&signed).await, reply);
    let stored: StoredBlock = server.get(&format!("/v1/blocks/{}", signed.id())).await.read();
    assert_eq!((stored.seq, stored.time_us), (reply.seq, reply.time_us));
    assert_eq!(server.lane(lane.key()).await.head_seq, 2);
    let book = server.book().await;
    assert_eq!((book.asks.len(), book.asks[0].orders), (1, 1));
    assert_eq!(reply.operations[0].order, Some(order.to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trader_outlives_its_server() {
    let server = Server::start(Setup::default()).await;
    let markets = server.rest().markets().await.unwrap();
    let client = Client::connect(&server.socket_url(), Options::default()).await.unwrap();
    let store = tempfile::TempDir::new().unwrap();
    let lane = FileLane::open(store.path().join("lane"), Durability::Disk).unwrap();
    let keypair = Keypair::from_seed(&[1; 32]);
    let trader = Trader::register(&client, server.rest(), &markets, keypair.clone(), lane).await.unwrap();
    server.issue(trader.account(), 10 * BWT).await;
    let market = markets.market("BWT-BTC").unwrap();
    let sell = |price: &str| market.limit(Side::Sell, price, "0.5").unwrap();
    trader.place(sell("0.0000003916")).await.unwrap();
    let submit = async |at: u64| {
        let order = Operation::Place(Box::new(sell(&format!("0.000000392{at}"))));
        trader.submit(Orders { operations: vec![order] }).await.unwrap()
    };
    // What is under way while the server goes down, and what is submitted while it is gone, is answered once and in
    // order when it is back.
    let mut waiting = Vec::new();
    for at in 0..5 {
        waiting.push(submit(at).await);
    }
    let (server, later) = server
        .restart_in_place(async {
            let mut later = Vec::new();
            for at in 5..10 {
                later.push(submit(at).await);
            }
            later
        })
        .await;
    waiting.extend(later);
    let mut seq = 0;
    for submitted in waiting {
        let reply = soon("an answer", submitted.reply()).await.unwrap();
        assert!(reply.operations[0].ok && reply.seq > seq, "{reply:?}");
        seq = reply.seq;
    }
    let book = server.book().await;
    assert_eq!((book.asks.len(), book.asks.iter().map(|level| level.orders).sum::<u64>()), (11, 11));
    drop(trader);
    drop(client);
    // A new process with the same store goes on where the lane ended.
    let client = Client::connect(&server.socket_url(), Options::default()).await.unwrap();
    let lane = FileLane::open(store.path().join("lane"), Durability::Disk).unwrap();
    let trader = Trader::open(&client, server.rest(), keypair, lane).await.unwrap();
    assert_eq!(trader.head().seq, 12);
    let placed = trader.place(sell("0.0000003917")).await.unwrap();
    trader.cancel(placed.order).await.unwrap();
}
