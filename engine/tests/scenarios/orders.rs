//! Orders: place and cancel, times in force, post-only, self-trade, client ids, what the first rules do not serve.

use crate::kit::acts::{Grants, limit};
use crate::kit::*;
use OrderStatus::{Cancelled, Filled, Open};
use bandex_engine::{CancelReason, OrderStatus};
use bandex_tradechain::body::*;
use bandex_types::Side::{Buy, Sell};
use bandex_types::{
    Amount, OrderRef, OrderType, PostOnly, Price, Quantity, SelfTrade, TimeInForce, Timestamp,
};

fn with(time_in_force: TimeInForce, plain: Place) -> Place {
    Place { time_in_force, ..plain }
}

fn named(id: &str, plain: Place) -> Place {
    Place { client_id: Some(id.to_owned()), ..plain }
}

/// The lots and prices at which a block traded.
fn fills(outcome: &bandex_engine::Outcome) -> Vec<(u64, u64)> {
    trades(outcome).iter().map(|trade| (trade.price.get(), trade.quantity.get())).collect()
}

#[test]
fn best_price_first_then_oldest_and_the_rest_rests() {
    let mut world = World::with(&["alice", "bob"]);
    let dear = world.rest("alice", BWT_BTC, Sell, 12, 10);
    let first = world.rest("alice", BWT_BTC, Sell, 11, 10);
    let second = world.rest("alice", BWT_BTC, Sell, 11, 10);
    let (taker, outcome) = world.place("bob", limit(BWT_BTC, Buy, 11, 25));
    let makers: Vec<OrderRef> = trades(&outcome).iter().map(|trade| trade.maker).collect();
    assert_eq!((fills(&outcome), makers), (vec![(11, 10), (11, 10)], vec![first, second]));
    assert_eq!([dear, first, second, taker].map(|order| world.status(order)), [Open, Filled, Filled, Open]);
    let (taker, outcome) = world.place("bob", limit(BWT_BTC, Buy, 20, 4));
    assert_eq!((fills(&outcome), world.status(taker), world.status(dear)), (vec![(12, 4)], Filled, Open));
    let levels = world.engine.levels(BWT_BTC, Buy);
    assert_eq!(levels.iter().map(|level| (level.price.get(), level.quantity)).collect::<Vec<_>>(), [(11, 5)]);
}

#[test]
fn times_in_force() {
    let check = |time_in_force, quantity, expected: &str, status: Option<OrderStatus>| {
        let mut world = World::with(&["alice", "bob"]);
        world.rest("alice", BWT_BTC, Sell, 5, 10);
        world.rest("alice", BWT_BTC, Sell, 6, 10);
        let (order, outcome) = world.place("bob", with(time_in_force, limit(BWT_BTC, Buy, 6, quantity)));
        assert_eq!(code(&outcome), expected);
        match status {
            Some(status) => assert_eq!(world.status(order), status),
            None => assert!(outcome.events.is_empty(), "a refusal changes nothing"),
        }
    };
    use TimeInForce::{Fok, Gtc, Gtd, Ioc};
    check(Gtc, 20, "done", Some(Filled));
    check(Gtc, 21, "done", Some(Open));
    check(Ioc, 20, "done", Some(Filled));
    check(Ioc, 21, "done", Some(Cancelled(CancelReason::Unfilled)));
    check(Fok, 20, "done", Some(Filled));
    check(Fok, 21, "fok_unfilled", None);
    check(Gtd, 1, "bad_date", None);
}

#[test]
fn an_ioc_order_that_meets_nobody_is_cancelled_whole() {
    let mut world = World::with(&["alice"]);
    let (order, outcome) = world.place("alice", with(TimeInForce::Ioc, limit(BWT_BTC, Sell, 5, 10)));
    assert_eq!(code(&outcome), "done");
    assert_eq!(world.status(order), Cancelled(CancelReason::Unfilled));
    assert_eq!(world.tokens("alice"), (100_000, 0));
}

#[test]
fn post_only_rests_or_is_refused() {
    let mut world = World::with(&["alice", "bob"]);
    world.rest("alice", BWT_BTC, Sell, 5, 10);
    let post = |price| Place { post_only: PostOnly::Refuse, ..limit(BWT_BTC, Buy, price, 10) };
    assert_eq!(code(&world.place("bob", post(5)).1), "post_only_would_trade");
    let (order, outcome) = world.place("bob", post(4));
    assert_eq!((code(&outcome), world.status(order)), ("done", Open));
}

#[test]
fn an_account_never_trades_with_itself_whichever_key_orders() {
    let mut world = World::with(&["alice", "bob"]);
    world.grant("alice", "bot", Grants::default());
    let old = world.rest("bot", BWT_BTC, Sell, 5, 10);
    let bobs = world.rest("bob", BWT_BTC, Sell, 6, 10);
    let (new, outcome) = world.place("alice", limit(BWT_BTC, Buy, 6, 15));
    assert_eq!(fills(&outcome), [(6, 10)]);
    assert_eq!(world.status(old), Cancelled(CancelReason::SelfTrade));
    assert_eq!([bobs, new].map(|order| world.status(order)), [Filled, Open]);
    assert_eq!(world.tokens("alice").1, 0, "the cancelled ask locks nothing");
}

#[test]
fn operations_of_one_block_follow_one_another() {
    let mut world = World::with(&["alice"]);
    let seq = world.engine.head(&key("alice")).unwrap().seq + 1;
    let place = |price, quantity| Operation::Place(Box::new(limit(BWT_BTC, Sell, price, quantity)));
    let own = |op| Operation::Cancel { order: OrderRef { key: key("alice"), seq, op } };
    let outcome =
        world.operations("alice", vec![place(5, 10), own(0), place(5, 0), own(2), place(6, 10), own(0)]);
    assert_eq!(codes(&outcome), ["done", "done", "zero_quantity", "unknown_order", "done", "unknown_order"]);
    assert_eq!(world.tokens("alice").1, 100);
    let hundred = (1..=100).map(|price| place(price, 1)).collect();
    assert_eq!(codes(&world.operations("alice", hundred)), ["done"; 100]);
    assert_eq!(world.engine.open_orders(), 101);
}

#[test]
fn cancelling_frees_what_was_locked() {
    let mut world = World::with(&["alice", "bob"]);
    world.grant("alice", "bot", Grants { markets: vec![BTC_BWT], ..Grants::default() });
    let order = world.rest("alice", BWT_BTC, Sell, 5, 10);
    assert_eq!(world.tokens("alice").1, 100);
    assert_eq!(code(&world.cancel("bob", order)), "not_your_order");
    assert_eq!(code(&world.cancel("bot", order)), "market_not_granted");
    assert_eq!(code(&world.cancel("alice", order)), "done");
    assert_eq!(world.status(order), Cancelled(CancelReason::Requested));
    assert_eq!(world.tokens("alice").1, 0);
    assert_eq!(code(&world.cancel("alice", order)), "unknown_order");
}

#[test]
fn a_client_id_names_one_open_order_of_one_key_on_one_market() {
    let mut world = World::with(&["alice", "bob"]);
    world.grant("alice", "bot", Grants::default());
    let (first, _) = world.place("alice", named("a", limit(BWT_BTC, Sell, 5, 10)));
    let again = |name: &str, market, world: &mut World| {
        code(&world.place(name, named("a", limit(market, Sell, 5, 10))).1)
    };
    assert_eq!(again("alice", BWT_BTC, &mut world), "duplicate_client_id");
    assert_eq!(again("alice", BTC_BWT, &mut world), "done");
    assert_eq!(again("bot", BWT_BTC, &mut world), "done");
    assert_eq!(again("bob", BWT_BTC, &mut world), "done");
    assert_eq!(code(&world.cancel_client("alice", BWT_BTC, "b")), "unknown_order");
    assert_eq!(code(&world.cancel_client("alice", EUR_BTC, "a")), "unknown_order");
    assert_eq!(code(&world.cancel_client("alice", BWT_BTC, "a")), "done");
    assert_eq!(world.status(first), Cancelled(CancelReason::Requested));
    assert_eq!(world.engine.open_orders(), 3, "only that one");
    assert_eq!(again("alice", BWT_BTC, &mut world), "done", "the name is free again");
    // So it is once the order has filled.
    world.rest("bob", BWT_BTC, Buy, 5, 10);
    world.place("bob", limit(BWT_BTC, Buy, 5, 30));
    assert_eq!(again("alice", BWT_BTC, &mut world), "done");
}

#[test]
fn what_the_first_rules_do_not_serve_is_refused_by_name() {
    let plain = || limit(BWT_BTC, Sell, 5, 10);
    let now = Timestamp::from_micros(START);
    let trigger = Trigger { kind: TriggerKind::StopLoss, price: Price::new(1) };
    let cases = [
        ("order_type market", Place { order_type: OrderType::Market, ..plain() }),
        ("quote_quantity", Place { quote_quantity: Some(Amount::new(1)), ..plain() }),
        ("time_in_force gtd", with(TimeInForce::Gtd, plain())),
        ("time_in_force gtd", Place { expires: Some(now), ..plain() }),
        ("post_only slide", Place { post_only: PostOnly::Slide, ..plain() }),
        ("self_trade", Place { self_trade: SelfTrade::CancelNewest, ..plain() }),
        ("self_trade", Place { self_trade: SelfTrade::CancelBoth, ..plain() }),
        ("self_trade", Place { self_trade: SelfTrade::Decrement, ..plain() }),
        ("display", Place { display: Some(Quantity::new(1)), ..plain() }),
        ("minimum", Place { minimum: Some(Quantity::new(1)), ..plain() }),
        ("trigger", Place { trigger: Some(trigger), ..plain() }),
        ("least_score", Place { least_score: Some(1), ..plain() }),
    ];
    let mut world = World::with_under(1, &["alice"]);
    for (name, place) in cases {
        let (_, outcome) = world.place("alice", place);
        let told = refusal(&outcome).expect(name).to_string();
        assert!(code(&outcome) == "not_served" && told.starts_with(name), "{name}: {told}");
        assert!(outcome.events.is_empty());
    }
    let order = world.rest("alice", BWT_BTC, Sell, 5, 10);
    let quotes = Quotes { market: BWT_BTC, slide: false, quotes: Vec::new() };
    let operations = vec![
        Operation::Amend { order, price: Price::new(5), quantity: Quantity::new(5) },
        Operation::CancelAll { market: None, side: None },
        Operation::Quote(quotes),
        Operation::Protect { market: BWT_BTC, protection: None },
    ];
    let outcome = world.operations("alice", operations);
    assert_eq!((codes(&outcome), outcome.events.len()), (vec!["not_served"; 4], 0));
    let rules = MarketRules { band_ppm: 1, ..MarketRules::default() };
    let outcome = world.configure(vec![Change::SetMarketRules { market: BWT_BTC, rules }]);
    assert_eq!(code(&outcome), "not_served");
    // An auction is a state in which nothing is taken.
    world.set_state(BWT_BTC, MarketState::Auction);
    assert_eq!(code(&world.place("alice", limit(BWT_BTC, Sell, 5, 10)).1), "market_closed");
}

#[test]
fn what_64_bits_cannot_hold_is_refused() {
    let mut world = World::with(&["alice"]);
    for (market, side, price, quantity) in [
        (BWT_BTC, Sell, u64::MAX, u64::MAX / 100),
        (BWT_BTC, Sell, 1, u64::MAX / 9),
        (BWT_BTC, Buy, 3, u64::MAX),
        (BWT_BTC, Buy, 0, u64::MAX),
        (BTC_BWT, Buy, 3, u64::MAX),
        (BTC_BWT, Sell, 0, u64::MAX),
    ] {
        let (_, outcome) = world.place("alice", limit(market, side, price, quantity));
        assert_eq!(code(&outcome), "too_large", "{market} {side:?} {price} {quantity}");
    }
}
