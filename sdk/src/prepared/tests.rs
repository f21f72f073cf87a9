//! What a dishonest node could write into a block, and who would notice.

use super::*;
use crate::testing::{NETWORK, NOW, ORIGIN, keypair, place, wire_markets};
use bandex_tradechain::body::{Guard, Operation};
use bandex_tradechain::{Head, verify};
use serde_json::json;

fn signer() -> Signer {
    Signer::new(keypair(1), NETWORK, ORIGIN)
}

fn markets() -> Markets {
    Markets::from_wire(&wire_markets()).unwrap()
}

fn asked(orders: Value) -> Prepare {
    let orders = orders.as_array().cloned();
    let key = keypair(1).public().to_string();
    Prepare { key, expiry_us: None, seq: None, previous: None, body: None, orders }
}

fn asked_body(body: Value) -> Prepare {
    Prepare { body: Some(body), orders: None, ..asked(json!(null)) }
}

fn order() -> Value {
    json!({ "op": "place", "market": "BWT-BTC", "side": "buy", "price": "0.0000000000005", "quantity": "0.000005" })
}

/// What an honest node answers.
fn honest(block: &Block) -> Prepared {
    let payload = block.encode();
    Prepared {
        block_id: block.id().to_string(),
        preimage: hex::encode(Domain::Block.preimage(&payload)),
        payload: hex::encode(payload),
        block: serde_json::to_value(block).unwrap(),
    }
}

/// The block that an honest node lays out of [`order`].
fn laid_out() -> Block {
    signer().next(NOW, None, Orders { operations: vec![place(5)] }.into()).unwrap()
}

#[test]
fn what_was_asked_is_signed_and_moves_the_lane() {
    let mut signer = signer();
    let own = signer.sign_prepared(NOW, &asked(json!([order()])), &markets(), &honest(&laid_out())).unwrap();
    assert_eq!(own.id, laid_out().id());
    assert_eq!(signer.head(), Head { seq: 1, id: own.id });
    assert_eq!(verify(own.signed, NETWORK).unwrap().block(), &laid_out());
    // A body in ticks and lots, with an expiry and its place.
    let (guard, expiry) = (Guard { cancel_after_us: 5_000_000, on_disconnect_us: None }, NOW.plus(9));
    let next = signer.next(NOW, Some(expiry), guard.into()).unwrap();
    let asked = Prepare {
        expiry_us: Some(expiry.as_micros()),
        seq: Some(2),
        previous: Some(own.id.to_string()),
        ..asked_body(serde_json::to_value(&next.body).unwrap())
    };
    assert_eq!(signer.sign_prepared(NOW, &asked, &markets(), &honest(&next)).unwrap().seq, 2);
}

#[test]
fn every_field_that_the_node_alters_is_named_and_nothing_is_signed() {
    let check = |prepared: &Prepared, part: &str| {
        let mut signer = signer();
        let refused = signer.sign_prepared(NOW, &asked(json!([order()])), &markets(), prepared);
        assert!(
            matches!(&refused, Err(PreparedError::Differs { what, .. }) if what == part),
            "{part}: {refused:?}"
        );
        assert_eq!(signer.head(), ORIGIN, "{part}");
    };
    let altered = |change: fn(&mut Block), part| {
        let mut block = laid_out();
        change(&mut block);
        check(&honest(&block), part);
    };
    altered(|block| block.network += 1, "network");
    altered(|block| block.author = keypair(2).public(), "author");
    altered(|block| block.seq += 1, "seq");
    altered(|block| block.previous = BlockId::new([4; 32]), "previous");
    altered(|block| block.time = NOW.plus(SKEW_US_MAX + 1), "time");
    altered(|block| block.time = Timestamp::from_micros(NOW.as_micros() - SKEW_US_MAX - 1), "time");
    altered(|block| block.expiry = Some(NOW), "expiry");
    altered(|block| block.body = Orders { operations: vec![place(6)] }.into(), "operation 0");
    altered(|block| block.body = Orders { operations: vec![place(5), place(5)] }.into(), "body");
    altered(|block| block.body = Guard::OFF.into(), "body");
    let told = |change: fn(&mut Prepared), part| {
        let mut prepared = honest(&laid_out());
        change(&mut prepared);
        check(&prepared, part);
    };
    told(|prepared| prepared.block_id = BlockId::ZERO.to_string(), "block_id");
    told(|prepared| prepared.preimage.push_str("00"), "preimage");
    told(|prepared| prepared.block["seq"] = json!(2), "block");
}

/// A place in the lane that was signed already is the node's way to a fork.
#[test]
fn a_place_that_is_taken_is_not_signed_twice() {
    let mut signer = signer();
    let asked = asked(json!([order()]));
    let first = honest(&laid_out());
    signer.sign_prepared(NOW, &asked, &markets(), &first).unwrap();
    let head = signer.head();
    let again = signer.sign_prepared(NOW, &asked, &markets(), &first);
    assert!(matches!(&again, Err(PreparedError::Differs { what, .. }) if what == "seq"), "{again:?}");
    let named = Prepare { seq: Some(1), previous: Some(ORIGIN.id.to_string()), ..asked };
    let again = signer.sign_prepared(NOW, &named, &markets(), &first);
    assert!(matches!(again, Err(PreparedError::Asked(_))), "{again:?}");
    assert_eq!(signer.head(), head);
}

#[test]
fn answers_that_are_no_block_are_refused() {
    let check = |payload: String| {
        let prepared = Prepared { payload, ..honest(&laid_out()) };
        signer().sign_prepared(NOW, &asked(json!([order()])), &markets(), &prepared).unwrap_err()
    };
    assert!(matches!(check("zz".to_owned()), PreparedError::Wire(_)));
    assert!(matches!(check("00".to_owned()), PreparedError::Decode(_)));
    assert!(matches!(check(format!("{}00", honest(&laid_out()).payload)), PreparedError::Decode(_)));
}

#[test]
fn what_cannot_be_compared_is_not_signed() {
    let prepared = honest(&laid_out());
    let check = |asked: Prepare, word: &str| {
        let refused = signer().sign_prepared(NOW, &asked, &markets(), &prepared).unwrap_err();
        assert!(matches!(&refused, PreparedError::Asked(why) if why.contains(word)), "{word}: {refused}");
    };
    let with = |field: &str, value: Value| {
        let mut order = order();
        order[field] = value;
        asked(json!([order]))
    };
    check(Prepare { key: keypair(2).public().to_string(), ..with("op", json!("place")) }, "key");
    check(Prepare { seq: Some(2), ..asked(json!([order()])) }, "place");
    check(Prepare { previous: Some(BlockId::ZERO.to_string()), ..asked(json!([order()])) }, "place");
    check(Prepare { body: Some(json!({})), ..asked(json!([order()])) }, "either");
    check(asked(json!(null)), "either");
    check(with("market", json!("BWT-XXX")), "market");
    check(with("side", json!("up")), "side");
    check(with("price", json!("0.00000000000001")), "price");
    check(with("price", json!(null)), "price");
    check(with("quantity", json!(null)), "quantity");
    check(with("colour", json!("red")), "colour");
    check(asked(json!([{ "op": "amend", "order": "x", "price": "1", "quantity": "1" }])), "amendment");
    check(asked(json!([{ "op": "cancel", "order": "x" }])), "order");
    check(asked(json!([{ "op": "cancel", "client_id": "x" }])), "market");
    check(
        asked_body(json!({ "kind": "guard", "cancel_after_us": 0, "on_disconect_us": 5 })),
        "on_disconect_us",
    );
    check(asked_body(json!({ "kind": "song" })), "body");
    // What no node would sequence is not signed either.
    let fee = json!({ "kind": "fee", "amount": "0" });
    let body: Body = serde_json::from_value(fee.clone()).unwrap();
    let prepared = honest(&signer().next(NOW, None, body).unwrap());
    let refused = signer().sign_prepared(NOW, &asked_body(fee), &markets(), &prepared);
    assert!(matches!(refused, Err(PreparedError::Sign(SignError::Body(_)))), "{refused:?}");
}

#[test]
fn operations_in_decimals_are_read() {
    use bandex_types::{MarketId, OrderRef, Side};
    let market = MarketId::new(1);
    let check = |given: Value, expected: Operation| {
        assert_eq!(orders::read(&given, &markets()), Ok(expected), "{given}");
    };
    let order = OrderRef { key: keypair(1).public(), seq: 4, op: 2 };
    check(self::order(), place(5));
    check(json!({ "op": "cancel", "order": order.to_string() }), Operation::Cancel { order });
    check(
        json!({ "op": "cancel", "client_id": "mine", "market": "BWT-BTC" }),
        Operation::CancelClient { market, client_id: "mine".to_owned() },
    );
    check(json!({ "op": "cancel_all" }), Operation::CancelAll { market: None, side: None });
    check(
        json!({ "op": "cancel_all", "market": "BWT-BTC", "side": "sell" }),
        Operation::CancelAll { market: Some(market), side: Some(Side::Sell) },
    );
}
