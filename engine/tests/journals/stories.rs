//! What the golden journals tell.

use crate::kit::acts::{Grants, limit};
use crate::kit::chain::{BWT_SAT, NAME_US, PAY_US, script};
use crate::kit::*;
use bandex_engine::{CancelReason, OrderStatus};
use bandex_settlement::{Party, State};
use bandex_tradechain::body::*;
use bandex_tradechain::{Command, Scores};
use bandex_types::Side::{Buy, Sell};
use bandex_types::{
    Amount, AssetId, OrderRef, OrderType, PostOnly, Price, Quantity, Ratio, SelfTrade, TimeInForce,
};

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
    ("terms", "version 2: market orders, dates, icebergs, minimums, sliding, self-trade modes", terms),
    ("sleepers", "version 2: stops and take-profits that wake each other, amendments, cancel-all", sleepers),
    ("quotes", "version 2: mass quotes, and the protection that pulls them", quotes),
    (
        "auctions",
        "version 2: an upgrade in mid-trade, a band, a halt, an auction with all that gathers",
        auctions,
    ),
    (
        "trust",
        "version 3: bonds, fees, a first grant, certificates, preferences, rates, epochs with scores, a slash",
        trust,
    ),
    ("ends", "version 3: a default cured, a dispute given up and resolved, netting, fees", ends),
    (
        "bitcoin",
        "version 4: headers, scripts, proofs, reorganisations, a double spend, a late payment, fees on the chain",
        bitcoin,
    ),
    (
        "guards",
        "version 5: timers that run down and are wound up, keys that are gone, after their grace and too early",
        guards,
    ),
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

/// Places an order, whatever becomes of it.
fn put(world: &mut World, name: &str, place: Place) -> OrderRef {
    world.place(name, place).0
}

fn market_order(plain: Place) -> Place {
    Place { order_type: OrderType::Market, time_in_force: TimeInForce::Ioc, ..plain }
}

fn by_quote(quote: u64, plain: Place) -> Place {
    let quote_quantity = Some(Amount::new(quote));
    Place { quote_quantity, quantity: Quantity::ZERO, ..market_order(plain) }
}

fn stop(kind: TriggerKind, at: u64, plain: Place) -> Place {
    Place { trigger: Some(Trigger { kind, price: Price::new(at) }), ..plain }
}

fn amend(order: OrderRef, price: u64, quantity: u64) -> Operation {
    Operation::Amend { order, price: Price::new(price), quantity: Quantity::new(quantity) }
}

fn terms() -> World {
    let mut world = World::with_under(2, &["alice", "bob", "carol"]);
    let shows = |lots, plain| Place { display: Some(Quantity::new(lots)), ..plain };
    let till = |world: &World, plain| Place {
        time_in_force: TimeInForce::Gtd,
        expires: Some(world.now().plus(5 * SECOND)),
        ..plain
    };
    for (price, quantity) in [(12, 10), (11, 10)] {
        world.rest("alice", BWT_BTC, Sell, price, quantity);
    }
    put(&mut world, "carol", shows(3, limit(BWT_BTC, Sell, 11, 10)));
    put(&mut world, "bob", market_order(limit(BWT_BTC, Buy, 11, 16)));
    put(&mut world, "bob", by_quote(20, limit(BWT_BTC, Buy, 12, 0)));
    put(&mut world, "bob", by_quote(20, limit(BWT_BTC, Sell, 0, 0)));
    put(&mut world, "bob", Place { minimum: Some(Quantity::new(9)), ..limit(BWT_BTC, Buy, 12, 9) });
    put(&mut world, "bob", Place { minimum: Some(Quantity::new(8)), ..limit(BWT_BTC, Buy, 12, 9) });
    put(&mut world, "bob", Place { post_only: PostOnly::Slide, ..limit(BWT_BTC, Buy, 20, 5) });
    let dated = till(&world, limit(BWT_BTC, Buy, 3, 5));
    put(&mut world, "bob", dated);
    for self_trade in [SelfTrade::CancelNewest, SelfTrade::Decrement, SelfTrade::CancelBoth] {
        world.rest("carol", BTC_BWT, Sell, 5, 4);
        put(&mut world, "carol", Place { self_trade, ..limit(BTC_BWT, Buy, 6, 6) });
    }
    put(&mut world, "alice", shows(1, limit(BTC_BWT, Buy, 3, 9)));
    put(&mut world, "bob", limit(BTC_BWT, Sell, 3, 4));
    world.tick(5 * SECOND);
    world
}

fn sleepers() -> World {
    use TriggerKind::{StopLoss, TakeProfit};
    let mut world = World::with_under(2, &["alice", "bob", "carol"]);
    for (price, quantity) in [(18, 10), (16, 10), (14, 10)] {
        world.rest("bob", BWT_BTC, Buy, price, quantity);
    }
    put(&mut world, "carol", stop(StopLoss, 18, market_order(limit(BWT_BTC, Sell, 1, 15))));
    put(&mut world, "carol", stop(StopLoss, 16, limit(BWT_BTC, Sell, 15, 5)));
    let late = put(&mut world, "carol", stop(TakeProfit, 30, limit(BWT_BTC, Sell, 30, 5)));
    put(&mut world, "carol", stop(TakeProfit, 15, by_quote(50, limit(BWT_BTC, Buy, 20, 0))));
    world.operations("carol", vec![amend(late, 31, 7), amend(late, 31, 70_000)]);
    let sold = put(&mut world, "alice", limit(BWT_BTC, Sell, 18, 4));
    world.operations("alice", vec![amend(sold, 14, 9), amend(sold, 13, 12), amend(sold, 13, 20)]);
    put(&mut world, "carol", stop(StopLoss, 14, limit(BWT_BTC, Sell, 1, 5)));
    world.operations("bob", vec![Operation::CancelAll { market: Some(BWT_BTC), side: Some(Buy) }]);
    world.operations("carol", vec![Operation::CancelAll { market: None, side: None }]);
    world
}

fn quotes() -> World {
    let mut world = World::with_under(2, &["alice", "bob"]);
    let quotes = |slide, all: &[(bandex_types::Side, u64, u64)]| {
        let one = |(side, price, quantity): &(bandex_types::Side, u64, u64)| Quote {
            side: *side,
            price: Price::new(*price),
            quantity: Quantity::new(*quantity),
        };
        Operation::Quote(Quotes { market: BWT_BTC, slide, quotes: all.iter().map(one).collect() })
    };
    let protection = Some(Protection { quantity: Quantity::new(10), window_us: 10 * SECOND });
    let protect = || Operation::Protect { market: BWT_BTC, protection };
    let ladder = [(Sell, 9, 8), (Sell, 10, 8), (Sell, 11, 8), (Buy, 5, 8)];
    world.operations(
        "alice",
        vec![protect(), quotes(false, &ladder), quotes(true, &[(Buy, 12, 1), (Sell, 3, 4)])],
    );
    world.operations("alice", vec![quotes(false, &[(Buy, 12, 1), (Sell, 3, 4)]), quotes(false, &ladder)]);
    put(&mut world, "bob", limit(BWT_BTC, Buy, 9, 6));
    world.wait(9 * SECOND);
    put(&mut world, "bob", limit(BWT_BTC, Buy, 11, 20));
    world.operations("alice", vec![quotes(false, &ladder), protect(), quotes(true, &ladder)]);
    world
}

fn auctions() -> World {
    let mut world = World::with_under(1, &["alice", "bob", "carol"]);
    world.rest("alice", BWT_BTC, Sell, 100, 10);
    put(&mut world, "bob", limit(BWT_BTC, Buy, 100, 4));
    world.set_state(EUR_BTC, MarketState::Auction);
    world.apply(Command::Upgrade { rules: 2 });
    let rules =
        MarketRules { band_ppm: 100_000, halt_us: 5 * SECOND, auction_us: 7 * SECOND, most_orders: 6 };
    world.configure(vec![Change::SetMarketRules { market: BWT_BTC, rules }]);
    world.rest("alice", BWT_BTC, Sell, 130, 10);
    put(&mut world, "carol", stop(TriggerKind::StopLoss, 115, limit(BWT_BTC, Buy, 131, 3)));
    put(&mut world, "bob", limit(BWT_BTC, Buy, 130, 20));
    world.tick(5 * SECOND);
    let ask = put(&mut world, "alice", limit(BWT_BTC, Sell, 109, 10));
    put(&mut world, "alice", market_order(limit(BWT_BTC, Sell, 125, 5)));
    put(&mut world, "bob", Place { display: Some(Quantity::new(2)), ..limit(BWT_BTC, Buy, 120, 8) });
    put(&mut world, "carol", market_order(limit(BWT_BTC, Buy, 119, 6)));
    put(&mut world, "carol", Place { time_in_force: TimeInForce::Ioc, ..limit(BWT_BTC, Buy, 119, 6) });
    world.operations("alice", vec![amend(ask, 110, 12)]);
    put(&mut world, "bob", limit(EUR_BTC, Buy, 9, 3));
    put(&mut world, "alice", limit(EUR_BTC, Sell, 7, 2));
    world.set_state(EUR_BTC, MarketState::Trading);
    world.tick(7 * SECOND);
    world
}

fn trust() -> World {
    let mut world = World::with_under(2, &["alice", "bob", "carol"]);
    let earlier = world.deal(BWT_BTC, "alice", "bob", 10, 20);
    world.bond("alice", 10);
    world.apply(Command::Upgrade { rules: 3 });
    let terms = TrustTerms {
        epoch_us: 60 * SECOND,
        keep_ppm: 900_000,
        largest_limit: Amount::new(200_000),
        loss_budget: Amount::new(1_000_000),
        first_grant: Amount::new(70),
        grant_work_bits: 4,
        ..TrustTerms::default()
    };
    world.configure(vec![
        Change::SetParameters(Parameters { dust: Amount::new(300), ..Parameters::default() }),
        Change::SetTrust(terms.clone()),
        Change::SetTrust(TrustTerms { keep_ppm: 1_000_001, ..terms.clone() }),
        Change::SetRate { asset: AssetId::BWT, rate: Ratio::new(7, 2).ok() },
        Change::SetRate { asset: AssetId::BTC, rate: Ratio::new(3, 1).ok() },
        Change::SetSeed { account: world.account("alice"), seed: true },
        Change::SetRegistrar { account: world.account("carol"), registrar: true },
    ]);
    for (name, units) in [("alice", 9_000), ("bob", 4_000), ("carol", 200_000)] {
        world.bond(name, units);
        world.fee(name, units / 10);
    }
    world.unbond("alice", 2_000);
    world.unbond("bob", 5_000);
    world.settle(earlier, "alice", "bob");
    for _ in 0..2 {
        world.claim("bob", true);
    }
    let prefer = Prefer { largest_exposure: Some(Amount::new(900)), least_score: Some(1) };
    world.send("alice", prefer);
    put(&mut world, "bob", limit(BWT_BTC, Buy, 10, 50));
    put(&mut world, "alice", limit(BWT_BTC, Sell, 10, 50));
    world.operations("bob", vec![Operation::CancelAll { market: None, side: None }]);
    let served = |world: &mut World, from: &str, to: &str, tokens| {
        let (proposal, _) = world.bandwidth(from, to, Payer::Counterparty, tokens);
        world.acknowledge(to, proposal);
    };
    served(&mut world, "alice", "bob", 0);
    served(&mut world, "alice", "bob", 500);
    served(&mut world, "bob", "carol", 0);
    served(&mut world, "carol", "bob", 0);
    world.tick(130 * SECOND);
    let scores = world.scores();
    world.apply(Command::Scores(Scores { epoch: 1, ..scores.clone() }));
    world.apply(Command::Scores(scores));
    let deal = world.deal(BWT_BTC, "alice", "bob", 10, 50);
    put(&mut world, "carol", limit(EUR_BTC, Sell, 10, 50));
    put(&mut world, "alice", Place { own_cap: Some(Amount::new(70)), ..limit(EUR_BTC, Buy, 10, 50) });
    world.move_on(deal, "alice", "bob");
    let soon = world.now().plus(5 * SECOND);
    world.certify("carol", "alice", Some(soon));
    world.certify("alice", "bob", None);
    world.rest("alice", BWT_BTC, Sell, 50, 10);
    world.set_trust(TrustTerms { admission: Admission::Certificate, ..terms.clone() });
    put(&mut world, "bob", limit(BWT_BTC, Buy, 10, 50));
    world.tick(5 * SECOND);
    world.certify("carol", "bob", None);
    world.decertify("carol", "bob");
    world.set_trust(TrustTerms { admission: Admission::Fee { amount: Amount::new(500) }, ..terms });
    world.fee("bob", 100);
    put(&mut world, "bob", limit(BWT_BTC, Sell, 90, 1));
    // Bob does not pay: his bond does.
    world.tick(60 * SECOND);
    let scores = world.scores();
    world.apply(Command::Scores(scores));
    put(&mut world, "alice", limit(BWT_BTC, Sell, 90_000, 50_000));
    world
}

fn ends() -> World {
    let mut world = World::with_under(3, &["alice", "bob", "carol"]);
    world.set_fees(BWT_BTC, 1_000, 2_500);
    world.set_fees(BWT_BTC, 600_000, 400_000);
    world.set_rate(AssetId::BWT, 2, 1);
    world.bond("bob", 1_000);
    // Bob's bond pays a part of his default, and he the rest.
    let defaulted = world.deal(BWT_BTC, "alice", "bob", 100, 300);
    world.move_on(defaulted, "alice", "bob");
    world.tick(60 * SECOND);
    world.write_off("bob", defaulted);
    let (late, _) = world.cure("bob", defaulted);
    world.cure("bob", defaulted);
    world.tick(world.engine.parameters().proposal_us);
    world.acknowledge("alice", late);
    let (cure, _) = world.cure("bob", defaulted);
    world.acknowledge("alice", cure);
    // Carol is paid and says nothing; both sides stay burdened until they agree.
    let disputed = world.deal(BWT_BTC, "carol", "bob", 100, 300);
    world.move_on(disputed, "carol", "bob");
    let due = world.due(disputed).expect("bob is due");
    world.pay("bob", disputed, due.tranche, due.cumulative.get());
    world.tick(30 * SECOND);
    world.resolve("bob", disputed, 1_000_000);
    world.resolve("bob", disputed, 100);
    world.write_off("carol", disputed);
    let (resolution, _) = world.resolve("carol", disputed, 0);
    world.acknowledge("bob", resolution);
    // Back and forth: less is left, nothing is left but a difference, or nothing at all.
    for (first, back) in [((100, 300), (104, 120)), ((100, 300), (101, 300)), ((100, 300), (100, 300))] {
        world.deal(BWT_BTC, "alice", "carol", first.0, first.1);
        world.deal(BWT_BTC, "carol", "alice", back.0, back.1);
    }
    let open: Vec<_> =
        world.watch.deals.states.values().filter(|state| state.deal.due().is_some()).cloned().collect();
    for state in open {
        let [seller, buyer] = [state.seller, state.buyer].map(|account| {
            ["alice", "bob", "carol"]
                .into_iter()
                .find(|name| world.account(name) == account)
                .expect("one of them")
        });
        world.settle(state.id, seller, buyer);
    }
    // A side that has to go ahead with tokens and does not owes nothing.
    let waited = world.deal(BWT_BTC, "alice", "bob", 90, 10);
    world.tick(60 * SECOND);
    world.cure("alice", waited);
    let state = |deal| world.deal_state(deal).deal.state();
    let cured = [(defaulted, Party::Buyer), (waited, Party::Seller)];
    assert!(cured.into_iter().all(|(deal, by)| state(deal) == State::Cured { by }));
    let netted = world.watch.deals.states.values().filter(|deal| deal.deal.state() == State::Netted).count();
    assert_eq!((state(disputed), netted), (State::Resolved, 10));
    world
}

fn bitcoin() -> World {
    let mut world = World::with_under(3, &["alice", "bob", "carol"]);
    world.headers(Vec::new(), Some(1));
    world.apply(Command::Upgrade { rules: 4 });
    world.headers(Vec::new(), Some(1));
    world.follow_chain();
    world.set_payments(2, 6, 80_000);
    world.configure(vec![Change::SetParameters(Parameters { share_ppm: 500_000, ..Parameters::default() })]);
    world.set_trust(TrustTerms {
        largest_limit: Amount::new(200_000_000),
        epoch_us: 0,
        ..TrustTerms::default()
    });
    world.set_rate(AssetId::BWT, 1_000, 1);
    world.set_limit("alice", Some(40_000_000));
    for (name, units) in [("bob", 9_000), ("carol", 3_000)] {
        world.bond(name, units);
    }
    world.headers(Vec::new(), Some(250));
    // Too small, too large for the limit, and then two deals; one names no script.
    put(&mut world, "bob", limit(BWT_SAT, Buy, 19, 100));
    put(&mut world, "carol", limit(BWT_SAT, Sell, 100, 100));
    let (bobs, first) = world.chain_deal(["alice", "bob"], 100, 100, 1);
    world.wait(SECOND);
    let (carols, second) = world.chain_deal(["alice", "carol"], 90, 80, 2);
    let silent = world.deal(BWT_SAT, "alice", "carol", 95, 40);
    world.receive("alice", silent, &first);
    world.receive("carol", silent, &script(3));
    world.receive("alice", silent, &[0x51]);
    world.pay("bob", bobs, 1, 5);
    // One transaction for both; it leaves the chain and comes back in another block.
    let paid = world.transaction(&[(first.clone(), 6_000), (second.clone(), 7_200)]);
    world.mine(vec![paid.clone()]);
    world.prove(&paid);
    world.prove(&paid);
    world.tick(NAME_US);
    world.cure("alice", silent);
    world.confirm(1);
    let (held, _) = world.reorganise(2, Vec::new());
    world.mine(held);
    world.prove(&paid);
    world.confirm(5);
    // Bob's next payment is delivered for and spent elsewhere: his bond pays, and his coins come after all.
    let stolen = world.paid_to(&first, 4_000);
    world.confirm(1);
    world.reorganise(2, Vec::new());
    assert_eq!(world.chain.prove(&stolen), None);
    world.tick(PAY_US);
    world.paid_to(&first, 4_000);
    world.confirm(5);
    let (resolution, _) = world.resolve("alice", bobs, 0);
    world.acknowledge("bob", resolution);
    world.paid_to(&second, 10);
    world.confirm(5);
    world.set_payments(1, 2, 900_000);
    world.set_payments(0, 2, 900_000);
    world.headers(Vec::new(), Some(60_000));
    let (later, third) = world.chain_deal(["alice", "carol"], 130, 100, 4);
    world.pay_all(later, &third);
    let state = |deal| world.deal_state(deal).deal.state();
    let ends = [bobs, carols, silent, later].map(state);
    let silent = State::Cured { by: Party::Seller };
    assert_eq!(ends, [State::Resolved, State::Settled, silent, State::Settled]);
    world
}

fn guards() -> World {
    let mut world = World::with_under(4, &["alice", "bob"]);
    world.guard("alice", SECOND, None);
    world.disconnected("alice", SECOND);
    world.apply(Command::Upgrade { rules: 5 });
    world.grant("alice", "bot", Grants { scopes: Scopes::ORDERS, ..Grants::default() });
    world.grant("bob", "pump", Grants { scopes: Scopes::TOKENS, ..Grants::default() });
    world.guard("pump", SECOND, None);
    let asks = [("alice", 21), ("bot", 20), ("bot", 22)]
        .map(|(name, price)| world.rest(name, BWT_BTC, Sell, price, 10));
    let bid = world.rest("bob", BWT_BTC, Buy, 10, 10);
    world.guard("bot", 10 * SECOND, Some(5 * SECOND));
    world.guard("bob", 2 * SECOND, None);
    put(&mut world, "bob", limit(BWT_BTC, Buy, 20, 4));
    let sleeper = Place {
        trigger: Some(Trigger { kind: TriggerKind::StopLoss, price: Price::new(9) }),
        ..limit(BWT_BTC, Sell, 9, 5)
    };
    put(&mut world, "bot", sleeper);
    // Bob's timer runs down by a tick; the bot's is wound up by another guard, and then it is gone.
    world.tick(2 * SECOND);
    world.wait(7 * SECOND);
    world.guard("bot", 10 * SECOND, Some(5 * SECOND));
    world.disconnected("bot", 60 * SECOND);
    world.disconnected("bob", 60 * SECOND);
    world.disconnected("nobody", 60 * SECOND);
    world.wait(5 * SECOND);
    world.disconnected("bot", 5 * SECOND);
    // What it places then goes by its timer, while the market is halted.
    let late = world.rest("bot", BWT_BTC, Sell, 23, 10);
    world.set_state(BWT_BTC, MarketState::Halted);
    world.tick(5 * SECOND);
    world.guard("bot", 0, None);
    world.disconnected("bot", 60 * SECOND);
    // A root key's timer outlives the key.
    world.guard("alice", 3 * SECOND, Some(0));
    world.rotate("alice", "anna");
    world.tick(3 * SECOND);
    let cancelled = |reason| OrderStatus::Cancelled(reason);
    let (timer, gone) = (cancelled(CancelReason::Timer), cancelled(CancelReason::Disconnected));
    let ends = [asks[0], asks[1], asks[2], bid, late].map(|order| world.status(order));
    assert_eq!(ends, [timer, gone, gone, timer, timer]);
    world
}
