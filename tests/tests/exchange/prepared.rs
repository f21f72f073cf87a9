//! Blocks that the node puts together for a key to sign, and blocks that are tried without being submitted.

use crate::story::{LOTS, PRICE, Pair};
use bandex_api::{BlockReply, Prepared, StoredBlock, Validated};
use bandex_tests::{Answer, MARKET, RawLane, Server, Setup, now, place};
use bandex_tradechain::body::*;
use bandex_tradechain::{Block, Body, Domain, SignedBlock};
use bandex_types::{
    AccountId, Amount, AssetId, BlockId, DealId, MarketId, OrderRef, OrderType, PostOnly, Price, Quantity,
    SelfTrade, Side, TimeInForce,
};
use reqwest::Method;
use serde_json::{Value, json};

async fn ask(server: &Server, asked: &Value) -> Answer {
    server.ask(Method::POST, "/v1/blocks/prepare", None, Some(asked.to_string())).await
}

/// What `lane` would sign next if it said this; nothing is signed.
async fn prepared(server: &Server, lane: &RawLane, asked: Value) -> Block {
    let mut asked = asked;
    asked["key"] = json!(lane.key());
    let prepared: Prepared = ask(server, &asked).await.read();
    let payload = hex::decode(&prepared.payload).unwrap();
    assert_eq!(hex::decode(&prepared.preimage).unwrap(), Domain::Block.preimage(&payload));
    let block = Block::decode(&payload).unwrap();
    assert_eq!((block.author, block.network), (lane.key(), server.network()));
    assert_eq!(prepared.block_id, block.id().to_string());
    assert_eq!(prepared.block, serde_json::to_value(&block).unwrap());
    block
}

async fn validate(server: &Server, signed: &SignedBlock) -> Answer {
    let body = json!({ "payload": hex::encode(&signed.payload), "signature": signed.signature });
    server.ask(Method::POST, "/v1/blocks/validate", None, Some(body.to_string())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_can_sign_bytes_can_trade() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    let order = json!({ "op": "place", "market": "BWT-BTC", "side": "sell", "price": "0.00000039159", "quantity": "1" });
    let block = prepared(&pair.server, &pair.seller, json!({ "orders": [order] })).await;
    assert_eq!((block.seq, block.previous), (pair.seller.head().seq + 1, pair.seller.head().id));
    assert_eq!(block.body, Orders { operations: vec![place(MARKET, Side::Sell, PRICE, LOTS)] }.into());
    // The preimage is all that is signed.
    let payload = block.encode();
    let signed = pair.seller.sign_bytes(payload);
    let reply: BlockReply = pair.server.submit(&signed).await.read();
    let placed = reply.operations[0].order.clone().unwrap();
    // What is told of a block can be given back as it is.
    let stored: StoredBlock = pair.server.get(&format!("/v1/blocks/{}", reply.block_id)).await.read();
    let again = prepared(&pair.server, &pair.buyer, json!({ "body": stored.block["body"] })).await;
    assert_eq!(again.body, block.body);
    // An amendment leaves as it is what it does not name.
    let amend = json!({ "op": "amend", "order": placed, "quantity": "0.5" });
    let block = prepared(&pair.server, &pair.seller, json!({ "orders": [amend] })).await;
    let Body::Orders(orders) = &block.body else { panic!("{block:?}") };
    let (price, quantity) = (Price::new(PRICE), Quantity::new(LOTS / 2));
    assert_eq!(orders.operations, [Operation::Amend { order: placed.parse().unwrap(), price, quantity }]);
    pair.seller.rewind(bandex_tradechain::Head { seq: 0, id: BlockId::ZERO });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_and_every_field_is_read_from_decimals() {
    let pair = Pair::meet(Server::start(Setup::default()).await).await;
    let price = Price::new(PRICE);
    let plain = Place::limit(MARKET, Side::Buy, price, Quantity::new(LOTS));
    let expires = now().plus(60_000_000);
    let order = OrderRef { key: pair.buyer.key(), seq: 3, op: 1 };
    let read = async |given: Value, expected: Operation| {
        let block = prepared(&pair.server, &pair.buyer, json!({ "orders": [given] })).await;
        assert_eq!(block.body, Orders { operations: vec![expected] }.into());
    };
    let placed = async |fields: Value, expected: Place| {
        let mut given = json!({ "op": "place", "market": "BWT-BTC", "side": "buy", "price": "0.00000039159", "quantity": "1" });
        for (name, value) in fields.as_object().unwrap() {
            given[name] = value.clone();
            if value.is_null() {
                given.as_object_mut().unwrap().remove(name);
            }
        }
        read(given, Operation::Place(Box::new(expected))).await;
    };
    placed(json!({}), plain.clone()).await;
    placed(
        json!({ "order_type": "limit", "time_in_force": "fok" }),
        Place { time_in_force: TimeInForce::Fok, ..plain.clone() },
    )
    .await;
    placed(
        json!({ "expires_us": expires.as_micros(), "post_only": "slide", "self_trade": "decrement", "display": "0.1", "client_id": "gr\u{fc}n",
            "own_cap": "0.00000001", "least_score": 7, "trigger": { "kind": "take_profit", "price": "0.0000004" } }),
        Place {
            time_in_force: TimeInForce::Gtd,
            expires: Some(expires),
            post_only: PostOnly::Slide,
            self_trade: SelfTrade::Decrement,
            display: Some(Quantity::new(LOTS / 10)),
            client_id: Some("gr\u{fc}n".to_owned()),
            own_cap: Some(Amount::new(1_000)),
            least_score: Some(7),
            trigger: Some(Trigger { kind: TriggerKind::TakeProfit, price: Price::new(8_000_000) }),
            ..plain.clone()
        },
    )
    .await;
    let market = Place { order_type: OrderType::Market, time_in_force: TimeInForce::Ioc, ..plain.clone() };
    placed(
        json!({ "order_type": "market", "minimum": "0.5" }),
        Place { minimum: Some(Quantity::new(LOTS / 2)), ..market.clone() },
    )
    .await;
    let by_amount =
        Place { quantity: Quantity::ZERO, quote_quantity: Some(Amount::new(5_000)), ..market.clone() };
    placed(json!({ "order_type": "market", "quantity": null, "quote_quantity": "0.00000005" }), by_amount)
        .await;
    let at_any = Place { side: Side::Sell, price: Price::ZERO, ..market };
    placed(json!({ "order_type": "market", "side": "sell", "price": null }), at_any).await;
    read(json!({ "op": "cancel", "order": order }), Operation::Cancel { order }).await;
    let client_id = "mine".to_owned();
    let named = Operation::CancelClient { market: MARKET, client_id };
    read(json!({ "op": "cancel", "client_id": "mine", "market": "BWT-BTC" }), named).await;
    read(json!({ "op": "cancel_all" }), Operation::CancelAll { market: None, side: None }).await;
    let some = Operation::CancelAll { market: Some(MarketId::new(2)), side: Some(Side::Sell) };
    read(json!({ "op": "cancel_all", "market": "BWT-EUR", "side": "sell" }), some).await;
}

/// A body of each kind that traders sign.
fn bodies(pair: &Pair) -> Vec<Body> {
    let (peer, deal) = (pair.seller.account(), DealId::new([7; 32]));
    let order = OrderRef { key: pair.buyer.key(), seq: 1, op: 0 };
    let (_, session) = pair.buyer.clone().grant(9, |_| {});
    let grant = |lane: &RawLane| {
        let statement = possession_statement(pair.server.network(), &lane.key(), &session.key());
        session.keypair().sign(Domain::Possession, &statement)
    };
    let possession = grant(&pair.buyer);
    let key = session.key();
    let quotes = vec![Quote { side: Side::Buy, price: Price::new(1), quantity: Quantity::new(2) }];
    let protection = Some(Protection { quantity: Quantity::new(5), window_us: 6 });
    let operations = vec![
        Operation::Cancel { order },
        Operation::Amend { order, price: Price::new(3), quantity: Quantity::new(4) },
        Operation::Quote(Quotes { market: MARKET, slide: true, quotes }),
        Operation::Protect { market: MARKET, protection },
    ];
    vec![
        Rotate { key, possession }.into(),
        Grant {
            key,
            scopes: Scopes::ORDERS,
            markets: vec![MARKET],
            largest_notional: Some(Amount::new(5)),
            expires: Some(now().plus(60_000_000)),
            possession,
        }
        .into(),
        Revoke { key }.into(),
        Heal { key, keep: BlockId::new([1; 32]) }.into(),
        Orders { operations }.into(),
        Pay { deal, tranche: 1, cumulative: Amount::new(5), reference: "paid".to_owned() }.into(),
        Acknowledge { proposal: BlockId::new([2; 32]) }.into(),
        Transfer { to: peer, asset: AssetId::BWT, amount: Amount::new(5), note: "thanks".to_owned() }.into(),
        Bandwidth {
            counterparty: peer,
            sent_bytes: 1,
            received_bytes: 2,
            payer: Payer::Author,
            tokens: Amount::new(3),
        }
        .into(),
        Bond { amount: Amount::new(5) }.into(),
        Unbond { amount: Amount::new(5) }.into(),
        Fee { amount: Amount::new(5) }.into(),
        Claim { nonce: 77 }.into(),
        Certify { account: peer, expires: None }.into(),
        Decertify { account: peer }.into(),
        Prefer { largest_exposure: Some(Amount::new(5)), least_score: None }.into(),
        Resolve { deal, deliver: Amount::new(5) }.into(),
        WriteOff { deal }.into(),
        Cure { deal, reference: String::new() }.into(),
        Receive { deal, script: vec![0x51] }.into(),
        Guard { cancel_after_us: 30_000_000, on_disconnect_us: Some(0) }.into(),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_body_that_a_trader_signs_is_read_from_its_json() {
    let pair = Pair::meet(Server::start(Setup::default()).await).await;
    for body in bodies(&pair) {
        let told = serde_json::to_value(&body).unwrap();
        let block = prepared(&pair.server, &pair.buyer, json!({ "body": told })).await;
        assert_eq!(block.body, body);
        // A field that the kind does not have is not read over.
        let mut misspelt = told.clone();
        misspelt["expires_at"] = json!(5);
        let asked = json!({ "key": pair.buyer.key(), "body": misspelt });
        let problem = ask(&pair.server, &asked).await.must_be(400, "bad_request");
        assert!(problem.detail.contains("expires_at"), "{problem:?}");
    }
    // A key that is not here yet begins its lane.
    let stranger = RawLane::root(bandex_tradechain::Keypair::from_seed(&[42; 32]), pair.server.network());
    let register = Body::from(Register { home: pair.server.node(), nonce: 5 });
    let block = prepared(&pair.server, &stranger, json!({ "body": register })).await;
    assert_eq!((block.seq, block.previous), (1, BlockId::ZERO));
    // A place and an expiry of one's own are taken as they are.
    let (previous, expiry) = (BlockId::new([3; 32]), now().plus(5_000_000));
    let asked = json!({ "body": { "kind": "write_off", "deal": DealId::new([7; 32]) }, "seq": 9, "previous": previous, "expiry_us": expiry.as_micros() });
    let block = prepared(&pair.server, &pair.buyer, asked).await;
    assert_eq!((block.seq, block.previous, block.expiry), (9, previous, Some(expiry)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_signed_is_said_by_operation() {
    let pair = Pair::meet(Server::start(Setup::default()).await).await;
    let key = pair.buyer.key();
    let good = json!({ "op": "cancel_all" });
    let refused = async |asked: Value, status: u16, code: &str, op_index: Option<u32>| {
        let problem = ask(&pair.server, &asked).await.must_be(status, code);
        assert_eq!(problem.op_index, op_index, "{problem:?}");
    };
    let order = |change: Value| {
        let mut order = json!({ "op": "place", "market": "BWT-BTC", "side": "buy", "price": "0.00000039159", "quantity": "1" });
        for (name, value) in change.as_object().unwrap() {
            order[name] = value.clone();
        }
        order
    };
    let orders = |bad: Value| json!({ "key": key, "orders": [good, good, bad] });
    for bad in [
        json!({ "op": "hope" }),
        json!({ "market": "BWT-BTC" }),
        json!({ "op": "cancel" }),
        json!({ "op": "cancel", "client_id": "mine" }),
        json!({ "op": "amend", "order": format!("{key}:1:0") }),
        order(json!({ "market": "BWT-XXX" })),
        order(json!({ "side": "up" })),
        order(json!({ "price": "0.000000000000001" })),
        order(json!({ "price": null })),
        order(json!({ "quantity": "-1" })),
        order(json!({ "quantity": 1 })),
        order(json!({ "quantity": null })),
        order(json!({ "time_in_force": "GTC" })),
        order(json!({ "post_onyl": "refuse" })),
        order(json!({ "trigger": { "kind": "stop_loss", "price": "x" } })),
    ] {
        refused(orders(bad), 400, "bad_request", Some(2)).await;
    }
    refused(orders(order(json!({ "client_id": "" }))), 400, "bad_body", Some(2)).await;
    refused(orders(order(json!({ "expires_us": 1_777_689_383 }))), 400, "expiry_unit", Some(2)).await;
    let unknown = json!({ "op": "amend", "order": format!("{key}:1:0"), "price": "0.0000004" });
    refused(orders(unknown), 404, "not_found", Some(2)).await;
    // What is not one operation's fault names none.
    refused(json!({ "key": key, "orders": [good], "expiry_us": 5 }), 400, "expiry_unit", None).await;
    refused(json!({ "key": key, "orders": [] }), 400, "bad_request", None).await;
    refused(json!({ "key": key, "orders": vec![&good; 101] }), 400, "bad_request", None).await;
    refused(json!({ "key": key, "orders": [good], "seq": 5 }), 400, "bad_request", None).await;
    refused(json!({ "key": key }), 400, "bad_request", None).await;
    refused(json!({ "key": key, "orders": [good], "body": {} }), 400, "bad_request", None).await;
    refused(json!({ "key": key, "body": { "kind": "hope" } }), 400, "bad_request", None).await;
    refused(json!({ "key": "01".repeat(32), "orders": [good] }), 404, "unknown_key", None).await;
    let weak = format!("01{}", "00".repeat(31));
    let (seq, previous) = (1, BlockId::ZERO);
    refused(
        json!({ "key": weak, "orders": [good], "seq": seq, "previous": previous }),
        400,
        "weak_key",
        None,
    )
    .await;
    let own = |body: Value| json!({ "key": key, "body": body });
    refused(
        own(json!({ "kind": "guard", "cancel_after_us": 5, "on_disconnect_us": null })),
        400,
        "bad_body",
        None,
    )
    .await;
    let batch = json!({ "kind": "batch", "first_seq": 1, "count": 1, "root": "00".repeat(32), "last_record_hash": "00".repeat(32) });
    refused(own(batch), 400, "node_only", None).await;
}

/// What is said of a block, but for the receipt and what the clock says.
fn without_clock(answer: &Answer) -> Value {
    let mut body = answer.body.clone();
    for field in ["receipt", "time_us", "dry_run"] {
        body.as_object_mut().unwrap().remove(field);
    }
    if let Some(sequenced) = body.pointer_mut("/details/sequenced") {
        *sequenced = Value::Null;
    }
    // An expiry is told with the clock in words.
    if body["code"] == "expired" {
        body["detail"] = Value::Null;
    }
    json!({ "status": answer.status, "body": body })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_tried_is_answered_as_what_is_submitted() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    pair.trade().await;
    let digest = async |server: &Server| server.digest().await;
    let mut tried = 0;
    let mut check = async |server: &Server, signed: &SignedBlock, expected: &str| {
        let before = digest(server).await;
        let validated = validate(server, signed).await;
        assert_eq!(digest(server).await, before, "nothing is left of what was tried");
        let submitted = server.submit(signed).await;
        assert_eq!(without_clock(&validated), without_clock(&submitted));
        let code = match submitted.status {
            200 => {
                assert!(validated.read::<Validated>().dry_run);
                let refused = submitted.body["operations"].as_array().unwrap().iter();
                let mut codes = refused.filter_map(|operation| operation["code"].as_str());
                codes.next().unwrap_or("done").to_owned()
            }
            _ => submitted.problem().code,
        };
        assert_eq!(code, expected, "{submitted:?}");
        tried += 1;
    };
    let Pair { server, seller, buyer, .. } = &mut pair;
    let resting = seller.limit(Side::Sell, PRICE, LOTS).0;
    check(server, &resting, "done").await;
    check(server, &resting, "done").await;
    let crossing = buyer.limit(Side::Buy, PRICE + 1, LOTS / 2).0;
    check(server, &crossing, "done").await;
    // Several at once, one of them refused.
    let zero = place(MARKET, Side::Buy, PRICE, 0);
    let some = buyer.orders(vec![zero, place(MARKET, Side::Buy, PRICE - 9, LOTS / 10)]);
    check(server, &some, "zero_quantity").await;
    let too_much = seller.transfer(buyer.account(), u64::MAX);
    check(server, &too_much, "insufficient_free").await;
    let unknown = buyer.sign(WriteOff { deal: DealId::new([9; 32]) });
    check(server, &unknown, "unknown_deal").await;
    let guard = buyer.sign(Guard { cancel_after_us: 60_000_000, on_disconnect_us: None });
    check(server, &guard, "done").await;
    let mut late = buyer.block(Guard::OFF);
    late.expiry = Some(now());
    let head = buyer.head();
    let late = late.sign(buyer.keypair());
    buyer.rewind(bandex_tradechain::Head { seq: head.seq + 1, id: late.id() });
    check(server, &late, "expired").await;
    // What is never sequenced.
    let mut gap = buyer.clone();
    let _ = gap.sign(Guard::OFF);
    check(server, &gap.sign(Guard::OFF), "gap").await;
    let altered = SignedBlock { signature: bandex_types::SignatureBytes::new([3; 64]), ..guard.clone() };
    check(server, &altered, "bad_signature").await;
    let mut stranger = RawLane::root(bandex_tradechain::Keypair::from_seed(&[42; 32]), server.network());
    check(server, &stranger.sign(Guard::OFF), "unknown_key").await;
    let mut newcomer = RawLane::root(bandex_tradechain::Keypair::from_seed(&[43; 32]), server.network());
    let home = server.node();
    check(server, &newcomer.register(home), "done").await;
    check(server, &newcomer.transfer(AccountId::new([8; 32]), 1), "unknown_account").await;
    assert_eq!(tried, 13);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trying_two_blocks_for_one_place_is_no_fork() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    let head = pair.seller.head();
    let (first, _) = pair.seller.limit(Side::Sell, PRICE, LOTS);
    pair.seller.rewind(head);
    let (second, _) = pair.seller.limit(Side::Sell, PRICE + 1, LOTS);
    for signed in [&first, &second] {
        validate(&pair.server, signed).await.read::<Validated>();
    }
    pair.server.submit(&first).await.read::<BlockReply>();
    let problem = validate(&pair.server, &second).await.must_be(409, "fork");
    assert_eq!(problem.block_id, Some(second.id().to_string()));
    let lane = pair.server.lane(pair.seller.key()).await;
    assert_eq!((lane.status.as_str(), lane.fork.is_none()), ("active", true), "nothing is on record");
    pair.server.submit(&second).await.must_be(409, "fork");
    assert_eq!(pair.server.lane(pair.seller.key()).await.status, "forked");
    // Once it is, the trial says so too.
    pair.seller.rewind(bandex_tradechain::Head { seq: head.seq + 1, id: first.id() });
    let next = pair.seller.limit(Side::Sell, PRICE, LOTS).0;
    validate(&pair.server, &next).await.must_be(422, "key_forked");
}
