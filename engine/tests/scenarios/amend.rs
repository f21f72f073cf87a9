//! Amending and cancelling many: what keeps its place in the queue, what is judged anew, what a refusal leaves alone.

use crate::kit::acts::{Grants, limit};
use crate::kit::*;
use OrderStatus::{Cancelled, Filled, Open};
use bandex_engine::{CancelReason, OrderStatus, Outcome};
use bandex_tradechain::body::*;
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Amount, MarketId, OrderRef, PostOnly, Price, Quantity, Side};

fn amend(world: &mut World, name: &str, order: OrderRef, price: u64, quantity: u64) -> Outcome {
    let (price, quantity) = (Price::new(price), Quantity::new(quantity));
    world.operations(name, vec![Operation::Amend { order, price, quantity }])
}

/// Whose turn it is at a price, in order: the orders and what is left of them.
fn queue(world: &World, side: Side) -> Vec<(OrderRef, u64)> {
    world.engine.book_orders(BWT_BTC, side).iter().map(|order| (order.order, order.left.get())).collect()
}

#[test]
fn only_a_smaller_order_at_the_same_price_keeps_its_place() {
    let check = |price, quantity, keeps: bool| {
        let mut world = World::with(&["alice", "carol"]);
        let order = world.rest("alice", BWT_BTC, Sell, 10, 20);
        let other = world.rest("carol", BWT_BTC, Sell, 10, 5);
        assert_eq!(code(&amend(&mut world, "alice", order, price, quantity)), "done");
        let first = queue(&world, Sell)[0].0;
        assert_eq!(first == order, keeps, "{price} {quantity}");
        assert!(first == order || first == other);
        assert_eq!(world.tokens("alice").1, quantity * 10);
    };
    check(10, 19, true);
    check(10, 20, true);
    check(10, 21, false);
    check(11, 20, false);
    check(11, 5, false);
    check(9, 20, true);
}

#[test]
fn the_quantity_counts_what_has_traded() {
    let mut world = World::with(&["alice", "bob"]);
    let order = world.rest("alice", BWT_BTC, Sell, 10, 20);
    world.place("bob", limit(BWT_BTC, Buy, 10, 8));
    assert_eq!(code(&amend(&mut world, "alice", order, 10, 15)), "done");
    assert_eq!(queue(&world, Sell), [(order, 7)]);
    assert_eq!(code(&amend(&mut world, "alice", order, 11, 30)), "done");
    assert_eq!(queue(&world, Sell), [(order, 22)]);
    assert_eq!(code(&amend(&mut world, "alice", order, 11, 8)), "done");
    assert_eq!(world.status(order), Cancelled(CancelReason::Requested));
    assert_eq!(code(&amend(&mut world, "alice", order, 11, 30)), "unknown_order");
}

#[test]
fn an_amended_order_that_crosses_trades_and_keeps_its_name() {
    let mut world = World::with(&["alice", "bob"]);
    let named = Place { client_id: Some("mine".to_owned()), ..limit(BWT_BTC, Buy, 5, 10) };
    let (bid, _) = world.place("bob", named);
    world.rest("alice", BWT_BTC, Sell, 8, 4);
    let outcome = amend(&mut world, "bob", bid, 9, 12);
    let found: Vec<_> =
        trades(&outcome).iter().map(|one| (one.taker, one.price.get(), one.quantity.get())).collect();
    assert_eq!((found, world.status(bid)), (vec![(bid, 8, 4)], Open));
    assert_eq!(world.engine.left_levels(), [(BWT_BTC, Buy, Price::new(5))]);
    let outcome = world.place("alice", limit(BWT_BTC, Sell, 9, 2)).1;
    assert_eq!(trades(&outcome)[0].maker, bid);
    assert_eq!(world.engine.left_levels(), []);
    assert_eq!(code(&world.cancel_client("bob", BWT_BTC, "mine")), "done");
    assert_eq!(world.status(bid), Cancelled(CancelReason::Requested));
}

#[test]
fn a_refusal_leaves_the_order_in_its_place() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let post = Place { post_only: PostOnly::Refuse, ..limit(BWT_BTC, Sell, 10, 20) };
    let (order, _) = world.place("alice", post);
    let other = world.rest("carol", BWT_BTC, Sell, 10, 5);
    world.rest("bob", BWT_BTC, Buy, 7, 5);
    let before = queue(&world, Sell);
    assert_eq!(before, [(order, 20), (other, 5)]);
    world.grant("alice", "bot", Grants { markets: vec![BTC_BWT], ..Grants::default() });
    world.grant("alice", "small", Grants { largest_notional: Some(Amount::new(9)), ..Grants::default() });
    let mut check = |name: &str, price, quantity, expected: &str| {
        let locked = world.tokens("alice").1;
        let outcome = amend(&mut world, name, order, price, quantity);
        assert_eq!(code(&outcome), expected);
        assert!(outcome.events.is_empty(), "{outcome:?}");
        assert_eq!((queue(&world, Sell), world.tokens("alice").1), (before.clone(), locked));
    };
    check("alice", 7, 20, "post_only_would_trade");
    check("alice", 10, 10_001, "insufficient_free");
    check("alice", 10, u64::MAX, "too_large");
    check("bob", 11, 20, "not_your_order");
    check("bot", 11, 20, "market_not_granted");
    check("small", 11, 20, "above_grant");
    world.set_state(BWT_BTC, MarketState::Halted);
    let refused = code(&amend(&mut world, "alice", order, 10, 1));
    assert_eq!((refused, queue(&world, Sell)), ("market_closed", before.clone()));
    world.set_state(BWT_BTC, MarketState::CancelOnly);
    assert_eq!(code(&amend(&mut world, "alice", order, 10, 21)), "market_closed");
    assert_eq!(code(&amend(&mut world, "alice", order, 10, 19)), "done");
    assert_eq!(queue(&world, Sell), [(order, 19), (other, 5)]);
}

#[test]
fn who_has_no_limit_left_stays_where_it_is() {
    let mut world = World::with(&["alice", "bob"]);
    let order = world.rest("alice", BWT_BTC, Sell, 10, 20);
    world.rest("bob", BWT_BTC, Buy, 7, 5);
    world.set_limit("alice", Some(0));
    let outcome = amend(&mut world, "alice", order, 7, 20);
    assert_eq!((code(&outcome), queue(&world, Sell)), ("limit_reached", vec![(order, 20)]));
    assert_eq!(world.status(order), Open);
}

#[test]
fn what_was_locked_counts_as_free() {
    let mut world = World::with(&["alice"]);
    let order = world.rest("alice", BWT_BTC, Sell, 10, 9_000);
    assert_eq!(code(&amend(&mut world, "alice", order, 11, 10_000)), "done");
    assert_eq!(world.tokens("alice"), (100_000, 100_000));
    world.set_limit("alice", Some(1));
    let bid = world.rest("alice", BWT_BTC, Buy, 1, 1_800);
    assert_eq!(code(&amend(&mut world, "alice", bid, 1, 2_000)), "done");
    assert_eq!(code(&amend(&mut world, "alice", bid, 1, 2_001)), "bids_above_bound");
}

#[test]
fn an_amended_iceberg_shows_at_most_what_is_left() {
    let mut world = World::with(&["alice", "bob"]);
    let place = Place { display: Some(Quantity::new(10)), ..limit(BWT_BTC, Sell, 10, 30) };
    let (order, _) = world.place("alice", place);
    world.place("bob", limit(BWT_BTC, Buy, 10, 12));
    assert_eq!(code(&amend(&mut world, "alice", order, 11, 16)), "done");
    let shown = world.engine.book_orders(BWT_BTC, Sell)[0].shown;
    assert_eq!((queue(&world, Sell), shown), (vec![(order, 4)], Quantity::new(4)));
    assert_eq!(code(&amend(&mut world, "alice", order, 11, 1_000)), "bad_terms");
    let (_, outcome) = world.place("bob", limit(BWT_BTC, Buy, 11, 4));
    assert_eq!((code(&outcome), world.status(order)), ("done", Filled));
}

#[test]
fn cancel_all_takes_what_the_filters_and_the_grant_leave() {
    let check = |name: &str, market: Option<MarketId>, side: Option<Side>, gone: [bool; 4]| {
        let mut world = World::with(&["alice", "bob"]);
        let asleep = Some(Trigger { kind: TriggerKind::StopLoss, price: Price::new(9) });
        let orders = [
            world.rest("alice", BWT_BTC, Sell, 10, 1),
            world.place("alice", Place { trigger: asleep, ..limit(BWT_BTC, Buy, 2, 1) }).0,
            world.rest("alice", BTC_BWT, Sell, 10, 1),
            world.rest("alice", EUR_BTC, Buy, 10, 1),
        ];
        let others = world.rest("bob", BWT_BTC, Sell, 10, 1);
        world.grant("alice", "bot", Grants { markets: vec![BWT_BTC, EUR_BTC], ..Grants::default() });
        world.set_state(EUR_BTC, MarketState::Halted);
        assert_eq!(code(&world.operations(name, vec![Operation::CancelAll { market, side }])), "done");
        let found = orders.map(|order| world.status(order) == Cancelled(CancelReason::Requested));
        assert_eq!((found, world.status(others)), (gone, Open), "{name} {market:?} {side:?}");
    };
    check("alice", None, None, [true, true, true, false]);
    check("bot", None, None, [true, true, false, false]);
    check("alice", Some(BWT_BTC), None, [true, true, false, false]);
    check("alice", None, Some(Sell), [true, false, true, false]);
    check("alice", Some(BWT_BTC), Some(Buy), [false, true, false, false]);
    check("alice", Some(EUR_BTC), None, [false; 4]);
    check("alice", Some(MarketId::new(9)), None, [false; 4]);
    check("bob", None, Some(Buy), [false; 4]);
}
