//! Mass quotes and the protection of those who make them.

use crate::kit::acts::{Grants, limit};
use crate::kit::*;
use OrderStatus::{Cancelled, Filled, Open};
use bandex_engine::{CancelReason, Event, OrderStatus, Outcome};
use bandex_tradechain::body::*;
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Amount, MarketId, OrderRef, Price, Quantity, Side};

fn quotes(slide: bool, quotes: &[(Side, u64, u64)]) -> Operation {
    let quote = |(side, price, quantity): &(Side, u64, u64)| Quote {
        side: *side,
        price: Price::new(*price),
        quantity: Quantity::new(*quantity),
    };
    Operation::Quote(Quotes { market: BWT_BTC, slide, quotes: quotes.iter().map(quote).collect() })
}

fn protect(quantity: u64, window_us: u64) -> Operation {
    let protection = Some(Protection { quantity: Quantity::new(quantity), window_us });
    Operation::Protect { market: BWT_BTC, protection }
}

/// The references of the orders that a block of a key placed last.
fn last(world: &World, name: &str, op: u8) -> OrderRef {
    let seq = world.engine.head(&key(name)).expect("it has a lane").seq;
    OrderRef { key: key(name), seq, op }
}

/// Both sides of the book: prices and lots.
fn book(world: &World) -> [Vec<(u64, u128)>; 2] {
    [Buy, Sell].map(|side| {
        let levels = world.engine.levels(BWT_BTC, side);
        levels.iter().map(|level| (level.price.get(), level.quantity)).collect()
    })
}

fn tripped(outcome: &Outcome) -> Vec<bool> {
    let tripped = |event: &Event| match event {
        Event::Protection { tripped, .. } => Some(*tripped),
        _ => None,
    };
    outcome.events.iter().filter_map(tripped).collect()
}

#[test]
fn quotes_replace_those_before_at_once() {
    let mut world = World::with(&["alice"]);
    let plain = world.rest("alice", BWT_BTC, Sell, 20, 1);
    let place = Operation::Place(Box::new(limit(BWT_BTC, Sell, 21, 1)));
    world.operations("alice", vec![quotes(false, &[(Buy, 5, 10), (Sell, 9, 10)]), place]);
    let [bid, ask, placed] = [0, 1, 2].map(|op| last(&world, "alice", op));
    assert_eq!([bid, ask, placed].map(|order| world.status(order)), [Open; 3]);
    let outcome = world.operations("alice", vec![quotes(false, &[(Buy, 10, 4)])]);
    assert_eq!(code(&outcome), "done");
    assert_eq!([bid, ask].map(|order| world.status(order)), [Cancelled(CancelReason::Replaced); 2]);
    assert_eq!(book(&world), [vec![(10, 4)], vec![(20, 1), (21, 1)]]);
    assert_eq!(world.status(plain), Open);
    world.operations("alice", vec![quotes(false, &[])]);
    assert_eq!((book(&world)[0].len(), world.tokens("alice").1), (0, 20));
}

#[test]
fn quotes_rest_or_slide_and_never_trade() {
    let check = |slide, asked: &[(Side, u64, u64)], expected: Result<[Vec<(u64, u128)>; 2], &str>| {
        let mut world = World::with(&["alice", "bob"]);
        world.rest("bob", BWT_BTC, Buy, 5, 1);
        world.rest("bob", BWT_BTC, Sell, 10, 1);
        world.operations("alice", vec![quotes(false, &[(Buy, 6, 7), (Sell, 9, 7)])]);
        let before = book(&world);
        let outcome = world.operations("alice", vec![quotes(slide, asked)]);
        assert!(trades(&outcome).is_empty());
        match expected {
            Ok(expected) => assert_eq!((code(&outcome), book(&world)), ("done", expected), "{asked:?}"),
            Err(expected) => {
                assert_eq!((code(&outcome), book(&world)), (expected, before), "{asked:?}");
                assert!(outcome.events.is_empty());
            }
        }
    };
    // The account's old quotes are not in the way of its new ones.
    check(false, &[(Buy, 9, 2)], Ok([vec![(9, 2), (5, 1)], vec![(10, 1)]]));
    check(false, &[(Sell, 6, 2)], Ok([vec![(5, 1)], vec![(6, 2), (10, 1)]]));
    check(false, &[(Buy, 10, 2)], Err("post_only_would_trade"));
    check(true, &[(Buy, 10, 2)], Ok([vec![(9, 2), (5, 1)], vec![(10, 1)]]));
    check(true, &[(Sell, 0, 2)], Ok([vec![(5, 1)], vec![(6, 2), (10, 1)]]));
    // Among themselves, the later one gives way.
    check(false, &[(Buy, 8, 2), (Sell, 8, 2)], Err("post_only_would_trade"));
    check(true, &[(Buy, 8, 2), (Sell, 7, 2)], Ok([vec![(8, 2), (5, 1)], vec![(9, 2), (10, 1)]]));
    check(true, &[(Sell, 7, 2), (Buy, 8, 2)], Ok([vec![(6, 2), (5, 1)], vec![(7, 2), (10, 1)]]));
    check(false, &[(Buy, 8, 2), (Sell, 9, 0)], Err("bad_quotes"));
    // All together need means; what the old ones hold counts as free.
    check(
        false,
        &[(Sell, 9, 5_000), (Sell, 8, 5_000)],
        Ok([vec![(5, 1)], vec![(8, 5_000), (9, 5_000), (10, 1)]]),
    );
    check(false, &[(Sell, 9, 5_000), (Sell, 8, 5_001)], Err("insufficient_free"));
    check(false, &[(Buy, 4, 5_000_000), (Buy, 3, 1)], Err("bids_above_bound"));
    check(false, &[(Buy, 4, u64::MAX)], Err("too_large"));
}

#[test]
fn who_is_above_the_bound_bids_nothing_not_even_at_price_0() {
    let mut world = World::with(&["alice"]);
    world.rest("alice", BWT_BTC, Buy, 3, 10);
    world.set_limit("alice", Some(0));
    let outcome = world.operations("alice", vec![quotes(false, &[(Buy, 0, 10)])]);
    assert_eq!(code(&outcome), "bids_above_bound");
    assert_eq!(code(&world.operations("alice", vec![quotes(false, &[(Sell, 9, 10)])])), "done");
}

#[test]
fn who_may_not_quote() {
    let mut world = World::with(&["alice"]);
    let one = || vec![quotes(false, &[(Sell, 9, 10)])];
    let refused = |world: &mut World, name: &str| code(&world.operations(name, one()));
    world.grant("alice", "bot", Grants { markets: vec![BTC_BWT], ..Grants::default() });
    world.grant("alice", "small", Grants { largest_notional: Some(Amount::new(44)), ..Grants::default() });
    assert_eq!(refused(&mut world, "bot"), "market_not_granted");
    assert_eq!(refused(&mut world, "small"), "above_grant");
    let elsewhere = Quotes { market: MarketId::new(9), slide: false, quotes: vec![] };
    assert_eq!(code(&world.operations("alice", vec![Operation::Quote(elsewhere)])), "unknown_market");
    for (state, expected) in [
        (MarketState::Halted, "market_closed"),
        (MarketState::CancelOnly, "market_closed"),
        (MarketState::Auction, "not_in_auction"),
        (MarketState::Trading, "done"),
    ] {
        world.set_state(BWT_BTC, state);
        assert_eq!(refused(&mut world, "alice"), expected);
    }
    let rules = MarketRules { most_orders: 1, ..MarketRules::default() };
    world.configure(vec![Change::SetMarketRules { market: BWT_BTC, rules }]);
    assert_eq!(refused(&mut world, "alice"), "done", "one for one");
    let two = vec![quotes(false, &[(Sell, 9, 1), (Sell, 10, 1)])];
    assert_eq!(code(&world.operations("alice", two)), "too_many_orders");
    world.set_frozen("alice", true);
    assert_eq!(refused(&mut world, "alice"), "account_frozen");
    assert_eq!(code(&world.operations("alice", vec![protect(1, 1)])), "account_frozen");
}

#[test]
fn a_quote_may_be_amended_and_never_takes() {
    let mut world = World::with(&["alice", "bob"]);
    world.operations("alice", vec![quotes(false, &[(Sell, 9, 10)])]);
    let ask = last(&world, "alice", 0);
    world.rest("bob", BWT_BTC, Buy, 5, 10);
    let amend =
        |price| Operation::Amend { order: ask, price: Price::new(price), quantity: Quantity::new(20) };
    assert_eq!(
        codes(&world.operations("alice", vec![amend(5), amend(6)])),
        ["post_only_would_trade", "done"]
    );
    world.operations("alice", vec![quotes(true, &[])]);
    assert_eq!(world.status(ask), Cancelled(CancelReason::Replaced));
}

#[test]
fn too_much_filled_in_a_window_pulls_the_quotes() {
    let mut world = World::with(&["alice", "bob"]);
    let outcome = world.operations(
        "alice",
        vec![
            protect(10, 10 * SECOND),
            quotes(false, &[(Sell, 9, 8), (Sell, 10, 8), (Sell, 11, 8), (Buy, 5, 8)]),
        ],
    );
    assert_eq!((codes(&outcome), tripped(&outcome)), (vec!["done"; 2], vec![false]));
    let orders = [0, 1, 2, 3].map(|op| last(&world, "alice", op + 1));
    world.rest("bob", BWT_BTC, Sell, 11, 8);
    // The fill that passes 10 lots still counts; the next quote is pulled before it trades, the rest after.
    let (taker, outcome) = world.place("bob", limit(BWT_BTC, Buy, 11, 20));
    let found: Vec<(u64, u64)> =
        trades(&outcome).iter().map(|one| (one.price.get(), one.quantity.get())).collect();
    assert_eq!((found, tripped(&outcome)), (vec![(9, 8), (10, 8)], vec![true]));
    let pulled = Cancelled(CancelReason::Protection);
    assert_eq!(orders.map(|order| world.status(order)), [Filled, Filled, pulled, pulled]);
    assert_eq!(world.status(taker), Open, "bob's own ask was in the way and is gone");
    let again = || vec![quotes(false, &[(Sell, 12, 1)])];
    assert_eq!(code(&world.operations("alice", again())), "protection_tripped");
    assert_eq!(code(&world.operations("alice", vec![quotes(false, &[])])), "done");
    assert_eq!(
        code(&world.place("alice", limit(BWT_BTC, Sell, 12, 1)).1),
        "done",
        "only quotes are protected"
    );
    let ends = Operation::Protect { market: BWT_BTC, protection: None };
    let outcome = world.operations("alice", vec![ends, again().remove(0)]);
    assert_eq!((codes(&outcome), tripped(&outcome)), (vec!["done"; 2], vec![false]));
    assert_eq!(
        code(
            &world
                .operations("alice", vec![Operation::Protect { market: MarketId::new(9), protection: None }])
        ),
        "unknown_market"
    );
}

#[test]
fn fills_count_as_long_as_their_window() {
    let check = |wait, expected: &[bool]| {
        let mut world = World::with(&["alice", "bob"]);
        world.operations("alice", vec![protect(10, 10 * SECOND), quotes(false, &[(Sell, 9, 30)])]);
        let (_, outcome) = world.place("bob", limit(BWT_BTC, Buy, 9, 10));
        assert!(tripped(&outcome).is_empty());
        world.wait(wait);
        let (_, outcome) = world.place("bob", limit(BWT_BTC, Buy, 9, 1));
        assert_eq!(tripped(&outcome), expected);
    };
    check(10 * SECOND - 1, &[true]);
    check(10 * SECOND, &[]);
}

#[test]
fn setting_it_again_forgets_what_was_filled() {
    let mut world = World::with(&["alice", "bob"]);
    world.operations("alice", vec![protect(10, 10 * SECOND), quotes(false, &[(Sell, 9, 30)])]);
    world.place("bob", limit(BWT_BTC, Buy, 9, 10));
    world.operations("alice", vec![protect(10, 10 * SECOND)]);
    assert!(tripped(&world.place("bob", limit(BWT_BTC, Buy, 9, 10)).1).is_empty());
    assert_eq!(tripped(&world.place("bob", limit(BWT_BTC, Buy, 9, 1)).1), [true]);
    assert_eq!(world.engine.open_orders(), 0);
}
