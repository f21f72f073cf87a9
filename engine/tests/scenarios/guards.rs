//! Guards: a key's orders go when its timer runs down or the node says that it is gone, and nobody else's do.

use crate::kit::acts::{Grants, limit};
use crate::kit::*;
use bandex_engine::{CancelReason, Event, GuardState, OrderStatus, Outcome, Refusal};
use bandex_tradechain::body::*;
use bandex_tradechain::{Command, Disconnected};
use bandex_types::Side::{Buy, Sell};
use bandex_types::{OrderRef, Price, Timestamp};

const TIMER: OrderStatus = OrderStatus::Cancelled(CancelReason::Timer);
const GONE: OrderStatus = OrderStatus::Cancelled(CancelReason::Disconnected);

/// Alice with a session key, each with an order on each of two markets and one that sleeps, and Bob with one.
fn world() -> (World, Vec<OrderRef>, Vec<OrderRef>) {
    let mut world = World::with(&["alice", "bob"]);
    world.grant("alice", "bot", Grants { scopes: Scopes::ORDERS, ..Grants::default() });
    let mut of = |name: &str| {
        let sleeper = Place {
            trigger: Some(Trigger { kind: TriggerKind::StopLoss, price: Price::new(10) }),
            ..limit(BWT_BTC, Sell, 10, 2)
        };
        let resting = world.rest(name, BWT_BTC, Sell, 30, 5);
        let elsewhere = world.rest(name, BTC_BWT, Buy, 3, 5);
        vec![resting, elsewhere, world.place(name, sleeper).0]
    };
    let bots = of("bot");
    let mut others = of("alice");
    others.push(world.rest("bob", BWT_BTC, Buy, 5, 5));
    (world, bots, others)
}

fn guards(outcome: &Outcome) -> Vec<GuardState> {
    let pick = |event: &Event| if let Event::Guard(state) = event { Some(*state) } else { None };
    outcome.events.iter().filter_map(pick).collect()
}

fn all(world: &World, orders: &[OrderRef], status: OrderStatus) -> bool {
    orders.iter().all(|order| world.status(*order) == status)
}

fn alive(world: &World, orders: &[OrderRef]) -> bool {
    orders.iter().all(|order| matches!(world.status(*order), OrderStatus::Open | OrderStatus::Sleeping))
}

#[test]
fn a_timer_takes_the_orders_of_its_key_and_no_others() {
    let (mut world, bots, others) = world();
    let told = guards(&world.guard("bot", 30 * SECOND, None));
    let due = world.now().plus(30 * SECOND);
    let account = world.account("alice");
    let expected = GuardState {
        key: key("bot"),
        account,
        cancel_after_us: 30 * SECOND,
        on_disconnect_us: None,
        due: Some(due),
    };
    assert_eq!((told, world.engine.next_deadline()), (vec![expected], Some(due)));
    world.tick(30 * SECOND - 1);
    assert!(alive(&world, &bots));
    let fired = world.tick(1);
    assert_eq!(guards(&fired), vec![GuardState { due: None, ..expected }]);
    assert_eq!(order_states(&fired).len(), 3);
    assert!(all(&world, &bots, TIMER) && alive(&world, &others));
    // It has run down: what is placed now stays until the key winds it up again.
    let later = world.rest("bot", BWT_BTC, Sell, 30, 5);
    assert_eq!((order_states(&world.tick(600 * SECOND)).len(), alive(&world, &[later])), (0, true));
    world.guard("bot", SECOND, None);
    world.tick(SECOND);
    assert!(all(&world, &[later], TIMER));
}

#[test]
fn each_guard_winds_the_timer_up_and_0_ends_it() {
    let (mut world, bots, _) = world();
    for _ in 0..5 {
        world.guard("bot", 10 * SECOND, None);
        world.wait(9 * SECOND);
    }
    world.tick(0);
    assert!(alive(&world, &bots));
    // One at the very moment comes too late for what is there.
    world.wait(SECOND);
    let outcome = world.guard("bot", 10 * SECOND, None);
    assert_eq!((code(&outcome), guards(&outcome).len()), ("done", 2));
    assert!(all(&world, &bots, TIMER));
    let order = world.rest("bot", BWT_BTC, Sell, 30, 5);
    world.guard("bot", 0, None);
    assert_eq!((world.engine.next_deadline(), world.engine.guard_of(&key("bot"))), (None, None));
    assert_eq!(guards(&world.tick(60 * SECOND)), vec![]);
    assert!(alive(&world, &[order]));
}

#[test]
fn a_timer_takes_orders_whatever_their_market_does() {
    for state in [MarketState::Halted, MarketState::CancelOnly, MarketState::Auction] {
        let (mut world, bots, others) = world();
        world.guard("bot", 10 * SECOND, None);
        world.set_state(BWT_BTC, state);
        world.tick(10 * SECOND);
        assert!(all(&world, &bots, TIMER) && alive(&world, &others), "{state:?}");
    }
}

#[test]
fn the_timer_of_a_root_key_outlives_the_key() {
    let (mut world, bots, others) = world();
    world.guard("alice", 10 * SECOND, None);
    world.rotate("alice", "anna");
    assert!(alive(&world, &others), "a rotation leaves orders alone");
    world.tick(10 * SECOND);
    assert!(all(&world, &others[..3], TIMER) && alive(&world, &bots) && alive(&world, &others[3..]));
}

#[test]
fn the_node_may_say_that_a_key_is_gone_after_its_grace_only() {
    let (mut world, bots, others) = world();
    let refused = |outcome: &Outcome, expected: Refusal| assert_eq!(refusal(outcome), Some(&expected));
    refused(&world.disconnected("bot", 3_600 * SECOND), Refusal::NotGuarded);
    refused(&world.disconnected("stranger", 3_600 * SECOND), Refusal::UnknownKey);
    world.guard("bot", 5 * SECOND, None);
    refused(&world.disconnected("bot", 3_600 * SECOND), Refusal::NotGuarded);
    world.guard("bot", 0, Some(10 * SECOND));
    let set = world.now();
    // However long it has been gone: the grace runs from when the key asked for it.
    refused(&world.disconnected("bot", 3_600 * SECOND), Refusal::GraceRuns { due: set.plus(10 * SECOND) });
    world.wait(10 * SECOND);
    let gone = world.now();
    refused(&world.disconnected("bot", 0), Refusal::GraceRuns { due: gone.plus(10 * SECOND) });
    world.wait(10 * SECOND - 1);
    let since = |ago| world.now().as_micros() - ago;
    assert_eq!(since(10 * SECOND - 1), gone.as_micros());
    refused(&world.disconnected("bot", 10 * SECOND - 1), Refusal::GraceRuns { due: gone.plus(10 * SECOND) });
    assert!(alive(&world, &bots));
    world.wait(1);
    let outcome = world.disconnected("bot", 10 * SECOND);
    assert_eq!((code(&outcome), order_states(&outcome).len(), guards(&outcome).len()), ("done", 3, 0));
    assert!(all(&world, &bots, GONE) && alive(&world, &others));
    // The policy stays.
    let later = world.rest("bot", BWT_BTC, Sell, 30, 5);
    assert_eq!(code(&world.disconnected("bot", 10 * SECOND)), "done");
    assert!(all(&world, &[later], GONE));
    world.guard("bot", 0, None);
    refused(&world.disconnected("bot", 3_600 * SECOND), Refusal::NotGuarded);
}

#[test]
fn without_grace_the_orders_go_at_once_but_not_ahead_of_time() {
    let (mut world, bots, _) = world();
    world.guard("bot", 0, Some(0));
    let tomorrow = world.now().plus(1);
    let early = Command::Disconnected(Disconnected { key: key("bot"), since: tomorrow });
    assert_eq!(refusal(&world.apply(early)), Some(&Refusal::GraceRuns { due: tomorrow }));
    assert_eq!(code(&world.disconnected("bot", 0)), "done");
    assert!(all(&world, &bots, GONE));
    let never =
        Command::Disconnected(Disconnected { key: key("bot"), since: Timestamp::from_micros(u64::MAX) });
    assert_eq!(code(&world.apply(never)), "grace_runs");
}

#[test]
fn what_a_key_must_be_granted_to_guard() {
    let mut world = World::with(&["alice"]);
    for (scopes, expected) in [(Scopes::ORDERS, "done"), (Scopes::SETTLE.and(Scopes::TOKENS), "out_of_scope")]
    {
        let name = format!("bot {}", scopes.bits());
        world.grant("alice", &name, Grants { scopes, ..Grants::default() });
        assert_eq!(code(&world.guard(&name, SECOND, Some(0))), expected);
    }
    assert_eq!(code(&world.guard("operator", SECOND, None)), "out_of_scope");
    assert_eq!(code(&world.guard("alice", SECOND, None)), "done");
}

#[test]
fn older_rules_refuse_by_name() {
    let mut world = World::with_under(4, &["alice"]);
    let check = |outcome: &Outcome, expected: &str| match refusal(outcome) {
        Some(Refusal::NotServed { what }) => assert_eq!(what, expected),
        other => panic!("{expected}: {other:?}"),
    };
    check(&world.guard("alice", SECOND, None), "guard");
    check(&world.disconnected("alice", SECOND), "disconnected");
    assert_eq!(world.engine.guards().count(), 0);
    assert_eq!(code(&world.apply(Command::Upgrade { rules: 5 })), "done");
    assert_eq!(code(&world.guard("alice", SECOND, None)), "done");
    assert_eq!(world.engine.guards().count(), 1);
}
