//! What an auction does when somebody may not trade, which the examples of docs/matching.md cannot show without accounts, on the
//! book and on the naive one.

use bandex_matching::naive::NaiveBook;
use bandex_matching::{
    Book, Clearing, Cross, Crossed, Crossing, Event, Indicative, NewOrder, OrderId, Owner, Placed, Removal,
    Rest,
};
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Price, Quantity, SelfTrade, Side};
use std::convert::Infallible;

/// Removes the orders of owner 8, bids first, and remembers how many lots were asked for.
struct ByOwner {
    ages: Vec<OrderId>,
    asked: Vec<u64>,
}

impl Clearing for ByOwner {
    type Reason = &'static str;

    fn cross(&mut self, cross: &Cross) -> Crossing<&'static str> {
        self.asked.push(cross.quantity.get());
        if cross.buy_owner == Owner::new(8) {
            Crossing::RemoveBuy("no")
        } else if cross.sell_owner == Owner::new(8) {
            Crossing::RemoveSell("no")
        } else {
            Crossing::Admit
        }
    }

    fn later(&self, buy: OrderId, sell: OrderId) -> Side {
        let age = |id| self.ages.iter().position(|other| *other == id);
        if age(buy) > age(sell) { Buy } else { Sell }
    }
}

/// What happened, with orders by their place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// Bid, ask, lots.
    Trade(usize, usize, u64),
    /// Which, lots that were left, why.
    Removed(usize, u64, Removal<&'static str>),
}

fn order(owner: u32, side: Side, lots: u64, price: u64) -> NewOrder {
    NewOrder::limit(Owner::new(owner), side, Price::new(price), Quantity::new(lots))
}

/// Price, volume and surplus; what happened; the questions; owner and lots of what rests afterwards, bids first.
type Run = (Option<(u64, u128, u128)>, Vec<Seen>, Vec<u64>, Vec<(u32, u64)>);

macro_rules! run {
    ($book:ty, $orders:expr) => {{
        let mut book = <$book>::new();
        // Own orders are not named, so that they come to the auction.
        let enter = |order: &NewOrder| match book.enter::<Infallible>(order, &[], &mut Vec::new()) {
            Ok(Placed { rest: Rest::Resting(id), .. }) => id,
            other => unreachable!("{order:?} does not wait: {other:?}"),
        };
        let ages: Vec<OrderId> = $orders.iter().map(enter).collect();
        let mut clearing = ByOwner { ages, asked: Vec::new() };
        let mut events = Vec::new();
        let found = book.uncross(None, &mut clearing, &mut events);
        let seen = seen(&events, &clearing.ages);
        let orders = [Buy, Sell].into_iter().flat_map(|side| book.orders(side));
        let orders = orders.map(|order| (order.owner.get(), order.left.get())).collect();
        (
            found.map(|Indicative { price, volume, surplus, .. }| (price.get(), volume, surplus)),
            seen,
            clearing.asked,
            orders,
        )
    }};
}

fn seen(events: &[Crossed<&'static str>], ids: &[OrderId]) -> Vec<Seen> {
    let place = |id: OrderId| ids.iter().position(|other| *other == id).expect("one of the list");
    let seen = |event: &Crossed<&'static str>| match *event {
        Crossed::Trade { buy, sell, quantity, .. } => Seen::Trade(place(buy), place(sell), quantity.get()),
        Crossed::Removed { order, left, reason } => Seen::Removed(place(order), left.get(), reason),
    };
    events.iter().map(seen).collect()
}

/// Lets the orders gather and ends the auction.
#[track_caller]
fn check(
    orders: &[NewOrder],
    found: Option<(u64, u128, u128)>,
    events: &[Seen],
    asked: &[u64],
    after: &[(u32, u64)],
) {
    let expected: Run = (found, events.to_vec(), asked.to_vec(), after.to_vec());
    assert_eq!(run!(Book, orders), expected);
    assert_eq!(run!(NaiveBook, orders), expected, "the naive book");
}

#[test]
fn who_may_not_trade_is_removed_and_others_take_its_part() {
    let orders = [order(1, Buy, 5, 12), order(8, Sell, 3, 10), order(2, Sell, 4, 11), order(8, Buy, 9, 11)];
    let no = |which, left| Seen::Removed(which, left, Removal::NotAdmitted("no"));
    // At 11 there are 14 lots of bids and 7 of asks.
    check(&orders, Some((11, 7, 7)), &[no(1, 3), Seen::Trade(0, 2, 4)], &[3, 4], &[(1, 1), (8, 9)]);
    let orders = [order(8, Buy, 5, 11), order(1, Sell, 3, 10), order(2, Buy, 4, 11)];
    check(&orders, Some((10, 3, 6)), &[no(0, 5), Seen::Trade(2, 1, 3)], &[3, 3], &[(2, 1)]);
}

#[test]
fn what_removals_leave_across_each_other_goes_the_later_first() {
    // At 10 all 5 lots of the bid would trade; without the first ask none does, and the second stands across the bid.
    let no = Seen::Removed(0, 5, Removal::NotAdmitted("no"));
    let across = |which| Seen::Removed(which, 5, Removal::WouldCross);
    let orders = [order(8, Sell, 5, 10), order(1, Buy, 5, 12), order(2, Sell, 5, 11)];
    check(&orders, Some((10, 5, 0)), &[no, across(2)], &[5], &[(1, 5)]);
    let orders = [order(8, Sell, 5, 10), order(2, Sell, 5, 11), order(1, Buy, 5, 12)];
    check(&orders, Some((10, 5, 0)), &[no, across(2)], &[5], &[(2, 5)]);
    // Side by side they may stay.
    let orders = [order(8, Sell, 5, 10), order(2, Sell, 5, 13), order(1, Buy, 5, 12)];
    check(&orders, Some((10, 5, 0)), &[no], &[5], &[(1, 5), (2, 5)]);
}

#[test]
fn orders_of_one_owner_do_not_trade_even_if_entering_has_not_found_them() {
    let own = |which, left| Seen::Removed(which, left, Removal::SelfTrade);
    let orders = [order(1, Buy, 5, 10), order(1, Sell, 3, 10), order(2, Sell, 4, 10)];
    check(&orders, Some((10, 5, 2)), &[own(1, 3), Seen::Trade(0, 2, 4)], &[4], &[(1, 1)]);
    let orders = [order(1, Sell, 3, 10), order(1, Buy, 5, 10), order(2, Sell, 4, 10)];
    check(&orders, Some((10, 5, 2)), &[own(1, 5)], &[], &[(1, 3), (2, 4)]);
}

#[test]
fn an_auction_of_nothing_does_nothing() {
    check(&[], None, &[], &[], &[]);
    check(&[order(1, Buy, 5, 10)], None, &[], &[], &[(1, 5)]);
    check(&[order(1, Buy, 5, 10), order(2, Sell, 5, 11)], None, &[], &[], &[(1, 5), (2, 5)]);
}

#[test]
fn only_named_orders_of_the_same_owner_that_cross_are_treated_on_entry() {
    macro_rules! on {
        ($book:ty) => {{
            let mut book = <$book>::new();
            let mut enter = |order: &NewOrder, own: &[OrderId]| {
                let mut events: Vec<Event<Infallible>> = Vec::new();
                let placed = book.enter(order, own, &mut events).expect("not refused");
                let gone: Vec<OrderId> = events.iter().map(maker).collect();
                (placed.rest, gone)
            };
            let mut rest = |order: NewOrder| match enter(&order, &[]).0 {
                Rest::Resting(id) => id,
                other => unreachable!("{other:?}"),
            };
            let asks = [12, 10, 11, 10, 14].map(|price| rest(order(1, Sell, 1, price)));
            let (foreign, bid) = (rest(order(2, Sell, 1, 10)), rest(order(1, Buy, 1, 9)));
            let all = [&asks[..], &[foreign, bid]].concat();
            // Best price first, of one price in the caller's order; neither the other owner's, nor that of the same
            // side, nor what does not cross.
            let (_, gone) = enter(&order(1, Buy, 1, 12), &all);
            assert_eq!(gone, [1, 3, 2, 0].map(|at| asks[at]));
            // A name that leads nowhere is passed over.
            let newest = NewOrder { self_trade: SelfTrade::CancelNewest, ..order(1, Buy, 1, 12) };
            let (rest, gone) = enter(&newest, &[asks[0]]);
            assert_eq!((matches!(rest, Rest::Resting(_)), gone), (true, Vec::new()));
        }};
    }
    on!(Book);
    on!(NaiveBook);
}

fn maker(event: &Event<Infallible>) -> OrderId {
    match *event {
        Event::Trade { maker, .. }
        | Event::MakerRemoved { maker, .. }
        | Event::MakerReduced { maker, .. } => maker,
    }
}
