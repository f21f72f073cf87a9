//! The book and the naive one side by side: the same is done to both, and must give the same.

use bandex_matching::naive::NaiveBook;
use bandex_matching::{AdmitAll, Book, Event, NewOrder, OrderId, Owner, Rest, Resting};
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Price, Quantity, Side};
use std::convert::Infallible;

/// Both books, with what rests under the caller's own numbers: the order of arrival.
#[derive(Default)]
pub struct Both {
    pub book: Book,
    pub naive: NaiveBook,
    /// The names of all orders that ever rested, in both.
    pub names: Vec<(OrderId, OrderId)>,
}

/// What happened to a maker: its number, lots and price.
pub type Trade = (usize, u64, u64);

impl Both {
    pub fn place(&mut self, order: &NewOrder) -> Vec<Trade> {
        let (mut events, mut naive_events) = (Vec::new(), Vec::new());
        let placed = self.book.place(order, &mut AdmitAll, &mut events).expect("not refused");
        let naive = self.naive.place(order, &mut AdmitAll, &mut naive_events).expect("not refused");
        assert_eq!((placed.filled, placed.left), (naive.filled, naive.left), "{order:?}");
        let trades = self.trades(&events, |names| names.0);
        assert_eq!(trades, self.trades(&naive_events, |names| names.1), "{order:?}");
        match (placed.rest, naive.rest) {
            (Rest::Resting(id), Rest::Resting(naive)) => self.names.push((id, naive)),
            (rest, naive) => assert_eq!(rest, naive),
        }
        self.same_touch();
        trades
    }

    pub fn limit(&mut self, owner: u32, side: Side, lots: u64, price: u64) -> Vec<Trade> {
        self.place(&NewOrder::limit(Owner::new(owner), side, Price::new(price), Quantity::new(lots)))
    }

    /// Cancels the order with this number; says whether it rested.
    pub fn cancel(&mut self, number: usize) -> bool {
        let (id, naive) = self.names[number];
        let cancelled = self.book.cancel(id).map(anonymous);
        assert_eq!(cancelled, self.naive.cancel(naive).map(anonymous), "{number}");
        self.same_touch();
        cancelled.is_ok()
    }

    fn trades(
        &self,
        events: &[Event<Infallible>],
        which: impl Fn(&(OrderId, OrderId)) -> OrderId,
    ) -> Vec<Trade> {
        let number = |id| self.names.iter().rposition(|names| which(names) == id).expect("it rested");
        let trade = |event: &Event<Infallible>| match *event {
            Event::Trade { maker, quantity, price, .. } => (number(maker), quantity.get(), price.get()),
            other => unreachable!("{other:?} among orders of different owners"),
        };
        events.iter().map(trade).collect()
    }

    fn same_touch(&self) {
        for side in [Buy, Sell] {
            assert_eq!(self.book.best(side), self.naive.best(side), "{side:?}");
        }
        assert_eq!(self.book.len(), self.naive.len());
    }

    /// Every order and every level.
    pub fn same(&self) {
        for side in [Buy, Sell] {
            let orders: Vec<Resting> = self.book.orders(side).map(anonymous).collect();
            let naive: Vec<Resting> = self.naive.orders(side).map(anonymous).collect();
            assert_eq!(orders, naive);
            let levels: Vec<_> = self.book.levels(side).collect();
            assert_eq!(levels, self.naive.levels(side).collect::<Vec<_>>());
            for level in levels.iter().step_by(levels.len() / 16 + 1) {
                assert_eq!(self.book.level(side, level.price), Some(*level));
            }
        }
    }
}

/// An order without its name, which is each book's own.
pub fn anonymous(order: Resting) -> Resting {
    Resting { id: nobody(), ..order }
}

/// Some name, the same each time.
fn nobody() -> OrderId {
    let mut book = Book::new();
    let order = NewOrder::limit(Owner::new(0), Buy, Price::new(1), Quantity::new(1));
    match book.place(&order, &mut AdmitAll, &mut Vec::new()).map(|placed| placed.rest) {
        Ok(Rest::Resting(id)) => id,
        other => unreachable!("{other:?}"),
    }
}
