//! Limits: what they are made of, in which unit they count, and in what words they are explained.

use crate::kit::acts::limit;
use crate::kit::*;
use bandex_engine::{Event, Refusal, limit_reached, raise};
use bandex_tradechain::body::*;
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Amount, AssetId, Ratio};

/// Limits that can be earned: half of bonds and fees counts, and scores are worth a million in all.
pub fn terms() -> TrustTerms {
    TrustTerms {
        largest_limit: Amount::new(50_000),
        loss_budget: Amount::new(1_000_000),
        ..TrustTerms::default()
    }
}

/// A world where tokens are worth ten millisatoshi each, and everybody has 100,000 of them and a dust of 100.
pub fn earning(names: &[&str]) -> World {
    let mut world = World::with(names);
    world.configure(vec![Change::SetParameters(Parameters {
        dust: Amount::new(100),
        ..Parameters::default()
    })]);
    world.set_rate(AssetId::BWT, 10, 1);
    world.set_trust(terms());
    world
}

/// What is left of an account's limit, and the limit.
fn limits(world: &World, name: &str) -> [u64; 6] {
    let parts = world.trust(name).limit;
    [parts.bond, parts.reputation, parts.fees, parts.earned, parts.dust, parts.total].map(Amount::get)
}

#[test]
fn a_limit_is_made_of_bond_fees_and_dust() {
    let mut world = earning(&["alice"]);
    assert_eq!(limits(&world, "alice"), [0, 0, 0, 0, 100, 100]);
    assert_eq!(code(&world.bond("alice", 1_001)), "done");
    assert_eq!(limits(&world, "alice"), [5_005, 0, 0, 5_005, 100, 5_105]);
    assert_eq!(code(&world.fee("alice", 300)), "done");
    assert_eq!(limits(&world, "alice"), [5_005, 0, 1_500, 5_005, 100, 5_105], "fees alone raise nothing");
    assert_eq!(code(&world.bond("alice", 20_000)), "done");
    assert_eq!(limits(&world, "alice"), [105_005, 0, 1_500, 50_000, 100, 50_100], "the largest there is");
    world.set_limit("alice", Some(7));
    assert_eq!(limits(&world, "alice"), [105_005, 0, 1_500, 50_000, 100, 7], "the operator's word counts");
    world.set_limit("alice", None);
    world.set_rate(AssetId::BWT, 1, 10);
    assert_eq!(limits(&world, "alice"), [1_050, 0, 15, 1_050, 100, 1_150], "tokens are worth less");
    world.configure(vec![Change::SetRate { asset: AssetId::BWT, rate: None }]);
    assert_eq!(limits(&world, "alice"), [0, 0, 0, 0, 100, 100], "tokens without a rate are worth nothing");
}

#[test]
fn a_fork_takes_the_limit_and_healing_gives_it_back() {
    let mut world = earning(&["alice"]);
    world.bond("alice", 1_000);
    world.grant("alice", "bot", acts::Grants::default());
    world.fork("bot");
    assert_eq!(limits(&world, "alice"), [5_000, 0, 0, 5_000, 100, 0]);
    world.heal("alice", "bot");
    assert_eq!(limits(&world, "alice"), [5_000, 0, 0, 5_000, 100, 5_100]);
}

#[test]
fn only_terms_that_hold_water_are_set() {
    let mut world = earning(&["alice"]);
    let mut check = |terms: TrustTerms, expected: &str| {
        let outcome = world.configure(vec![Change::SetTrust(terms.clone())]);
        assert_eq!(code(&outcome), expected, "{terms:?}");
        assert_eq!(world.engine.trust_terms() == &terms, expected == "done");
    };
    for share in [1_000_000, 1_000_001] {
        let expected = if share > 1_000_000 { "bad_listing" } else { "done" };
        check(TrustTerms { keep_ppm: share, ..terms() }, expected);
        check(TrustTerms { bond_ppm: share, ..terms() }, expected);
        check(TrustTerms { fee_ppm: share, ..terms() }, expected);
        check(TrustTerms { score_ppm: share, ..terms() }, "done");
    }
    check(TrustTerms { epoch_us: 99_999, ..terms() }, "bad_listing");
    check(TrustTerms { epoch_us: 100_000, ..terms() }, "done");
    check(TrustTerms { grant_work_bits: 41, ..terms() }, "bad_listing");
    check(TrustTerms { grant_work_bits: 40, ..terms() }, "done");
    // Half of a fee may come back as a limit, so that twenty tokens of ten cost a hundred, as much as the dust.
    let by_fee = |amount| TrustTerms { admission: Admission::Fee { amount: Amount::new(amount) }, ..terms() };
    check(by_fee(19), "bad_listing");
    check(by_fee(20), "done");
    let dust = |dust| Change::SetParameters(Parameters { dust: Amount::new(dust), ..Parameters::default() });
    assert_eq!(code(&world.configure(vec![dust(101)])), "bad_listing", "that would be more than the fee");
    assert_eq!(code(&world.configure(vec![dust(99)])), "done");
}

#[test]
fn rates_are_of_listed_assets_and_positive() {
    let mut world = World::with(&["alice"]);
    let check = |world: &mut World, asset, rate: Option<Ratio>, expected: &str| {
        let outcome = world.configure(vec![Change::SetRate { asset, rate }]);
        assert_eq!(code(&outcome), expected, "{asset} {rate:?}");
    };
    let two = Ratio::new(2, 1).ok();
    check(&mut world, AssetId::new(9), two, "bad_listing");
    check(&mut world, EUR, two, "done");
    check(&mut world, EUR, None, "done");
    let zero: Ratio = borsh::from_slice(&[0; 16]).expect("bytes can say it");
    check(&mut world, EUR, Some(zero), "bad_listing");
    let nobody = bandex_types::AccountId::new([7; 32]);
    for change in [
        Change::SetSeed { account: nobody, seed: true },
        Change::SetRegistrar { account: nobody, registrar: true },
    ] {
        assert_eq!(code(&world.configure(vec![change])), "unknown_account");
    }
}

/// A quote unit that is worth seven counts seven times against limits, rounded so that nobody owes more than its limit;
/// an open deal keeps its rate.
#[test]
fn limits_count_in_the_unit_of_account() {
    let mut world = World::with(&["alice", "bob"]);
    world
        .configure(vec![Change::SetParameters(Parameters { share_ppm: 1_000_000, ..Parameters::default() })]);
    world.set_rate(AssetId::BTC, 7, 2);
    world.set_limit("alice", Some(1_000));
    world.set_limit("bob", Some(500));
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 100);
    let terms = world.deal_state(deal).deal.terms().clone();
    assert_eq!((terms.seller_cap.get(), terms.buyer_cap.get()), (142, 285), "as much as is worth the limits");
    assert_eq!((world.reserved("alice"), world.reserved("bob")), ((998, 1_000), (497, 500)));
    world.set_rate(AssetId::BTC, 1, 9);
    assert_eq!(world.reserved("bob"), (497, 500), "what is reserved stays so");
    world.settle(deal, "alice", "bob");
    assert_eq!((world.reserved("alice").0, world.reserved("bob").0), (0, 0), "and is released to the last");
}

#[test]
fn bids_count_in_the_unit_of_account() {
    let mut world = World::with(&["alice", "bob"]);
    world.configure(vec![Change::SetParameters(Parameters { bid_multiple: 2, ..Parameters::default() })]);
    world.set_rate(AssetId::BTC, 3, 1);
    world.set_limit("bob", Some(300));
    let (_, outcome) = world.place("bob", limit(BWT_BTC, Buy, 10, 41));
    let (notional, bound) = (Amount::new(615), Amount::new(600));
    assert_eq!(refusal(&outcome), Some(&Refusal::BidsAboveBound { notional, bound }));
    let order = world.rest("bob", BWT_BTC, Buy, 10, 40);
    world.set_rate(AssetId::BTC, 1, 1);
    assert_eq!(code(&world.place("bob", limit(BWT_BTC, Buy, 10, 1)).1), "bids_above_bound");
    world.cancel("bob", order);
    world.rest("bob", BWT_BTC, Buy, 10, 120);
}

#[test]
fn a_limit_is_explained_in_one_way() {
    let mut world = earning(&["alice", "bob"]);
    world.set_limit("bob", Some(1_000));
    world.rest("bob", BWT_BTC, Buy, 5, 10);
    let check = |world: &mut World, words: &[&str]| {
        let account = world.engine.account(&world.account("alice")).expect("it is there");
        let (trust, rulings) = (world.trust("alice"), world.engine.rulings());
        let told = raise(rulings, &trust, &account);
        let whole = limit_reached(rulings, &trust, &account).to_string();
        for word in words {
            assert!(whole.contains(word), "{word}: {whole}");
        }
        assert!(whole.ends_with(&told), "{whole}");
        assert!(!told.ends_with('.') && !told.is_empty());
    };
    check(
        &mut world,
        &["the limit is 100", "post a bond: 50 % of its worth counts", "pay fees and earn a score"],
    );
    world.bond("alice", 20_000);
    check(&mut world, &["100000 for the bond", "it is the largest that can be earned"]);
    world.set_trust(TrustTerms { admission: Admission::Certificate, bond_ppm: 123_400, ..terms() });
    check(&mut world, &["12.3400 % of its worth", "have a registrar certify the account"]);
    world.set_limit("alice", Some(3));
    check(&mut world, &["the limit is 3, set by the operator", "only the operator can raise it"]);
    // The refusal says the very same.
    let (_, outcome) = world.place("alice", limit(BWT_BTC, Sell, 5, 10));
    let account = world.engine.account(&world.account("alice")).expect("it is there");
    let expected = limit_reached(world.engine.rulings(), &world.trust("alice"), &account);
    assert_eq!(refusal(&outcome), Some(&expected));
    world.set_trust(terms());
    world.configure(vec![Change::SetRate { asset: AssetId::BWT, rate: None }]);
    world.set_limit("alice", None);
    check(&mut world, &["only the operator can raise it"]);
}

#[test]
fn all_are_told_how_they_stand_when_trust_begins() {
    let mut world = World::with_under(2, &["alice", "bob"]);
    assert_eq!(code(&world.bond("alice", 1)), "not_served");
    let change = Change::SetTrust(terms());
    assert_eq!(code(&world.configure(vec![change])), "not_served");
    let deal = world.deal(BWT_BTC, "alice", "bob", 100, 100);
    let outcome = world.apply(bandex_tradechain::Command::Upgrade { rules: 3 });
    let told = outcome.events.iter().filter(|event| matches!(event, Event::Trust(_))).count();
    assert_eq!(told, 3, "the issuance account, alice and bob");
    world.bond("alice", 50);
    world.unbond("alice", 50);
    assert_eq!(world.trust("alice").leaving, Amount::new(50), "it waits for the deal of before");
    world.settle(deal, "alice", "bob");
    assert_eq!(world.trust("alice").leaving, Amount::ZERO);
}
