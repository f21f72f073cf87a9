//! Forks: by a session key until healed, by the root key for good, after the key's end evidence only.

use crate::kit::acts::{Grants, limit};
use crate::kit::*;
use bandex_engine::{CancelReason, Event, FreezeReason, KeyStatus, OrderStatus, Outcome, Refusal};
use bandex_tradechain::body::*;
use bandex_tradechain::{Command, ForkProof};
use bandex_types::Amount;
use bandex_types::Side::{Buy, Sell};

fn frozen(world: &World, name: &str) -> (Option<FreezeReason>, u64) {
    let state = world.engine.account(&world.account(name)).expect("it exists");
    (state.frozen, state.limit.get())
}

fn is_evidence(outcome: &Outcome) -> bool {
    outcome.events.iter().any(|event| matches!(event, Event::Fork(_)))
}

/// Alice has two bots; the first forks.
fn forked() -> World {
    let mut world = World::with(&["alice", "bob"]);
    world.grant("alice", "bot", Grants::default());
    world.grant("alice", "other", Grants::default());
    let orders = ["alice", "bot", "other"].map(|name| world.rest(name, BWT_BTC, Sell, 5, 10));
    let outcome = world.fork("bot");
    assert!(is_evidence(&outcome));
    for order in orders {
        assert_eq!(world.status(order), OrderStatus::Cancelled(CancelReason::AccountFrozen));
    }
    world
}

#[test]
fn a_fork_by_a_session_key_freezes_the_account_until_the_root_heals() {
    let mut world = forked();
    let reason = FreezeReason::SessionFork(key("bot"));
    assert_eq!(frozen(&world, "alice"), (Some(reason), 0));
    let place = |world: &mut World, name: &str| world.place(name, limit(BWT_BTC, Sell, 5, 10)).1;
    assert_eq!(code(&place(&mut world, "bot")), "key_forked");
    for name in ["alice", "other"] {
        assert_eq!(refusal(&place(&mut world, name)), Some(&Refusal::AccountFrozen { reason }));
    }
    assert_eq!(code(&world.heal("other", "bot")), "root_only");
    assert_eq!(code(&world.heal("bob", "bot")), "nothing_to_heal");
    assert_eq!(code(&world.heal("alice", "other")), "nothing_to_heal");
    assert_eq!(code(&world.set_frozen("alice", false)), "done");
    assert_eq!(frozen(&world, "alice"), (Some(reason), 0), "the operator thaws only what it froze");
    assert_eq!(code(&world.heal("alice", "bot")), "done");
    assert_eq!(frozen(&world, "alice"), (None, 10_000));
    assert_eq!(code(&world.heal("alice", "bot")), "nothing_to_heal");
    assert_eq!(code(&place(&mut world, "bot")), "key_forked", "the key itself stays frozen");
    assert_eq!(code(&place(&mut world, "other")), "done");
    assert_eq!(code(&world.revoke("alice", "bot")), "done");
    assert_eq!(world.engine.key(&key("bot")).unwrap().status, KeyStatus::Forked, "revoking hides no fork");
}

#[test]
fn two_forks_take_two_heals() {
    let mut world = forked();
    world.fork("other");
    assert_eq!(code(&world.heal("alice", "bot")), "done");
    assert_eq!(frozen(&world, "alice"), (Some(FreezeReason::SessionFork(key("other"))), 0));
    assert_eq!(code(&world.heal("alice", "other")), "done");
    assert_eq!(frozen(&world, "alice").0, None);
}

#[test]
fn a_fork_by_the_root_key_is_for_good() {
    let mut world = World::with(&["alice", "bob"]);
    world.grant("alice", "bot", Grants::default());
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
    let order = world.rest("bot", BWT_BTC, Sell, 200, 10);
    assert!(is_evidence(&world.fork("alice")));
    let reason = FreezeReason::RootFork(key("alice"));
    assert_eq!(frozen(&world, "alice"), (Some(reason), 0));
    assert_eq!(world.status(order), OrderStatus::Cancelled(CancelReason::AccountFrozen));
    assert_eq!(code(&world.rotate("alice", "anna")), "key_forked");
    assert_eq!(code(&world.heal("alice", "alice")), "key_forked");
    assert_eq!(code(&world.grant("alice", "more", Grants::default())), "key_forked");
    assert_eq!(code(&world.place("bot", limit(BWT_BTC, Sell, 5, 1)).1), "account_frozen");
    // Its session keys may still see its deals through.
    assert_eq!(code(&world.pay("bot", deal, 1, 500).1), "done");
    world.settle(deal, "bot", "bob");
    assert_eq!(world.tokens("alice"), (90_000, 0));
}

#[test]
fn a_fork_that_surfaces_after_the_key_has_ended_is_evidence_only() {
    type End = fn(&mut World);
    let check = |root: &str, end: End, status| {
        let mut world = World::with(&["alice", "bob"]);
        let expires = Some(world.now().plus(SECOND));
        world.grant("alice", "bot", Grants { expires, ..Grants::default() });
        let order = world.rest("alice", BWT_BTC, Sell, 5, 10);
        world.transfer("bot", "bob", 1);
        end(&mut world);
        let first = world.sent("bot")[0].clone();
        let proof = world.fork_proof("bot", &first);
        let outcome = world.apply(Command::Fork(proof));
        assert_eq!((code(&outcome), outcome.events.len(), is_evidence(&outcome)), ("done", 1, true));
        assert_eq!(frozen(&world, root), (None, 10_000));
        assert_eq!(world.status(order), OrderStatus::Open);
        assert_eq!(world.engine.key(&key("bot")).unwrap().status, status);
    };
    check("alice", |world| drop(world.revoke("alice", "bot")), KeyStatus::Revoked);
    check("alice", |world| world.wait(SECOND), KeyStatus::Active);
}

#[test]
fn an_old_root_cannot_freeze_the_account_either() {
    let mut world = World::with(&["alice"]);
    world.rotate("alice", "anna");
    let first = world.sent("alice")[0].clone();
    let proof = world.fork_proof("alice", &first);
    assert!(is_evidence(&world.apply(Command::Fork(proof))));
    assert_eq!(frozen(&world, "anna"), (None, 10_000));
    assert_eq!(world.engine.key(&key("alice")).unwrap().status, KeyStatus::Revoked);
}

#[test]
fn a_grant_that_still_runs_forks() {
    let mut world = World::with(&["alice", "bob"]);
    let expires = Some(world.now().plus(SECOND));
    world.grant("alice", "bot", Grants { expires, ..Grants::default() });
    world.wait(SECOND - 1);
    world.fork("bot");
    assert_eq!(frozen(&world, "alice").0, Some(FreezeReason::SessionFork(key("bot"))));
}

#[test]
fn a_second_proof_against_a_forked_key_changes_nothing_more() {
    let mut world = forked();
    world.heal("alice", "bot");
    let proof = world.fork_proof("bot", &world.sent("bot")[0].clone());
    let outcome = world.apply(Command::Fork(proof));
    assert_eq!((code(&outcome), outcome.events.len()), ("done", 1));
    assert_eq!(frozen(&world, "alice").0, None);
}

#[test]
fn two_blocks_prove_a_fork_only_against_what_was_sequenced() {
    let mut world = World::with(&["alice", "bob"]);
    world.transfer("alice", "bob", 1);
    let [register, transfer] = [0, 1].map(|index| world.sent("alice")[index].clone());
    let good = world.fork_proof("alice", &transfer);
    let unread = {
        let mut second = good.second.clone();
        second.payload.truncate(40);
        second
    };
    let stranger = world.fork_proof("stranger", &world.sign("stranger", Revoke { key: key("bob") }));
    let bobs = world.sent("bob")[0].clone();
    for (first, second, expected) in [
        (transfer.clone(), transfer.clone(), "no_fork"),
        (good.second.clone(), transfer.clone(), "no_fork"),
        (register.clone(), good.second.clone(), "no_fork"),
        (register, bobs, "no_fork"),
        (transfer, unread, "no_fork"),
        (stranger.first, stranger.second, "unknown_key"),
    ] {
        let outcome = world.apply(Command::Fork(ForkProof { first, second }));
        assert_eq!((code(&outcome), outcome.events.len()), (expected, 0));
    }
    assert_eq!(frozen(&world, "alice").0, None);
    assert_eq!(good.check(NETWORK), Ok((key("alice"), 2)));
    assert!(is_evidence(&world.apply(Command::Fork(good))));
}

#[test]
fn an_operator_key_that_forks_decides_nothing_more() {
    let mut world = World::with(&["alice"]);
    let proof = world.fork_proof("operator", &world.sent("operator")[0].clone());
    assert!(is_evidence(&world.apply(Command::Fork(proof))));
    let change = Change::Issue { to: world.account("alice"), amount: Amount::new(1) };
    assert_eq!(code(&world.configure(vec![change])), "key_forked");
    world.rest("alice", BWT_BTC, Buy, 5, 10);
}
