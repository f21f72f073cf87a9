//! What the golden journals tell.

use crate::kit::acts::{Grants, limit};
use crate::kit::*;
use bandex_tradechain::Command;
use bandex_tradechain::body::*;
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Amount, OrderRef, PostOnly, TimeInForce};

/// Name, what it is about, and how it goes.
type Story = (&'static str, &'static str, fn() -> World);

/// All of them.
pub const ALL: &[Story] = &[
    ("accounts", "register, grant, rotate, revoke, transfer, bandwidth, refusals of keys", accounts),
    ("trading", "price-time priority, times in force, self-trade, client ids, market states, locks", trading),
    (
        "settlement",
        "tranches between strangers and friends, a default, a dispute, the token as quote",
        settlement,
    ),
    ("forks", "a session key forks and is healed, an old proof, the root forks", forks),
];

fn accounts() -> World {
    let mut world = World::with_under(1, &["alice", "bob"]);
    let refused = world.registration("carol", false);
    world.force(refused);
    world.grant("alice", "bot", Grants { scopes: Scopes::TOKENS, ..Grants::default() });
    world.transfer("bot", "bob", 250);
    world.place("bot", limit(BWT_BTC, Sell, 1, 1));
    world.transfer("alice", "bob", 1_000_000);
    world.wait(SECOND);
    let (answered, _) = world.bandwidth("bob", "alice", Payer::Author, 40);
    world.bandwidth("alice", "bob", Payer::Counterparty, 0);
    world.acknowledge("bot", answered);
    world.rotate("alice", "anna");
    world.transfer("alice", "bob", 1);
    world.revoke("anna", "bot");
    world.transfer("bot", "bob", 1);
    world.wait(world.engine.parameters().proposal_us);
    world.apply(Command::Tick);
    let mut late = world.next_block("anna", Heal { key: key("bot"), keep: bandex_types::BlockId::ZERO });
    late.expiry = Some(bandex_types::Timestamp::from_micros(START));
    world.apply_block(late.sign(&pair("anna")));
    world.set_frozen("bob", true);
    world.transfer("bob", "anna", 1);
    world
}

fn trading() -> World {
    let mut world = World::with_under(1, &["alice", "bob"]);
    for (price, quantity) in [(12, 10), (11, 10), (11, 20)] {
        world.rest("alice", BWT_BTC, Sell, price, quantity);
    }
    let place = |world: &mut World, name: &str, place: Place| drop(world.place(name, place));
    place(&mut world, "bob", limit(BWT_BTC, Buy, 11, 15));
    place(&mut world, "bob", Place { time_in_force: TimeInForce::Fok, ..limit(BWT_BTC, Buy, 12, 26) });
    place(&mut world, "bob", Place { time_in_force: TimeInForce::Fok, ..limit(BWT_BTC, Buy, 12, 20) });
    place(&mut world, "bob", Place { post_only: PostOnly::Refuse, ..limit(BWT_BTC, Buy, 12, 1) });
    place(&mut world, "bob", Place { time_in_force: TimeInForce::Ioc, ..limit(BWT_BTC, Buy, 12, 9) });
    place(&mut world, "alice", Place { client_id: Some("mine".to_owned()), ..limit(BWT_BTC, Sell, 9, 7) });
    place(&mut world, "alice", Place { client_id: Some("mine".to_owned()), ..limit(BWT_BTC, Sell, 9, 7) });
    place(&mut world, "alice", limit(BWT_BTC, Buy, 9, 3));
    let seq = world.engine.head(&key("bob")).expect("it is there").seq + 1;
    let operations = vec![
        Operation::Place(Box::new(limit(BTC_BWT, Buy, 100, 20))),
        Operation::Place(Box::new(Place { own_cap: Some(Amount::new(3)), ..limit(BWT_BTC, Buy, 5, 20) })),
        Operation::Cancel { order: OrderRef { key: key("bob"), seq, op: 1 } },
        Operation::CancelClient { market: BWT_BTC, client_id: "nothing".to_owned() },
    ];
    world.operations("bob", operations);
    world.rest("alice", BTC_BWT, Sell, 60, 10);
    world.set_state(BTC_BWT, MarketState::Halted);
    world.cancel("bob", OrderRef { key: key("bob"), seq, op: 0 });
    world.set_state(BTC_BWT, MarketState::CancelOnly);
    world.cancel("bob", OrderRef { key: key("bob"), seq, op: 0 });
    world.rest("alice", BWT_BTC, Sell, 0, 10);
    place(&mut world, "bob", limit(BWT_BTC, Buy, 0, 10));
    world.set_limit("bob", Some(3));
    world.rest("alice", BWT_BTC, Sell, 20, 10);
    place(&mut world, "bob", limit(BWT_BTC, Buy, 20, 10));
    world
}

fn settlement() -> World {
    let mut world = World::with_under(1, &["alice", "bob", "carol"]);
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 300);
    world.settle(deal, "alice", "bob");
    world.set_limit("alice", Some(1_000_000));
    let deal = world.deal(BTC_BWT, "alice", "carol", 100, 300);
    world.settle(deal, "alice", "carol");
    let disputed = world.deal(BWT_BTC, "carol", "bob", 100, 300);
    world.move_on(disputed, "carol", "bob");
    let due = world.due(disputed).expect("it is there");
    world.pay("bob", disputed, due.tranche, due.cumulative.get() + 1);
    let (proposal, _) = world.pay("bob", disputed, due.tranche, due.cumulative.get());
    world.tick(30 * SECOND);
    world.acknowledge("carol", proposal);
    world.rest("bob", BWT_BTC, Buy, 2, 10);
    world.tick(60 * SECOND);
    world.pay("bob", disputed, due.tranche + 2, 1);
    world
}

fn forks() -> World {
    let mut world = World::with_under(1, &["alice", "bob"]);
    world.grant("alice", "bot", Grants::default());
    world.rest("alice", BWT_BTC, Sell, 5, 10);
    world.rest("bot", BWT_BTC, Sell, 6, 10);
    world.fork("bot");
    world.place("alice", limit(BWT_BTC, Sell, 5, 10));
    world.heal("alice", "bot");
    let old = world.fork_proof("bot", &world.sent("bot")[0].clone());
    world.apply(Command::Fork(old));
    world.rest("alice", BWT_BTC, Sell, 5, 10);
    world.fork("alice");
    world.rotate("alice", "anna");
    world
}
