//! Stop and take-profit orders: when they wake, in which order, and what becomes of those that cannot trade then.

use crate::kit::acts::limit;
use crate::kit::*;
use OrderStatus::{Cancelled, Filled, Open, Sleeping};
use TriggerKind::{StopLoss, TakeProfit};
use bandex_engine::{CancelReason, OrderStatus, Refusal};
use bandex_tradechain::body::*;
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Amount, OrderRef, OrderType, PostOnly, Price, Quantity, Side, TimeInForce};

fn sleeps(kind: TriggerKind, at: u64, plain: Place) -> Place {
    Place { trigger: Some(Trigger { kind, price: Price::new(at) }), ..plain }
}

/// A world in which alice and bob can trade a lot at any price, with carol to sleep.
fn calm() -> World {
    World::with(&["alice", "bob", "carol"])
}

/// A trade of one lot at a price.
fn trade_at(world: &mut World, price: u64) -> bandex_engine::Outcome {
    world.rest("alice", BWT_BTC, Sell, price, 1);
    let (_, outcome) = world.place("bob", limit(BWT_BTC, Buy, price, 1));
    assert!(!trades(&outcome).is_empty());
    outcome
}

#[test]
fn who_wakes_at_which_trade() {
    let check = |side: Side, kind, trigger: u64, at: u64, wakes: bool| {
        let mut world = calm();
        let price = if side == Buy { 1 } else { 99 };
        let (order, outcome) = world.place("carol", sleeps(kind, trigger, limit(BWT_BTC, side, price, 5)));
        assert_eq!((code(&outcome), world.status(order)), ("done", Sleeping));
        assert_eq!((world.engine.open_orders(), world.engine.levels(BWT_BTC, side).len()), (1, 0));
        trade_at(&mut world, at);
        assert_eq!(world.status(order), if wakes { Open } else { Sleeping }, "{side:?} {kind:?} {at}");
    };
    for (side, kind, rises) in
        [(Buy, StopLoss, true), (Sell, TakeProfit, true), (Buy, TakeProfit, false), (Sell, StopLoss, false)]
    {
        check(side, kind, 20, 20, true);
        check(side, kind, 20, 21, rises);
        check(side, kind, 20, 19, !rises);
    }
}

#[test]
fn a_trigger_that_is_reached_already_is_refused() {
    let mut world = calm();
    trade_at(&mut world, 20);
    let mut check = |side, kind, at, expected: Option<Refusal>| {
        let (_, outcome) = world.place("carol", sleeps(kind, at, limit(BWT_BTC, side, 1, 5)));
        assert_eq!(refusal(&outcome), expected.as_ref());
    };
    let reached = || Some(Refusal::TriggerReached { last: Price::new(20) });
    check(Buy, StopLoss, 20, reached());
    check(Buy, StopLoss, 21, None);
    check(Buy, TakeProfit, 20, reached());
    check(Buy, TakeProfit, 19, None);
    check(Sell, StopLoss, 20, reached());
    check(Sell, TakeProfit, 20, reached());
    world.set_state(BWT_BTC, MarketState::Auction);
    let (_, outcome) = world.place("carol", sleeps(StopLoss, 30, limit(BWT_BTC, Buy, 1, 5)));
    assert_eq!(code(&outcome), "not_in_auction");
}

#[test]
fn tokens_and_bids_are_committed_from_the_start() {
    let mut world = calm();
    let (order, _) = world.place("carol", sleeps(StopLoss, 5, limit(BWT_BTC, Sell, 4, 100)));
    assert_eq!(world.tokens("carol").1, 1_000);
    assert_eq!(code(&world.cancel("carol", order)), "done");
    assert_eq!((world.status(order), world.tokens("carol").1), (Cancelled(CancelReason::Requested), 0));
    trade_at(&mut world, 5);
    assert_eq!(world.engine.open_orders(), 0, "what was cancelled does not wake");
    world.set_limit("carol", Some(1));
    let bid = |lots| sleeps(StopLoss, 9, limit(BWT_BTC, Buy, 10, lots));
    assert_eq!(code(&world.place("carol", bid(200)).1), "done");
    assert_eq!(code(&world.place("carol", bid(1)).1), "bids_above_bound");
}

#[test]
fn a_stop_sells_at_the_market_and_one_stop_wakes_the_next() {
    let mut world = calm();
    for (price, quantity) in [(18, 10), (16, 10), (14, 10)] {
        world.rest("bob", BWT_BTC, Buy, price, quantity);
    }
    let stop = |at, lots| {
        let market = Place {
            order_type: OrderType::Market,
            time_in_force: TimeInForce::Ioc,
            ..limit(BWT_BTC, Sell, 1, lots)
        };
        sleeps(StopLoss, at, market)
    };
    let (first, _) = world.place("carol", stop(18, 15));
    let (second, _) = world.place("carol", stop(16, 5));
    let (asleep, _) = world.place("carol", stop(13, 5));
    let (_, outcome) = world.place("alice", limit(BWT_BTC, Sell, 18, 1));
    let found: Vec<(OrderRef, u64, u64)> =
        trades(&outcome).iter().map(|trade| (trade.taker, trade.price.get(), trade.quantity.get())).collect();
    let alices = found[0].0;
    assert_eq!(found, [(alices, 18, 1), (first, 18, 9), (first, 16, 6), (second, 16, 4), (second, 14, 1)]);
    assert_eq!([first, second, asleep].map(|order| world.status(order)), [Filled, Filled, Sleeping]);
}

#[test]
fn those_reached_together_wake_oldest_first() {
    let mut world = calm();
    let mut asleep =
        |kind, at, price| world.place("carol", sleeps(kind, at, limit(BWT_BTC, Sell, price, 1))).0;
    // The oldest is reached by the highest price only, the youngest by the lowest.
    let orders = [asleep(TakeProfit, 12, 60), asleep(TakeProfit, 11, 61), asleep(StopLoss, 10, 62)];
    for price in [10, 11, 12] {
        world.rest("alice", BWT_BTC, Sell, price, 1);
    }
    let (_, outcome) = world.place("bob", limit(BWT_BTC, Buy, 12, 3));
    let woken: Vec<OrderRef> = order_states(&outcome)
        .iter()
        .map(|state| state.order)
        .filter(|order| orders.contains(order))
        .collect();
    assert_eq!(woken, orders);
}

#[test]
fn who_cannot_trade_when_it_wakes_is_cancelled_with_the_reason() {
    let check = |place: Place, reason| {
        let mut world = calm();
        world.rest("alice", BWT_BTC, Sell, 30, 5);
        let (order, outcome) = world.place("carol", place);
        assert_eq!(code(&outcome), "done");
        trade_at(&mut world, 20);
        assert_eq!(world.status(order), Cancelled(reason));
    };
    let buy = |price, lots| sleeps(StopLoss, 20, limit(BWT_BTC, Buy, price, lots));
    check(Place { post_only: PostOnly::Refuse, ..buy(30, 5) }, CancelReason::WouldTrade);
    check(Place { time_in_force: TimeInForce::Fok, ..buy(30, 6) }, CancelReason::Unfilled);
    check(Place { time_in_force: TimeInForce::Ioc, ..buy(29, 5) }, CancelReason::Unfilled);
    check(Place { minimum: Some(Quantity::new(6)), ..buy(30, 9) }, CancelReason::Unfilled);
    let mut world = calm();
    world.rest("alice", BWT_BTC, Sell, 30, 5);
    let (order, _) = world.place("carol", buy(30, 5));
    world.set_limit("carol", Some(0));
    trade_at(&mut world, 20);
    assert_eq!(world.status(order), Cancelled(CancelReason::LimitExhausted));
}

#[test]
fn a_date_ends_a_sleep_and_an_amendment_changes_what_wakes() {
    let mut world = calm();
    let dated = Place {
        time_in_force: TimeInForce::Gtd,
        expires: Some(world.now().plus(9 * SECOND)),
        ..sleeps(StopLoss, 20, limit(BWT_BTC, Buy, 5, 5))
    };
    let (order, _) = world.place("carol", dated);
    let (other, _) = world.place("carol", sleeps(StopLoss, 20, limit(BTC_BWT, Buy, 8, 10)));
    assert_eq!(world.tokens("carol").1, 40);
    let amend = |order, price, quantity| Operation::Amend {
        order,
        price: Price::new(price),
        quantity: Quantity::new(quantity),
    };
    assert_eq!(code(&world.operations("carol", vec![amend(other, 6, 30)])), "done");
    assert_eq!((world.status(other), world.tokens("carol").1), (Sleeping, 90));
    assert_eq!(code(&world.operations("carol", vec![amend(other, 6, 1_000_000)])), "insufficient_free");
    assert_eq!(code(&world.operations("carol", vec![amend(other, 6, 0)])), "done");
    assert_eq!(world.status(other), Cancelled(CancelReason::Requested));
    world.tick(9 * SECOND);
    assert_eq!(world.status(order), Cancelled(CancelReason::Expired));
    trade_at(&mut world, 20);
    assert_eq!(world.engine.open_orders(), 0);
}

#[test]
fn a_stop_by_quote_quantity_keeps_its_size_until_it_wakes() {
    let mut world = calm();
    world.rest("alice", BTC_BWT, Sell, 10, 10);
    let place = Place {
        market: BTC_BWT,
        order_type: OrderType::Market,
        time_in_force: TimeInForce::Ioc,
        quantity: Quantity::ZERO,
        quote_quantity: Some(Amount::new(37)),
        ..sleeps(StopLoss, 10, limit(BTC_BWT, Buy, 10, 0))
    };
    let (order, _) = world.place("carol", place);
    assert_eq!((world.status(order), world.tokens("carol").1), (Sleeping, 37));
    let amend = Operation::Amend { order, price: Price::new(1), quantity: Quantity::new(1) };
    assert_eq!(code(&world.operations("carol", vec![amend])), "bad_terms");
    let (_, outcome) = world.place("bob", limit(BTC_BWT, Buy, 10, 1));
    let taken: Vec<u64> = trades(&outcome).iter().map(|trade| trade.quantity.get()).collect();
    assert_eq!((taken, world.status(order), world.tokens("carol").1), (vec![1, 7], Filled, 35));
}
