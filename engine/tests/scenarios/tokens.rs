//! Tokens: transfers, credit lines, and bandwidth that both sides sign.

use crate::kit::*;
use bandex_engine::{ProposalStatus, Refusal};
use bandex_tradechain::body::*;
use bandex_types::Side::Sell;
use bandex_types::{Amount, BlockId};

fn set_line(world: &mut World, name: &str, line: u64) {
    let account = world.account(name);
    world.configure(vec![Change::SetCreditLine { account, line: Amount::new(line) }]);
}

#[test]
fn only_free_tokens_move() {
    let mut world = World::with(&["alice", "bob"]);
    world.rest("alice", BWT_BTC, Sell, 5, 1_000);
    let outcome = world.transfer("alice", "bob", 90_001);
    let short = Refusal::InsufficientFree { needed: Amount::new(90_001), free: Amount::new(90_000) };
    assert_eq!(refusal(&outcome), Some(&short));
    assert_eq!(code(&world.transfer("alice", "bob", 90_000)), "done");
    assert_eq!((world.tokens("alice"), world.tokens("bob")), ((10_000, 10_000), (190_000, 0)));
}

#[test]
fn a_credit_line_is_how_far_below_zero_an_account_may_go() {
    let mut world = World::with(&["bob"]);
    world.register("alice");
    assert_eq!(code(&world.transfer("alice", "bob", 1)), "insufficient_free");
    set_line(&mut world, "alice", 50);
    assert_eq!(code(&world.transfer("alice", "bob", 40)), "done");
    world.rest("alice", BWT_BTC, Sell, 5, 1);
    assert_eq!(code(&world.transfer("alice", "bob", 1)), "insufficient_free");
    assert_eq!(world.tokens("alice"), (-40, 10));
    // A line that was cut takes nothing back.
    set_line(&mut world, "alice", 0);
    assert_eq!(code(&world.transfer("alice", "bob", 1)), "insufficient_free");
    assert_eq!(world.tokens("alice"), (-40, 10));
}

/// Two orders on a line without end: their locks fit 64 bits together, so the second is refused.
#[test]
fn locks_fit_64_bits_on_the_longest_line() {
    let mut world = World::with(&["alice", "bob"]);
    set_line(&mut world, "bob", u64::MAX);
    assert_eq!(code(&world.transfer("bob", "alice", u64::MAX)), "done");
    set_line(&mut world, "alice", u64::MAX);
    world.rest("alice", BWT_BTC, Sell, 0, u64::MAX / 10);
    let (_, outcome) = world.place("alice", crate::kit::acts::limit(BWT_BTC, Sell, 0, u64::MAX / 10));
    assert_eq!(code(&outcome), "insufficient_free");
}

#[test]
fn bandwidth_counts_when_the_other_side_has_signed() {
    let check = |payer, alice, bob| {
        let mut world = World::with(&["alice", "bob"]);
        let (proposal, outcome) = world.bandwidth("alice", "bob", payer, 30);
        let states = proposals(&outcome);
        assert_eq!((states[0].status, states[0].deal), (ProposalStatus::Waiting, None));
        assert_eq!([world.tokens("alice").0, world.tokens("bob").0], [100_000; 2], "nothing has moved");
        assert_eq!(code(&world.acknowledge("alice", proposal)), "not_counterparty");
        let outcome = world.acknowledge("bob", proposal);
        assert_eq!(proposals(&outcome)[0].status, ProposalStatus::Acknowledged);
        assert_eq!([world.tokens("alice").0, world.tokens("bob").0], [alice, bob]);
        assert_eq!(code(&world.acknowledge("bob", proposal)), "unknown_proposal");
    };
    check(Payer::Author, 99_970, 100_030);
    check(Payer::Counterparty, 100_030, 99_970);
}

#[test]
fn bandwidth_is_between_two_known_accounts() {
    let mut world = World::with(&["alice"]);
    assert_eq!(code(&world.bandwidth("alice", "alice", Payer::Author, 1).1), "to_self");
    let counterparty = bandex_types::AccountId::new([9; 32]);
    let tokens = Amount::new(1);
    let body = Bandwidth { counterparty, sent_bytes: 1, received_bytes: 0, payer: Payer::Author, tokens };
    assert_eq!(code(&world.send("alice", body)), "unknown_account");
}

#[test]
fn a_proposal_that_cannot_be_paid_waits_on() {
    let mut world = World::with(&["alice", "bob"]);
    let (proposal, outcome) = world.bandwidth("alice", "bob", Payer::Author, 100_001);
    assert_eq!(code(&outcome), "done", "balances are checked when it counts");
    assert_eq!(code(&world.acknowledge("bob", proposal)), "insufficient_free");
    world.transfer("bob", "alice", 1);
    assert_eq!(code(&world.acknowledge("bob", proposal)), "done");
    assert_eq!((world.tokens("alice").0, world.tokens("bob").0), (0, 200_000));
}

#[test]
fn an_unanswered_proposal_expires() {
    let mut world = World::with(&["alice", "bob"]);
    let proposal_us = world.engine.parameters().proposal_us;
    let (early, _) = world.bandwidth("alice", "bob", Payer::Author, 1);
    world.wait(1);
    let (late, _) = world.bandwidth("alice", "bob", Payer::Author, 2);
    assert_eq!(world.engine.next_deadline(), Some(world.now().plus(proposal_us - 1)));
    let outcome = world.tick(proposal_us - 1);
    let ended: Vec<(BlockId, ProposalStatus)> =
        proposals(&outcome).iter().map(|state| (state.proposal, state.status)).collect();
    assert_eq!(ended, [(early, ProposalStatus::Expired)]);
    assert_eq!(code(&world.acknowledge("bob", early)), "unknown_proposal");
    assert_eq!(code(&world.acknowledge("bob", late)), "done");
    assert_eq!(world.engine.next_deadline(), None);
    assert!(world.tick(proposal_us).events.is_empty(), "an answered proposal does not expire");
}

#[test]
fn a_proposal_cannot_be_answered_at_the_moment_it_expires() {
    let mut world = World::with(&["alice", "bob"]);
    let (proposal, _) = world.bandwidth("alice", "bob", Payer::Author, 1);
    world.wait(world.engine.parameters().proposal_us);
    assert_eq!(code(&world.acknowledge("bob", proposal)), "unknown_proposal");
}
