//! Every refusal there is: how it is reached, or why it cannot be.

use crate::kit::acts::{Grants, limit};
use crate::kit::chain::{BWT_SAT, LEAST, script};
use crate::kit::*;
use bandex_engine::{Outcome, Refusal};
use bandex_tradechain::body::*;
use bandex_tradechain::{Command, Genesis, Payment};
use bandex_types::Side::{Buy, Sell};
use bandex_types::{
    AccountId, Amount, AssetId, BlockId, DealId, MarketId, OrderRef, PostOnly, Price, Quantity, TimeInForce,
};
use std::collections::BTreeSet;

type Case = (&'static str, fn(&mut World) -> Outcome);

const LANES: &[Case] = &[
    ("expired", |world| {
        let mut block = world.next_block("alice", Revoke { key: key("alice") });
        block.expiry = Some(world.now());
        world.wait(1);
        world.apply_block(block.sign(&pair("alice")))
    }),
    ("not_next", |world| {
        let mut block = world.next_block("alice", Revoke { key: key("alice") });
        block.seq += 1;
        world.force(block.sign(&pair("alice")))
    }),
    ("unknown_key", |world| {
        let signed = world.sign("stranger", Revoke { key: key("alice") });
        world.force(signed)
    }),
    ("key_revoked", |world| {
        world.grant("alice", "bot", Grants::default());
        world.revoke("alice", "bot");
        world.transfer("bot", "bob", 1)
    }),
    ("key_forked", |world| {
        world.grant("alice", "bot", Grants::default());
        world.fork("bot");
        world.transfer("bot", "bob", 1)
    }),
    ("grant_expired", |world| {
        let expires = Some(world.now());
        world.grant("alice", "bot", Grants { expires, ..Grants::default() });
        world.transfer("bot", "bob", 1)
    }),
    ("out_of_scope", |world| {
        world.grant("alice", "bot", Grants { scopes: Scopes::SETTLE, ..Grants::default() });
        world.transfer("bot", "bob", 1)
    }),
    ("root_only", |world| {
        world.grant("alice", "bot", Grants::default());
        world.grant("bot", "other", Grants::default())
    }),
    ("market_not_granted", |world| {
        world.grant("alice", "bot", Grants { markets: vec![BTC_BWT], ..Grants::default() });
        world.place("bot", limit(BWT_BTC, Sell, 1, 1)).1
    }),
    ("above_grant", |world| {
        let largest_notional = Some(Amount::new(49));
        world.grant("alice", "bot", Grants { largest_notional, ..Grants::default() });
        world.place("bot", limit(BWT_BTC, Sell, 10, 10)).1
    }),
    ("account_frozen", |world| {
        world.set_frozen("alice", true);
        world.place("alice", limit(BWT_BTC, Sell, 1, 1)).1
    }),
    ("too_little_work", |world| {
        let signed = world.registration("carol", false);
        world.force(signed)
    }),
    ("other_home", |world| {
        let signed = world.sign("carol", Register { home: key("elsewhere"), nonce: 0 });
        world.force(signed)
    }),
    ("key_taken", |world| world.grant("alice", "bob", Grants::default())),
    ("nothing_to_heal", |world| world.heal("alice", "bob")),
    ("no_fork", |world| {
        let (first, second) = (world.sent("alice")[0].clone(), world.sent("bob")[0].clone());
        world.apply(Command::Fork(bandex_tradechain::ForkProof { first, second }))
    }),
    ("misplaced", |world| {
        world.apply(Command::Genesis(Genesis::new(NETWORK, key("node"), key("operator"), Amount::new(CAP))))
    }),
];

const ORDERS: &[Case] = &[
    ("not_served", |world| {
        // Only older rules leave out what the bytes can say.
        *world = World::with_under(1, &["alice"]);
        world.place("alice", Place { display: Some(Quantity::new(1)), ..limit(BWT_BTC, Sell, 1, 1) }).1
    }),
    ("unknown_market", |world| world.place("alice", limit(MarketId::new(9), Sell, 1, 1)).1),
    ("market_closed", |world| {
        world.set_state(BWT_BTC, MarketState::CancelOnly);
        world.place("alice", limit(BWT_BTC, Sell, 1, 1)).1
    }),
    ("zero_quantity", |world| world.place("alice", limit(BWT_BTC, Sell, 1, 0)).1),
    ("too_large", |world| world.place("alice", limit(BWT_BTC, Sell, 1, u64::MAX)).1),
    ("post_only_would_trade", |world| {
        world.rest("alice", BWT_BTC, Sell, 5, 10);
        world.place("bob", Place { post_only: PostOnly::Refuse, ..limit(BWT_BTC, Buy, 5, 10) }).1
    }),
    ("fok_unfilled", |world| {
        world.rest("alice", BWT_BTC, Sell, 5, 10);
        world.place("bob", Place { time_in_force: TimeInForce::Fok, ..limit(BWT_BTC, Buy, 5, 11) }).1
    }),
    ("duplicate_client_id", |world| {
        let named = Place { client_id: Some("one".to_owned()), ..limit(BWT_BTC, Sell, 5, 10) };
        world.place("alice", named.clone());
        world.place("alice", named).1
    }),
    ("insufficient_free", |world| world.place("alice", limit(BWT_BTC, Sell, 1, 10_001)).1),
    ("bids_above_bound", |world| {
        world.set_limit("alice", Some(1));
        world.place("alice", limit(BWT_BTC, Buy, 2, 1_001)).1
    }),
    ("limit_exhausted", |world| {
        *world = World::with_under(2, &["alice", "bob"]);
        world.rest("bob", BWT_BTC, Buy, 5, 10);
        world.set_limit("alice", Some(3));
        world.place("alice", limit(BWT_BTC, Sell, 5, 10)).1
    }),
    ("limit_reached", |world| {
        world.rest("bob", BWT_BTC, Buy, 5, 10);
        world.set_limit("alice", Some(3));
        world.place("alice", limit(BWT_BTC, Sell, 5, 10)).1
    }),
    ("unknown_order", |world| world.cancel("alice", OrderRef { key: key("alice"), seq: 1, op: 0 })),
    ("not_your_order", |world| {
        let order = world.rest("alice", BWT_BTC, Sell, 5, 10);
        world.cancel("bob", order)
    }),
];

const TRADING: &[Case] = &[
    ("bad_date", |world| {
        world.place("alice", Place { time_in_force: TimeInForce::Gtd, ..limit(BWT_BTC, Sell, 1, 1) }).1
    }),
    ("bad_terms", |world| {
        world.place("alice", Place { display: Some(Quantity::new(2)), ..limit(BWT_BTC, Sell, 1, 1) }).1
    }),
    ("minimum_unfilled", |world| {
        world.place("alice", Place { minimum: Some(Quantity::new(1)), ..limit(BWT_BTC, Sell, 1, 1) }).1
    }),
    ("trigger_reached", |world| {
        world.deal(BWT_BTC, "alice", "bob", 5, 10);
        let trigger = Some(Trigger { kind: TriggerKind::StopLoss, price: Price::new(5) });
        world.place("alice", Place { trigger, ..limit(BWT_BTC, Sell, 1, 1) }).1
    }),
    ("not_in_auction", |world| {
        world.set_state(BWT_BTC, MarketState::Auction);
        world.place("alice", Place { time_in_force: TimeInForce::Ioc, ..limit(BWT_BTC, Sell, 1, 1) }).1
    }),
    ("too_many_orders", |world| {
        let rules = MarketRules { most_orders: 1, ..MarketRules::default() };
        world.configure(vec![Change::SetMarketRules { market: BWT_BTC, rules }]);
        world.rest("alice", BWT_BTC, Sell, 5, 10);
        world.place("alice", limit(BWT_BTC, Sell, 1, 1)).1
    }),
    ("protection_tripped", |world| {
        let protection = Some(Protection { quantity: Quantity::ZERO, window_us: 1 });
        let ask = Quote { side: Sell, price: Price::new(5), quantity: Quantity::new(1) };
        let quotes = || Operation::Quote(Quotes { market: BWT_BTC, slide: false, quotes: vec![ask] });
        world.operations("alice", vec![Operation::Protect { market: BWT_BTC, protection }, quotes()]);
        world.place("bob", limit(BWT_BTC, Buy, 5, 1));
        world.operations("alice", vec![quotes()])
    }),
    ("bad_quotes", |world| {
        let ask = Quote { side: Sell, price: Price::new(5), quantity: Quantity::ZERO };
        let quotes = Quotes { market: BWT_BTC, slide: false, quotes: vec![ask] };
        world.operations("alice", vec![Operation::Quote(quotes)])
    }),
];

const SETTLEMENT: &[Case] = &[
    ("unknown_deal", |world| world.pay("alice", DealId::new([1; 32]), 1, 1).1),
    ("not_your_deal", |world| {
        let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
        world.register("carol");
        world.pay("carol", deal, 1, 500).1
    }),
    ("not_due", |world| {
        let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
        world.pay("bob", deal, 1, 500).1
    }),
    ("wrong_tranche", |world| {
        let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
        world.pay("alice", deal, 2, 500).1
    }),
    ("wrong_amount", |world| {
        let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
        world.pay("alice", deal, 1, 501).1
    }),
    ("wrong_state", |world| {
        let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
        world.write_off("alice", deal)
    }),
    ("payment_in_flight", |world| {
        let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
        world.pay("alice", deal, 1, 500);
        world.pay("bob", deal, 2, 5_000);
        world.pay("bob", deal, 2, 5_000).1
    }),
    ("deal_closed", |world| {
        let deal = world.deal(BWT_BTC, "alice", "bob", 100, 1_000);
        world.settle(deal, "alice", "bob");
        world.pay("alice", deal, 1, 500).1
    }),
    ("unknown_proposal", |world| world.acknowledge("alice", BlockId::ZERO)),
    ("not_counterparty", |world| {
        let (proposal, _) = world.bandwidth("alice", "bob", Payer::Author, 5);
        world.acknowledge("alice", proposal)
    }),
    ("unknown_account", |world| {
        let to = AccountId::new([1; 32]);
        world.send("alice", Transfer { to, asset: AssetId::BWT, amount: Amount::new(1), note: String::new() })
    }),
    ("to_self", |world| world.transfer("alice", "alice", 1)),
    ("not_on_ledger", |world| {
        let to = world.account("bob");
        world.send("alice", Transfer { to, asset: AssetId::BTC, amount: Amount::new(1), note: String::new() })
    }),
    ("not_operator", |world| {
        let parameters = world.engine.parameters().clone();
        world.send("alice", Configure { changes: vec![Change::SetParameters(parameters)] })
    }),
    ("already_listed", |world| {
        let taken = world.engine.asset(AssetId::BTC).expect("it is listed").clone();
        world.configure(vec![Change::ListAsset(taken)])
    }),
    ("bad_listing", |world| {
        let parameters = Parameters { share_ppm: 1_000_001, ..Parameters::default() };
        world.configure(vec![Change::SetParameters(parameters)])
    }),
    ("issuance_capped", |world| {
        let to = world.account("alice");
        world.configure(vec![Change::Issue { to, amount: Amount::new(CAP) }])
    }),
];

const TRUST: &[Case] = &[
    ("not_admitted", |world| {
        let terms = TrustTerms { admission: Admission::Certificate, ..TrustTerms::default() };
        world.set_trust(terms);
        world.place("alice", limit(BWT_BTC, Sell, 1, 1)).1
    }),
    ("no_grant", |world| world.claim("alice", true)),
    ("already_claimed", |world| {
        let first_grant = Amount::new(5);
        world.set_trust(TrustTerms { first_grant, grant_work_bits: 4, ..TrustTerms::default() });
        world.claim("alice", true);
        world.claim("alice", true)
    }),
    ("not_registrar", |world| world.certify("alice", "bob", None)),
    ("insufficient_bond", |world| world.unbond("alice", 1)),
];

/// A world with a chain, where Alice may owe enough to sell for what is paid on it.
fn on_chain(world: &mut World) {
    world.follow_chain();
    world.set_limit("alice", Some(100 * LEAST));
    world.set_limit("bob", Some(LEAST));
}

const CHAIN: &[Case] = &[
    ("below_tranche", |world| {
        on_chain(world);
        world.place("bob", limit(BWT_SAT, Buy, 9, 100)).1
    }),
    ("unknown_header", |world| {
        on_chain(world);
        world.headers(vec![[7; 80]], None)
    }),
    ("bad_header", |world| {
        on_chain(world);
        world.headers(Vec::new(), None)
    }),
    ("bad_proof", |world| {
        on_chain(world);
        world.apply(Command::Payment(Payment { proof: Vec::new(), transaction: Vec::new() }))
    }),
    ("unknown_payment", |world| {
        on_chain(world);
        let paid = world.transaction(&[(script(1), 5)]);
        world.mine(vec![paid.clone()]);
        world.prove(&paid)
    }),
    ("script_used", |world| {
        on_chain(world);
        let (deal, script) = world.chain_deal(["alice", "bob"], 100, 100, 1);
        world.receive("alice", deal, &script)
    }),
    ("bad_script", |world| {
        on_chain(world);
        let deal = world.deal(BWT_SAT, "alice", "bob", 100, 100);
        world.receive("alice", deal, &[0x51])
    }),
    ("no_bitcoin", |world| world.headers(Vec::new(), Some(1))),
    ("paid_on_chain", |world| {
        on_chain(world);
        let (deal, _) = world.chain_deal(["alice", "bob"], 100, 100, 1);
        world.pay("bob", deal, 1, 1).1
    }),
];

const GUARDS: &[Case] = &[
    ("not_guarded", |world| world.disconnected("alice", SECOND)),
    ("grace_runs", |world| {
        world.guard("alice", 0, Some(SECOND));
        world.disconnected("alice", SECOND)
    }),
];

#[test]
fn every_refusal_is_reached_by_name() {
    let cases = || {
        LANES.iter().chain(ORDERS).chain(TRADING).chain(SETTLEMENT).chain(TRUST).chain(CHAIN).chain(GUARDS)
    };
    for (expected, make) in cases() {
        let mut world = World::with(&["alice", "bob"]);
        let outcome = make(&mut world);
        assert_eq!(code(&outcome), *expected, "{outcome:?}");
        let told = refusal(&outcome).unwrap().to_string();
        assert!(told.len() > 10 && !told.contains('{'), "{told}");
    }
    let reached = cases().map(|(code, _)| *code);
    let named: BTreeSet<_> = reached.collect();
    let all: BTreeSet<_> = Refusal::CODES.iter().map(|(code, _)| *code).collect();
    assert_eq!(named, all);
    assert_eq!(all.len(), cases().count(), "each once");
}
