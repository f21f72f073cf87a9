//! The rules of the book one by one, each played on the book and on the naive one.

use bandex_matching::naive::NaiveBook;
use bandex_matching::{
    Admission, AdmitAll, Book, CancelReason, Event, NewOrder, OrderId, Owner, Pair, Placed, Refusal, Removal,
    Rest, UnknownOrder, Verdict,
};
use bandex_types::Side::{Buy, Sell};
use bandex_types::TimeInForce::{Fok, Gtc, Gtd, Ioc};
use bandex_types::{PostOnly, Price, Quantity, SelfTrade, Side, TimeInForce};

/// Answers by the maker's owner (7: the taker is refused, 8: the maker is removed, 9: skipped) and refuses the takers
/// of owner 6.
#[derive(Default)]
struct ByOwner;

impl Admission for ByOwner {
    type Reason = &'static str;
    fn taker(&mut self, taker: &NewOrder) -> Result<(), &'static str> {
        if taker.owner == Owner::new(6) { Err("taker") } else { Ok(()) }
    }
    fn pair(&mut self, pair: &Pair) -> Verdict<&'static str> {
        match pair.maker_owner.get() {
            7 => Verdict::RefuseTaker("pair"),
            8 => Verdict::RemoveMaker("maker"),
            9 => Verdict::Skip,
            _ => Verdict::Admit,
        }
    }
    fn trial_begins(&mut self) {}
    fn trial_ends(&mut self) {}
}

type Outcome = Result<Placed<&'static str>, Refusal>;

fn order(id: u64, owner: u32, side: Side, lots: u64, price: u64) -> NewOrder {
    NewOrder {
        id: OrderId::new(id),
        owner: Owner::new(owner),
        side,
        price: Price::new(price),
        quantity: Quantity::new(lots),
        time_in_force: Gtc,
        post_only: PostOnly::Off,
        self_trade: SelfTrade::CancelOldest,
    }
}

fn with(time_in_force: TimeInForce, order: NewOrder) -> NewOrder {
    NewOrder { time_in_force, ..order }
}

fn post_only(order: NewOrder) -> NewOrder {
    NewOrder { post_only: PostOnly::Refuse, ..order }
}

fn trade(maker: u64, owner: u32, lots: u64, price: u64, left: u64) -> Event<&'static str> {
    Event::Trade {
        maker: OrderId::new(maker),
        maker_owner: Owner::new(owner),
        price: Price::new(price),
        quantity: Quantity::new(lots),
        maker_left: Quantity::new(left),
    }
}

fn removed(maker: u64, owner: u32, left: u64, reason: Removal<&'static str>) -> Event<&'static str> {
    Event::MakerRemoved {
        maker: OrderId::new(maker),
        maker_owner: Owner::new(owner),
        left: Quantity::new(left),
        reason,
    }
}

fn placed(filled: u64, left: u64, rest: Rest<&'static str>) -> Outcome {
    Ok(Placed { filled: Quantity::new(filled), left: Quantity::new(left), rest })
}

fn cancelled(filled: u64, left: u64, reason: CancelReason<&'static str>) -> Outcome {
    placed(filled, left, Rest::Cancelled(reason))
}

/// Rests `makers`, places `taker` and compares outcome, events, and the `(number, lots)` of bids and asks after it.
#[track_caller]
fn check(
    makers: &[NewOrder],
    taker: NewOrder,
    outcome: Outcome,
    events: &[Event<&'static str>],
    after: [&[(u64, u64)]; 2],
) {
    let (mut book, mut naive) = (Book::new(), NaiveBook::new());
    for maker in makers {
        let resting = book.place(maker, &mut AdmitAll, &mut Vec::new()).expect("a maker is placed");
        assert_eq!(resting.rest, Rest::Resting, "{maker:?}");
        naive.place(maker, &mut AdmitAll, &mut Vec::new()).expect("a maker is placed");
    }
    let (mut seen, mut seen_by_naive) = (Vec::new(), Vec::new());
    assert_eq!(book.place(&taker, &mut ByOwner, &mut seen), outcome);
    assert_eq!(naive.place(&taker, &mut ByOwner, &mut seen_by_naive), outcome, "naive");
    assert_eq!(seen, events);
    assert_eq!(seen_by_naive, events, "naive");
    for (side, after) in [(Buy, after[0]), (Sell, after[1])] {
        let orders: Vec<_> = book.orders(side).map(|order| (order.id.get(), order.left.get())).collect();
        assert_eq!(orders, after, "{side:?}");
    }
    assert_eq!(book.state_hash(), naive.state_hash());
}

#[test]
fn best_price_first_then_oldest_at_the_makers_price() {
    let asks = [order(1, 1, Sell, 5, 11), order(2, 2, Sell, 5, 10), order(3, 3, Sell, 5, 10)];
    let all = [trade(2, 2, 5, 10, 0), trade(3, 3, 5, 10, 0), trade(1, 1, 2, 11, 3)];
    check(&asks, order(9, 4, Buy, 12, 11), placed(12, 0, Rest::Filled), &all, [&[], &[(1, 3)]]);
    check(&asks, order(9, 4, Buy, 12, 10), placed(10, 2, Rest::Resting), &all[..2], [&[(9, 2)], &[(1, 5)]]);
    check(
        &asks,
        with(Gtd, order(9, 4, Buy, 1, 9)),
        placed(0, 1, Rest::Resting),
        &[],
        [&[(9, 1)], &[(2, 5), (3, 5), (1, 5)]],
    );

    let bids = [order(1, 1, Buy, 5, 10), order(2, 2, Buy, 5, 11), order(3, 3, Buy, 5, 11)];
    let all = [trade(2, 2, 5, 11, 0), trade(3, 3, 5, 11, 0), trade(1, 1, 2, 10, 3)];
    check(&bids, order(9, 4, Sell, 12, 10), placed(12, 0, Rest::Filled), &all, [&[(1, 3)], &[]]);
    check(&bids, order(9, 4, Sell, 12, 11), placed(10, 2, Rest::Resting), &all[..2], [&[(1, 5)], &[(9, 2)]]);
}

#[test]
fn prices_at_both_ends() {
    let filled = |lots| placed(lots, 0, Rest::Filled);
    check(&[order(1, 1, Buy, 5, 0)], order(2, 2, Sell, 5, 0), filled(5), &[trade(1, 1, 5, 0, 0)], [&[], &[]]);
    check(&[order(1, 1, Sell, 5, 0)], order(2, 2, Buy, 5, 0), filled(5), &[trade(1, 1, 5, 0, 0)], [&[], &[]]);
    check(
        &[order(1, 1, Sell, 5, 1)],
        order(2, 2, Buy, 5, 0),
        placed(0, 5, Rest::Resting),
        &[],
        [&[(2, 5)], &[(1, 5)]],
    );
    let highest = u64::MAX;
    check(
        &[order(1, 1, Buy, highest, highest)],
        order(2, 2, Sell, highest, 0),
        filled(highest),
        &[trade(1, 1, highest, highest, 0)],
        [&[], &[]],
    );
}

#[test]
fn immediate_or_cancel_never_rests() {
    let asks = [order(1, 1, Sell, 5, 10)];
    let taker = |lots, price| with(Ioc, order(9, 2, Buy, lots, price));
    check(&asks, taker(7, 10), cancelled(5, 2, CancelReason::Unfilled), &[trade(1, 1, 5, 10, 0)], [&[], &[]]);
    check(&asks, taker(7, 9), cancelled(0, 7, CancelReason::Unfilled), &[], [&[], &[(1, 5)]]);
    check(&asks, taker(3, 10), placed(3, 0, Rest::Filled), &[trade(1, 1, 3, 10, 2)], [&[], &[(1, 2)]]);
}

#[test]
fn fill_or_kill_is_all_or_nothing() {
    let taker = |lots, owner| with(Fok, order(9, owner, Buy, lots, 10));
    let asks = [order(1, 1, Sell, 5, 10), order(2, 2, Sell, 5, 10), order(3, 8, Sell, 5, 10)];
    let rested: &[_] = &[(1, 5), (2, 5), (3, 5)];
    let both = [trade(1, 1, 5, 10, 0), trade(2, 2, 5, 10, 0)];
    check(&asks, taker(10, 4), placed(10, 0, Rest::Filled), &both, [&[], &[(3, 5)]]);
    // The third maker would be removed, so it does not count, and is not removed.
    check(&asks, taker(11, 4), Err(Refusal::FokUnfilled), &[], [&[], rested]);
    // Neither does one's own.
    check(&asks, taker(10, 1), Err(Refusal::FokUnfilled), &[], [&[], rested]);
    let past_own = [removed(1, 1, 5, Removal::SelfTrade), trade(2, 2, 5, 10, 0)];
    check(&asks, taker(5, 1), placed(5, 0, Rest::Filled), &past_own, [&[], &[(3, 5)]]);
    let refused = |reason| cancelled(0, 5, CancelReason::NotAdmitted(reason));
    check(&asks, taker(5, 6), refused("taker"), &[], [&[], rested]);
    let asks = [order(1, 1, Sell, 4, 10), order(2, 7, Sell, 5, 10)];
    check(&asks, taker(5, 4), refused("pair"), &[], [&[], &[(1, 4), (2, 5)]]);
    check(&asks[..1], taker(4, 1), Err(Refusal::FokUnfilled), &[], [&[], &[(1, 4)]]);
    check(&[], taker(1, 6), Err(Refusal::FokUnfilled), &[], [&[], &[]]);
}

#[test]
fn post_only_never_trades() {
    let asks = [order(1, 1, Sell, 5, 10)];
    let rested: &[_] = &[(1, 5)];
    check(&asks, post_only(order(9, 2, Buy, 1, 10)), Err(Refusal::WouldTrade), &[], [&[], rested]);
    // Whose the maker is and whether it would be admitted does not matter.
    check(&asks, post_only(order(9, 1, Buy, 1, 10)), Err(Refusal::WouldTrade), &[], [&[], rested]);
    check(&asks, post_only(order(9, 6, Buy, 1, 10)), Err(Refusal::WouldTrade), &[], [&[], rested]);
    let rests = placed(0, 1, Rest::Resting);
    check(&asks, post_only(order(9, 2, Buy, 1, 9)), rests, &[], [&[(9, 1)], rested]);
}

#[test]
fn own_makers_are_removed_where_they_would_trade() {
    let asks = [order(1, 1, Sell, 5, 10), order(2, 2, Sell, 5, 11), order(3, 1, Sell, 5, 11)];
    let own = |id| removed(id, 1, 5, Removal::SelfTrade);
    let filled = placed(5, 0, Rest::Filled);
    check(&asks, order(9, 1, Buy, 5, 11), filled, &[own(1), trade(2, 2, 5, 11, 0)], [&[], &[(3, 5)]]);
    let rests = placed(5, 1, Rest::Resting);
    check(&asks, order(9, 1, Buy, 6, 11), rests, &[own(1), trade(2, 2, 5, 11, 0), own(3)], [&[(9, 1)], &[]]);
}

#[test]
fn the_admission_decides_about_takers_and_makers() {
    let taker = |owner| order(9, owner, Buy, 6, 10);
    let asks = [order(1, 1, Sell, 5, 10), order(2, 7, Sell, 5, 10)];
    let traded = [trade(1, 1, 5, 10, 0)];
    let refused = |filled, left, reason| cancelled(filled, left, CancelReason::NotAdmitted(reason));
    check(&asks, taker(4), refused(5, 1, "pair"), &traded, [&[], &[(2, 5)]]);
    check(&asks, taker(6), refused(0, 6, "taker"), &[], [&[], &[(1, 5), (2, 5)]]);
    // Nobody to trade with: the taker is not judged.
    check(&asks, order(9, 6, Buy, 6, 9), placed(0, 6, Rest::Resting), &[], [&[(9, 6)], &[(1, 5), (2, 5)]]);
    let own = [removed(1, 6, 5, Removal::SelfTrade)];
    check(&[order(1, 6, Sell, 5, 10)], taker(6), placed(0, 6, Rest::Resting), &own, [&[(9, 6)], &[]]);
    // The taker is judged before its own makers are removed.
    let asks = [order(1, 6, Sell, 5, 9), order(2, 1, Sell, 5, 10)];
    check(&asks, taker(6), refused(0, 6, "taker"), &[], [&[], &[(1, 5), (2, 5)]]);

    let asks = [order(1, 8, Sell, 5, 10), order(2, 1, Sell, 4, 10)];
    let gone = [removed(1, 8, 5, Removal::NotAdmitted("maker")), trade(2, 1, 4, 10, 0)];
    check(&asks, taker(4), placed(4, 2, Rest::Resting), &gone, [&[(9, 2)], &[]]);
}

#[test]
fn skipped_makers_keep_their_place_and_the_book_is_never_crossed() {
    let asks = [order(1, 9, Sell, 5, 9), order(2, 1, Sell, 4, 10), order(3, 9, Sell, 5, 10)];
    let traded = [trade(2, 1, 4, 10, 0)];
    let rested: &[_] = &[(1, 5), (3, 5)];
    let crossing = cancelled(4, 2, CancelReason::WouldCross);
    check(&asks, order(9, 4, Buy, 6, 10), crossing, &traded, [&[], rested]);
    let unfilled = cancelled(4, 2, CancelReason::Unfilled);
    check(&asks, with(Ioc, order(9, 4, Buy, 6, 10)), unfilled, &traded, [&[], rested]);
    check(&asks, order(9, 4, Buy, 4, 10), placed(4, 0, Rest::Filled), &traded, [&[], rested]);
}

#[test]
fn refusals_change_nothing() {
    let bid = [order(1, 1, Buy, 5, 10)];
    let taker = order(9, 2, Sell, 5, 10);
    let refused = |taker, refusal| check(&bid, taker, Err(refusal), &[], [&[(1, 5)], &[]]);
    refused(order(9, 2, Sell, 0, 10), Refusal::ZeroQuantity);
    refused(order(1, 2, Sell, 5, 10), Refusal::DuplicateId);
    refused(NewOrder { post_only: PostOnly::Slide, ..taker }, Refusal::NotServed("post-only slide"));
    let mode = |self_trade| NewOrder { self_trade, ..taker };
    refused(mode(SelfTrade::CancelNewest), Refusal::NotServed("self-trade mode cancel_newest"));
    refused(mode(SelfTrade::CancelBoth), Refusal::NotServed("self-trade mode cancel_both"));
    refused(mode(SelfTrade::Decrement), Refusal::NotServed("self-trade mode decrement"));
}

#[test]
fn cancelling_and_level_sums() {
    let mut book = Book::new();
    let place = |book: &mut Book, order| book.place(&order, &mut AdmitAll, &mut Vec::new());
    for id in 1..=3 {
        place(&mut book, order(id, 1, Sell, u64::MAX, 10)).expect("placed");
    }
    let level = |book: &Book| book.level(Sell, Price::new(10)).map(|level| (level.quantity, level.orders));
    assert_eq!(level(&book), Some((3 * u128::from(u64::MAX), 3)));
    place(&mut book, order(4, 2, Buy, 1, 10)).expect("placed");
    assert_eq!(level(&book), Some((3 * u128::from(u64::MAX) - 1, 3)));
    for (id, left) in [(2, u64::MAX), (1, u64::MAX - 1), (3, u64::MAX)] {
        let resting = book.cancel(OrderId::new(id)).expect("rests");
        assert_eq!((resting.id.get(), resting.left.get()), (id, left));
        assert_eq!(book.cancel(OrderId::new(id)), Err(UnknownOrder));
    }
    assert_eq!(level(&book), None);
    assert_eq!((book.len(), book.is_empty(), book.best(Sell)), (0, true, None));
    assert_eq!(book.state_hash(), Book::new().state_hash());
}
