//! Epochs: what goes into the trust graph, what fades, and how scores come back.

use super::trust::{earning, terms};
use crate::kit::*;
use bandex_engine::{Event, Outcome};
use bandex_reputation::{Graph, Score};
use bandex_tradechain::body::*;
use bandex_tradechain::{Command, Scores};
use bandex_types::{Amount, AssetId, Hash};

const EPOCH: u64 = 100 * SECOND;

fn epochs(names: &[&str]) -> World {
    let mut world = earning(names);
    world.set_trust(TrustTerms { epoch_us: EPOCH, keep_ppm: 500_000, ..terms() });
    world
}

fn ended(outcome: &Outcome) -> Vec<(u64, u64)> {
    let pick = |event: &Event| match event {
        Event::Epoch { epoch, edges, .. } => Some((*epoch, *edges)),
        _ => None,
    };
    outcome.events.iter().filter_map(pick).collect()
}

fn position(world: &World, name: &str) -> u32 {
    world.engine.position(&world.account(name)).expect("it is there")
}

/// The edges of the last epoch's graph.
fn edges(world: &World) -> Vec<(u32, u32, u64)> {
    let last = world.engine.last_checkpoint().expect("an epoch has ended");
    last.graph.edges().map(|edge| (edge.from, edge.to, edge.value)).collect()
}

/// Bytes given, and a signature that they came.
fn serve(world: &mut World, from: &str, to: &str, sent: u64, tokens: u64, payer: Payer) {
    let counterparty = world.account(to);
    let body =
        Bandwidth { counterparty, sent_bytes: sent, received_bytes: 0, payer, tokens: Amount::new(tokens) };
    let signed = world.sign(from, body);
    let proposal = signed.id();
    assert_eq!(code(&world.apply_block(signed)), "done");
    assert_eq!(code(&world.acknowledge(to, proposal)), "done");
}

#[test]
fn epochs_end_on_the_clock_and_close_once_after_a_pause() {
    let mut world = epochs(&["alice", "bob"]);
    let first = START / EPOCH;
    let at = world.engine.next_deadline().expect("an epoch runs");
    assert_eq!(at.as_micros(), (first + 1) * EPOCH);
    assert!(world.engine.checkpoint().is_none() && world.engine.last_checkpoint().is_none());
    let rest = at.as_micros() - world.now().as_micros();
    assert_eq!(ended(&world.tick(rest - 1)), []);
    assert_eq!(ended(&world.tick(1)), [(first, 0)]);
    assert_eq!(ended(&world.tick(EPOCH * 7 + 5)), [(first + 7, 0)], "seven have passed, and one is told");
    assert_eq!(world.engine.next_deadline().map(|at| at.as_micros()), Some((first + 9) * EPOCH));
    world.set_trust(terms());
    assert_eq!(world.engine.next_deadline(), None, "no epochs any more");
    world.set_trust(TrustTerms { epoch_us: 2 * EPOCH, ..terms() });
    let next = world.engine.next_deadline().map(|at| at.as_micros() / (2 * EPOCH));
    assert_eq!(next, Some(world.now().as_micros() / (2 * EPOCH) + 1));
}

#[test]
fn bandwidth_on_credit_counts_when_it_is_repaid() {
    let mut world = epochs(&["alice", "bob"]);
    let (alice, bob) = (position(&world, "alice"), position(&world, "bob"));
    serve(&mut world, "alice", "bob", 1_000, 0, Payer::Author);
    world.tick(EPOCH);
    assert_eq!(edges(&world), [], "credit alone is no trust");
    serve(&mut world, "bob", "alice", 300, 0, Payer::Author);
    world.tick(EPOCH);
    assert_eq!(edges(&world), [(alice, bob, 3_000)], "300 bytes came back, worth ten each");
    // Tokens for more than the bytes of the record pay off the rest; what goes beyond is alice's to honour.
    serve(&mut world, "alice", "bob", 100, 900, Payer::Counterparty);
    world.tick(EPOCH);
    assert_eq!(edges(&world), [(alice, bob, 1_500 + 7_000)]);
    serve(&mut world, "alice", "bob", 40, 0, Payer::Author);
    world.tick(EPOCH);
    assert_eq!(edges(&world), [(alice, bob, 4_250), (bob, alice, 400)]);
    world.configure(vec![Change::SetRate { asset: AssetId::BWT, rate: None }]);
    serve(&mut world, "alice", "bob", 40, 0, Payer::Author);
    world.tick(EPOCH);
    assert_eq!(edges(&world), [(alice, bob, 2_125), (bob, alice, 200)], "worth nothing without a rate");
}

#[test]
fn tokens_repay_whoever_writes_the_record() {
    let mut world = epochs(&["alice", "bob"]);
    let (alice, bob) = (position(&world, "alice"), position(&world, "bob"));
    serve(&mut world, "alice", "bob", 1_000, 0, Payer::Author);
    serve(&mut world, "bob", "alice", 1, 300, Payer::Author);
    world.tick(EPOCH);
    assert_eq!(edges(&world), [(alice, bob, 3_010)], "300 tokens and a byte");
}

#[test]
fn what_is_paid_at_once_is_no_credit() {
    let mut world = epochs(&["alice", "bob"]);
    serve(&mut world, "alice", "bob", 1_000, 1_000, Payer::Counterparty);
    serve(&mut world, "bob", "alice", 500, 500, Payer::Counterparty);
    world.tick(EPOCH);
    assert_eq!(edges(&world), []);
}

#[test]
fn settled_tranches_are_edges() {
    let mut world = epochs(&["alice", "bob"]);
    let (alice, bob) = (position(&world, "alice"), position(&world, "bob"));
    world.set_limit("alice", Some(1_000));
    world.set_limit("bob", Some(1_000));
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 100);
    world.settle(deal, "alice", "bob");
    world.tick(EPOCH);
    let found = edges(&world);
    let value =
        |from, to| found.iter().find(|edge| (edge.0, edge.1) == (from, to)).map_or(0, |(_, _, value)| *value);
    // The seller moves first: the buyer pays back all that it owed, and so does the seller what was paid ahead.
    let quote = world.deal_state(deal).deal.terms().quote_total.get();
    assert!(value(alice, bob) > 0 && value(bob, alice) > 0, "{found:?}");
    assert_eq!(value(alice, bob) + value(bob, alice), quote, "each unit was once at risk: {found:?}");
}

#[test]
fn scores_come_once_for_the_epoch_that_is_due() {
    let mut world = epochs(&["alice", "bob", "carol"]);
    world.set_seed("alice", true);
    serve(&mut world, "alice", "bob", 1_000, 0, Payer::Author);
    serve(&mut world, "bob", "alice", 1_000, 0, Payer::Author);
    serve(&mut world, "bob", "carol", 500, 0, Payer::Author);
    serve(&mut world, "carol", "bob", 500, 0, Payer::Author);
    world.fee("bob", 1_000);
    world.fee("carol", 7);
    let none = Scores { epoch: 0, checkpoint: Hash::ZERO, scores: Vec::new() };
    assert_eq!(code(&world.apply(Command::Scores(none))), "misplaced");
    world.tick(EPOCH);
    let right = world.scores();
    assert_eq!(right, world.engine.checkpoint().expect("due").scores(), "anybody computes the same");
    let forged = |world: &mut World, scores: Scores| {
        assert_eq!(code(&world.apply(Command::Scores(scores.clone()))), "misplaced", "{scores:?}");
    };
    forged(&mut world, Scores { epoch: right.epoch + 1, ..right.clone() });
    forged(&mut world, Scores { checkpoint: Hash::ZERO, ..right.clone() });
    for scores in [
        vec![(2, 5), (1, 5)],
        vec![(1, 5), (1, 5)],
        vec![(0, 5)],
        vec![(4, 5)],
        vec![(1, 0)],
        vec![(1, 1_000_000_001)],
    ] {
        forged(&mut world, Scores { scores, ..right.clone() });
    }
    let outcome = world.apply(Command::Scores(right.clone()));
    assert_eq!(code(&outcome), "done");
    assert!(outcome.events.iter().any(|event| matches!(event, Event::Scored { .. })));
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.trust(name));
    assert_eq!(alice.score_ppb, Score::MAX.ppb(), "every walk begins at the seed");
    assert!(bob.score_ppb > carol.score_ppb && carol.score_ppb > 0);
    assert_eq!((bob.fees.get(), carol.fees.get()), (500, 3), "fees fade with the edges");
    assert_eq!(bob.limit.earned, bob.limit.reputation.min(bob.limit.fees));
    forged(&mut world, right.clone());
    // The last checkpoint stays, for whoever asks from another account's point of view.
    assert!(world.engine.checkpoint().is_none());
    let last = world.engine.last_checkpoint().expect("it stays");
    let seen = last.personal(position(&world, "bob"));
    assert!(seen.iter().any(|(account, _)| *account == position(&world, "carol")));
    // Without seeds nobody has a score, and those of before are gone.
    world.set_seed("alice", false);
    world.tick(EPOCH);
    let scores = world.scores();
    assert_eq!(scores.scores, []);
    assert_eq!(code(&world.apply(Command::Scores(scores))), "done");
    assert_eq!(world.trust("bob").score_ppb, 0);
}

#[test]
fn scores_that_never_came_are_made_up_for() {
    let mut world = epochs(&["alice"]);
    world.fee("alice", 1_000);
    world.tick(EPOCH);
    world.tick(2 * EPOCH);
    let scores = world.scores();
    assert_eq!(code(&world.apply(Command::Scores(scores))), "done");
    assert_eq!(world.trust("alice").fees.get(), 125, "halved for each of three epochs");
    let paid = world.trust("alice");
    assert!(paid.admitted);
}

#[test]
fn whoever_defaults_has_no_score_until_honoured_again() {
    let mut world = epochs(&["alice", "bob"]);
    world.set_seed("alice", true);
    for name in ["alice", "bob"] {
        world.set_limit(name, Some(1_000));
    }
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 100);
    for _ in 0..3 {
        world.move_on(deal, "alice", "bob");
    }
    world.tick(EPOCH);
    let bob = position(&world, "bob");
    assert!(defaults(&world.tick(1)).is_empty());
    assert!(edges(&world).iter().all(|(_, to, _)| *to != bob), "nobody vouches for a defaulter");
    let scores = world.scores();
    assert!(scores.scores.iter().all(|(account, _)| *account != bob));
    let forged = Scores { scores: vec![(bob, 5)], ..scores };
    assert_eq!(code(&world.apply(Command::Scores(forged))), "done", "that is for the audit to judge");
    assert_eq!(world.trust("bob").score_ppb, 0);
}

#[test]
fn an_empty_graph_is_a_graph() {
    let mut world = epochs(&["alice"]);
    world.tick(EPOCH);
    assert_eq!(*world.engine.checkpoint().expect("due").graph, Graph::default());
}
