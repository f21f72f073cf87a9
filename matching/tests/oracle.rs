//! Random commands on the book and on the naive one: the same results, events, questions and state after every
//! command, and the properties that hold whatever either of them thinks.

mod support;

use bandex_matching::naive::NaiveBook;
use bandex_matching::{
    Book, CancelReason, Event, NewOrder, OrderId, Placed, Removal, Rest, Resting, Verdict,
};
use bandex_types::{Price, Quantity, Side, TimeInForce};
use proptest::test_runner::{Config, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;
use support::{Asked, Budgets, Command, Short, commands};

const CASES: u32 = 2_500;
const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

/// How often each thing happened in all cases together: a test of what never happens tests nothing.
type Coverage = BTreeMap<String, u64>;

/// What the test itself knows about an order, from results and events alone.
#[derive(Debug)]
struct Record {
    order: NewOrder,
    arrival: u64,
    filled: u128,
    cancelled: u128,
}

impl Record {
    fn open(&self) -> u128 {
        u128::from(self.order.quantity.get()) - self.filled - self.cancelled
    }
}

struct World<'a> {
    book: Book,
    naive: NaiveBook,
    budgets: Budgets,
    naive_budgets: Budgets,
    records: BTreeMap<OrderId, Record>,
    arrivals: u64,
    coverage: &'a RefCell<Coverage>,
}

#[test]
fn the_book_does_what_the_naive_book_does() {
    let coverage = RefCell::new(Coverage::new());
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&commands(), |commands| {
        let mut world = World::new(&coverage);
        for command in commands {
            world.step(command);
        }
        Ok(())
    });
    assert!(outcome.is_ok(), "{}", outcome.expect_err("not ok"));
    let coverage = coverage.into_inner();
    let wanted = [
        "cancel",
        "cancel unknown",
        "filled",
        "resting",
        "fok filled",
        "fok after removals",
        "self trade",
        "maker not admitted",
        "skip",
        "refused in the middle",
        "refused at once",
        "fok not admitted",
        "unfilled",
        "would cross",
        "sum above 64 bits",
        "ZeroQuantity",
        "DuplicateId",
        "WouldTrade",
        "FokUnfilled",
        "NotServed(\"post-only slide\")",
        "NotServed(\"self-trade mode cancel_newest\")",
        "NotServed(\"self-trade mode cancel_both\")",
        "NotServed(\"self-trade mode decrement\")",
    ];
    for what in wanted {
        assert!(coverage.get(what).is_some_and(|times| *times >= 50), "{what} is too rare: {coverage:#?}");
    }
}

impl<'a> World<'a> {
    fn new(coverage: &'a RefCell<Coverage>) -> Self {
        Self {
            book: Book::new(),
            naive: NaiveBook::new(),
            budgets: Budgets::new(),
            naive_budgets: Budgets::new(),
            records: BTreeMap::new(),
            arrivals: 0,
            coverage,
        }
    }

    fn count(&self, what: &str) {
        *self.coverage.borrow_mut().entry(what.to_owned()).or_default() += 1;
    }

    fn step(&mut self, command: Command) {
        match command {
            Command::Place { order } => {
                let id = self.new_id();
                self.place(&NewOrder { id, ..order });
            }
            Command::PlaceAgain { order, position } => {
                if let Some(id) = self.resting_id(position) {
                    self.place(&NewOrder { id, ..order });
                }
            }
            Command::Cancel { position } => {
                if let Some(id) = self.resting_id(position) {
                    self.cancel(id);
                }
            }
            Command::CancelUnknown => self.cancel_unknown(),
            Command::SetBudget { owner, lots } => {
                self.budgets.set(owner, lots);
                self.naive_budgets.set(owner, lots);
            }
        }
        self.check_state();
    }

    /// Any 64-bit number, never twice, and in no order.
    fn new_id(&mut self) -> OrderId {
        self.arrivals += 1;
        OrderId::new(self.arrivals.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn resting_id(&self, position: usize) -> Option<OrderId> {
        let resting: Vec<_> = SIDES.into_iter().flat_map(|side| self.naive.orders(side)).collect();
        resting.get(position.checked_rem(resting.len())?).map(|order| order.id)
    }

    fn cancel(&mut self, id: OrderId) {
        let cancelled = self.book.cancel(id);
        assert_eq!(cancelled, self.naive.cancel(id));
        let cancelled = cancelled.expect("it rests");
        let record = self.records.get_mut(&id).expect("it was placed");
        assert_eq!(u128::from(cancelled.left.get()), record.open());
        record.cancelled += u128::from(cancelled.left.get());
        self.count("cancel");
    }

    /// A number never used and one whose order is gone.
    fn cancel_unknown(&mut self) {
        let gone = self.records.iter().find(|(_, record)| record.open() == 0).map(|(id, _)| *id);
        for id in [Some(OrderId::new(3)), gone].into_iter().flatten() {
            assert!(self.book.cancel(id).is_err());
            assert!(self.naive.cancel(id).is_err());
            self.count("cancel unknown");
        }
    }

    fn place(&mut self, order: &NewOrder) {
        let (hash, lots) = (self.book.state_hash(), self.budgets.lots().to_vec());
        self.budgets.asked.clear();
        self.naive_budgets.asked.clear();
        let (mut events, mut naive_events) = (Vec::new(), Vec::new());
        let result = self.book.place(order, &mut self.budgets, &mut events);
        let naive_result = self.naive.place(order, &mut self.naive_budgets, &mut naive_events);
        assert_eq!(result, naive_result);
        assert_eq!(events, naive_events);
        assert_eq!(self.budgets, self.naive_budgets);
        match result {
            Err(refusal) => {
                self.count(&format!("{refusal:?}"));
                assert!(events.is_empty());
                assert_eq!(self.book.state_hash(), hash);
                assert_eq!(self.budgets.lots(), lots, "a trial is undone");
            }
            Ok(placed) => {
                self.check_priority(order, &events);
                self.account(order, &placed, &events);
                self.check_time_in_force(order, &placed, &events);
            }
        }
        self.count_asked();
    }

    /// Books the events into the records.
    fn account(&mut self, order: &NewOrder, placed: &Placed<Short>, events: &[Event<Short>]) {
        let mut traded = 0;
        for event in events {
            match event {
                Event::Trade { maker, quantity, maker_left, .. } => {
                    let maker = self.records.get_mut(maker).expect("it was placed");
                    maker.filled += u128::from(quantity.get());
                    assert_eq!(maker.open(), u128::from(maker_left.get()));
                    traded += u128::from(quantity.get());
                }
                Event::MakerRemoved { maker, left, reason, .. } => {
                    let maker = self.records.get_mut(maker).expect("it was placed");
                    assert_eq!(maker.open(), u128::from(left.get()));
                    maker.cancelled += u128::from(left.get());
                    self.count(match reason {
                        Removal::SelfTrade => "self trade",
                        Removal::NotAdmitted(_) => "maker not admitted",
                    });
                }
            }
        }
        assert_eq!(u128::from(placed.filled.get()), traded);
        assert_eq!(placed.filled.checked_add(placed.left), Some(order.quantity));
        let left = u128::from(placed.left.get());
        let cancelled = if matches!(placed.rest, Rest::Cancelled(_)) { left } else { 0 };
        let record = Record { order: *order, arrival: self.arrivals, filled: traded, cancelled };
        assert_eq!(self.book.get(order.id).is_some(), placed.rest == Rest::Resting);
        self.records.insert(order.id, record);
    }

    /// What an order may become depends on how long it lives.
    fn check_time_in_force(&self, order: &NewOrder, placed: &Placed<Short>, events: &[Event<Short>]) {
        let may_rest = matches!(order.time_in_force, TimeInForce::Gtc | TimeInForce::Gtd);
        let fok = order.time_in_force == TimeInForce::Fok;
        match &placed.rest {
            Rest::Filled => {
                assert_eq!(placed.filled, order.quantity);
                self.count(if fok { "fok filled" } else { "filled" });
                if fok && events.iter().any(|event| matches!(event, Event::MakerRemoved { .. })) {
                    self.count("fok after removals");
                }
            }
            Rest::Resting => {
                assert!(may_rest && !placed.left.is_zero());
                self.count("resting");
            }
            Rest::Cancelled(CancelReason::NotAdmitted(_)) if fok => {
                assert!(placed.filled.is_zero() && events.is_empty());
                self.count("fok not admitted");
            }
            Rest::Cancelled(CancelReason::NotAdmitted(_)) => {
                self.count(if placed.filled.is_zero() { "refused at once" } else { "refused in the middle" });
            }
            Rest::Cancelled(CancelReason::Unfilled) => {
                assert_eq!(order.time_in_force, TimeInForce::Ioc);
                self.count("unfilled");
            }
            Rest::Cancelled(CancelReason::WouldCross) => {
                assert!(may_rest && !placed.left.is_zero());
                self.count("would cross");
            }
        }
    }

    /// Before this order's effects are accounted: makers were met in the order of price, then arrival, and whoever
    /// stands before the last of them still was skipped.
    fn check_priority(&self, order: &NewOrder, events: &[Event<Short>]) {
        let met: Vec<OrderId> = events.iter().map(maker_of).collect();
        for pair in met.windows(2) {
            assert!(self.priority(pair[0]) < self.priority(pair[1]), "{events:?}");
        }
        for event in events {
            if let Event::Trade { maker, price, maker_owner, .. } = event {
                let maker = &self.records[maker].order;
                assert_eq!(
                    (maker.price, maker.owner, maker.side),
                    (*price, *maker_owner, order.side.opposite())
                );
                assert_ne!(maker.owner, order.owner);
                assert!(if order.side == Side::Buy { *price <= order.price } else { *price >= order.price });
            }
        }
        let Some(last) = met.last().map(|id| self.priority(*id)) else { return };
        for resting in self.book.orders(order.side.opposite()) {
            assert!(
                self.priority(resting.id) >= last || self.was_skipped(resting.id),
                "{resting:?} was passed over"
            );
        }
    }

    /// Smaller is earlier: the price as the side counts it, then arrival.
    fn priority(&self, id: OrderId) -> (u64, u64) {
        let record = &self.records[&id];
        let price = record.order.price.get();
        (if record.order.side == Side::Buy { u64::MAX - price } else { price }, record.arrival)
    }

    fn was_skipped(&self, id: OrderId) -> bool {
        self.budgets
            .asked
            .iter()
            .any(|asked| matches!(asked, Asked::Pair(pair, Verdict::Skip) if pair.maker == id))
    }

    fn count_asked(&self) {
        if self.budgets.asked.iter().any(|asked| matches!(asked, Asked::Pair(_, Verdict::Skip))) {
            self.count("skip");
        }
    }

    fn check_state(&self) {
        assert_eq!(self.book.state_hash(), self.naive.state_hash());
        assert_eq!(self.book.len(), self.naive.len());
        assert_eq!(self.book.is_empty(), self.naive.is_empty());
        if let (Some(bid), Some(ask)) = (self.book.best(Side::Buy), self.book.best(Side::Sell)) {
            assert!(bid < ask, "crossed: {bid} bid, {ask} asked");
        }
        let mut resting = 0;
        for side in SIDES {
            let orders: Vec<Resting> = self.book.orders(side).collect();
            assert_eq!(orders, self.naive.orders(side));
            assert_eq!(self.book.best(side), self.naive.best(side));
            self.check_levels(side, &orders);
            for order in &orders {
                assert_eq!(self.book.get(order.id), Some(*order));
                assert_eq!(self.records[&order.id].open(), u128::from(order.left.get()));
            }
            resting += orders.len();
        }
        // Filled + open + cancelled = ordered: every record is closed or one of those just compared.
        assert_eq!(self.records.values().filter(|record| record.open() > 0).count(), resting);
        assert_eq!(self.book.len(), resting);
    }

    /// The levels are exactly the sums over the orders.
    fn check_levels(&self, side: Side, orders: &[Resting]) {
        let mut sums: Vec<(Price, u128, u32)> = Vec::new();
        for order in orders {
            let lots = u128::from(order.left.get());
            match sums.last_mut() {
                Some((price, quantity, count)) if *price == order.price => {
                    *quantity += lots;
                    *count += 1;
                }
                _ => sums.push((order.price, lots, 1)),
            }
        }
        let levels: Vec<_> = self.book.levels(side).collect();
        assert_eq!(levels.len(), sums.len());
        for (level, sum) in levels.iter().zip(sums) {
            assert_eq!((level.price, level.quantity, level.orders), sum);
            assert_eq!(self.book.level(side, level.price), Some(*level));
            if level.quantity > u128::from(Quantity::MAX.get()) {
                self.count("sum above 64 bits");
            }
        }
        assert_eq!(self.book.level(side, Price::new(1_000)), None);
    }
}

fn maker_of<R>(event: &Event<R>) -> OrderId {
    match event {
        Event::Trade { maker, .. } | Event::MakerRemoved { maker, .. } => *maker,
    }
}
