//! Markets: their states, the token as base and as quote, and price 0.

use crate::kit::acts::limit;
use crate::kit::*;
use bandex_engine::{CancelReason, OrderStatus, Refusal};
use bandex_settlement::State;
use bandex_tradechain::body::*;
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Amount, MarketId, Price, Side};

#[test]
fn a_market_trades_takes_cancels_only_or_stands_still() {
    let check = |state, place: &str, cancel: &str| {
        let mut world = World::with(&["alice"]);
        let order = world.rest("alice", BWT_BTC, Sell, 5, 10);
        let named = Place { client_id: Some("a".to_owned()), ..limit(BWT_BTC, Sell, 6, 10) };
        world.place("alice", named);
        let outcome = world.set_state(BWT_BTC, state);
        assert_eq!(code(&outcome), "done");
        let (_, outcome) = world.place("alice", limit(BWT_BTC, Sell, 5, 1));
        assert_eq!(code(&outcome), place, "{state:?}");
        if let Some(refusal) = refusal(&outcome) {
            assert_eq!(refusal, &Refusal::MarketClosed { state });
        }
        assert_eq!(code(&world.cancel("alice", order)), cancel, "{state:?}");
        assert_eq!(code(&world.cancel_client("alice", BWT_BTC, "a")), cancel, "{state:?}");
        assert_eq!(code(&world.place("alice", limit(BTC_BWT, Sell, 5, 1)).1), "done", "other markets go on");
        world.set_state(BWT_BTC, MarketState::Trading);
        assert_eq!(code(&world.place("alice", limit(BWT_BTC, Sell, 5, 1)).1), "done");
    };
    check(MarketState::Trading, "done", "done");
    check(MarketState::CancelOnly, "market_closed", "done");
    check(MarketState::Halted, "market_closed", "market_closed");
}

#[test]
fn a_halt_does_not_hold_up_settlement_or_a_freeze() {
    let mut world = World::with(&["alice", "bob"]);
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
    let order = world.rest("bob", BWT_BTC, Sell, 100, 10);
    world.set_state(BWT_BTC, MarketState::Halted);
    world.settle(deal, "alice", "bob");
    world.set_frozen("bob", true);
    assert_eq!(world.status(order), OrderStatus::Cancelled(CancelReason::AccountFrozen));
}

/// What an order locks, and what its owner has free.
#[test]
fn whoever_pays_on_the_ledger_locks_what_it_may_have_to_pay() {
    let check = |market: MarketId, side: Side, price, quantity, locked| {
        let mut world = World::with(&["alice"]);
        world.rest("alice", market, side, price, quantity);
        assert_eq!(world.tokens("alice"), (100_000, locked), "{market} {side:?} {price} {quantity}");
    };
    check(BWT_BTC, Sell, 7, 100, 1_000);
    check(BWT_BTC, Buy, 7, 100, 0);
    check(BTC_BWT, Sell, 7, 100, 0);
    check(BTC_BWT, Buy, 7, 101, 353);
    check(BTC_BWT, Buy, 0, 100, 0);
    check(EUR_BTC, Sell, 7, 100, 0);
    check(EUR_BTC, Buy, 7, 100, 0);
}

#[test]
fn bids_of_tokens_need_them() {
    let mut world = World::with(&["alice"]);
    let (_, outcome) = world.place("alice", limit(BTC_BWT, Buy, 1_000, 201));
    let short = Refusal::InsufficientFree { needed: Amount::new(100_500), free: Amount::new(100_000) };
    assert_eq!(refusal(&outcome), Some(&short));
    let order = world.rest("alice", BTC_BWT, Buy, 1_000, 200);
    assert_eq!(code(&world.transfer("alice", "alice", 1)), "to_self");
    assert_eq!(code(&world.place("alice", limit(BTC_BWT, Buy, 2, 1)).1), "insufficient_free");
    world.cancel("alice", order);
    assert_eq!(world.tokens("alice"), (100_000, 0));
}

/// A bid that bought below its limit keeps locked what its rest may cost and no more.
#[test]
fn a_price_improvement_is_freed_at_once() {
    let mut world = World::with(&["alice", "bob"]);
    world.rest("alice", BTC_BWT, Sell, 50, 10);
    let (bid, outcome) = world.place("bob", limit(BTC_BWT, Buy, 100, 20));
    let deal = trades(&outcome)[0].deal;
    assert_eq!(world.tokens("bob"), (100_000, 250 + 500), "the deal's 250 and the rest's 500");
    world.cancel("bob", bid);
    assert_eq!(world.tokens("bob"), (100_000, 250));
    world.settle(deal, "alice", "bob");
    assert_eq!((world.tokens("alice"), world.tokens("bob")), ((100_250, 0), (99_750, 0)));
}

/// On the ledger each fill is rounded down, so the fills of one bid never cost more than its lock, and what rounding
/// spares is free at once.
#[test]
fn rounding_never_costs_more_than_the_lock() {
    let mut world = World::with(&["alice", "bob"]);
    world.rest("bob", BTC_BWT, Buy, 3, 5);
    assert_eq!(world.tokens("bob").1, 7);
    for left in [6, 4, 3, 1, 0] {
        let (_, outcome) = world.place("alice", limit(BTC_BWT, Sell, 3, 1));
        world.settle(trades(&outcome)[0].deal, "alice", "bob");
        assert_eq!(world.tokens("bob").1, left);
    }
    assert_eq!((world.tokens("alice").0, world.tokens("bob").0), (100_005, 99_995));
}

#[test]
fn a_sell_at_price_0_takes_any_bid() {
    let mut world = World::with(&["alice", "bob"]);
    world.rest("bob", BWT_BTC, Buy, 7, 10);
    let (order, outcome) = world.place("alice", limit(BWT_BTC, Sell, 0, 10));
    assert_eq!(trades(&outcome)[0].price, Price::new(7));
    assert_eq!(world.status(order), OrderStatus::Filled);
}

#[test]
fn at_price_0_the_base_is_a_gift() {
    let mut world = World::with(&["alice", "bob"]);
    // Gifts expose nobody, so limits of 0 do not matter to the maker.
    world.set_limit("alice", Some(0));
    let deal = world.deal(BWT_BTC, "alice", "bob", 0, 10);
    assert_eq!((world.tokens("alice"), world.tokens("bob")), ((99_900, 0), (100_100, 0)));
    assert_eq!(world.deal_state(deal).deal.state(), State::Settled);
    world.set_limit("alice", None);
    // Outside the ledger nothing can be delivered, and nothing is owed.
    let deal = world.deal(BTC_BWT, "bob", "alice", 0, 10);
    assert_eq!(world.deal_state(deal).deal.state(), State::Settled);
    assert_eq!(world.engine.next_deadline(), None);
    let (order, outcome) = world.place("bob", limit(BWT_BTC, Buy, 0, 10));
    assert_eq!((code(&outcome), world.status(order)), ("done", OrderStatus::Open));
    let (other, _) = world.place("alice", limit(BWT_BTC, Sell, 1, 10));
    assert_eq!(world.status(other), OrderStatus::Open, "a bid at 0 trades with asks at 0 only");
}
