//! Netting: trades back and forth between the same two leave one deal over what is left.

use crate::kit::acts::limit;
use crate::kit::*;
use bandex_settlement::{Party, State};
use bandex_tradechain::body::{Operation, Place};
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Amount, DealId, MarketId};

/// Bob rests and Alice takes: she sells, or buys, lots at a price.
fn trade(
    world: &mut World,
    market: MarketId,
    alice: bandex_types::Side,
    price: u64,
    lots: u64,
) -> (DealId, Option<DealId>) {
    let other = if alice == Sell { Buy } else { Sell };
    world.rest("bob", market, other, price, lots);
    let (_, outcome) = world.place("alice", limit(market, alice, price, lots));
    let deal = trades(&outcome)[0].deal;
    (deal, nettings(&outcome).first().and_then(|netted| netted.deal))
}

fn state(world: &World, deal: DealId) -> State {
    world.deal_state(deal).deal.state()
}

#[test]
fn what_is_bought_back_need_not_be_delivered() {
    let mut world = World::with(&["alice", "bob"]);
    let (sold, none) = trade(&mut world, BWT_BTC, Sell, 100, 1_000);
    assert_eq!(none, None);
    assert_eq!((world.tokens("alice"), world.reserved("alice").0), ((100_000, 10_000), 2_500));
    let (bought, left) = trade(&mut world, BWT_BTC, Buy, 90, 400);
    let left = left.expect("600 lots are left");
    assert_eq!([sold, bought].map(|deal| state(&world, deal)), [State::Netted; 2]);
    let found = world.deal_state(left);
    assert_eq!((found.seller, found.replaces), (world.account("alice"), Some([sold, bought])));
    // 50,000 less 18,000 are due for what is worth 30,000: Bob owes the difference from the start.
    let terms = found.deal.terms();
    assert_eq!((terms.base_total.get(), terms.quote_total.get()), (6_000, 32_000));
    let carried = found.deal.carried().expect("it took the place of two");
    assert_eq!((carried.seller.get(), carried.buyer.get()), (2_000, 0));
    assert_eq!(world.tokens("alice"), (100_000, 6_000), "the rest of the lock is free");
    assert_eq!(world.tokens("bob"), (100_000, 0));
    let due = world.due(left).expect("bob is due");
    assert_eq!((due.party, due.tranche, due.cumulative.get()), (Party::Buyer, 1, 2_000 + 2_500 + 1_875));
    assert_eq!(code(&world.pay("alice", sold, 1, 500).1), "deal_closed");
    world.settle(left, "alice", "bob");
    assert_eq!((world.tokens("alice"), world.tokens("bob")), ((94_000, 0), (106_000, 0)));
    assert_eq!((world.reserved("alice").0, world.reserved("bob").0), (0, 0));
}

#[test]
fn what_cancels_wholly_leaves_the_difference_of_the_prices() {
    let mut world = World::with(&["alice", "bob"]);
    trade(&mut world, BWT_BTC, Sell, 100, 1_000);
    let (_, left) = trade(&mut world, BWT_BTC, Buy, 104, 1_000);
    let left = left.expect("2,000 are left to pay");
    let found = world.deal_state(left);
    assert_eq!((found.seller, found.buyer), (world.account("bob"), world.account("alice")));
    assert_eq!(
        (found.deal.terms().base_total, found.deal.terms().quote_total),
        (Amount::ZERO, Amount::new(2_000))
    );
    assert_eq!((world.tokens("alice"), world.tokens("bob")), ((100_000, 0), (100_000, 0)));
    assert_eq!(world.settle(left, "bob", "alice"), 1, "one payment instead of forty");
    // At one price nothing is left at all.
    trade(&mut world, BWT_BTC, Sell, 100, 1_000);
    let (bought, left) = trade(&mut world, BWT_BTC, Buy, 100, 1_000);
    assert_eq!((left, state(&world, bought)), (None, State::Netted));
    assert_eq!(world.engine.next_deadline(), None);
    // More than both trust each other with is not carried.
    let (sold, _) = trade(&mut world, BWT_BTC, Sell, 100, 1_000);
    let (bought, left) = trade(&mut world, BWT_BTC, Buy, 111, 1_000);
    assert_eq!((left, state(&world, sold), state(&world, bought)), (None, State::Open, State::Open));
}

#[test]
fn nothing_is_netted_while_money_may_be_moving_outside() {
    let mut world = World::with(&["alice", "bob"]);
    let (sold, _) = trade(&mut world, BWT_BTC, Sell, 100, 1_000);
    world.move_on(sold, "alice", "bob");
    // Bob is due outside the exchange, and may have paid in this moment.
    let (bought, left) = trade(&mut world, BWT_BTC, Buy, 100, 100);
    assert_eq!((left, state(&world, sold), state(&world, bought)), (None, State::Open, State::Open));
    world.settle(bought, "bob", "alice");
    // With his payment in flight neither.
    let due = world.due(sold).expect("bob is due");
    let (proposal, _) = world.pay("bob", sold, due.tranche, due.cumulative.get());
    let (bought, left) = trade(&mut world, BWT_BTC, Buy, 100, 100);
    assert_eq!((left, state(&world, bought)), (None, State::Open));
    world.acknowledge("alice", proposal);
    world.settle(bought, "bob", "alice");
    world.settle(sold, "alice", "bob");
}

#[test]
fn what_is_left_of_two_is_netted_again() {
    let mut world = World::with(&["alice", "bob"]);
    world.set_limit("alice", Some(40_000));
    // The buyer goes first, and pays in tokens: as long as it has not, nobody can be paying outside.
    let (sold, _) = trade(&mut world, BTC_BWT, Sell, 100, 1_000);
    assert_eq!(world.due(sold).map(|due| (due.party, due.value.get())), Some((Party::Buyer, 10_000)));
    let (bought, left) = trade(&mut world, BTC_BWT, Buy, 98, 300);
    let left = left.expect("700 lots are left");
    assert_eq!([sold, bought].map(|deal| state(&world, deal)), [State::Netted; 2]);
    assert_eq!((world.tokens("alice"), world.tokens("bob")), ((100_000, 0), (100_000, 50_000 - 14_700)));
    let (_, last) = trade(&mut world, BTC_BWT, Buy, 103, 100);
    let last = last.expect("600 lots are left");
    let found = world.deal_state(last);
    assert_eq!((state(&world, left), found.replaces.map(|[older, _]| older)), (State::Netted, Some(left)));
    assert_eq!(world.tokens("bob").1, 50_000 - 14_700 - 5_150);
    world.move_on(last, "alice", "bob");
    // Now Alice is due outside: what she buys back goes on beside it.
    assert_eq!(world.due(last).map(|due| due.party), Some(Party::Seller));
    let (beside, none) = trade(&mut world, BTC_BWT, Buy, 100, 100);
    assert_eq!((none, state(&world, last)), (None, State::Open));
    world.settle(beside, "bob", "alice");
    world.settle(last, "alice", "bob");
    let (alice, bob) = (world.tokens("alice").0, world.tokens("bob").0);
    assert_eq!((alice, bob), (100_000 + 30_150 - 5_000, 100_000 - 30_150 + 5_000));
}

#[test]
fn a_large_deal_takes_the_place_of_several() {
    let mut world = World::with(&["alice", "bob"]);
    let small: Vec<DealId> = (0..3).map(|_| trade(&mut world, BWT_BTC, Sell, 100, 100).0).collect();
    world.rest("bob", BWT_BTC, Sell, 101, 1_000);
    let (_, outcome) = world.place("alice", limit(BWT_BTC, Buy, 101, 1_000));
    let netted = nettings(&outcome);
    assert_eq!(netted.len(), 3, "one after the other, the oldest first");
    let replaced: Vec<DealId> = netted.iter().map(|netted| netted.replaced[0]).collect();
    assert_eq!(replaced, small);
    let last = netted[2].deal.expect("700 lots are left");
    assert!(
        netted[..2].iter().all(|netted| state(&world, netted.deal.expect("some are left")) == State::Netted)
    );
    let found = world.deal_state(last);
    assert_eq!((found.seller, found.deal.terms().base_total.get()), (world.account("bob"), 7_000));
    world.settle(last, "bob", "alice");
    assert_eq!(world.tokens("alice").0, 107_000);
}

#[test]
fn trades_of_one_record_net_whoever_is_due() {
    let mut world = World::with(&["alice", "bob"]);
    // Outside the ledger somebody is always about to pay, unless nobody has heard of the deal yet.
    world.rest("bob", EUR_BTC, Buy, 100, 100);
    world.rest("bob", EUR_BTC, Sell, 110, 60);
    let order = |side, price, lots| Operation::Place(Box::new(limit(EUR_BTC, side, price, lots)));
    let outcome = world.operations("alice", vec![order(Sell, 100, 100), order(Buy, 110, 60)]);
    let left = nettings(&outcome)[0].deal.expect("40 lots are left");
    world.settle(left, "alice", "bob");
    let (_, one) = trade(&mut world, EUR_BTC, Sell, 100, 100);
    let (bought, other) = trade(&mut world, EUR_BTC, Buy, 100, 100);
    assert_eq!((one, other, state(&world, bought)), (None, None, State::Open));
}

#[test]
fn only_the_same_two_on_one_market_net() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let (sold, _) = trade(&mut world, BWT_BTC, Sell, 100, 100);
    let (other, left) = trade(&mut world, BTC_BWT, Buy, 100, 100);
    assert_eq!(left, None);
    let again = world.deal(BWT_BTC, "alice", "bob", 100, 100);
    let third = world.deal(BWT_BTC, "carol", "alice", 100, 100);
    assert!([sold, other, again, third].iter().all(|deal| state(&world, *deal) == State::Open));
}

#[test]
fn an_iceberg_nets_as_a_whole() {
    let mut world = World::with(&["alice", "bob"]);
    let (sold, _) = trade(&mut world, BWT_BTC, Sell, 100, 100);
    let shows = Place { display: Some(bandex_types::Quantity::new(10)), ..limit(BWT_BTC, Sell, 100, 80) };
    world.place("bob", shows);
    let (_, outcome) = world.place("alice", limit(BWT_BTC, Buy, 100, 80));
    assert_eq!((trades(&outcome).len(), nettings(&outcome).len()), (8, 1));
    assert_eq!(state(&world, sold), State::Netted);
    let left = nettings(&outcome)[0].deal.expect("20 lots are left");
    assert_eq!(world.deal_state(left).deal.terms().base_total.get(), 200);
}

#[test]
fn older_rules_net_nothing() {
    let mut world = World::with_under(2, &["alice", "bob"]);
    trade(&mut world, BWT_BTC, Sell, 100, 1_000);
    let (bought, left) = trade(&mut world, BWT_BTC, Buy, 100, 1_000);
    assert_eq!((left, state(&world, bought)), (None, State::Open));
}
