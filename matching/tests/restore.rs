//! A book made again from its orders is the same book, orders that cannot have rested so are no book, and names of orders
//! that are gone lead nowhere.

mod both;

use bandex_matching::naive::NaiveBook;
use bandex_matching::{
    AdmitAll, Book, NewOrder, NoBook, OrderId, Owner, Refusal, Rest, Resting, UnknownOrder,
};
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Price, Quantity, Side};
use both::{Both, anonymous};

fn order(owner: u32, side: Side, lots: u64, price: u64, display: u64) -> NewOrder {
    let plain = NewOrder::limit(Owner::new(owner), side, Price::new(price), Quantity::new(lots));
    NewOrder { display: Quantity::new(display), ..plain }
}

/// A book in the middle of its life: hidden orders of which a part was traded, some behind their turn, far prices.
fn lived() -> Both {
    let mut both = Both::default();
    for turn in 0..40 {
        both.place(&order(1, Sell, 9, 110 + turn % 4, 2));
        both.place(&order(2, Sell, 3, 110 + turn % 4, 0));
        both.place(&order(3, Buy, 9, 90 + turn % 4, 4));
        both.place(&order(4, Buy, 3, 90 + turn % 4, 0));
    }
    both.place(&order(5, Sell, 100, u64::MAX, 1));
    both.place(&order(5, Buy, 100, 0, 0));
    both.limit(6, Buy, 41, 111);
    both.limit(7, Sell, 33, 92);
    both.cancel(21);
    both.same();
    both
}

#[test]
fn a_book_made_again_is_the_same_book() {
    let both = lived();
    let mut again = Both::default();
    for order in [Buy, Sell].into_iter().flat_map(|side| both.book.orders(side)) {
        let id = again.book.restore(&order, false).expect("it rested");
        let naive = again.naive.restore(&order, false).expect("it rested");
        again.names.push((id, naive));
        assert_eq!(again.book.get(id).map(anonymous), Some(anonymous(order)));
    }
    again.same();
    let number = |_: OrderId| 0;
    assert_eq!(again.book.state_hash(number), both.book.state_hash(number));
    assert_eq!(again.naive.state_hash(number), both.book.state_hash(number));
    // And it stays the same, in whatever is done to it.
    let mut both = both;
    for (owner, side, lots, price) in [(7, Buy, 77, 112), (8, Sell, 500, 90), (9, Buy, u64::MAX, u64::MAX)] {
        let then = |trades: Vec<both::Trade>| {
            trades.into_iter().map(|(_, lots, price)| (lots, price)).collect::<Vec<_>>()
        };
        assert_eq!(then(again.limit(owner, side, lots, price)), then(both.limit(owner, side, lots, price)));
        assert_eq!(again.book.state_hash(number), both.book.state_hash(number));
    }
}

#[test]
fn orders_that_cannot_have_rested_are_no_book() {
    let check = |side, price, [left, display, shown]: [u64; 3], may_cross, expected: Result<(), NoBook>| {
        let mut both = Both::default();
        both.limit(1, Sell, 5, 10);
        both.limit(1, Buy, 5, 8);
        let some = both.book.orders(Buy).next().expect("it rests");
        let [left, display, shown] = [left, display, shown].map(Quantity::new);
        let order = Resting { side, price: Price::new(price), left, display, shown, ..some };
        let before = both.book.state_hash(|_| 0);
        assert_eq!(both.book.restore(&order, may_cross).map(|_| ()), expected, "{order:?}");
        assert_eq!(both.naive.restore(&order, may_cross).map(|_| ()), expected, "{order:?}");
        both.same();
        assert_eq!(both.book.state_hash(|_| 0) == before, expected.is_err());
    };
    check(Sell, 9, [5, 0, 5], false, Ok(()));
    check(Sell, 8, [5, 0, 5], false, Err(NoBook));
    check(Sell, 8, [5, 0, 5], true, Ok(()));
    check(Buy, 9, [5, 0, 5], false, Ok(()));
    check(Buy, 10, [5, 0, 5], false, Err(NoBook));
    check(Buy, 10, [5, 0, 5], true, Ok(()));
    check(Buy, 9, [0, 0, 0], false, Err(NoBook));
    check(Buy, 9, [5, 0, 4], false, Err(NoBook));
    check(Buy, 9, [5, 0, 6], false, Err(NoBook));
    check(Buy, 9, [5, 3, 0], false, Err(NoBook));
    check(Buy, 9, [5, 3, 1], false, Ok(()));
    check(Buy, 9, [5, 3, 3], false, Ok(()));
    check(Buy, 9, [5, 3, 4], false, Err(NoBook));
    check(Buy, 9, [2, 3, 2], false, Ok(()));
    check(Buy, 9, [2, 3, 3], false, Err(NoBook));
}

/// Asks a book everything that takes a name, of one that is gone, twice: before and after its place is used again.
macro_rules! gone {
    ($book:ty, $leaves:expr) => {{
        let mut book = <$book>::new();
        let rest =
            |book: &mut $book, order: &NewOrder| match book.place(order, &mut AdmitAll, &mut Vec::new()) {
                Ok(placed) => match placed.rest {
                    Rest::Resting(id) => id,
                    other => unreachable!("{other:?}"),
                },
                Err(refusal) => unreachable!("{refusal}"),
            };
        let neighbour = rest(&mut book, &order(1, Sell, 1, 10, 0));
        let id = rest(&mut book, &order(2, Sell, 5, 9, 2));
        let leaves: fn(&mut $book, OrderId) = $leaves;
        leaves(&mut book, id);
        for _ in 0..3 {
            let before = book.state_hash(|_| 0);
            assert_eq!(book.get(id), None);
            assert_eq!(book.cancel(id), Err(UnknownOrder));
            assert_eq!(book.reduce(id, Quantity::new(1)), Err(UnknownOrder));
            let replacement = order(2, Sell, 5, 12, 0);
            let replaced = book.replace(id, &replacement, &mut AdmitAll, &mut Vec::new());
            assert_eq!(replaced, Err(Refusal::UnknownOrder));
            assert_eq!(book.state_hash(|_| 0), before);
            let another = rest(&mut book, &order(2, Sell, 5, 9, 2));
            assert_ne!(another, id);
            assert_eq!(book.get(another).map(|order| order.id), Some(another));
        }
        assert_eq!(book.get(neighbour).map(|order| order.id), Some(neighbour));
    }};
}

#[test]
fn names_of_orders_that_are_gone_lead_nowhere() {
    macro_rules! on_both {
        ($leaves:expr) => {
            gone!(Book, $leaves);
            gone!(NaiveBook, $leaves);
        };
    }
    on_both!(|book, id| assert!(book.cancel(id).is_ok()));
    on_both!(|book, id| assert_eq!(book.reduce(id, Quantity::new(5)), Ok(Quantity::ZERO)));
    on_both!(|book, id| assert_eq!(book.reduce(id, Quantity::MAX), Ok(Quantity::ZERO)));
    on_both!(|book, id| {
        assert!(book.replace(id, &order(2, Sell, 5, 9, 2), &mut AdmitAll, &mut Vec::new()).is_ok());
    });
    on_both!(|book, _| {
        assert!(book.place(&order(3, Buy, 5, 9, 0), &mut AdmitAll, &mut Vec::new()).is_ok());
    });
    on_both!(|book, _| {
        assert!(book.place(&order(2, Buy, 1, 9, 0), &mut AdmitAll, &mut Vec::new()).is_ok());
        let bid = book.orders(Buy).next().expect("it rests").id;
        assert!(book.cancel(bid).is_ok());
    });
}

#[test]
fn reducing_takes_what_is_hidden_first() {
    let check = |[lots, display]: [u64; 2], by: u64, left: u64, shown: Option<u64>| {
        let mut both = Both::default();
        both.place(&order(1, Sell, lots, 10, display));
        both.place(&order(2, Sell, 1, 10, 0));
        let (id, naive) = both.names[0];
        assert_eq!(both.book.reduce(id, Quantity::new(by)), Ok(Quantity::new(left)));
        assert_eq!(both.naive.reduce(naive, Quantity::new(by)), Ok(Quantity::new(left)));
        both.same();
        assert_eq!(both.book.get(id).map(|order| order.shown.get()), shown);
        let level = both.book.level(Sell, Price::new(10)).map(|level| level.quantity);
        assert_eq!(level, Some(u128::from(shown.unwrap_or(0)) + 1));
    };
    check([9, 2], 0, 9, Some(2));
    check([9, 2], 6, 3, Some(2));
    check([9, 2], 7, 2, Some(2));
    check([9, 2], 8, 1, Some(1));
    check([9, 2], 9, 0, None);
    check([9, 2], 99, 0, None);
    check([9, 0], 0, 9, Some(9));
    check([9, 0], 4, 5, Some(5));
    check([9, 0], 9, 0, None);
}

#[test]
fn sums_of_a_level_may_exceed_64_bits() {
    let mut both = Both::default();
    for _ in 0..3 {
        both.limit(1, Sell, u64::MAX, 10);
    }
    let level =
        |both: &Both| both.book.level(Sell, Price::new(10)).map(|level| (level.quantity, level.orders));
    assert_eq!(level(&both), Some((3 * u128::from(u64::MAX), 3)));
    both.limit(2, Buy, 1, 10);
    assert_eq!(level(&both), Some((3 * u128::from(u64::MAX) - 1, 3)));
    for number in [1, 0, 2] {
        assert!(both.cancel(number));
        both.same();
    }
    assert_eq!((level(&both), both.book.len(), both.book.is_empty()), (None, 0, true));
    assert_eq!(both.book.state_hash(|_| 0), Book::new().state_hash(|_| 0));
}
