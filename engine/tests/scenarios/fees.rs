//! Fees: a part of the tokens that deals deliver goes to the issuance account, and counts for whoever would have had it.

use crate::kit::acts::limit;
use crate::kit::*;
use bandex_engine::{Event, Outcome};
use bandex_types::DealId;
use bandex_types::Side::{Buy, Sell};

/// The fees that an outcome tells of, maker's and taker's.
fn fees(outcome: &Outcome) -> Vec<(u64, u64)> {
    let told = outcome.events.iter().filter_map(|event| match event {
        Event::DealFees { maker, taker, .. } => Some((maker.get(), taker.get())),
        _ => None,
    });
    told.collect()
}

/// Settles a deal and adds up its fees.
fn settle(world: &mut World, deal: DealId, seller: &str, buyer: &str) -> (u64, u64) {
    let mut sum = (0, 0);
    while let Some(due) = world.due(deal) {
        let (payer, payee) = match due.party {
            bandex_settlement::Party::Seller => (seller, buyer),
            bandex_settlement::Party::Buyer => (buyer, seller),
        };
        let (proposal, paid) = world.pay(payer, deal, due.tranche, due.cumulative.get());
        let mut outcomes = vec![paid];
        if world.deal_state(deal).deal.in_flight().is_some() {
            outcomes.push(world.acknowledge(payee, proposal));
        }
        for (maker, taker) in outcomes.iter().flat_map(fees) {
            sum = (sum.0 + maker, sum.1 + taker);
        }
    }
    sum
}

fn fees_of(world: &World, name: &str) -> u64 {
    world.engine.trust(&world.account(name)).expect("it exists").fees.get()
}

/// What the issuance account has, less what it issued.
fn taken(world: &World) -> i128 {
    let issued = world.watch.balances.values().filter(|state| state.balance < 0);
    issued.map(|state| state.balance).sum::<i128>() + 200_000
}

#[test]
fn the_receiver_of_tokens_pays_and_is_credited() {
    let mut world = World::with(&["alice", "bob"]);
    assert_eq!(code(&world.set_fees(BWT_BTC, 1_000, 2_500)), "done");
    // Alice makes, Bob takes and buys.
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
    let outcome = world.pay("alice", deal, 1, 500).1;
    assert_eq!(fees(&outcome), [(0, 1)], "of 500 bytes, rounded down");
    assert_eq!((world.tokens("bob").0, taken(&world)), (100_499, 1));
    assert_eq!(settle(&mut world, deal, "alice", "bob"), (10, 24), "of 10,000 bytes in all, with the first");
    assert_eq!((world.tokens("alice").0, world.tokens("bob").0), (90_000, 110_000 - 35));
    assert_eq!((fees_of(&world, "alice"), fees_of(&world, "bob"), taken(&world)), (0, 35, 35));
    // Where the base is outside, the seller receives tokens.
    assert_eq!(code(&world.set_fees(BTC_BWT, 10_000, 0)), "done");
    let deal = world.deal(BTC_BWT, "alice", "bob", 10, 1_000);
    assert_eq!(settle(&mut world, deal, "alice", "bob"), (50, 0));
    assert_eq!(world.tokens("alice").0, 95_000 - 50);
    // Where neither is a token nobody does.
    assert_eq!(code(&world.set_fees(EUR_BTC, 10_000, 10_000)), "done");
    let deal = world.deal(EUR_BTC, "alice", "bob", 10, 100);
    assert_eq!(settle(&mut world, deal, "alice", "bob"), (0, 0));
}

#[test]
fn a_gift_costs_its_fee_at_once() {
    let mut world = World::with(&["alice", "bob"]);
    world.set_fees(BWT_BTC, 0, 100_000);
    world.rest("alice", BWT_BTC, Sell, 0, 10);
    let (_, outcome) = world.place("bob", limit(BWT_BTC, Buy, 0, 10));
    assert_eq!((fees(&outcome), world.tokens("bob").0), (vec![(0, 10)], 100_090));
}

#[test]
fn fees_are_those_of_the_moment_and_rounding_costs_at_most_a_unit() {
    let mut world = World::with(&["alice", "bob"]);
    // A byte is worth two millisatoshi: tranches of 1,250 bytes and twice that.
    world.set_fees(BWT_BTC, 333, 333);
    let deal = world.deal(BWT_BTC, "alice", "bob", 4, 1_000);
    let mut sum = (0, 0);
    for rate in [333, 7, 0, 900_001] {
        assert_eq!(code(&world.set_fees(BWT_BTC, rate, 99_998)), "done");
        let due = world.due(deal);
        if due.is_none() {
            break;
        }
        let before = world.deal_state(deal).deal.sent_units(bandex_settlement::Party::Seller).get();
        let outcomes = {
            let due = due.expect("it is there");
            let names = if due.party == bandex_settlement::Party::Seller {
                ["alice", "bob"]
            } else {
                ["bob", "alice"]
            };
            let (proposal, paid) = world.pay(names[0], deal, due.tranche, due.cumulative.get());
            let waits = world.deal_state(deal).deal.in_flight().is_some();
            let acknowledged = waits.then(|| world.acknowledge(names[1], proposal));
            [Some(paid), acknowledged]
        };
        let moved = world.deal_state(deal).deal.sent_units(bandex_settlement::Party::Seller).get() - before;
        let found: (u64, u64) = outcomes
            .iter()
            .flatten()
            .flat_map(fees)
            .fold((0, 0), |sum, (maker, taker)| (sum.0 + maker, sum.1 + taker));
        assert!(found.0 + found.1 <= moved, "never more than is delivered");
        sum = (sum.0 + found.0 * 1_000_000, sum.1 + found.1 * 1_000_000);
        let exact = (moved * u64::from(rate), moved * 99_998);
        sum = (sum.0.abs_diff(exact.0), sum.1.abs_diff(exact.1));
        assert!(sum.0 < 1_000_000 && sum.1 < 1_000_000, "{sum:?} millionths");
    }
}

#[test]
fn both_fees_together_leave_something() {
    let mut world = World::with(&["alice", "bob"]);
    assert_eq!(code(&world.set_fees(BWT_BTC, 500_000, 500_000)), "bad_listing");
    assert_eq!(code(&world.set_fees(BWT_BTC, u32::MAX, u32::MAX)), "bad_listing");
    assert_eq!(code(&world.set_fees(bandex_types::MarketId::new(9), 1, 1)), "unknown_market");
    assert_eq!(code(&world.set_fees(BWT_BTC, 500_000, 499_999)), "done");
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
    let (maker, taker) = settle(&mut world, deal, "alice", "bob");
    assert_eq!((maker, taker), (5_000, 4_999));
}

#[test]
fn what_a_resolution_delivers_is_no_way_around_the_fees() {
    let mut world = World::with(&["alice", "bob"]);
    world.set_fees(BWT_BTC, 100_000, 0);
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
    world.move_on(deal, "alice", "bob");
    world.pay("bob", deal, 2, 5_000);
    world.tick(30 * SECOND);
    let (resolution, _) = world.resolve("alice", deal, 9_500);
    let outcome = world.acknowledge("bob", resolution);
    assert_eq!(fees(&outcome), [(950, 0)]);
    assert_eq!(world.tokens("bob").0, 109_000);
}
