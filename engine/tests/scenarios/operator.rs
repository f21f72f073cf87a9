//! The operator: listings, states, limits, parameters, issuance, freezing; and what nobody else may do.

use crate::kit::acts::{Grants, limit, listing};
use crate::kit::*;
use bandex_engine::{CancelReason, CommandResult, Event, FreezeReason, OrderStatus, Refusal};
use bandex_tradechain::body::*;
use bandex_tradechain::{Command, Decoded, Genesis};
use bandex_types::Side::{Buy, Sell};
use bandex_types::{AccountId, Amount, AssetId, MarketId, Rail};
use borsh::BorshDeserialize;

fn asset(id: u32, symbol: &str, decimals: u8, rail: Rail) -> Change {
    Change::ListAsset(AssetListing { id: AssetId::new(id), symbol: symbol.to_owned(), decimals, rail })
}

fn check(world: &mut World, change: Change, expected: &str) {
    let before = world.engine.digest();
    let outcome = world.configure(vec![change]);
    assert_eq!(code(&outcome), expected, "{outcome:?}");
    assert_eq!(outcome.events.is_empty(), expected != "done", "only what takes effect has events");
    assert_ne!(world.engine.digest(), before, "the lane has grown either way");
}

#[test]
fn assets_have_a_number_a_name_and_a_rail() {
    let mut world = World::bare();
    let mut check = |change, expected| check(&mut world, change, expected);
    check(asset(0, "BWT", 9, Rail::Attested), "bad_listing");
    check(asset(5, "BWT", 9, Rail::Token), "bad_listing");
    check(asset(0, "BWT", 9, Rail::Token), "done");
    check(asset(0, "TOK", 9, Rail::Token), "already_listed");
    check(asset(1, "BWT", 9, Rail::Attested), "already_listed");
    for symbol in ["", "B", "btc", "BT-C", "BITCOINXX", "B\u{dc}"] {
        check(asset(1, symbol, 9, Rail::Attested), "bad_listing");
    }
    check(asset(1, "BTC", 19, Rail::Attested), "bad_listing");
    check(asset(1, "BTC", 18, Rail::Attested), "done");
    check(asset(2, "B1", 0, Rail::Attested), "done");
    check(asset(3, "ABCDEFG8", 0, Rail::Attested), "done");
    assert_eq!(world.engine.assets().count(), 4);
}

#[test]
fn markets_join_two_listed_assets_once() {
    let mut world = World::new();
    let (bwt, btc) = (AssetId::BWT, AssetId::BTC);
    let id = MarketId::new(7);
    let new = || listing(id, EUR, bwt);
    let mut check = |listing, expected| check(&mut world, Change::ListMarket(listing), expected);
    check(listing(BWT_BTC, EUR, bwt), "already_listed");
    check(listing(id, bwt, btc), "already_listed");
    check(listing(id, bwt, AssetId::new(9)), "bad_listing");
    check(listing(id, AssetId::new(9), bwt), "bad_listing");
    check(listing(id, btc, btc), "bad_listing");
    check(MarketListing { lot_units: 0, ..new() }, "bad_listing");
    let zero = |num: u64, den: u64| {
        let bytes = [num.to_le_bytes(), den.to_le_bytes()].concat();
        bandex_types::Ratio::try_from_slice(&bytes).unwrap()
    };
    check(MarketListing { tick_value: zero(0, 1), ..new() }, "bad_listing");
    check(MarketListing { tick_value: zero(1, 0), ..new() }, "bad_listing");
    check(MarketListing { pay_us: 0, ..new() }, "bad_listing");
    check(MarketListing { acknowledge_us: 0, ..new() }, "bad_listing");
    check(new(), "done");
    assert_eq!(world.engine.markets().count(), 4);
    assert!(world.engine.markets().all(|view| view.state == MarketState::Trading));
}

#[test]
fn parameters_have_bounds() {
    let mut world = World::bare();
    let mut check = |parameters, expected| check(&mut world, Change::SetParameters(parameters), expected);
    let default = Parameters::default;
    check(Parameters { share_ppm: 1_000_001, ..default() }, "bad_listing");
    check(Parameters { register_work_bits: 41, ..default() }, "bad_listing");
    check(Parameters { proposal_us: 0, ..default() }, "bad_listing");
    check(Parameters { share_ppm: 1_000_000, register_work_bits: 40, proposal_us: 1, ..default() }, "done");
    assert_eq!(world.engine.parameters().share_ppm, 1_000_000);
}

#[test]
fn decisions_about_accounts_need_a_trader() {
    let mut world = World::with(&["alice"]);
    let issuance = world.engine.genesis().unwrap().issuance;
    for account in [AccountId::new([9; 32]), issuance] {
        let amount = Amount::new(1);
        check(&mut world, Change::SetLimit { account, limit: None }, "unknown_account");
        check(&mut world, Change::SetCreditLine { account, line: amount }, "unknown_account");
        check(&mut world, Change::Issue { to: account, amount }, "unknown_account");
        check(&mut world, Change::SetFrozen { account, frozen: true }, "unknown_account");
    }
    let state = MarketState::Halted;
    check(&mut world, Change::SetMarketState { market: MarketId::new(9), state }, "unknown_market");
}

#[test]
fn limits_are_dust_until_set_and_again_when_unset() {
    let mut world = World::with(&["alice"]);
    assert_eq!(world.reserved("alice"), (0, 10_000));
    world.set_limit("alice", Some(77));
    assert_eq!(world.reserved("alice"), (0, 77));
    world
        .configure(vec![Change::SetParameters(Parameters { dust: Amount::new(5), ..Parameters::default() })]);
    assert_eq!(world.reserved("alice"), (0, 77));
    world.set_limit("alice", None);
    assert_eq!(world.reserved("alice"), (0, 5));
}

#[test]
fn supply_ends_at_the_cap() {
    let mut world = World::with(&["alice"]);
    let to = world.account("alice");
    let left = CAP - 100_000;
    let outcome = world.configure(vec![Change::Issue { to, amount: Amount::new(left + 1) }]);
    assert_eq!(refusal(&outcome), Some(&Refusal::IssuanceCapped { left: Amount::new(left) }));
    world.issue("alice", left);
    assert_eq!(world.tokens("alice"), (i128::from(CAP), 0));
    let outcome = world.configure(vec![Change::Issue { to, amount: Amount::new(1) }]);
    assert_eq!(refusal(&outcome), Some(&Refusal::IssuanceCapped { left: Amount::ZERO }));
}

#[test]
fn changes_of_one_block_are_judged_one_by_one() {
    let mut world = World::with(&["alice"]);
    let account = world.account("alice");
    let outcome = world.configure(vec![
        Change::SetLimit { account, limit: Some(Amount::new(3)) },
        Change::SetLimit { account: AccountId::new([9; 32]), limit: None },
        Change::Issue { to: account, amount: Amount::new(2) },
    ]);
    assert_eq!(codes(&outcome), ["done", "unknown_account", "done"]);
    assert_eq!((world.reserved("alice").1, world.tokens("alice").0), (3, 100_002));
}

#[test]
fn freezing_cancels_orders_and_stops_new_ones_until_thawed() {
    let mut world = World::with(&["alice", "bob"]);
    world.grant("alice", "bot", Grants::default());
    let orders = ["alice", "bot"].map(|name| world.rest(name, BWT_BTC, Sell, 5, 10));
    assert_eq!(code(&world.set_frozen("alice", true)), "done");
    for order in orders {
        assert_eq!(world.status(order), OrderStatus::Cancelled(CancelReason::AccountFrozen));
    }
    let reason = FreezeReason::Operator;
    for name in ["alice", "bot"] {
        let frozen = Some(Refusal::AccountFrozen { reason });
        let (_, outcome) = world.place(name, limit(BWT_BTC, Sell, 5, 10));
        assert_eq!(refusal(&outcome), frozen.as_ref());
        assert_eq!(refusal(&world.transfer(name, "bob", 1)), frozen.as_ref());
    }
    // Who is frozen may receive, and gives nothing away by acknowledging either.
    let (paid, _) = world.bandwidth("bob", "alice", Payer::Author, 5);
    let (paying, _) = world.bandwidth("bob", "alice", Payer::Counterparty, 5);
    assert_eq!(code(&world.acknowledge("alice", paid)), "done");
    assert_eq!(code(&world.acknowledge("alice", paying)), "account_frozen");
    assert_eq!(world.reserved("alice").1, 10_000, "a decision of the operator takes no limit away");
    world.set_frozen("alice", false);
    world.rest("alice", BWT_BTC, Sell, 5, 10);
    assert_eq!(code(&world.acknowledge("alice", paying)), "done");
}

#[test]
fn the_operators_key_configures_and_nothing_else() {
    let mut world = World::with(&["alice", "bob"]);
    assert_eq!(code(&world.place("operator", limit(BWT_BTC, Buy, 1, 1)).1), "out_of_scope");
    assert_eq!(code(&world.transfer("operator", "alice", 1)), "out_of_scope");
    assert_eq!(code(&world.grant("operator", "bot", Grants::default())), "out_of_scope");
    assert_eq!(code(&world.rotate("operator", "bot")), "out_of_scope");
}

#[test]
fn genesis_comes_first_and_once() {
    let genesis = Command::Genesis(Genesis::new(NETWORK, key("node"), key("operator"), Amount::new(CAP)));
    let mut engine = bandex_engine::Engine::new();
    let tick = Decoded::new(Command::Tick).unwrap();
    let misplaced = CommandResult::Refused(Refusal::Misplaced);
    let now = bandex_types::Timestamp::from_micros(START);
    assert_eq!(engine.apply(now, &tick).result, misplaced);
    assert_eq!(
        engine.apply(now, &Decoded::new(genesis.clone()).unwrap()).result,
        misplaced,
        "record 1 is gone"
    );
    let mut world = World::bare();
    assert_eq!(code(&world.apply(genesis)), "misplaced");
}

#[test]
fn only_rules_that_exist_can_be_switched_to() {
    let mut world = World::bare_under(1);
    assert_eq!(world.engine.due_upgrade(), Some(Command::Upgrade { rules: 5 }));
    let mut check = |rules, expected, then| {
        let outcome = world.apply(Command::Upgrade { rules });
        let said = Event::Rules { version: rules };
        let trust = outcome.events.iter().filter(|event| matches!(event, Event::TrustTerms(_))).count();
        assert_eq!(
            (code(&outcome), outcome.events.first()),
            (expected, (expected == "done").then_some(&said))
        );
        assert_eq!(trust, usize::from(rules == 3 && then == 3), "trust begins with version 3");
        assert_eq!(world.engine.rules(), then);
    };
    check(6, "not_served", 1);
    check(0, "not_served", 1);
    check(1, "done", 1);
    check(2, "done", 2);
    check(1, "not_served", 2);
    check(2, "done", 2);
    check(3, "done", 3);
    check(2, "not_served", 3);
    check(4, "done", 4);
    check(3, "not_served", 4);
    check(5, "done", 5);
    check(4, "not_served", 5);
    assert_eq!(world.engine.due_upgrade(), None);
    assert_eq!(bandex_engine::Engine::new().due_upgrade(), None, "genesis comes first");
}

#[test]
fn sequenced_time_never_runs_backwards() {
    let mut world = World::bare();
    world.tick(SECOND);
    let now = world.engine.time();
    let tick = Decoded::new(Command::Tick).unwrap();
    let mut engine = replay(world.journal());
    engine.apply(bandex_types::Timestamp::from_micros(START), &tick);
    assert_eq!((engine.time(), engine.seq()), (now, world.engine.seq() + 1));
}
