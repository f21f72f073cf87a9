//! What the admission decides, which the examples of docs/matching.md cannot show without accounts: takers and makers
//! that may not trade, pairs that are skipped, and trials. And that a refusal, whichever it is, changes nothing.

mod judged;

use bandex_matching::{CancelReason, NewOrder, Refusal, Removal};
use bandex_types::Side::{Buy, Sell};
use bandex_types::TimeInForce::{Fok, Ioc};
use bandex_types::{PostOnly, SelfTrade};
use judged::{
    Arrival, Asked, End, Seen, cancelled, check, minimum, not_admitted, order, place, showing, with,
};

#[test]
fn a_taker_that_may_not_trade_is_cancelled() {
    let asks = [order(1, Sell, 5, 10), order(7, Sell, 5, 10)];
    let asked = place(
        &asks,
        order(4, Buy, 6, 10),
        not_admitted(5, 1, "pair"),
        &[Seen::Trade(0, 5, 10, 0)],
        &[(7, 5)],
    );
    assert_eq!(asked, [Asked::Taker(4), Asked::Pair(1, 5), Asked::Pair(7, 1)]);
    let asked = place(&asks, order(6, Buy, 6, 10), not_admitted(0, 6, "taker"), &[], &[(1, 5), (7, 5)]);
    assert_eq!(asked, [Asked::Taker(6)]);
    // Nobody to trade with: it is not judged.
    let asked = place(&asks, order(6, Buy, 6, 9), Ok((0, 6, 0, End::Rests)), &[], &[(6, 6), (1, 5), (7, 5)]);
    assert_eq!(asked, []);
    let own = [Seen::Removed(0, 5, Removal::SelfTrade)];
    let asked =
        place(&[order(6, Sell, 5, 10)], order(6, Buy, 6, 10), Ok((0, 6, 0, End::Rests)), &own, &[(6, 6)]);
    assert_eq!(asked, []);
    // It is judged before its own makers are touched.
    let asks = [order(6, Sell, 5, 9), order(1, Sell, 5, 10)];
    place(&asks, order(6, Buy, 6, 10), not_admitted(0, 6, "taker"), &[], &[(6, 5), (1, 5)]);
}

#[test]
fn a_maker_that_may_not_trade_is_removed_with_all_it_hides() {
    let asks = [order(8, Sell, 5, 10), order(1, Sell, 4, 10)];
    let gone = [Seen::Removed(0, 5, Removal::NotAdmitted("maker")), Seen::Trade(1, 4, 10, 0)];
    place(&asks, order(4, Buy, 6, 10), Ok((4, 2, 0, End::Rests)), &gone, &[(4, 2)]);
    let asks = [showing(2, order(8, Sell, 9, 10)), order(1, Sell, 4, 11)];
    let gone = [Seen::Removed(0, 9, Removal::NotAdmitted("maker")), Seen::Trade(1, 4, 11, 0)];
    let asked = place(&asks, order(4, Buy, 6, 11), Ok((4, 2, 0, End::Rests)), &gone, &[(4, 2)]);
    assert_eq!(asked, [Asked::Taker(4), Asked::Pair(8, 2), Asked::Pair(1, 4)]);
}

#[test]
fn skipped_makers_keep_their_place_and_the_book_is_never_crossed() {
    let asks = [order(9, Sell, 5, 9), order(1, Sell, 4, 10), order(9, Sell, 5, 10), order(1, Sell, 1, 11)];
    let traded = [Seen::Trade(1, 4, 10, 0)];
    let rest = [(9, 5), (9, 5), (1, 1)];
    let taker = order(4, Buy, 6, 10);
    place(&asks, taker, cancelled(4, 2, CancelReason::WouldCross), &traded, &rest);
    place(&asks, with(Ioc, taker), cancelled(4, 2, CancelReason::Unfilled), &traded, &rest);
    place(&asks, order(4, Buy, 4, 10), Ok((4, 0, 0, End::Filled)), &traded, &rest);
    let both = [Seen::Trade(1, 4, 10, 0), Seen::Trade(3, 1, 11, 0)];
    let asked =
        place(&asks, order(4, Buy, 6, 11), cancelled(5, 1, CancelReason::WouldCross), &both, &rest[..2]);
    // The last is asked for no more than the taker still wants.
    assert_eq!(asked[1..], [Asked::Pair(9, 5), Asked::Pair(1, 4), Asked::Pair(9, 2), Asked::Pair(1, 1)]);
}

#[test]
fn parts_shown_behind_a_skipped_maker_come_to_their_turn() {
    // The next part of the second comes behind the skipped first, and is traded all the same, as often as there are parts.
    let asks = [order(9, Sell, 1, 10), showing(2, order(1, Sell, 5, 10)), order(2, Sell, 1, 10)];
    let traded = [
        Seen::Trade(1, 2, 10, 3),
        Seen::Trade(2, 1, 10, 0),
        Seen::Trade(1, 2, 10, 1),
        Seen::Trade(1, 1, 10, 0),
    ];
    let taker = order(4, Buy, 9, 10);
    let asked = place(&asks, taker, cancelled(6, 3, CancelReason::WouldCross), &traded, &[(9, 1)]);
    assert_eq!(
        asked.iter().filter(|asked| matches!(asked, Asked::Pair(9, _))).count(),
        1,
        "skipped once and for all"
    );
    // A fill-or-kill order finds the same lots in its trial.
    place(&asks, with(Fok, order(4, Buy, 6, 10)), Ok((6, 0, 0, End::Filled)), &traded, &[(9, 1)]);
    let all = [(9, 1), (1, 5), (2, 1)];
    place(&asks, with(Fok, order(4, Buy, 7, 10)), Err(Refusal::FokUnfilled), &[], &all);
    // And behind the only part of a price, the order itself is next, and then the next price.
    let asks = [order(9, Sell, 1, 9), showing(1, order(1, Sell, 2, 10)), order(2, Sell, 1, 11)];
    let traded = [Seen::Trade(1, 1, 10, 1), Seen::Trade(1, 1, 10, 0), Seen::Trade(2, 1, 11, 0)];
    place(&asks, with(Ioc, order(4, Buy, 3, 11)), Ok((3, 0, 0, End::Filled)), &traded, &[(9, 1)]);
}

#[test]
fn an_order_that_must_trade_is_tried_first() {
    let asks = [order(1, Sell, 5, 10), order(2, Sell, 5, 10), order(8, Sell, 5, 10)];
    let all = [(1, 5), (2, 5), (8, 5)];
    let fok = |lots, owner| with(Fok, order(owner, Buy, lots, 10));
    let both = [Seen::Trade(0, 5, 10, 0), Seen::Trade(1, 5, 10, 0)];
    let asked = place(&asks, fok(10, 4), Ok((10, 0, 0, End::Filled)), &both, &[(8, 5)]);
    let pairs = [Asked::Pair(1, 5), Asked::Pair(2, 5)];
    assert_eq!(asked, [&[Asked::Taker(4), Asked::Begins][..], &pairs, &[Asked::Ends], &pairs].concat());
    // The third maker would be removed, so it does not count, and is not removed.
    let asked = place(&asks, fok(11, 4), Err(Refusal::FokUnfilled), &[], &all);
    assert_eq!(asked.last(), Some(&Asked::Ends));
    place(&asks, fok(5, 6), not_admitted(0, 5, "taker"), &[], &all);
    let asks = [order(1, Sell, 4, 10), order(7, Sell, 5, 10)];
    place(&asks, fok(5, 4), not_admitted(0, 5, "pair"), &[], &[(1, 4), (7, 5)]);
    // With enough traded before, it does not come to the maker that would refuse it.
    let least = |lots| minimum(lots, order(4, Buy, 6, 10));
    let traded = [Seen::Trade(0, 4, 10, 0)];
    place(&asks, least(4), not_admitted(4, 2, "pair"), &traded, &[(7, 5)]);
    place(&asks, least(5), not_admitted(0, 6, "pair"), &[], &[(1, 4), (7, 5)]);
    place(&[], fok(1, 6), Err(Refusal::FokUnfilled), &[], &[]);
    place(&[], minimum(1, order(6, Buy, 1, 10)), Err(Refusal::MinimumUnfilled), &[], &[]);
}

#[test]
fn a_trial_knows_the_self_trade_modes() {
    let asks = [order(1, Sell, 2, 10), order(4, Sell, 3, 10), order(2, Sell, 9, 10)];
    let all = [(1, 2), (4, 3), (2, 9)];
    let taker = |self_trade, lots, least| NewOrder { self_trade, ..minimum(least, order(4, Buy, lots, 10)) };
    let first = Seen::Trade(0, 2, 10, 0);
    let cancel = Seen::Removed(1, 3, Removal::SelfTrade);
    place(
        &asks,
        taker(SelfTrade::CancelOldest, 6, 6),
        Ok((6, 0, 0, End::Filled)),
        &[first, cancel, Seen::Trade(2, 4, 10, 5)],
        &[(2, 5)],
    );
    place(&asks, taker(SelfTrade::CancelNewest, 6, 3), Err(Refusal::MinimumUnfilled), &[], &all);
    let stopped = cancelled(2, 4, CancelReason::SelfTrade);
    place(&asks, taker(SelfTrade::CancelNewest, 6, 2), stopped, &[first], &all[1..]);
    place(&asks, taker(SelfTrade::CancelBoth, 6, 3), Err(Refusal::MinimumUnfilled), &[], &all);
    place(&asks, taker(SelfTrade::CancelBoth, 6, 2), stopped, &[first, cancel], &all[2..]);
    place(&asks, taker(SelfTrade::Decrement, 6, 4), Err(Refusal::MinimumUnfilled), &[], &all);
    let reduced = [first, Seen::Reduced(1, 3, 0), Seen::Trade(2, 1, 10, 8)];
    place(&asks, taker(SelfTrade::Decrement, 6, 3), Ok((3, 0, 3, End::Filled)), &reduced, &[(2, 8)]);
}

#[test]
fn a_budget_is_spent_on_what_the_admission_lets_through() {
    let asks = [order(9, Sell, 2, 9), order(8, Sell, 2, 10), order(4, Sell, 2, 10), order(1, Sell, 4, 10)];
    let removed =
        [Seen::Removed(1, 2, Removal::NotAdmitted("maker")), Seen::Removed(2, 2, Removal::SelfTrade)];
    let events = [&removed[..], &[Seen::Trade(3, 3, 10, 1)]].concat();
    let budget = |order, budget| Arrival::Budget(order, budget);
    let taker = order(4, Buy, 100, 12);
    check(&asks, budget(taker, 39), cancelled(3, 97, CancelReason::Unfilled), &events, &[(9, 2), (1, 1)]);
    // Its lots bound it too, and at a price of 0 only they do.
    check(
        &asks[3..],
        budget(order(4, Buy, 3, 12), 1_000),
        Ok((3, 0, 0, End::Filled)),
        &events[2..].iter().map(|_| Seen::Trade(0, 3, 10, 1)).collect::<Vec<_>>(),
        &[(1, 1)],
    );
    check(
        &[order(1, Buy, 4, 0)],
        budget(order(4, Sell, 3, 0), 0),
        Ok((3, 0, 0, End::Filled)),
        &[Seen::Trade(0, 3, 0, 1)],
        &[(1, 1)],
    );
    check(
        &asks,
        budget(order(6, Buy, 5, 12), 100),
        not_admitted(0, 5, "taker"),
        &[],
        &[(9, 2), (8, 2), (4, 2), (1, 4)],
    );
    check(&[], budget(order(4, Buy, 0, 12), 100), Err(Refusal::ZeroQuantity), &[], &[]);
    // Post-only, minimum and display are not looked at.
    let odd = NewOrder { post_only: PostOnly::Refuse, ..showing(200, minimum(200, taker)) };
    check(&asks[3..], budget(odd, 9), cancelled(0, 100, CancelReason::Unfilled), &[], &[(1, 4)]);
    let largest = u64::MAX;
    let whole = u128::from(largest) * u128::from(largest);
    let highest = [order(1, Sell, largest, largest)];
    let all = [Seen::Trade(0, largest, largest, 0)];
    check(
        &highest,
        budget(order(4, Buy, largest, largest), whole),
        Ok((largest, 0, 0, End::Filled)),
        &all,
        &[],
    );
    let but_one = [Seen::Trade(0, largest - 1, largest, 1)];
    let one_left = cancelled(largest - 1, 1, CancelReason::Unfilled);
    check(&highest, budget(order(4, Buy, largest, largest), whole - 1), one_left, &but_one, &[(1, 1)]);
}

#[test]
fn replacing_judges_first() {
    let makers = [order(4, Buy, 5, 8), order(1, Buy, 5, 8), order(2, Sell, 2, 10), order(7, Sell, 5, 11)];
    let all = [(4, 5), (1, 5), (2, 2), (7, 5)];
    let replace = |order| Arrival::Replace(0, order);
    let whole = |lots, reason| not_admitted(0, lots, reason);
    // Quietly, at the same price: it loses its place.
    check(
        &makers,
        replace(order(4, Buy, 6, 8)),
        Ok((0, 6, 0, End::Rests)),
        &[],
        &[(1, 5), (4, 6), (2, 2), (7, 5)],
    );
    let traded = [Seen::Trade(2, 2, 10, 0)];
    check(
        &makers,
        replace(order(4, Buy, 6, 10)),
        Ok((2, 4, 0, End::Rests)),
        &traded,
        &[(4, 4), (1, 5), (7, 5)],
    );
    check(&makers, replace(order(4, Buy, 6, 11)), not_admitted(2, 4, "pair"), &traded, &[(1, 5), (7, 5)]);
    // Refused before its first trade, it stays where it was.
    let asks = [order(4, Buy, 5, 8), order(7, Sell, 5, 11)];
    check(&asks, replace(order(4, Buy, 6, 11)), whole(6, "pair"), &[], &[(4, 5), (7, 5)]);
    let asks = [order(6, Buy, 5, 8), order(2, Sell, 5, 11)];
    check(&asks, replace(order(6, Buy, 6, 11)), whole(6, "taker"), &[], &[(6, 5), (2, 5)]);
    // Skipped by the only maker it meets, or in the way of its own, it is cancelled: it cannot rest there.
    let asks = [order(4, Buy, 5, 8), order(9, Sell, 5, 11)];
    check(&asks, replace(order(4, Buy, 6, 11)), cancelled(0, 6, CancelReason::WouldCross), &[], &[(9, 5)]);
    let refused = |order, refusal| check(&makers, replace(order), Err(refusal), &[], &all);
    refused(order(4, Buy, 0, 8), Refusal::ZeroQuantity);
    refused(order(1, Buy, 5, 8), Refusal::UnknownOrder);
    refused(order(4, Sell, 5, 8), Refusal::UnknownOrder);
    refused(showing(9, order(4, Buy, 5, 8)), Refusal::BadDisplay);
    refused(minimum(1, order(4, Buy, 5, 9)), Refusal::MinimumUnfilled);
    refused(minimum(3, order(4, Buy, 5, 10)), Refusal::MinimumUnfilled);
    refused(with(Fok, order(4, Buy, 5, 9)), Refusal::FokUnfilled);
    refused(NewOrder { post_only: PostOnly::Refuse, ..order(4, Buy, 5, 10) }, Refusal::WouldTrade);
    let least = [Seen::Trade(2, 2, 10, 0)];
    check(
        &makers,
        replace(minimum(2, order(4, Buy, 5, 10))),
        Ok((2, 3, 0, End::Rests)),
        &least,
        &[(4, 3), (1, 5), (7, 5)],
    );
    let slides = NewOrder { post_only: PostOnly::Slide, ..order(4, Buy, 5, 12) };
    check(&makers, replace(slides), Ok((0, 5, 0, End::Rests)), &[], &[(4, 5), (1, 5), (2, 2), (7, 5)]);
}

#[test]
fn refusals_change_nothing() {
    let bid = [showing(1, order(1, Buy, 5, 10)), order(2, Buy, 5, 9)];
    let refused = |taker, refusal| place(&bid, taker, Err(refusal), &[], &[(1, 5), (2, 5)]);
    let taker = order(3, Sell, 5, 10);
    refused(order(3, Sell, 0, 10), Refusal::ZeroQuantity);
    refused(NewOrder { post_only: PostOnly::Refuse, ..taker }, Refusal::WouldTrade);
    refused(showing(6, taker), Refusal::BadDisplay);
    refused(showing(1, order(3, Sell, 101, 11)), Refusal::BadDisplay);
    refused(showing(u64::MAX / 101, order(3, Sell, u64::MAX, 11)), Refusal::BadDisplay);
    refused(minimum(6, taker), Refusal::BadMinimum);
    refused(NewOrder { post_only: PostOnly::Slide, ..minimum(1, taker) }, Refusal::BadMinimum);
    refused(minimum(5, order(1, Sell, 5, 10)), Refusal::MinimumUnfilled);
    refused(with(Fok, order(3, Sell, 6, 10)), Refusal::FokUnfilled);
    // There is no price above the highest to slide to.
    let highest = [order(1, Buy, 5, u64::MAX)];
    let slides = NewOrder { post_only: PostOnly::Slide, ..order(3, Sell, 5, 1) };
    place(&highest, slides, Err(Refusal::WouldTrade), &[], &[(1, 5)]);
    // At the bounds nothing is refused.
    let rests = |order: NewOrder| {
        place(&[], order, Ok((0, order.quantity.get(), 0, End::Rests)), &[], &[(3, order.quantity.get())])
    };
    rests(showing(1, order(3, Sell, 100, 11)));
    rests(showing(u64::MAX / 100 + 1, order(3, Sell, u64::MAX, 11)));
    rests(showing(5, order(3, Sell, 5, 11)));
}
