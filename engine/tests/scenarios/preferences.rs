//! Whom an account trades with, and how far it trusts one counterparty over all deals.

use super::trust::{earning, terms};
use crate::kit::acts::limit;
use crate::kit::*;
use bandex_engine::{CancelReason, OrderStatus};
use bandex_tradechain::body::*;
use bandex_tradechain::{Command, Scores};
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Amount, AssetId, DealId, TimeInForce};

/// A world in which nobody's limit matters.
fn rich(names: &[&str]) -> World {
    let mut world = earning(names);
    for name in names {
        world.set_limit(name, Some(1_000_000));
    }
    world
}

fn prefer(world: &mut World, name: &str, largest: Option<u64>, least_score: Option<u32>) {
    let prefer = Prefer { largest_exposure: largest.map(Amount::new), least_score };
    assert_eq!(code(&world.send(name, prefer)), "done");
    assert_eq!(world.trust(name).preference, prefer);
}

fn caps(world: &World, deal: DealId) -> (u64, u64) {
    let state = world.deal_state(deal);
    (state.deal.terms().seller_cap.get(), state.deal.terms().buyer_cap.get())
}

#[test]
fn one_counterparty_owes_at_most_so_much_over_all_deals() {
    let mut world = rich(&["alice", "bob", "carol"]);
    prefer(&mut world, "alice", Some(700), None);
    let first = world.deal(BWT_BTC, "alice", "bob", 100, 10);
    assert_eq!(caps(&world, first), (500, 500));
    let second = world.deal(BWT_BTC, "alice", "bob", 100, 10);
    assert_eq!(caps(&world, second), (200, 500), "the first has used 500");
    // Outside the ledger, where somebody may be about to pay, it is not netted with the second.
    let third = world.deal(EUR_BTC, "bob", "alice", 100, 10);
    assert_eq!(caps(&world, third), (500, 0), "whichever way they trade");
    let other = world.deal(BWT_BTC, "alice", "carol", 100, 10);
    assert_eq!(caps(&world, other), (500, 500), "carol is another");
    world.settle(first, "alice", "bob");
    let fourth = world.deal(BWT_BTC, "alice", "bob", 100, 10);
    assert_eq!(caps(&world, fourth), (500, 500), "what is settled counts no more");
}

/// The lesser of what the order and its account say counts, for the taker and the maker; in the unit of account.
#[test]
fn the_smaller_cap_wins() {
    let mut world = rich(&["alice", "bob"]);
    world.set_rate(AssetId::BTC, 2, 1);
    prefer(&mut world, "alice", Some(300), None);
    let check = |world: &mut World, own_cap: Option<u64>, expected| {
        let own_cap = own_cap.map(Amount::new);
        world.place("bob", limit(BWT_BTC, Buy, 100, 10));
        let (_, outcome) = world.place("alice", Place { own_cap, ..limit(BWT_BTC, Sell, 100, 10) });
        let deal = trades(&outcome)[0].deal;
        assert_eq!(caps(world, deal).0, expected, "{own_cap:?}");
        world.settle(deal, "alice", "bob");
    };
    check(&mut world, None, 150);
    check(&mut world, Some(101), 50);
    check(&mut world, Some(400), 150);
    prefer(&mut world, "alice", None, None);
    check(&mut world, Some(400), 200);
    check(&mut world, None, 500);
}

/// An order that meets several of one counterparty's counts them all.
#[test]
fn the_fills_of_one_step_count_together() {
    for time_in_force in [TimeInForce::Gtc, TimeInForce::Fok] {
        let mut world = rich(&["alice", "bob", "carol"]);
        for (name, price) in [("bob", 98), ("carol", 99), ("bob", 100)] {
            world.rest(name, BWT_BTC, Sell, price, 10);
        }
        let own_cap = Some(Amount::new(600));
        let (_, outcome) =
            world.place("alice", Place { own_cap, time_in_force, ..limit(BWT_BTC, Buy, 100, 30) });
        let found: Vec<u64> = trades(&outcome).iter().map(|trade| caps(&world, trade.deal).1).collect();
        assert_eq!(found, [490, 495, 110], "bob has 600 in two deals");
    }
}

/// Brings in scores as the seeds' walks would give them.
fn score(world: &mut World, scores: &[(&str, u32)]) {
    world.set_trust(TrustTerms { epoch_us: 10 * SECOND, ..terms() });
    world.tick(10 * SECOND);
    let due = world.engine.checkpoint().expect("an epoch has ended");
    let position = |name| world.engine.position(&world.account(name)).expect("it is there");
    let mut scores: Vec<(u32, u32)> = scores.iter().map(|(name, ppb)| (position(name), *ppb)).collect();
    scores.sort_unstable();
    let scores = Scores { epoch: due.epoch, checkpoint: due.key, scores };
    assert_eq!(code(&world.apply(Command::Scores(scores))), "done");
}

#[test]
fn who_is_vouched_for_too_little_is_passed_over() {
    let mut world = rich(&["alice", "bob", "carol"]);
    score(&mut world, &[("bob", 1_999_999), ("carol", 2_000_000)]);
    let low = world.rest("bob", BWT_BTC, Sell, 5, 10);
    let high = world.rest("carol", BWT_BTC, Sell, 6, 10);
    let least_score = Some(2_000);
    let (order, outcome) = world
        .place("alice", Place { least_score, time_in_force: TimeInForce::Ioc, ..limit(BWT_BTC, Buy, 6, 10) });
    assert_eq!(trades(&outcome).len(), 1);
    assert_eq!([order, high].map(|order| world.status(order)), [OrderStatus::Filled; 2]);
    assert_eq!(world.status(low), OrderStatus::Open, "the better price of one who is not trusted");
    prefer(&mut world, "alice", None, Some(2_000));
    let (order, _) = world.place("alice", limit(BWT_BTC, Buy, 5, 10));
    assert_eq!(world.status(order), OrderStatus::Cancelled(CancelReason::WouldCross));
    prefer(&mut world, "alice", None, Some(1));
    let (order, _) = world.place("alice", Place { least_score: Some(2_000), ..limit(BWT_BTC, Buy, 5, 10) });
    assert_eq!(world.status(order), OrderStatus::Cancelled(CancelReason::WouldCross), "the higher wins");
    // A maker chooses too: its own order stays, the taker goes past.
    let (resting, _) = world.place("alice", Place { least_score: Some(2_000), ..limit(BWT_BTC, Buy, 4, 10) });
    let (_, outcome) =
        world.place("bob", Place { time_in_force: TimeInForce::Ioc, ..limit(BWT_BTC, Sell, 4, 10) });
    assert!(trades(&outcome).is_empty());
    assert_eq!(world.status(resting), OrderStatus::Open);
    let (_, outcome) = world.place("carol", limit(BWT_BTC, Sell, 4, 10));
    assert_eq!(trades(&outcome).len(), 1);
}

#[test]
fn only_the_root_key_prefers() {
    let mut world = rich(&["alice"]);
    world.grant("alice", "bot", acts::Grants::default());
    assert_eq!(code(&world.send("bot", Prefer::default())), "root_only");
}
