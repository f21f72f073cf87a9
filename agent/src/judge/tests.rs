//! Deals told straight, and deals told by an exchange that lies.

use super::*;
use crate::testing::{BUYER, MAKER, SELLER, STRANGER, Story, TAKER, markets};
use crate::{Found, Taken};
use bandex_sdk::Version;
use bandex_sdk::api::Deal;
use bandex_sdk::tradechain::body::Pay;
use bandex_sdk::types::{Price, PublicKey};
use proptest::prelude::*;

const PARTIES: [(Party, AccountId); 2] = [(Party::Seller, SELLER), (Party::Buyer, BUYER)];

fn view(deal: &Deal) -> DealView {
    DealView::read(deal, &markets()).expect("readable")
}

/// Walks a story to its end as the two tasks say, and gives the number of steps.
fn walk(mut story: Story, lots: u64, price: u64) -> usize {
    let mut followed = [None, None];
    for steps in 0..1_000 {
        let view = view(&story.told());
        let tasks = [0, 1].map(|at| {
            let (me, account) = PARTIES[at];
            let judged = judge(&view, account, &story.stake(me, lots, price), followed[at].as_ref());
            let (stage, task) = judged.unwrap_or_else(|error| panic!("step {steps}: {error}"));
            followed[at] = Some(stage);
            (me, task)
        });
        match &tasks {
            [(_, Task::Settled), (_, Task::Settled)] => return steps,
            [(me, Task::Pay { next, .. }), (_, Task::Wait)]
            | [(_, Task::Wait), (me, Task::Pay { next, .. })] => {
                story.pay(*me, next.tranche, next.cumulative).expect("exactly what is due");
            }
            [(me, Task::Acknowledge { proposal, .. }), (_, Task::Wait)]
            | [(_, Task::Wait), (me, Task::Acknowledge { proposal, .. })] => {
                story.acknowledge(*me, *proposal).expect("in flight");
            }
            other => panic!("step {steps}: {other:?}"),
        }
    }
    panic!("the walk does not end");
}

#[test]
fn an_honest_deal_is_walked_to_its_end() {
    // Both legs outside: each move is a payment and an acknowledgement.
    assert_eq!(walk(Story::strangers(), 10, 4), 16);
    assert_eq!(walk(Story::new("LTC-BTC", 10, 4, [40, 40]), 10, 4), 4);
    // Locked tokens follow the acknowledgement of the buyer's tranche by themselves.
    assert_eq!(walk(Story::new("BWT-BTC", 10, 4, [0, 10]), 10, 4), 8);
    // What is given away is settled at once.
    assert_eq!(walk(Story::new("LTC-BTC", 10, 0, [0, 0]), 10, 0), 0);
}

proptest! {
    #[test]
    fn honest_deals_of_all_kinds_are_walked_to_their_end(
        token in any::<bool>(),
        lots in 1u64..60,
        price in 1u64..9,
        caps in [0u64..90, 1u64..90],
    ) {
        let symbol = if token { "BWT-BTC" } else { "LTC-BTC" };
        let steps = walk(Story::new(symbol, lots, price, caps), lots, price);
        prop_assert!(steps >= 2);
    }

    /// Whatever one number of the story is changed to, an account never pays past its cap or its total.
    #[test]
    fn no_lie_about_what_was_sent_moves_more_than_the_cap(
        steps in 0usize..16,
        base_value in 0u64..45,
        quote in 0u64..45,
    ) {
        let mut told = Story::strangers().after(steps).told();
        told.quote_sent = markets().asset("BTC").unwrap().scale.amount(Amount::new(quote));
        told.base_sent_value = markets().asset("BTC").unwrap().scale.amount(Amount::new(base_value));
        for (me, account) in PARTIES {
            let view = view(&told);
            if let Ok((_, Task::Pay { next, .. })) = judge(&view, account, &Story::strangers().stake(me, 10, 4), None) {
                prop_assert!(next.value.get() <= 12, "both caps are one move at most");
                prop_assert!(view.sent.by(me).get() + next.value.get() <= 40);
            }
        }
    }
}

/// One party's judgement of a crooked telling, which must end in a disagreement.
fn disagree(steps: usize, party: Party, lie: impl Fn(&mut Deal)) -> Disagreement {
    let story = Story::strangers().after(steps);
    let (me, account) = PARTIES[usize::from(party == Party::Buyer)];
    let stake = story.stake(me, 10, 4);
    let before = judge(&view(&story.told()), account, &stake, None);
    assert!(before.is_ok(), "the truth is agreed to: {before:?}");
    let mut told = story.told();
    lie(&mut told);
    let view = match DealView::read(&told, &markets()) {
        Ok(view) => view,
        Err(error) => return error.into(),
    };
    judge(&view, account, &stake, None).expect_err("a lie")
}

macro_rules! check_lies {
    ($($name:ident: $steps:expr, $party:ident, $lie:expr => $pattern:pat,)+) => {
        $(#[test]
        fn $name() {
            let found = disagree($steps, Party::$party, $lie);
            assert!(matches!(found, $pattern), "{found:?}");
        })+
    };
}

fn due(deal: &mut Deal) -> &mut bandex_sdk::api::Due {
    deal.due.as_mut().expect("something is due")
}

fn in_flight(deal: &mut Deal) -> &mut bandex_sdk::api::InFlight {
    deal.in_flight.as_mut().expect("something is in flight")
}

// At step 0 the seller owes nothing and is due for 15 units of base (6 of quote); at step 1 that is in flight; at step 2
// the buyer is due for 12.
check_lies! {
    a_larger_tranche: 0, Seller, |deal| due(deal).amount = "0.016".to_owned() => Disagreement::WrongDue { .. },
    a_larger_total_to_name: 2, Buyer, |deal| due(deal).cumulative = "0.013".to_owned() => Disagreement::WrongDue { .. },
    another_number_for_the_block: 2, Buyer,
        |deal| due(deal).cumulative_units = "13".to_owned() => Disagreement::WrongDue { .. },
    a_smaller_tranche: 2, Buyer, |deal| {
        let due = due(deal);
        (due.cumulative, due.cumulative_units, due.amount) = ("0.006".into(), "6".into(), "0.006".into());
    } => Disagreement::WrongDue { .. },
    another_tranche_number: 2, Buyer, |deal| due(deal).tranche = 4 => Disagreement::WrongDue { .. },
    the_wrong_direction: 2, Seller, |deal| {
        let due = due(deal);
        (due.party, due.account) = ("seller".to_owned(), SELLER.to_string());
        (due.cumulative, due.cumulative_units, due.amount) = ("0.03".into(), "30".into(), "0.015".into());
    } => Disagreement::WrongDue { .. },
    due_by_another_account: 2, Buyer, |deal| due(deal).account = STRANGER.to_string() => Disagreement::WrongDue { .. },
    nothing_due: 2, Buyer, |deal| deal.due = None => Disagreement::WrongDue { found: None, .. },
    two_payments_at_once: 1, Buyer, |deal| {
        deal.due = Story::strangers().told().due;
    } => Disagreement::WrongDue { .. },
    a_payment_in_flight_that_was_not_due: 1, Buyer, |deal| {
        in_flight(deal).amount = "0.001".to_owned();
    } => Disagreement::WrongInFlight { .. },
    a_payment_in_flight_by_the_other: 3, Seller, |deal| {
        in_flight(deal).party = "seller".to_owned();
    } => Disagreement::WrongInFlight { .. },
    somebody_elses_deal: 0, Seller, |deal| deal.seller = STRANGER.to_string() => Disagreement::NotOurs,
    a_deal_with_itself: 0, Seller, |deal| deal.buyer = SELLER.to_string() => Disagreement::NotOurs,
    another_id: 0, Seller, |deal| deal.deal = "ab".repeat(32) => Disagreement::WrongId(_),
    another_order_of_the_other: 0, Seller, |deal| {
        deal.taker = OrderRef { seq: 5, ..TAKER }.to_string();
    } => Disagreement::WrongId(_),
    more_than_ordered: 0, Seller, |deal| {
        (deal.base_total, deal.quote_total) = ("0.11".into(), "0.044".into());
    } => Disagreement::BeyondOrder { taken: 11, .. },
    too_little_for_it: 0, Seller, |deal| deal.quote_total = "0.039".to_owned() => Disagreement::WorsePrice { .. },
    too_much_for_it: 2, Buyer, |deal| deal.quote_total = "0.041".to_owned() => Disagreement::WorsePrice { .. },
    parts_of_a_lot: 0, Seller, |deal| deal.base_total = "0.095".to_owned() => Disagreement::NotLots(_),
    another_rail: 0, Seller, |deal| deal.base_rail = "token".to_owned() => Disagreement::WrongRail,
    no_caps: 0, Seller, |deal| {
        (deal.seller_cap, deal.buyer_cap) = ("0".into(), "0".into());
    } => Disagreement::Terms(OpenError::NoCap),
    a_state_off_the_walk: 4, Buyer, |deal| deal.quote_sent = "0.011".to_owned() => Disagreement::OffTheWalk(_),
    a_state_beyond_the_band: 2, Buyer, |deal| {
        (deal.base_sent_value, deal.base_sent) = ("0.02".into(), "0.05".into());
    } => Disagreement::OffTheWalk(_),
    less_base_than_its_value: 2, Buyer, |deal| deal.base_sent = "0.014".to_owned() => Disagreement::WrongBase { .. },
    settled_too_early: 2, Seller, |deal| {
        (deal.state, deal.due) = ("settled".into(), None);
    } => Disagreement::WrongState(State::Settled),
    open_after_the_end: 16, Seller, |deal| deal.state = "open".to_owned() => Disagreement::WrongState(State::Open),
    disputed_by_the_payer: 1, Buyer, |deal| {
        (deal.state, deal.by) = ("disputed".into(), Some("seller".into()));
    } => Disagreement::WrongState(_),
    an_unknown_state: 0, Seller, |deal| deal.state = "odd".to_owned() => Disagreement::View(ViewError::Wire(_)),
    an_unknown_market: 0, Seller, |deal| deal.market = "A-B".to_owned() => Disagreement::View(ViewError::UnknownMarket(_)),
    an_amount_that_is_none: 2, Buyer, |deal| due(deal).amount = "-1".to_owned() => Disagreement::View(ViewError::Wire(_)),
    a_dust_amount_below_the_unit: 2, Buyer, |deal| deal.quote_sent = "0.0001".to_owned() => Disagreement::View(_),
}

#[test]
fn the_order_is_held_against_the_deal() {
    let story = Story::strangers();
    let check = |party: Party, change: &dyn Fn(&mut Stake), expected: &str| {
        let (me, account) = PARTIES[usize::from(party == Party::Buyer)];
        let mut stake = story.stake(me, 10, 4);
        change(&mut stake);
        let judged = judge(&view(&story.told()), account, &stake, None);
        let found = judged.map_or_else(|error| format!("{error:?}"), |_| "fine".to_owned());
        assert!(found.starts_with(expected), "{found}");
    };
    let edit = |change: fn(&mut bandex_sdk::OwnOrder)| {
        move |stake: &mut Stake| {
            let Found::Order(order) = &mut stake.order else { panic!("an order") };
            change(order);
        }
    };
    for party in [Party::Seller, Party::Buyer] {
        check(party, &|_| (), "fine");
        check(party, &|stake| stake.order = Found::Unknown, "UnknownOrder");
        check(party, &|stake| stake.order = Found::Trusted, "fine");
        check(party, &edit(|order| order.side = order.side.opposite()), "OtherOrder");
        check(party, &edit(|order| order.market = bandex_sdk::types::MarketId::new(9)), "OtherOrder");
        check(party, &edit(|order| order.versions[0].quantity = Quantity::new(9)), "BeyondOrder");
        check(party, &|stake| stake.elsewhere.lots = 1, "BeyondOrder");
        check(party, &edit(|order| order.own_cap = Some(Amount::new(5))), "AboveOwnCap");
        check(party, &edit(|order| order.own_cap = Some(Amount::new(6))), "fine");
    }
    check(Party::Seller, &edit(|order| order.versions[0].price = Price::new(5)), "WorsePrice");
    check(Party::Seller, &edit(|order| order.versions[0].price = Price::new(3)), "fine");
    check(Party::Buyer, &edit(|order| order.versions[0].price = Price::new(3)), "WorsePrice");
    check(Party::Buyer, &edit(|order| order.versions[0].price = Price::new(5)), "fine");
    // Price and quantity must come from one version.
    let amended = |price, quantity| {
        edit_with(move |order| {
            order.versions[0].quantity = Quantity::new(9);
            let quantity = Quantity::new(quantity);
            order.versions.push(Version { price: Price::new(price), quantity, quote_quantity: None });
        })
    };
    check(Party::Buyer, &amended(4, 10), "fine");
    check(Party::Buyer, &amended(3, 10), "BeyondOrder");
    // A size in quote is held against what all deals cost: these 40, and other deals' rounding at most.
    for (size, before, deals, expected) in [
        (40, 0, 0, "fine"),
        (39, 0, 0, "BeyondAmount"),
        (50, 10, 1, "fine"),
        (49, 10, 1, "fine"),
        (48, 10, 1, "BeyondAmount"),
        (48, 10, 2, "fine"),
    ] {
        let sized = edit_with(move |order| {
            let quote_quantity = Some(Amount::new(size));
            order.versions[0] = Version { quantity: Quantity::new(0), quote_quantity, ..order.versions[0] };
        });
        for party in [Party::Seller, Party::Buyer] {
            let stake = |stake: &mut Stake| {
                sized(stake);
                stake.elsewhere = Taken { lots: 1_000, quote: before, deals };
            };
            check(party, &stake, expected);
        }
    }
}

fn edit_with(change: impl Fn(&mut bandex_sdk::OwnOrder)) -> impl Fn(&mut Stake) {
    move |stake| {
        let Found::Order(order) = &mut stake.order else { panic!("an order") };
        change(order);
    }
}

#[test]
fn terms_may_grow_before_anything_moves_and_never_after() {
    let (small, large) = (Story::new("LTC-BTC", 9, 4, [6, 6]), Story::strangers());
    let stake = large.stake(Party::Seller, 10, 4);
    let follow =
        |story: &Story, before: Option<&Followed>| judge(&view(&story.told()), SELLER, &stake, before);
    let (untouched, _) = follow(&small, None).unwrap();
    assert!(follow(&large, Some(&untouched)).is_ok());
    let (moved, _) = follow(&small.after(2), None).unwrap();
    assert_eq!(follow(&large.clone().after(2), Some(&moved)), Err(Disagreement::TermsChanged));
    // A stage that was reached is never left backwards.
    let (later, _) = follow(&large.clone().after(6), None).unwrap();
    let back = follow(&large.after(2), Some(&later));
    assert!(matches!(back, Err(Disagreement::OffTheWalk(_))), "{back:?}");
}

#[test]
fn what_was_paid_is_never_paid_again() {
    let check = |steps: usize, tranche, cumulative, expected: &str| {
        let story = Story::strangers().after(steps);
        let reference = "seen before".to_owned();
        let pay = Pay { deal: story.id(), tranche, cumulative: Amount::new(cumulative), reference };
        let stake = Stake { last_pay: Some(pay), ..story.stake(Party::Buyer, 10, 4) };
        let found = match judge(&view(&story.told()), BUYER, &stake, None) {
            Ok((_, Task::Pay { paid_as: Some(reference), .. })) => format!("report as {reference}"),
            Ok((_, Task::Pay { .. })) => "pay".to_owned(),
            Ok((_, task)) => format!("{task:?}"),
            Err(error) => format!("{error:?}"),
        };
        assert!(found.starts_with(expected), "{steps}: {found}");
    };
    // The buyer is due for tranche 2, 12 in all, then for tranche 4, 24 in all.
    check(2, 2, 12, "report as seen before");
    check(3, 2, 12, "Wait");
    check(4, 2, 12, "Wait");
    check(6, 2, 12, "pay");
    check(6, 4, 24, "report as seen before");
    // The exchange lost it, moved it, or asks for the same money under another number.
    check(2, 4, 24, "PaymentLost");
    check(2, 2, 13, "PaymentLost");
    check(6, 5, 12, "PaymentLost");
    check(4, 4, 24, "PaymentLost");
    check(5, 4, 24, "PaymentLost");
    check(16, 8, 41, "PaymentLost");
    check(16, 8, 40, "Settled");
}

#[test]
fn deals_that_end_badly_are_told() {
    let mut story = Story::strangers().after(4);
    let judged =
        |story: &Story, account, me| judge(&view(&story.told()), account, &story.stake(me, 10, 4), None);
    story.expire();
    let (_, task) = judged(&story, BUYER, Party::Buyer).unwrap();
    assert_eq!(task, Task::Defaulted { by: Party::Seller, loss: Amount::new(6) });
    // A payment that is not acknowledged is disputed; the payee may still say that it arrived.
    let mut story = Story::strangers().after(1);
    story.expire();
    assert_eq!(judged(&story, SELLER, Party::Seller).unwrap().1, Task::Wait);
    let (_, task) = judged(&story, BUYER, Party::Buyer).unwrap();
    assert!(matches!(task, Task::Acknowledge { .. }), "{task:?}");
}

#[test]
fn the_other_order_is_not_mistaken_for_the_own() {
    let story = Story::strangers();
    let found = |party| view(&story.told()).order(party);
    assert_eq!((found(Party::Buyer), found(Party::Seller)), (TAKER, MAKER));
    let mut told = story.told();
    told.taker_side = "sell".to_owned();
    assert_eq!(view(&told).order(Party::Seller), TAKER);
    let foreign = OrderRef { key: PublicKey::new([7; 32]), ..TAKER };
    assert_ne!(deal_id(&foreign, &MAKER), deal_id(&TAKER, &MAKER));
}
