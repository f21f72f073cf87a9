//! Netting: whatever two deals have come to, the one in their place delivers exactly what was left between the two
//! parties, in its band, and holds no more of anybody's limit.

use crate::by_hand::{ACKNOWLEDGE_US, PAY_US};
use crate::walks::rails;
use bandex_settlement::{Deal, Netting, Paid, Party, State, Terms, net};
use bandex_types::{Amount, BlockId, Rail, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use std::cell::Cell;

const NOW: Timestamp = Timestamp::ZERO;
const PARTIES: [Party; 2] = [Party::Seller, Party::Buyer];

/// A deal's numbers and how many moves of it are made.
#[derive(Debug, Clone, Copy)]
struct Begun {
    base: u64,
    quote: u64,
    caps: [u64; 2],
    moves: usize,
}

fn begun(base: impl Strategy<Value = u64>, moves: usize) -> impl Strategy<Value = Begun> {
    // Prices near each other, as on one market, or any.
    let price = prop_oneof![3 => Just(50u64), 4 => 45u64..55, 1 => 1u64..400];
    let cap = || prop_oneof![1 => Just(0u64), 2 => 1u64..40, 5 => 40u64..400];
    (base, price, cap(), cap(), 0..=moves).prop_map(|(base, price, seller, buyer, moves)| Begun {
        base,
        quote: (base * price / 100).max(1),
        caps: [seller, buyer],
        moves,
    })
}

fn pair() -> impl Strategy<Value = [Begun; 2]> {
    let bases = prop_oneof![3 => (1u64..600, 1u64..600), 1 => (1u64..600).prop_map(|base| (base, base))];
    bases.prop_flat_map(|(one, other)| {
        let moves = prop_oneof![2 => Just(0usize), 1 => Just(6)];
        (begun(Just(one), 6), moves.prop_flat_map(move |moves| begun(Just(other), moves)))
            .prop_map(|(older, newer)| [older, newer])
    })
}

/// One honest move.
fn advance(deal: &mut Deal) {
    let Some(due) = deal.due() else { return };
    let id = BlockId::new([1; 32]);
    if deal.pay(due.party, due.tranche, due.cumulative, id, NOW).expect("the payment due") == Paid::InFlight {
        deal.acknowledge(due.party.other(), id, NOW).expect("its acknowledgement");
    }
    assert!(deal.is_consistent(), "{deal:?}");
}

fn walked(begun: Begun, (base_rail, quote_rail): (Rail, Rail)) -> Option<Deal> {
    let [seller_cap, buyer_cap] = begun.caps.map(Amount::new);
    let terms = Terms {
        base_total: Amount::new(begun.base),
        quote_total: Amount::new(begun.quote),
        seller_cap: seller_cap.min(Amount::new(begun.quote)),
        buyer_cap: buyer_cap.min(Amount::new(begun.quote)),
        base_rail,
        quote_rail,
        pay_us: PAY_US,
        acknowledge_us: ACKNOWLEDGE_US,
    };
    let (mut deal, _) = Deal::open(terms, NOW).ok()?;
    (0..begun.moves).for_each(|_| advance(&mut deal));
    Some(deal)
}

fn left(deal: &Deal) -> [i128; 2] {
    [deal.undelivered_base(), deal.undelivered_quote()].map(|amount| i128::from(amount.get()))
}

/// Checks a netting of two deals and walks what is left to its end.
fn check(older: &Deal, newer: &Deal, netting: &Netting) -> Result<(), TestCaseError> {
    let ([old_base, old_quote], [new_base, new_quote]) = (left(older), left(newer));
    let [base, quote] = [netting.base, netting.quote].map(|amount| i128::from(amount.get()));
    prop_assert_eq!((base, quote), (old_base.min(new_base), old_quote.min(new_quote)));
    // What the older deal's seller has to send, on balance, of base; and to receive of quote.
    let (net_base, net_quote) = (old_base - new_base, old_quote - new_quote);
    let Some(replacing) = &netting.deal else {
        prop_assert_eq!((net_base, net_quote), (0, 0));
        return Ok(());
    };
    let sign = if replacing.older_seller == Party::Seller { 1 } else { -1 };
    let opened = Deal::open_carried(replacing.terms.clone(), replacing.carried, NOW);
    let mut deal = opened.map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(left(&deal), [sign * net_base, sign * net_quote]);
    let reserved = |deal: &Deal, party| u128::from(deal.reserved(party).get());
    for party in PARTIES {
        // The same account in the three deals.
        let old = if replacing.older_seller == Party::Seller { party } else { party.other() };
        let most = reserved(older, old) + reserved(newer, old.other());
        prop_assert!(reserved(&deal, party) <= most, "no reservation rises");
        prop_assert!(deal.owed_by(party) <= deal.reserved(party));
        prop_assert!(deal.terms().cap_of(party.other()).get() <= u64::try_from(most).expect("small"));
        prop_assert!(deal.sent_units(party).is_zero());
    }
    // The price of what goes on is that of the deal it is part of, and never higher.
    let first = if net_base >= 0 { older } else { newer };
    let (sold, worth) = (deal.terms().base_total.get(), deal.terms().quote_total.get());
    let worth = worth - replacing.carried.seller.get();
    let value = first.terms().quote_total.get() - first.sent(Party::Seller).get();
    let exact = u128::from(value) * u128::from(sold);
    let whole = u128::from(first.undelivered_base().get());
    prop_assert!(u128::from(worth) * whole <= exact && exact < u128::from(worth + 1) * whole.max(1));
    let most = deal.terms().most_moves();
    while deal.state() == State::Open {
        prop_assert!(u128::from(deal.tranche()) <= most, "the walk does not end");
        advance(&mut deal);
    }
    prop_assert_eq!(left(&deal), [0, 0]);
    let sent = PARTIES.map(|party| i128::from(deal.sent_units(party).get()));
    prop_assert_eq!(sent, [sign * net_base, sign * net_quote]);
    Ok(())
}

#[test]
fn the_deal_in_the_place_of_two_is_exact_and_no_worse() {
    let (netted, gone, quote_only) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let cases = config.cases;
    // The same few cases every time, so that how many of each kind they hold is no matter of luck; many are drawn anew.
    let mut runner = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let result = runner.run(&(pair(), rails()), |([older, newer], rails)| {
        let (Some(older), Some(newer)) = (walked(older, rails), walked(newer, rails)) else { return Ok(()) };
        let (Some(one), Some(other)) = (older.stage(), newer.stage()) else { return Ok(()) };
        let found = net(&one, &other);
        let mirrored = net(&other, &one).map(|mut netting| {
            if let Some(deal) = &mut netting.deal {
                deal.older_seller = deal.older_seller.other();
            }
            netting
        });
        prop_assert_eq!(&found, &mirrored, "which of the two is older makes no difference");
        let Some(netting) = found else { return Ok(()) };
        match &netting.deal {
            None => gone.set(gone.get() + 1),
            Some(deal) if deal.terms.base_total.is_zero() => quote_only.set(quote_only.get() + 1),
            Some(_) => netted.set(netted.get() + 1),
        }
        check(&older, &newer, &netting)
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let seen = (netted.get(), gone.get(), quote_only.get());
    assert!(seen.0 > cases / 10 && seen.1 > 0 && seen.2 > 0, "too few were netted: {seen:?} of {cases}");
}

#[test]
fn two_deals_by_hand() {
    let deal = |base, quote, caps| {
        walked(Begun { base, quote, caps, moves: 0 }, (Rail::Token, Rail::Attested)).expect("can be opened")
    };
    let net = |one: &Deal, other: &Deal| net(&one.stage()?, &other.stage()?);
    // 100 for 1,000 one way, 40 for 480 back: 60 are left, for 520, though worth 600 at the older price.
    let netting = net(&deal(100, 1_000, [50, 40]), &deal(40, 480, [50, 40])).expect("they net");
    let left = netting.deal.expect("something is left");
    assert_eq!((netting.base, netting.quote), (Amount::new(40), Amount::new(480)));
    assert_eq!((left.terms.base_total, left.terms.quote_total), (Amount::new(60), Amount::new(600)));
    assert_eq!((left.carried.seller, left.carried.buyer), (Amount::ZERO, Amount::new(80)));
    // The seller may owe as much as both deals let it: 40 in the older, 50 in the newer, where it buys.
    assert_eq!((left.terms.seller_cap, left.terms.buyer_cap), (Amount::new(90), Amount::new(90)));
    assert_eq!(left.older_seller, Party::Seller);
    // What would be carried is beyond that.
    assert_eq!(net(&deal(100, 1_000, [50, 30]), &deal(40, 480, [49, 40])), None);
    // All base cancels: the difference is paid by whoever has it to pay.
    let even =
        |one, other| net(&deal(100, one, [50, 50]), &deal(100, other, [50, 50])).expect("they net").deal;
    let owes = |one, other| even(one, other).map(|left| (left.older_seller, left.terms.quote_total.get()));
    assert_eq!(even(1_000, 1_000), None);
    assert_eq!(owes(1_000, 910), Some((Party::Seller, 90)));
    assert_eq!(owes(910, 1_000), Some((Party::Buyer, 90)));
    // The larger would be given for nothing, or with money on top.
    assert_eq!(net(&deal(100, 100, [50, 50]), &deal(40, 120, [50, 50])), None);
    let mut flying = deal(100, 1_000, [0, 50]);
    let due = flying.due().expect("the buyer is due");
    flying.pay(due.party, due.tranche, due.cumulative, BlockId::ZERO, NOW).expect("the payment due");
    assert_eq!(net(&flying, &deal(40, 480, [50, 40])), None, "money is under way");
    let outside =
        walked(Begun { base: 40, quote: 480, caps: [50, 40], moves: 0 }, (Rail::Attested, Rail::Attested));
    assert_eq!(net(&deal(100, 1_000, [50, 40]), &outside.expect("can be opened")), None);
}
