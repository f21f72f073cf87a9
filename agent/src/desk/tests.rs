//! What the desk does with news that repeat, come late, or ask for too much.

use super::*;
use crate::testing::{BUYER, NOW, SELLER, Story, markets};
use crate::{Found, Trust};
use bandex_sdk::OwnOrder;
use std::time::Duration;

struct Signed(OwnOrder);

impl OwnOrders for Signed {
    fn find(&self, _: &OrderRef) -> Found {
        Found::Order(self.0.clone())
    }
}

fn desk(account: AccountId, policy: Policy) -> Desk {
    Desk::new(account, markets(), Box::new(Trust), policy)
}

fn hear(desk: &mut Desk, whole: bool, stories: &[&Story]) -> (Vec<Option<Act>>, Vec<Event>) {
    hear_deals(desk, whole, stories.iter().map(|story| story.told()).collect())
}

fn hear_deals(desk: &mut Desk, whole: bool, deals: Vec<Deal>) -> (Vec<Option<Act>>, Vec<Event>) {
    let mut events = Vec::new();
    let heard = desk.hear(News { whole, deals }, &mut events);
    let acts = heard.into_iter().map(|id| desk.consider(id, &|_| None, NOW, &mut events)).collect();
    (acts, events)
}

fn is_pay(acts: &[Option<Act>]) -> bool {
    matches!(acts, [Some(Act::Pay { .. })])
}

#[test]
fn one_step_at_a_time_and_none_on_old_news() {
    let mut desk = desk(SELLER, Policy::default());
    let story = Story::strangers();
    let (acts, _) = hear(&mut desk, true, &[&story]);
    let Some(Act::Pay { payment, outside, paid_as }) = &acts[0] else { panic!("{acts:?}") };
    assert_eq!((payment.deal, payment.tranche, payment.payee), (story.id(), 1, BUYER));
    assert_eq!((payment.amount, payment.cumulative, *outside), (Amount::new(15), Amount::new(15), true));
    assert_eq!((payment.asset.symbol.as_str(), paid_as), ("LTC", &None));
    // While it is under way nothing else is done, whatever is told.
    assert_eq!(hear(&mut desk, false, &[&story]), (vec![None], vec![]));
    // Done in record 12: what the exchange says of the time before is out of date.
    let mut paid = Story::strangers().after(1);
    paid.seq = 12;
    desk.done(story.id(), Some(paid.seq));
    let mut late = story.clone();
    late.seq += 1;
    assert_eq!(hear(&mut desk, false, &[&late]), (vec![None], vec![]), "it would be paid twice");
    assert_eq!(hear(&mut desk, false, &[&paid]), (vec![None], vec![]), "it waits for the acknowledgement");
    // The buyer's payment is acknowledged.
    let (acts, _) = hear(&mut desk, false, &[&Story::strangers().after(3)]);
    let [Some(Act::Acknowledge(incoming))] = acts.as_slice() else { panic!("{acts:?}") };
    assert_eq!((incoming.payer, incoming.amount, incoming.tranche), (BUYER, Amount::new(12), 2));
}

#[test]
fn a_step_that_failed_is_tried_again_when_the_deal_changes() {
    let mut desk = desk(SELLER, Policy::default());
    let mut story = Story::strangers();
    assert!(is_pay(&hear(&mut desk, true, &[&story]).0));
    desk.done(story.id(), None);
    assert_eq!(hear(&mut desk, false, &[&story]).0, [None]);
    story.seq += 5;
    assert!(is_pay(&hear(&mut desk, false, &[&story]).0));
}

#[test]
fn what_the_policy_forbids_is_declined_once() {
    let check = |policy: Policy, steps: usize, account, expected: Option<Declined>| {
        let mut desk = desk(account, policy);
        let story = Story::strangers().after(steps);
        let (acts, events) = hear(&mut desk, true, &[&story]);
        match expected {
            None => assert!(is_pay(&acts) && events.is_empty(), "{acts:?} {events:?}"),
            Some(why) => {
                let tranche = story.deal.tranche();
                assert_eq!(
                    (acts, events),
                    (vec![None], vec![Event::Declined { deal: story.id(), tranche, why }])
                );
                assert_eq!(hear(&mut desk, true, &[&story]), (vec![None], vec![]), "told once");
            }
        }
    };
    let amount = |units| Some(Amount::new(units));
    let tranche = |largest| Policy { largest_tranche: amount(largest), ..Policy::default() };
    let exposure = |largest| Policy { largest_exposure: amount(largest), ..Policy::default() };
    let margin = |seconds| Policy { margin: Duration::from_secs(seconds), ..Policy::default() };
    check(tranche(12), 2, BUYER, None);
    let above =
        |value, largest| Some(Declined::Tranche { value: Amount::new(value), largest: Amount::new(largest) });
    check(tranche(11), 2, BUYER, above(12, 11));
    check(tranche(6), 0, SELLER, None);
    check(tranche(5), 0, SELLER, above(6, 5));
    check(exposure(6), 2, BUYER, None);
    let owes =
        |cap, largest| Some(Declined::Exposure { cap: Amount::new(cap), largest: Amount::new(largest) });
    check(exposure(5), 2, BUYER, owes(6, 5));
    check(exposure(0), 14, BUYER, None);
    check(margin(59), 0, SELLER, None);
    check(margin(60), 0, SELLER, Some(Declined::TooLate(NOW.plus(60_000_000))));
}

#[test]
fn deals_of_one_order_add_up() {
    let story = Story::strangers();
    let order = Signed(story.order(Party::Seller, 15, 4));
    let mut desk = Desk::new(SELLER, markets(), Box::new(order), Policy::default());
    let mut second = story.clone();
    second.taker.seq = 99;
    assert!(is_pay(&hear(&mut desk, false, &[&story]).0));
    let (acts, events) = hear(&mut desk, false, &[&second]);
    assert_eq!(acts, [None]);
    let [Event::Disagreement { deal, what: Disagreement::BeyondOrder { taken: 20, .. } }] = events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert_eq!(*deal, second.id().to_string());
}

#[test]
fn ends_are_told_once() {
    let deal = Story::strangers().id();
    let mut desk = desk(BUYER, Policy::default());
    let settled = Story::strangers().after(16);
    assert_eq!(hear(&mut desk, false, &[&settled]), (vec![None], vec![Event::Settled { deal }]));
    assert_eq!(hear(&mut desk, false, &[&settled]), (vec![None], vec![]));

    let mut desk = Desk { closed: BTreeSet::new(), ..desk };
    let mut defaulted = Story::strangers().after(4);
    hear(&mut desk, true, &[&defaulted]);
    defaulted.expire();
    let loss = Amount::new(6);
    let told = Event::Defaulted { deal, by_us: false, loss };
    assert_eq!(hear(&mut desk, false, &[&defaulted]), (vec![None], vec![told]));

    let mut desk = Desk { closed: BTreeSet::new(), ..desk };
    hear(&mut desk, true, &[&Story::strangers()]);
    assert_eq!(hear(&mut desk, false, &[]), (vec![], vec![]), "an update need not name it");
    assert_eq!(hear(&mut desk, true, &[]), (vec![], vec![Event::Closed { deal }]));
}

/// 100 lots sold, and 40 bought back dearer by the same two: 60 are left, and the seller owes the difference from the
/// start. The base is on the ledger, so the seller is due there.
fn back_and_forth() -> (Story, Story) {
    let sold = Story::new("BWT-BTC", 100, 10, [60, 50]);
    let mut newer = Story::new("BWT-BTC", 40, 11, [50, 50]);
    (newer.taker.seq, newer.seq) = (9, 20);
    (sold, newer)
}

#[test]
fn what_is_left_of_two_deals_is_paid_instead_of_them() {
    let (sold, bought) = back_and_forth();
    let [older, newer, left] = sold.netted_with(bought);
    for account in [SELLER, BUYER] {
        let mut desk = desk(account, Policy::default());
        let (acts, _) = hear(&mut desk, true, &[&sold]);
        assert_eq!(is_pay(&acts), account == SELLER);
        desk.done(sold.id(), None);
        let (acts, events) = hear_deals(&mut desk, false, vec![older.clone(), newer.clone(), left.clone()]);
        let netted = events.iter().filter(|event| matches!(event, Event::Netted { .. })).count();
        assert_eq!((netted, events.len()), (2, 2), "{events:?}");
        let pays: Vec<_> = acts.iter().flatten().collect();
        match pays.as_slice() {
            [Act::Pay { payment, outside: false, .. }] if account == SELLER => {
                assert_eq!((payment.deal.to_string(), payment.tranche), (left.deal.clone(), 1));
                // Of 600 units for 600: the 40 that are owed, and the 110 that both deals let it be ahead.
                assert_eq!(payment.cumulative, Amount::new(150));
            }
            [] if account == BUYER => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_does_not_follow_from_the_two_is_not_paid() {
    let (sold, bought) = back_and_forth();
    let told = sold.netted_with(bought);
    let check = |spoil: fn(&mut [Deal; 3]), expected: fn(&Disagreement) -> bool| {
        let mut desk = desk(SELLER, Policy::default());
        let mut told = told.clone();
        spoil(&mut told);
        let [_, _, left] = &told;
        let left = left.deal.clone();
        let (acts, events) = hear_deals(&mut desk, true, told.to_vec());
        assert!(acts.iter().all(Option::is_none), "{acts:?}");
        let found = events.iter().find_map(|event| match event {
            Event::Disagreement { deal, what } if *deal == left => Some(what),
            _ => None,
        });
        assert!(found.is_some_and(expected), "{events:?}");
    };
    let wrong = |what: &Disagreement| matches!(what, Disagreement::WrongNetting);
    let unknown = |what: &Disagreement| matches!(what, Disagreement::UnknownReplaced(_));
    check(|[_, _, left]| left.quote_total = "0.599".to_owned(), wrong);
    check(|[_, _, left]| left.buyer_cap = "0.111".to_owned(), wrong);
    check(|[_, _, left]| std::mem::swap(&mut left.seller, &mut left.buyer), wrong);
    check(|[_, _, left]| left.carried = None, wrong);
    check(|[_, _, left]| left.replaces.reverse(), |what| matches!(what, Disagreement::WrongId(_)));
    check(
        |[older, _, _]| older.state = "open".to_owned(),
        |what| matches!(what, Disagreement::WrongDue { .. }),
    );
    check(|[older, _, _]| older.deal = "ab".repeat(32), unknown);
    check(|[_, newer, _]| newer.state = "settled".to_owned(), |what| !matches!(what, Disagreement::NotOurs));
    // The exchange's word for the older deal is not taken either.
    check(
        |[older, _, _]| older.base_sent = "0.01".to_owned(),
        |what| matches!(what, Disagreement::WrongBase { .. }),
    );
}

#[test]
fn what_takes_the_place_of_a_deal_waits_for_a_step_under_way_there() {
    let (sold, bought) = back_and_forth();
    let told = sold.netted_with(bought);
    let mut desk = desk(SELLER, Policy::default());
    assert!(is_pay(&hear(&mut desk, true, &[&sold]).0));
    let (acts, _) = hear_deals(&mut desk, false, told.to_vec());
    assert!(acts.iter().all(Option::is_none), "the step in the older deal may be a payment: {acts:?}");
    let mut events = Vec::new();
    let again: Vec<_> = desk.done(sold.id(), None).into_iter().collect();
    assert_eq!(again.len(), 2);
    let acts: Vec<_> =
        again.into_iter().filter_map(|id| desk.consider(id, &|_| None, NOW, &mut events)).collect();
    assert_eq!(acts.len(), 1, "{events:?}");
}

#[test]
fn a_deal_that_went_wrong_is_left_when_it_ends() {
    let mut desk = desk(SELLER, Policy::default());
    let mut story = Story::strangers().after(1);
    story.expire();
    assert!(matches!(hear(&mut desk, true, &[&story]).0.as_slice(), [None]));
    story.deal.write_off(bandex_settlement::Party::Seller).expect("it is disputed");
    story.seq += 1;
    let (acts, events) = hear(&mut desk, false, &[&story]);
    let state = bandex_settlement::State::WrittenOff { by: bandex_settlement::Party::Seller };
    assert_eq!((acts, events), (vec![None], vec![Event::Ended { deal: story.id(), state }]));
    assert!(desk.deals.is_empty());
}
