//! Accounts and their keys: register, rotate, grant, revoke.

use crate::kit::acts::{Grants, limit};
use crate::kit::*;
use bandex_engine::{CancelReason, KeyStatus, OrderStatus, Refusal, Standing};
use bandex_tradechain::body::*;
use bandex_types::Side::{Buy, Sell};
use bandex_types::{AccountId, Amount};

#[test]
fn registering_takes_work_this_home_and_a_new_key() {
    let mut world = World::with(&["alice"]);
    let refused = |world: &mut World, signed, code: &str| {
        let Standing::Refused(refusal) = world.standing(&signed) else {
            panic!("{code} is said before sequencing")
        };
        assert_eq!(refusal.code(), code);
        assert_eq!(codes(&world.force(signed)), [code]);
    };
    let signed = world.registration("bob", false);
    refused(&mut world, signed, "too_little_work");
    let signed = world.sign("bob", Register { home: key("bob"), nonce: 0 });
    refused(&mut world, signed, "other_home");
    let signed = world.registration("node", true);
    refused(&mut world, signed, "key_taken");
    let mut late = world.next_block("bob", Register { home: key("node"), nonce: 0 });
    late.expiry = Some(world.now());
    // Sequenced time may not have passed it yet: what counts is when the block would be sequenced.
    let signed = late.sign(&pair("bob"));
    let (at, id) = (world.engine.time(), signed.id());
    assert_eq!(world.engine.standing(&late, id, at), Standing::Refused(Refusal::TooLittleWork { bits: 8 }));
    let expired = world.engine.standing(&late, id, at.plus(1));
    assert!(matches!(expired, Standing::Refused(Refusal::Expired { .. })), "{expired:?}");
    world.tick(1);
    refused(&mut world, signed, "expired");
    assert_eq!(world.engine.key(&key("bob")), None);
    let signed = world.registration("bob", true);
    world.apply_block(signed.clone());
    assert_eq!(world.account("bob"), AccountId::from(signed.id()));
    assert_eq!(world.engine.account_count(), 3, "the issuance account, alice and bob");
}

#[test]
fn a_block_is_good_until_its_expiry_and_takes_its_place_after_it_too() {
    let mut world = World::with(&["alice"]);
    let send = |world: &mut World, expiry| {
        let mut block = world.next_block("alice", Bond { amount: Amount::new(1) });
        block.expiry = Some(expiry);
        world.wait(1);
        code(&world.apply_block(block.sign(&pair("alice"))))
    };
    let next = world.now().plus(1);
    assert_eq!(send(&mut world, next), "done", "it is judged");
    let now = world.now();
    assert_eq!(send(&mut world, now), "expired");
    assert_eq!(world.engine.head(&key("alice")).unwrap().seq, 3);
}

#[test]
fn registering_twice_is_a_duplicate_or_a_fork() {
    let mut world = World::with(&["alice"]);
    let first = world.sent("alice")[0].clone();
    let record = world.engine.seq() - 1;
    assert_eq!(world.standing(&first), Standing::Duplicate { record });
    let again = world.next_block("alice", Register { home: key("node"), nonce: 1 });
    let again = bandex_tradechain::Block { seq: 1, previous: bandex_types::BlockId::ZERO, ..again };
    assert_eq!(world.standing(&again.sign(&pair("alice"))), Standing::Fork { record });
    assert_eq!(codes(&world.force(first)), ["key_taken"]);
}

#[test]
fn without_work_bits_any_nonce_serves() {
    let mut world = World::new();
    let parameters = Parameters { register_work_bits: 0, ..Parameters::default() };
    world.configure(vec![Change::SetParameters(parameters)]);
    assert_eq!(code(&world.send("bob", Register { home: key("node"), nonce: 0 })), "done");
}

#[test]
fn a_new_root_takes_over_and_the_old_one_ends() {
    let mut world = World::with(&["alice", "bob"]);
    let order = world.rest("alice", BWT_BTC, Sell, 5, 10);
    world.grant("alice", "bot", Grants::default());
    assert_eq!(code(&world.rotate("alice", "bob")), "key_taken");
    assert_eq!(code(&world.rotate("alice", "node")), "key_taken");
    assert_eq!(code(&world.rotate("alice", "anna")), "done");
    assert_eq!(world.account("anna"), world.account("alice"));
    assert_eq!(code(&world.transfer("alice", "bob", 1)), "key_revoked");
    assert_eq!(code(&world.rotate("alice", "again")), "key_revoked");
    assert_eq!(world.status(order), OrderStatus::Open);
    assert_eq!(code(&world.cancel("anna", order)), "done");
    assert_eq!(code(&world.transfer("bot", "bob", 1)), "done");
    assert_eq!(code(&world.revoke("anna", "bot")), "done");
    assert_eq!(code(&world.revoke("anna", "alice")), "unknown_key", "only session keys are revoked");
    let [old, new] = ["alice", "anna"].map(|name| world.engine.key(&key(name)).unwrap());
    assert_eq!(
        (old.root, old.status, new.root, new.status),
        (true, KeyStatus::Revoked, true, KeyStatus::Active)
    );
}

/// Which code a key with these scopes gets for each kind of block.
#[test]
fn scopes_say_what_a_session_key_may_do() {
    let check = |scopes: Scopes, expected: [&str; 5]| {
        let mut world = World::with(&["alice", "bob"]);
        world.grant("alice", "bot", Grants { scopes, ..Grants::default() });
        let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
        let (proposal, _) = world.bandwidth("bob", "alice", Payer::Counterparty, 7);
        let found = [
            world.place("bot", limit(BWT_BTC, Sell, 9, 10)).1,
            world.pay("bot", deal, 1, 500).1,
            world.transfer("bot", "bob", 1),
            world.bandwidth("bot", "bob", Payer::Author, 1).1,
            world.acknowledge("bot", proposal),
        ];
        assert_eq!(found.map(|outcome| code(&outcome)), expected, "{scopes:?}");
        let (proposal, _) = world.pay("bob", deal, 2, 5_000);
        let settles = if scopes.covers(Scopes::SETTLE) { "done" } else { "out_of_scope" };
        if world.deal_state(deal).deal.in_flight().is_some() {
            assert_eq!(code(&world.acknowledge("bot", proposal)), settles);
        }
        assert_eq!(code(&world.acknowledge("bot", bandex_types::BlockId::ZERO)), "unknown_proposal");
    };
    let none = "out_of_scope";
    check(Scopes::ORDERS, ["done", none, none, none, none]);
    check(Scopes::SETTLE, [none, "done", none, none, none]);
    check(Scopes::TOKENS, [none, none, "done", "done", "done"]);
    check(Scopes::ALL, ["done"; 5]);
}

#[test]
fn no_session_key_rules_over_keys() {
    let mut world = World::with(&["alice"]);
    world.grant("alice", "bot", Grants::default());
    assert_eq!(code(&world.grant("bot", "other", Grants::default())), "root_only");
    assert_eq!(code(&world.revoke("bot", "bot")), "root_only");
    assert_eq!(code(&world.rotate("bot", "other")), "root_only");
    assert_eq!(code(&world.heal("bot", "bot")), "root_only");
    let parameters = world.engine.parameters().clone();
    let configure = Configure { changes: vec![Change::SetParameters(parameters)] };
    assert_eq!(code(&world.send("bot", configure)), "not_operator");
}

#[test]
fn a_grant_bounds_markets_size_and_time() {
    let mut world = World::with(&["alice", "bob"]);
    let grants = Grants {
        markets: vec![BWT_BTC],
        largest_notional: Some(Amount::new(50)),
        expires: Some(world.now().plus(SECOND)),
        ..Grants::default()
    };
    world.grant("alice", "bot", grants);
    let mut check = |place, expected| {
        let outcome = world.place("bot", place).1;
        assert_eq!(code(&outcome), expected, "{outcome:?}");
    };
    check(limit(BTC_BWT, Sell, 1, 1), "market_not_granted");
    check(limit(BWT_BTC, Sell, 10, 10), "done");
    check(limit(BWT_BTC, Sell, 10, 11), "above_grant");
    check(limit(BWT_BTC, Buy, 1, 100), "done");
    check(limit(BWT_BTC, Buy, 1, 101), "above_grant");
    world.wait(SECOND - 1);
    assert_eq!(code(&world.place("bot", limit(BWT_BTC, Sell, 10, 1)).1), "done");
    world.wait(1);
    assert_eq!(code(&world.place("bot", limit(BWT_BTC, Sell, 10, 1)).1), "grant_expired");
}

/// A sell trades at the bids, so its limit says nothing about what it may come to.
#[test]
fn a_sell_far_below_the_bids_does_not_slip_under_the_grant() {
    let mut world = World::with(&["alice", "bob"]);
    world.grant("alice", "bot", Grants { largest_notional: Some(Amount::new(50)), ..Grants::default() });
    world.rest("bob", BWT_BTC, Buy, 10, 100);
    let (_, outcome) = world.place("bot", limit(BWT_BTC, Sell, 0, 11));
    let (notional, largest) = (Amount::new(55), Amount::new(50));
    assert_eq!(refusal(&outcome), Some(&Refusal::AboveGrant { notional, largest }));
    assert_eq!(code(&world.place("bot", limit(BWT_BTC, Sell, 0, 10)).1), "done");
}

#[test]
fn revoking_takes_that_keys_orders_off_and_no_others() {
    let mut world = World::with(&["alice", "bob"]);
    world.grant("alice", "bot", Grants::default());
    world.grant("bob", "drone", Grants::default());
    let [own, bots, bobs] = ["alice", "bot", "bob"].map(|name| world.rest(name, BWT_BTC, Sell, 5, 10));
    assert_eq!(world.tokens("alice"), (100_000, 200));
    assert_eq!(code(&world.revoke("alice", "drone")), "unknown_key");
    assert_eq!(code(&world.revoke("alice", "nobody")), "unknown_key");
    assert_eq!(code(&world.revoke("alice", "bot")), "done");
    assert_eq!(world.status(bots), OrderStatus::Cancelled(CancelReason::KeyEnded));
    assert_eq!([own, bobs].map(|order| world.status(order)), [OrderStatus::Open, OrderStatus::Open]);
    assert_eq!(world.tokens("alice"), (100_000, 100));
    assert_eq!(code(&world.revoke("alice", "bot")), "key_revoked");
    assert_eq!(code(&world.place("bot", limit(BWT_BTC, Sell, 5, 1)).1), "key_revoked");
    assert_eq!(code(&world.grant("alice", "bot", Grants::default())), "key_taken", "a key has one life");
}
