//! Keys by the command line: what a session key may do, blocks for REST, trials, and what mends a fork.

mod venue;

use serde_json::{Value, json};
use std::fs;
use venue::Venue;

/// An order to sell a BWT, as POST /v1/blocks/prepare takes it, in a file.
fn asked(venue: &Venue, name: &str, price: &str) -> String {
    let order =
        json!({ "op": "place", "market": "BWT-BTC", "side": "sell", "price": price, "quantity": "1" });
    let path = venue.path(name);
    fs::write(&path, json!({ "orders": [order] }).to_string()).expect("the folder is ours");
    path
}

/// Has a block prepared and signs it, into a file.
fn signed(venue: &Venue, key: &str, asked: &str) -> String {
    let block = venue.json(&format!("prepare --key {key} {asked}"));
    let path = format!("{asked}.signed");
    fs::write(&path, block.to_string()).expect("the folder is ours");
    path
}

fn session_key(venue: &Venue, root: &str, name: &str, terms: &str) -> String {
    let key = venue.path(name);
    venue.text(&format!("key new --key {key}"));
    venue.text(&format!("key grant --key {root} --session {key} --scope orders {terms}"));
    key
}

#[test]
fn a_session_key_may_do_what_it_was_granted() {
    let venue = Venue::open();
    let root = venue.trader("root.key");
    let terms = "--market BWT-BTC --largest 0.0000005 --expires 2h";
    let session = session_key(&venue, &root, "session.key", terms);
    let grants: Value = serde_json::from_str(&venue.text(&format!("get /v1/grants --key {root}"))).unwrap();
    let granted = grants["grants"].as_array().unwrap().iter().find(|grant| grant["root"] == false).unwrap();
    assert_eq!(granted["markets"], json!(["BWT-BTC"]));
    assert_eq!(granted["largest_notional"], "50000");
    assert!(granted["expires_us"].is_u64(), "{granted}");
    let place = |words: &str| format!("order place --key {session} --side sell --price 0.0000004 {words}");
    let refused = venue.refused(&place("--quantity 2"));
    assert!(refused.contains("above_grant"), "{refused}");
    // A trial says the same, and uses nothing up: not at the exchange, and not in the lane.
    let lane = || fs::read(format!("{session}.lane")).unwrap();
    let before = lane();
    let refused = venue.refused(&place("--quantity 2 --dry-run"));
    assert!(refused.contains("above_grant"), "{refused}");
    for _ in 0..2 {
        let tried = venue.text(&place("--quantity 1 --dry-run"));
        assert!(
            tried.contains("nothing is recorded") && tried.contains("open at 0.0000004  filled 0"),
            "{tried}"
        );
    }
    assert_eq!(venue.json(&place("--quantity 1 --dry-run"))["dry_run"], true);
    let tries = [
        "quote --bid 0.0000003:1 --ask 0.0000005:1",
        "protect --quantity 5 --window 1s",
        "guard --cancel-after 30s",
        "cancel --all",
    ];
    for words in tries {
        let tried = venue.text(&format!("order {words} --key {session} --dry-run"));
        assert!(tried.contains("nothing is recorded"), "{words}: {tried}");
    }
    assert_eq!(lane(), before);
    assert_eq!(venue.json(&format!("order list --key {session}"))["orders"], json!([]));
    let placed = venue.text(&place("--quantity 1"));
    let order = placed.split_whitespace().last().unwrap();
    let tried = venue.text(&format!("order cancel {order} --key {session} --dry-run"));
    assert!(tried.contains("nothing is recorded"), "{tried}");
    venue.text(&format!("order amend {order} --key {session} --price 0.00000041 --dry-run"));
    let orders = venue.json(&format!("order list --key {session}"))["orders"].clone();
    assert_eq!((orders.as_array().map(Vec::len), &orders[0]["price"]), (Some(1), &json!("0.0000004")));
}

#[test]
fn blocks_for_rest_take_their_place_and_a_fork_is_healed() {
    let venue = Venue::open();
    let root = venue.trader("root.key");
    let session = session_key(&venue, &root, "session.key", "");
    // A prepared block is posted by whoever likes; if nobody does, the key's next command sends it.
    let posted = signed(&venue, &session, &asked(&venue, "first", "0.0000004"));
    let reply: Value = serde_json::from_str(&venue.text(&format!("post /v1/blocks {posted}"))).unwrap();
    assert_eq!(reply["operations"][0]["status"], "open");
    signed(&venue, &session, &asked(&venue, "second", "0.0000005"));
    let open = |key: &str| {
        let orders = venue.json(&format!("order list --key {key}"))["orders"].clone();
        orders.as_array().map(Vec::len)
    };
    assert_eq!(open(&session), Some(2));
    // Two programs with the same key and lane sign two blocks for one place.
    let twin = venue.path("twin.key");
    for (from, to) in [(session.clone(), twin.clone()), (format!("{session}.lane"), format!("{twin}.lane"))] {
        fs::copy(from, to).unwrap();
    }
    let one = signed(&venue, &session, &asked(&venue, "third", "0.0000006"));
    let other = signed(&venue, &twin, &asked(&venue, "fourth", "0.0000007"));
    let kept: Value = serde_json::from_str(&venue.text(&format!("post /v1/blocks {one}"))).unwrap();
    let forked = venue.refused(&format!("post /v1/blocks {other}"));
    assert!(forked.contains("fork"), "{forked}");
    let place = |key: &str| format!("order place --key {key} --side sell --price 0.0000004 --quantity 1");
    let frozen = venue.refused(&place(&root));
    assert!(frozen.contains("frozen"), "{frozen}");
    // The root key heals and goes on, and hands over to another at last.
    let (key, keep) =
        (venue.json(&format!("key show --key {session}"))["key"].clone(), kept["block_id"].clone());
    let (key, keep) = (key.as_str().unwrap(), keep.as_str().unwrap());
    venue.text(&format!("key heal {key} --keep {keep} --key {root}"));
    venue.text(&place(&root));
    let again = venue.refused(&format!("key heal {key} --keep {keep} --key {root}"));
    assert!(again.contains("heal"), "{again}");
    let next = venue.path("next.key");
    venue.text(&format!("key new --key {next}"));
    let rotated = venue.json(&format!("key rotate {next} --key {root}"));
    assert_eq!(rotated["key"], venue.json(&format!("key show --key {next}"))["key"]);
    venue.text(&place(&next));
    venue.refused(&place(&root));
}
