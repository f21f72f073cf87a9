//! Price bands, halts and auctions.

use crate::kit::acts::limit;
use crate::kit::*;
use MarketState::{Auction, CancelOnly, Halted, Trading};
use OrderStatus::{Cancelled, Filled, Open};
use bandex_engine::{CancelReason, Event, OrderStatus, Outcome};
use bandex_tradechain::body::*;
use bandex_types::Side::{Buy, Sell};
use bandex_types::TimeInForce::{Fok, Ioc};
use bandex_types::{Amount, OrderType, PostOnly, Price, Quantity, SelfTrade, Side};

fn fills(outcome: &Outcome) -> Vec<(u64, u64)> {
    trades(outcome).iter().map(|trade| (trade.price.get(), trade.quantity.get())).collect()
}

/// The states that an outcome tells of a market, in order.
fn states(outcome: &Outcome) -> Vec<MarketState> {
    let state = |event: &Event| match event {
        Event::Market { state, .. } => Some(*state),
        _ => None,
    };
    outcome.events.iter().filter_map(state).collect()
}

/// Price and volume of the auction that an outcome tells of.
fn auction(outcome: &Outcome) -> Option<(Option<u64>, u64)> {
    outcome.events.iter().find_map(|event| match event {
        Event::Auction { price, volume, .. } => Some((price.map(Price::get), *volume)),
        _ => None,
    })
}

fn set_rules(world: &mut World, rules: MarketRules) {
    let outcome = world.configure(vec![Change::SetMarketRules { market: BWT_BTC, rules }]);
    assert_eq!(code(&outcome), "done");
}

fn state(world: &World) -> MarketState {
    world.engine.markets().next().expect("a market is listed").state
}

fn market(side: Side, protection: u64, quantity: u64) -> Place {
    Place { order_type: OrderType::Market, time_in_force: Ioc, ..limit(BWT_BTC, side, protection, quantity) }
}

/// A world whose market has a band of a tenth, halts for 5 seconds and gathers for 7, and last traded at 100.
fn banded() -> World {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let rules =
        MarketRules { band_ppm: 100_000, halt_us: 5 * SECOND, auction_us: 7 * SECOND, most_orders: 0 };
    world.rest("alice", BWT_BTC, Sell, 100, 1);
    world.place("bob", limit(BWT_BTC, Buy, 100, 1));
    set_rules(&mut world, rules);
    world
}

#[test]
fn a_trade_outside_the_band_does_not_happen_and_halts_the_market() {
    let mut world = banded();
    for price in [105, 110, 111] {
        world.rest("alice", BWT_BTC, Sell, price, 10);
    }
    let (order, outcome) = world.place("bob", limit(BWT_BTC, Buy, 120, 30));
    assert_eq!((fills(&outcome), states(&outcome)), (vec![(105, 10), (110, 10)], vec![Halted]));
    assert_eq!(world.status(order), Cancelled(CancelReason::OutsideBand));
    assert_eq!(code(&world.place("bob", limit(BWT_BTC, Buy, 100, 1)).1), "market_closed");
    // After the halt orders gather, after that trading goes on.
    assert_eq!(states(&world.tick(5 * SECOND - 1)), []);
    assert_eq!(states(&world.tick(1)), [Auction]);
    let waiting = world.rest("bob", BWT_BTC, Buy, 130, 4);
    let indicative = world.engine.indicative(BWT_BTC).expect("they cross");
    assert_eq!((indicative.price.get(), indicative.volume, indicative.surplus), (111, 4, 6));
    assert_eq!(states(&world.tick(7 * SECOND - 1)), []);
    let outcome = world.tick(1);
    assert_eq!((states(&outcome), auction(&outcome)), (vec![Trading], Some((Some(111), 4))));
    assert_eq!((fills(&outcome), world.status(waiting)), (vec![(111, 4)], Filled));
    // The auction's price is the reference now.
    world.rest("alice", BWT_BTC, Sell, 122, 1);
    let (_, outcome) = world.place("bob", limit(BWT_BTC, Buy, 122, 7));
    assert_eq!((fills(&outcome), states(&outcome)), (vec![(111, 6), (122, 1)], vec![]));
    assert_eq!(world.engine.markets().next().and_then(|view| view.last), Some(Price::new(122)));
}

#[test]
fn the_band_is_around_the_last_trade_before_the_operation() {
    let check = |prices: &[u64], traded: &[u64], halts: bool| {
        let mut world = banded();
        for price in prices {
            world.rest("alice", BWT_BTC, Sell, *price, 1);
        }
        let (_, outcome) = world.place("bob", limit(BWT_BTC, Buy, 200, 1_000));
        assert_eq!(fills(&outcome), traded.iter().map(|price| (*price, 1)).collect::<Vec<_>>());
        assert_eq!(state(&world), if halts { Halted } else { Trading });
    };
    check(&[110, 120], &[110], true);
    check(&[111], &[], true);
    check(&[90], &[90], false);
    check(&[89], &[], true);
    check(&[], &[], false);
    // In an operation of its own each step may be a tenth.
    let mut world = banded();
    for price in [110, 121] {
        world.rest("alice", BWT_BTC, Sell, price, 1);
        assert_eq!(fills(&world.place("bob", limit(BWT_BTC, Buy, price, 1)).1), [(price, 1)]);
    }
}

#[test]
fn a_cascade_of_stops_ends_at_the_band() {
    let mut world = banded();
    for price in [95, 90, 85] {
        world.rest("bob", BWT_BTC, Buy, price, 1);
    }
    let stop = |at| Place {
        trigger: Some(Trigger { kind: TriggerKind::StopLoss, price: Price::new(at) }),
        ..market(Sell, 1, 1)
    };
    let [first, second, third] = [stop(95), stop(90), stop(90)].map(|place| world.place("carol", place).0);
    let (_, outcome) = world.place("alice", limit(BWT_BTC, Sell, 95, 1));
    assert_eq!((fills(&outcome), states(&outcome)), (vec![(95, 1), (90, 1)], vec![Halted]));
    let outside = Cancelled(CancelReason::OutsideBand);
    // The third had been reached with the second; it sleeps on through the halt, and the auction wakes it.
    assert_eq!(
        [first, second, third].map(|order| world.status(order)),
        [Filled, outside, OrderStatus::Sleeping]
    );
    world.tick(5 * SECOND);
    world.rest("alice", BWT_BTC, Sell, 85, 1);
    world.rest("bob", BWT_BTC, Buy, 84, 1);
    let outcome = world.tick(7 * SECOND);
    assert_eq!((auction(&outcome), fills(&outcome)), (Some((Some(85), 1)), vec![(85, 1), (84, 1)]));
    assert_eq!(world.status(third), Filled);
}

#[test]
fn without_times_the_operator_decides() {
    let mut world = banded();
    set_rules(&mut world, MarketRules { band_ppm: 100_000, ..MarketRules::default() });
    world.rest("alice", BWT_BTC, Sell, 120, 10);
    world.place("bob", limit(BWT_BTC, Buy, 120, 30));
    world.tick(1_000 * SECOND);
    assert_eq!(state(&world), Halted);
    world.set_state(BWT_BTC, Auction);
    world.tick(1_000 * SECOND);
    assert_eq!(state(&world), Auction);
    world.set_state(BWT_BTC, Trading);
    // A decision takes the place of what was to happen by itself.
    set_rules(&mut world, MarketRules { auction_us: 5 * SECOND, ..MarketRules::default() });
    world.set_state(BWT_BTC, Auction);
    world.set_state(BWT_BTC, Halted);
    world.tick(1_000 * SECOND);
    assert_eq!(state(&world), Halted);
}

#[test]
fn without_a_band_any_price_trades() {
    let mut world = banded();
    world.rest("alice", BWT_BTC, Sell, 100, 1);
    world.place("bob", limit(BWT_BTC, Buy, 100, 1));
    set_rules(&mut world, MarketRules::default());
    world.rest("alice", BWT_BTC, Sell, 500, 1);
    assert_eq!(fills(&world.place("bob", limit(BWT_BTC, Buy, 500, 1)).1), [(500, 1)]);
    assert_eq!(state(&world), Trading);
}

#[test]
fn an_auction_gathers_limit_and_market_orders_and_nothing_else() {
    let mut world = World::with(&["alice", "bob"]);
    world.set_state(BWT_BTC, Auction);
    let mut check = |place: Place, expected: &str| {
        let (_, outcome) = world.place("alice", place.clone());
        assert_eq!(code(&outcome), expected, "{place:?}");
        assert!(trades(&outcome).is_empty());
    };
    let plain = || limit(BWT_BTC, Sell, 10, 10);
    check(plain(), "done");
    check(market(Sell, 10, 10), "done");
    check(Place { display: Some(Quantity::new(5)), ..plain() }, "done");
    check(Place { time_in_force: Ioc, ..plain() }, "not_in_auction");
    check(Place { time_in_force: Fok, ..market(Sell, 10, 10) }, "not_in_auction");
    check(Place { post_only: PostOnly::Slide, ..plain() }, "not_in_auction");
    check(Place { minimum: Some(Quantity::new(5)), ..plain() }, "not_in_auction");
    let budget =
        Place { quantity: Quantity::ZERO, quote_quantity: Some(Amount::new(9)), ..market(Buy, 10, 0) };
    check(budget, "not_in_auction");
    check(limit(BWT_BTC, Sell, 10, 10_000), "insufficient_free");
    world.set_limit("bob", Some(0));
    assert_eq!(code(&world.place("bob", limit(BWT_BTC, Buy, 0, 1)).1), "limit_reached");
}

#[test]
fn all_trade_at_one_price_best_price_and_oldest_first() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let early = world.rest("carol", BWT_BTC, Buy, 8, 5);
    world.set_state(BWT_BTC, Auction);
    assert_eq!(world.engine.indicative(BWT_BTC), None);
    let bids =
        [(12, 10), (10, 10), (10, 10)].map(|(price, lots)| world.rest("bob", BWT_BTC, Buy, price, lots));
    let (at_market, _) = world.place("alice", market(Sell, 1, 4));
    let ask = world.rest("alice", BWT_BTC, Sell, 9, 12);
    let (left_over, _) = world.place("carol", market(Sell, 11, 3));
    let (leaving, _) = world.place("bob", limit(BWT_BTC, Buy, 50, 50));
    assert_eq!(code(&world.cancel("bob", leaving)), "done");
    let outcome = world.set_state(BWT_BTC, Trading);
    // 16 lots trade from 9 to 10; without a reference the lower price has the same volume and surplus.
    assert_eq!((auction(&outcome), states(&outcome)), (Some((Some(9), 16)), vec![Trading]));
    let found: Vec<_> =
        trades(&outcome).iter().map(|one| (one.taker, one.maker, one.quantity.get())).collect();
    assert_eq!(found, [(at_market, bids[0], 4), (ask, bids[0], 6), (ask, bids[1], 6)]);
    assert_eq!(bids.map(|order| world.status(order)), [Filled, Open, Open]);
    assert_eq!([at_market, ask, early].map(|order| world.status(order)), [Filled, Filled, Open]);
    assert_eq!(world.status(left_over), Cancelled(CancelReason::AuctionUnfilled));
    assert_eq!(world.tokens("carol").1, 0);
    for trade in trades(&outcome) {
        let name = |account| if world.account("alice") == account { "alice" } else { "bob" };
        let (seller, buyer) = (name(trade.taker_account), name(trade.maker_account));
        world.settle(trade.deal, seller, buyer);
    }
}

#[test]
fn icebergs_in_an_auction_are_one_deal_a_pair() {
    let mut world = World::with(&["alice", "bob"]);
    world.set_state(BTC_BWT, Auction);
    let shows = |plain: Place| Place { display: Some(Quantity::new(1)), ..plain };
    let (bid, _) = world.place("alice", shows(limit(BTC_BWT, Buy, 3, 9)));
    let (ask, _) = world.place("bob", shows(limit(BTC_BWT, Sell, 3, 5)));
    let outcome = world.set_state(BTC_BWT, Trading);
    assert_eq!(fills(&outcome), [(3, 1); 5]);
    let deal = world.deal_state(trades(&outcome)[0].deal);
    assert_eq!((deal.taker, deal.maker), (ask, bid));
    // 5 lots at 3 ticks of half a unit, and 4 that wait.
    assert_eq!((deal.deal.terms().quote_total.get(), world.tokens("alice").1), (7, 7 + 6));
    assert_eq!([bid, ask].map(|order| world.status(order)), [Open, Filled]);
}

#[test]
fn an_auction_waits_for_trading_whatever_comes_between() {
    let mut world = World::with(&["alice", "bob"]);
    world.set_state(BWT_BTC, Auction);
    let ask = world.rest("alice", BWT_BTC, Sell, 9, 10);
    let bid = world.rest("bob", BWT_BTC, Buy, 11, 10);
    for state in [CancelOnly, Halted, Auction, CancelOnly] {
        assert_eq!(trades(&world.set_state(BWT_BTC, state)), []);
        assert!(world.engine.indicative(BWT_BTC).is_some());
    }
    let shrink = Operation::Amend { order: ask, price: Price::new(9), quantity: Quantity::new(4) };
    assert_eq!(code(&world.operations("alice", vec![shrink])), "done");
    assert_eq!(fills(&world.set_state(BWT_BTC, Trading)), [(9, 4)]);
    assert_eq!([ask, bid].map(|order| world.status(order)), [Filled, Open]);
    assert_eq!(auction(&world.set_state(BWT_BTC, Trading)), None, "it has ended");
    world.set_state(BWT_BTC, Auction);
    assert_eq!(auction(&world.set_state(BWT_BTC, Trading)), Some((None, 0)), "nothing crosses");
}

#[test]
fn own_orders_do_not_meet_in_an_auction() {
    let check = |self_trade, old: OrderStatus, new: OrderStatus| {
        let mut world = World::with(&["alice"]);
        world.set_state(BWT_BTC, Auction);
        let ask = world.rest("alice", BWT_BTC, Sell, 9, 10);
        let (bid, _) = world.place("alice", Place { self_trade, ..limit(BWT_BTC, Buy, 9, 15) });
        assert_eq!([ask, bid].map(|order| world.status(order)), [old, new], "{self_trade:?}");
        assert_eq!(trades(&world.set_state(BWT_BTC, Trading)), []);
    };
    let gone = Cancelled(CancelReason::SelfTrade);
    check(SelfTrade::CancelOldest, gone, Open);
    check(SelfTrade::CancelNewest, Open, gone);
    check(SelfTrade::CancelBoth, gone, gone);
    check(SelfTrade::Decrement, gone, Open);
}

#[test]
fn an_amended_order_gathers_anew() {
    let mut world = World::with(&["alice", "bob"]);
    world.set_state(BWT_BTC, Auction);
    let ask = world.rest("alice", BWT_BTC, Sell, 12, 10);
    let (bid, _) = world.place("bob", market(Buy, 9, 10));
    let amend = |order, price, quantity| Operation::Amend {
        order,
        price: Price::new(price),
        quantity: Quantity::new(quantity),
    };
    assert_eq!(code(&world.operations("alice", vec![amend(ask, 8, 20)])), "done");
    assert_eq!(code(&world.operations("bob", vec![amend(bid, 10, 15)])), "done");
    assert_eq!(code(&world.operations("alice", vec![amend(ask, 8, 20_000)])), "insufficient_free");
    assert_eq!(world.engine.indicative(BWT_BTC).map(|one| (one.price.get(), one.volume)), Some((8, 15)));
    assert_eq!(fills(&world.set_state(BWT_BTC, Trading)), [(8, 15)]);
}

#[test]
fn who_has_no_limit_left_is_removed_from_an_auction() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world.set_state(BWT_BTC, Auction);
    let ask = world.rest("alice", BWT_BTC, Sell, 9, 10);
    let bids = [world.rest("bob", BWT_BTC, Buy, 11, 10), world.rest("carol", BWT_BTC, Buy, 11, 10)];
    world.set_limit("bob", Some(0));
    let outcome = world.set_state(BWT_BTC, Trading);
    assert_eq!(fills(&outcome).iter().map(|(_, lots)| lots).sum::<u64>(), 10);
    assert_eq!(bids.map(|order| world.status(order)), [Cancelled(CancelReason::LimitExhausted), Filled]);
    assert_eq!(world.status(ask), Filled);
}
