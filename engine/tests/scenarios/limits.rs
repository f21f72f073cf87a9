//! Limits: how much is reserved, who is refused, who is taken off the book, who is passed over.

use crate::kit::acts::limit;
use crate::kit::*;
use bandex_engine::{CancelReason, OrderStatus, Refusal};
use bandex_tradechain::body::*;
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Amount, TimeInForce};

#[test]
fn a_deal_draws_a_share_of_what_is_free_on_both_sides() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let caps = |world: &World, deal| {
        let state = world.deal_state(deal);
        (state.deal.terms().seller_cap.get(), state.deal.terms().buyer_cap.get())
    };
    let first = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
    assert_eq!(caps(&world, first), (2_500, 2_500), "a quarter of 10,000 on each");
    let second = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
    assert_eq!(caps(&world, second), (1_875, 1_875), "a quarter of the 7,500 that are left");
    let small = world.deal(BWT_BTC, "alice", "carol", 2, 10);
    assert_eq!(caps(&world, small), (10, 10), "never more than the deal is worth");
    assert_eq!(world.reserved("alice"), (2_500 + 1_875 + 10, 10_000));
    world.settle(first, "alice", "bob");
    assert_eq!(world.reserved("alice"), (1_875 + 10, 10_000), "settling releases");
    world.settle(second, "alice", "bob");
    assert_eq!(world.reserved("bob"), (0, 10_000));
}

#[test]
fn an_own_cap_bounds_what_the_other_may_owe() {
    let mut world = World::with(&["alice", "bob"]);
    let careful = Place { own_cap: Some(Amount::new(30)), ..limit(BWT_BTC, Sell, 100, 1_000) };
    world.place("alice", careful);
    let (_, outcome) = world.place("bob", limit(BWT_BTC, Buy, 100, 1_000));
    let state = world.deal_state(trades(&outcome)[0].deal);
    assert_eq!((state.deal.terms().seller_cap.get(), state.deal.terms().buyer_cap.get()), (30, 2_500));
    assert_eq!((world.reserved("bob").0, world.reserved("alice").0), (30, 2_500));
}

#[test]
fn a_taker_with_nothing_left_is_refused_and_may_rest() {
    let mut world = World::with(&["alice", "bob"]);
    world.rest("alice", BWT_BTC, Sell, 5, 10);
    world.set_limit("bob", Some(3));
    for time_in_force in [TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok] {
        let (_, outcome) = world.place("bob", Place { time_in_force, ..limit(BWT_BTC, Buy, 5, 10) });
        assert_eq!(code(&outcome), "limit_reached");
        let told = refusal(&outcome).expect("it was refused").to_string();
        assert!(told.contains("the limit is 3, set by the operator"), "{told}");
        assert!(outcome.events.is_empty());
    }
    world.rest("bob", BWT_BTC, Buy, 4, 10);
}

#[test]
fn a_taker_that_runs_out_between_two_fills_keeps_the_first() {
    let mut world = World::with(&["alice", "bob"]);
    world.set_limit("bob", Some(40));
    world
        .configure(vec![Change::SetParameters(Parameters { share_ppm: 1_000_000, ..Parameters::default() })]);
    let [first, second] = [20, 20].map(|quantity| world.rest("alice", BWT_BTC, Sell, 5, quantity));
    let (order, outcome) = world.place("bob", limit(BWT_BTC, Buy, 5, 40));
    assert_eq!((code(&outcome), trades(&outcome).len()), ("done", 1));
    assert_eq!(world.reserved("bob"), (40, 40));
    assert_eq!(world.status(order), OrderStatus::Cancelled(CancelReason::LimitExhausted));
    assert_eq!([first, second].map(|order| world.status(order)), [OrderStatus::Filled, OrderStatus::Open]);
}

/// The caps differ: Alice may let Bob owe all of his limit, Bob lets her owe 10. What the first fill reserves of his
/// limit the second cannot.
#[test]
fn fills_of_one_order_draw_on_the_limit_of_whoever_may_owe() {
    let mut world = World::with(&["alice", "bob"]);
    world
        .configure(vec![Change::SetParameters(Parameters { share_ppm: 1_000_000, ..Parameters::default() })]);
    world.set_limit("bob", Some(40));
    world.rest("alice", BWT_BTC, Sell, 5, 20);
    world.rest("alice", BWT_BTC, Sell, 5, 20);
    let wary = Place { own_cap: Some(Amount::new(10)), ..limit(BWT_BTC, Buy, 5, 40) };
    let (order, outcome) = world.place("bob", wary);
    assert_eq!(trades(&outcome).len(), 1);
    assert_eq!((world.reserved("bob").0, world.reserved("alice").0), (40, 10));
    assert_eq!(world.status(order), OrderStatus::Cancelled(CancelReason::LimitExhausted));
}

/// A fill-or-kill order tries all its makers before it trades with any; what it reserves in the trial counts there.
#[test]
fn a_fok_order_that_runs_out_in_the_trial_changes_nothing() {
    let mut world = World::with(&["alice", "bob"]);
    world.set_limit("bob", Some(40));
    world
        .configure(vec![Change::SetParameters(Parameters { share_ppm: 1_000_000, ..Parameters::default() })]);
    for _ in 0..2 {
        world.rest("alice", BWT_BTC, Sell, 5, 20);
    }
    let fok = |quantity| Place { time_in_force: TimeInForce::Fok, ..limit(BWT_BTC, Buy, 5, quantity) };
    let (_, outcome) = world.place("bob", fok(40));
    assert_eq!((code(&outcome), outcome.events.len()), ("limit_reached", 0));
    assert_eq!(world.reserved("bob").0, 0);
    let (order, _) = world.place("bob", fok(20));
    assert_eq!(world.status(order), OrderStatus::Filled, "the trial reserved nothing for good");
}

#[test]
fn a_maker_with_nothing_left_leaves_the_book() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let broke = world.rest("alice", BWT_BTC, Sell, 5, 10);
    let sound = world.rest("carol", BWT_BTC, Sell, 6, 10);
    world.set_limit("alice", Some(3));
    let (order, outcome) = world.place("bob", limit(BWT_BTC, Buy, 6, 10));
    assert_eq!(world.status(broke), OrderStatus::Cancelled(CancelReason::LimitExhausted));
    assert_eq!(world.tokens("alice").1, 0);
    assert_eq!([sound, order].map(|order| world.status(order)), [OrderStatus::Filled, OrderStatus::Filled]);
    assert_eq!(trades(&outcome).len(), 1);
}

/// A pair whose caps are below the smallest tranche is passed over; both stay as they are, so the taker may not rest
/// across it.
#[test]
fn a_pair_below_the_smallest_tranche_is_passed_over() {
    let check = |own_cap, time_in_force, expected: &str, status: Option<CancelReason>| {
        let mut world = World::with(&["alice", "bob"]);
        world.set_limit("alice", Some(16));
        world.set_limit("bob", Some(16));
        let maker = world.rest("alice", BWT_BTC, Sell, 5, 10);
        let own_cap = Some(Amount::new(own_cap));
        let (order, outcome) =
            world.place("bob", Place { own_cap, time_in_force, ..limit(BWT_BTC, Buy, 5, 10) });
        assert_eq!(code(&outcome), expected);
        match status {
            Some(reason) => assert_eq!(world.status(order), OrderStatus::Cancelled(reason)),
            None if expected == "done" => assert_eq!(world.status(order), OrderStatus::Filled),
            None => {}
        }
        let stays = if trades(&outcome).is_empty() { OrderStatus::Open } else { OrderStatus::Filled };
        assert_eq!(world.status(maker), stays);
    };
    // Each may draw 4 on the other: 8 together, below the smallest tranche of 10.
    check(9, TimeInForce::Gtc, "done", Some(CancelReason::WouldCross));
    check(9, TimeInForce::Ioc, "done", Some(CancelReason::Unfilled));
    check(9, TimeInForce::Fok, "fok_unfilled", None);
    let mut world = World::with(&["alice", "bob"]);
    world.set_limit("alice", Some(24));
    world.set_limit("bob", Some(16));
    let maker = world.rest("alice", BWT_BTC, Sell, 5, 10);
    world.place("bob", limit(BWT_BTC, Buy, 5, 10));
    assert_eq!(world.status(maker), OrderStatus::Filled, "6 and 4 are the smallest tranche");
}

#[test]
fn a_deal_below_the_smallest_tranche_needs_only_itself() {
    let mut world = World::with(&["alice", "bob"]);
    world.set_limit("alice", Some(16));
    world.set_limit("bob", Some(16));
    let deal = world.deal(BWT_BTC, "alice", "bob", 1, 10);
    assert_eq!(world.deal_state(deal).deal.terms().quote_total, Amount::new(5));
    world.settle(deal, "alice", "bob");
}

#[test]
fn two_that_trust_nothing_do_not_trade() {
    let mut world = World::with(&["alice", "bob"]);
    let wary = |side| Place { own_cap: Some(Amount::ZERO), ..limit(BWT_BTC, side, 5, 10) };
    let (maker, _) = world.place("alice", wary(Sell));
    let (taker, outcome) = world.place("bob", wary(Buy));
    assert!(trades(&outcome).is_empty());
    assert_eq!(world.status(maker), OrderStatus::Open);
    assert_eq!(world.status(taker), OrderStatus::Cancelled(CancelReason::WouldCross));
}

/// Open bids and unsettled purchases together stay within a multiple of the limit; here a thousand times 10.
#[test]
fn bids_are_bounded() {
    let mut world = World::with(&["alice", "bob"]);
    world.set_limit("bob", Some(10));
    let over =
        |notional| Refusal::BidsAboveBound { notional: Amount::new(notional), bound: Amount::new(10_000) };
    let (_, outcome) = world.place("bob", limit(BWT_BTC, Buy, 20, 1_001));
    assert_eq!(refusal(&outcome), Some(&over(10_010)));
    let order = world.rest("bob", BWT_BTC, Buy, 20, 1_000);
    let (_, outcome) = world.place("bob", limit(EUR_BTC, Buy, 1, 2));
    assert_eq!(refusal(&outcome), Some(&over(10_001)), "the bound is one over all markets");
    assert_eq!(
        code(&world.place("bob", limit(BTC_BWT, Buy, 20, 1_000)).1),
        "done",
        "bids of tokens lock them"
    );
    assert_eq!(code(&world.place("bob", limit(BWT_BTC, Sell, 30, 1_000)).1), "done", "so do asks");
    assert_eq!(
        code(&world.place("bob", limit(BWT_BTC, Buy, 0, 1_000)).1),
        "done",
        "a bid of nothing costs nothing"
    );
    world.cancel("bob", order);
    world.rest("bob", BWT_BTC, Buy, 20, 1_000);
}

#[test]
fn what_was_bought_and_not_paid_counts_as_a_bid() {
    let mut world = World::with(&["alice", "bob"]);
    world.configure(vec![Change::SetParameters(Parameters { bid_multiple: 2, ..Parameters::default() })]);
    for name in ["alice", "bob"] {
        world.set_limit(name, Some(5_000));
    }
    let deal = world.deal(BWT_BTC, "alice", "bob", 20, 1_000);
    let bid = |world: &mut World| code(&world.place("bob", limit(BWT_BTC, Buy, 1, 1)).1);
    assert_eq!(bid(&mut world), "bids_above_bound");
    world.move_on(deal, "alice", "bob");
    assert_eq!(bid(&mut world), "bids_above_bound", "the seller has moved, the buyer owes all");
    world.move_on(deal, "alice", "bob");
    assert_eq!(bid(&mut world), "done");
    world.settle(deal, "alice", "bob");
    world.rest("bob", BWT_BTC, Buy, 19, 1_000);
}
