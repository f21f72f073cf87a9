//! Orders with special terms: market orders and their sizes, dates, icebergs, minimums, sliding post-only, and the four
//! modes of self-trade prevention.

use crate::kit::acts::limit;
use crate::kit::*;
use OrderStatus::{Cancelled, Filled, Open};
use bandex_engine::{CancelReason, Event, OrderState, OrderStatus, Outcome};
use bandex_tradechain::body::*;
use bandex_types::Side::{Buy, Sell};
use bandex_types::TimeInForce::{Fok, Gtc, Gtd, Ioc};
use bandex_types::{Amount, OrderRef, OrderType, PostOnly, Quantity, SelfTrade, Side};

fn market(side: Side, protection: u64, quantity: u64) -> Place {
    Place { order_type: OrderType::Market, time_in_force: Ioc, ..limit(BWT_BTC, side, protection, quantity) }
}

fn budget(side: Side, protection: u64, quote: u64) -> Place {
    Place { quote_quantity: Some(Amount::new(quote)), ..market(side, protection, 0) }
}

fn shows(display: u64, plain: Place) -> Place {
    Place { display: Some(Quantity::new(display)), ..plain }
}

fn at_least(minimum: u64, plain: Place) -> Place {
    Place { minimum: Some(Quantity::new(minimum)), ..plain }
}

/// The prices and lots at which a block traded.
fn fills(outcome: &Outcome) -> Vec<(u64, u64)> {
    trades(outcome).iter().map(|trade| (trade.price.get(), trade.quantity.get())).collect()
}

/// How an order stands, as the last event says: its price, lots, lots traded and status.
fn told(world: &World, order: OrderRef) -> (u64, u64, u64, OrderStatus) {
    let OrderState { price, quantity, filled, status, .. } = &world.watch.orders.states[&order];
    (price.get(), quantity.get(), filled.get(), *status)
}

/// Alice asks 10 lots at 10, 20 at 11 and 30 at 12.
fn asked() -> World {
    let mut world = World::with(&["alice", "bob", "carol"]);
    for (price, quantity) in [(10, 10), (11, 20), (12, 30)] {
        world.rest("alice", BWT_BTC, Sell, price, quantity);
    }
    world
}

#[test]
fn terms_that_contradict_each_other_are_refused() {
    let mut world = asked();
    let mut check = |place: Place, expected: &str| {
        let (_, outcome) = world.place("bob", place.clone());
        assert_eq!(code(&outcome), expected, "{place:?}");
        assert!(outcome.events.is_empty());
    };
    let plain = || limit(BWT_BTC, Buy, 9, 10);
    let with = |time_in_force, place: Place| Place { time_in_force, ..place };
    let post = |post_only, place: Place| Place { post_only, ..place };
    let dated = |seconds: u64| {
        let expires = Some(bandex_types::Timestamp::from_micros(START + seconds * SECOND));
        Place { expires, ..plain() }
    };
    check(with(Gtd, plain()), "bad_date");
    check(with(Gtd, dated(0)), "bad_date");
    check(dated(10), "bad_date");
    check(with(Gtc, market(Buy, 12, 1)), "bad_terms");
    check(with(Gtd, Place { order_type: OrderType::Market, ..dated(10) }), "bad_terms");
    check(post(PostOnly::Refuse, market(Buy, 12, 1)), "bad_terms");
    check(post(PostOnly::Slide, with(Ioc, plain())), "bad_terms");
    check(shows(1, market(Buy, 12, 10)), "bad_terms");
    check(shows(1, with(Fok, plain())), "bad_terms");
    check(shows(0, plain()), "bad_terms");
    check(shows(11, plain()), "bad_terms");
    check(shows(1, limit(BWT_BTC, Buy, 9, 101)), "bad_terms");
    check(at_least(0, plain()), "bad_terms");
    check(at_least(11, plain()), "bad_terms");
    check(at_least(1, with(Fok, plain())), "bad_terms");
    check(at_least(1, post(PostOnly::Refuse, plain())), "bad_terms");
    check(Place { quote_quantity: Some(Amount::new(9)), ..plain() }, "bad_terms");
    check(Place { quantity: Quantity::new(1), ..budget(Buy, 12, 9) }, "bad_terms");
    check(with(Fok, budget(Buy, 12, 9)), "bad_terms");
    check(at_least(1, budget(Buy, 12, 9)), "bad_terms");
    check(budget(Buy, 12, 0), "bad_terms");
    check(budget(Sell, 0, 9), "bad_terms");
    check(budget(Sell, 19, 9), "zero_quantity");
    check(market(Buy, 12, 0), "zero_quantity");
}

#[test]
fn a_market_order_takes_what_is_there_up_to_its_protection() {
    let check = |place: Place, expected: &[(u64, u64)], then| {
        let mut world = asked();
        let (order, outcome) = world.place("bob", place);
        assert_eq!((code(&outcome), fills(&outcome)), ("done", expected.to_vec()));
        assert_eq!(told(&world, order), then);
    };
    let unfilled = Cancelled(CancelReason::Unfilled);
    check(market(Buy, 11, 25), &[(10, 10), (11, 15)], (11, 25, 25, Filled));
    check(market(Buy, 11, 40), &[(10, 10), (11, 20)], (11, 40, 30, unfilled));
    check(market(Buy, 9, 5), &[], (9, 5, 0, unfilled));
    let all = Place { time_in_force: Fok, ..market(Buy, 12, 60) };
    check(all.clone(), &[(10, 10), (11, 20), (12, 30)], (12, 60, 60, Filled));
    let mut world = asked();
    let more = Place { quantity: Quantity::new(61), ..all };
    assert_eq!(code(&world.place("bob", more).1), "fok_unfilled");
}

#[test]
fn a_market_order_by_quote_quantity_stays_within_it() {
    // A lot at a tick is half a unit here.
    let check = |place: Place, expected: &[(u64, u64)], then| {
        let mut world = asked();
        world.rest("alice", BWT_BTC, Buy, 8, 10);
        let (order, outcome) = world.place("bob", place);
        assert_eq!((code(&outcome), fills(&outcome)), ("done", expected.to_vec()));
        assert_eq!(told(&world, order), then);
        assert_eq!(
            world.tokens("bob").1,
            if expected == [(8, 10)] {
                100
            } else {
                expected.iter().map(|(p, q)| if *p < 10 { q * 10 } else { 0 }).sum()
            }
        );
    };
    check(budget(Buy, 12, 50), &[(10, 10)], (12, 10, 10, Filled));
    check(budget(Buy, 12, 61), &[(10, 10), (11, 2)], (12, 12, 12, Filled));
    check(budget(Buy, 10, 99), &[(10, 10)], (10, 10, 10, Filled));
    check(budget(Buy, 12, 4), &[], (12, 0, 0, Cancelled(CancelReason::Unfilled)));
    check(budget(Sell, 8, 39), &[(8, 9)], (8, 9, 9, Filled));
    check(budget(Sell, 4, 400), &[(8, 10)], (4, 10, 10, Filled));
}

#[test]
fn a_market_order_by_quote_quantity_needs_the_means_for_all_of_it() {
    let mut world = World::with(&["alice", "bob"]);
    let on = |market, place: Place| Place { market, ..place };
    assert_eq!(code(&world.place("bob", on(BTC_BWT, budget(Buy, 9, 100_001))).1), "insufficient_free");
    assert_eq!(code(&world.place("bob", on(BTC_BWT, budget(Buy, 9, 100_000))).1), "done");
    // 20,002 lots of 10 units at a tick that is worth half a unit.
    assert_eq!(code(&world.place("bob", budget(Sell, 1, 5_001)).1), "insufficient_free");
    assert_eq!(code(&world.place("bob", budget(Sell, 1, 5_000)).1), "done");
    world.set_limit("bob", Some(1));
    assert_eq!(code(&world.place("bob", budget(Buy, 9, 1_001)).1), "bids_above_bound");
    assert_eq!(code(&world.place("bob", budget(Buy, 9, 1_000)).1), "done");
    assert_eq!(world.tokens("bob"), (100_000, 0));
}

#[test]
fn an_order_till_a_date_ends_then_and_not_before() {
    let mut world = World::with(&["alice"]);
    let till = |world: &World, seconds: u64| Place {
        time_in_force: Gtd,
        expires: Some(world.now().plus(seconds * SECOND)),
        ..limit(BWT_BTC, Sell, 10, 10)
    };
    let (late, early) = (till(&world, 9), till(&world, 5));
    let [late, early] = [late, early].map(|place| world.place("alice", place).0);
    assert_eq!(world.engine.next_deadline(), Some(world.now().plus(5 * SECOND)));
    world.tick(5 * SECOND - 1);
    assert_eq!([late, early].map(|order| world.status(order)), [Open, Open]);
    world.tick(1);
    assert_eq!(world.status(early), Cancelled(CancelReason::Expired));
    assert_eq!((world.status(late), world.tokens("alice").1), (Open, 100));
    // A date passes on a market that stands still, too.
    world.set_state(BWT_BTC, MarketState::Halted);
    world.tick(4 * SECOND);
    assert_eq!((world.status(late), world.tokens("alice").1), (Cancelled(CancelReason::Expired), 0));
    // What was cancelled before has no date any more.
    world.set_state(BWT_BTC, MarketState::Trading);
    let place = till(&world, 5);
    let (order, _) = world.place("alice", place);
    world.cancel("alice", order);
    assert_eq!(world.engine.next_deadline(), None);
}

#[test]
fn an_iceberg_shows_a_part_and_goes_to_the_back_with_each() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let (iceberg, outcome) = world.place("alice", shows(10, limit(BWT_BTC, Sell, 10, 35)));
    let terms: Vec<_> = outcome
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Terms(terms) => Some(terms.display),
            _ => None,
        })
        .collect();
    assert_eq!(terms, [Some(Quantity::new(10))]);
    let other = world.rest("carol", BWT_BTC, Sell, 10, 5);
    let shown =
        |world: &World| world.engine.levels(BWT_BTC, Sell).iter().map(|level| level.quantity).sum::<u128>();
    assert_eq!((shown(&world), world.tokens("alice").1), (15, 350));
    let (_, outcome) = world.place("bob", limit(BWT_BTC, Buy, 10, 28));
    let makers: Vec<_> = trades(&outcome).iter().map(|trade| (trade.maker, trade.quantity.get())).collect();
    assert_eq!(makers, [(iceberg, 10), (other, 5), (iceberg, 10), (iceberg, 3)]);
    // Three parts are one deal.
    let deals: std::collections::BTreeSet<_> = trades(&outcome).iter().map(|trade| trade.deal).collect();
    let deal = world.deal_state(trades(&outcome)[0].deal);
    assert_eq!((deals.len(), deal.deal.terms().base_total), (2, Amount::new(230)));
    assert_eq!(deal.deal.terms().quote_total, Amount::new(115));
    assert_eq!((told(&world, iceberg), shown(&world)), ((10, 35, 23, Open), 7));
    world.settle(trades(&outcome)[0].deal, "alice", "bob");
}

#[test]
fn parts_of_a_rounded_amount_cost_what_the_whole_does() {
    // Lots at 3 ticks of half a unit: each part alone would be rounded down, together they are exact.
    let mut world = World::with(&["alice", "bob"]);
    let (bid, _) = world.place("alice", shows(1, limit(BTC_BWT, Buy, 3, 9)));
    assert_eq!(world.tokens("alice").1, 13);
    let (_, outcome) = world.place("bob", limit(BTC_BWT, Sell, 3, 4));
    assert_eq!(fills(&outcome), [(3, 1); 4]);
    let deal = world.deal_state(trades(&outcome)[0].deal);
    assert_eq!(deal.deal.terms().quote_total, Amount::new(6));
    assert_eq!((told(&world, bid), world.tokens("alice").1), ((3, 9, 4, Open), 6 + 7));
}

#[test]
fn a_minimum_trades_at_once_or_nothing_does() {
    let check = |minimum, quantity, expected: &str, filled| {
        let mut world = asked();
        let (order, outcome) = world.place("bob", at_least(minimum, limit(BWT_BTC, Buy, 11, quantity)));
        assert_eq!(code(&outcome), expected);
        match filled {
            Some(filled) => assert_eq!(
                told(&world, order),
                (11, quantity, filled, if filled < quantity { Open } else { Filled })
            ),
            None => assert!(outcome.events.is_empty()),
        }
    };
    check(30, 40, "done", Some(30));
    check(31, 40, "minimum_unfilled", None);
    check(1, 5, "done", Some(5));
}

#[test]
fn a_sliding_order_moves_to_the_next_price_that_does_not_trade() {
    let check = |side, price, then: Option<u64>| {
        let mut world = asked();
        world.rest("alice", BWT_BTC, Buy, 7, 10);
        let place = Place { post_only: PostOnly::Slide, ..limit(BWT_BTC, side, price, 10) };
        let (order, outcome) = world.place("bob", place);
        assert_eq!(fills(&outcome), []);
        match then {
            Some(then) => assert_eq!(told(&world, order), (then, 10, 0, Open)),
            None => assert_eq!(code(&outcome), "post_only_would_trade"),
        }
    };
    check(Buy, 8, Some(8));
    check(Buy, 10, Some(9));
    check(Buy, 50, Some(9));
    check(Sell, 8, Some(8));
    check(Sell, 0, Some(8));
    let mut world = World::with(&["alice", "bob"]);
    world.rest("alice", BWT_BTC, Sell, 0, 10);
    let place = Place { post_only: PostOnly::Slide, ..limit(BWT_BTC, Buy, 1, 10) };
    assert_eq!(code(&world.place("bob", place).1), "post_only_would_trade", "nothing is below 0");
    // It locks what it needs at its new price.
    let place = Place { post_only: PostOnly::Slide, ..limit(BTC_BWT, Buy, 8, 10) };
    world.rest("bob", BTC_BWT, Sell, 5, 10);
    world.place("alice", place);
    assert_eq!(world.tokens("alice").1, 100 + 20);
}

#[test]
fn self_trade_prevention_in_its_four_modes() {
    // Bob has 10 lots resting behind 10 of Alice's, and takes up to 25.
    let check = |self_trade, taken, old: (u64, u64, OrderStatus), new: (u64, u64, OrderStatus)| {
        let mut world = World::with(&["alice", "bob"]);
        world.rest("alice", BWT_BTC, Sell, 10, 10);
        let own = world.rest("bob", BWT_BTC, Sell, 11, 10);
        let place = Place { self_trade, ..limit(BWT_BTC, Buy, 12, 25) };
        let (order, outcome) = world.place("bob", place);
        assert_eq!((code(&outcome), fills(&outcome)), ("done", vec![(10, taken)]));
        let found = [own, order].map(|order| {
            let (_, quantity, filled, status) = told(&world, order);
            (quantity, filled, status)
        });
        assert_eq!(found, [old, new], "{self_trade:?}");
        assert_eq!(world.tokens("bob").1, if old.2 == Open { 100 } else { 0 });
    };
    let gone = Cancelled(CancelReason::SelfTrade);
    check(SelfTrade::CancelOldest, 10, (10, 0, gone), (25, 10, Open));
    check(SelfTrade::CancelNewest, 10, (10, 0, Open), (25, 10, gone));
    check(SelfTrade::CancelBoth, 10, (10, 0, gone), (25, 10, gone));
    check(SelfTrade::Decrement, 10, (0, 0, gone), (15, 10, Open));
}

#[test]
fn decrement_leaves_the_larger_order_smaller() {
    let mut world = World::with(&["bob"]);
    let own = world.rest("bob", BWT_BTC, Sell, 11, 30);
    let place = Place { self_trade: SelfTrade::Decrement, ..limit(BWT_BTC, Buy, 12, 25) };
    let (order, _) = world.place("bob", place);
    assert_eq!(told(&world, own), (11, 5, 0, Open));
    assert_eq!(told(&world, order), (12, 0, 0, Cancelled(CancelReason::SelfTrade)));
    assert_eq!(world.tokens("bob").1, 50);
}

#[test]
fn an_account_has_at_most_so_many_orders_on_a_market() {
    let mut world = World::with(&["alice", "bob"]);
    let rules = MarketRules { most_orders: 2, ..MarketRules::default() };
    assert_eq!(code(&world.configure(vec![Change::SetMarketRules { market: BWT_BTC, rules }])), "done");
    let first = world.rest("alice", BWT_BTC, Sell, 10, 1);
    world.rest("alice", BWT_BTC, Sell, 10, 1);
    world.rest("bob", BWT_BTC, Sell, 10, 1);
    world.rest("alice", BTC_BWT, Sell, 10, 1);
    let refused = |world: &mut World, place: Place| code(&world.place("alice", place).1);
    assert_eq!(refused(&mut world, limit(BWT_BTC, Sell, 10, 1)), "too_many_orders");
    assert_eq!(refused(&mut world, market(Buy, 9, 1)), "done", "what does not stay is not counted");
    world.cancel("alice", first);
    assert_eq!(refused(&mut world, limit(BWT_BTC, Sell, 10, 1)), "done");
    let id = bandex_types::MarketId::new(9);
    assert_eq!(code(&world.configure(vec![Change::SetMarketRules { market: id, rules }])), "unknown_market");
    assert_eq!(world.engine.markets().next().map(|view| view.rules), Some(rules));
}
