//! Both books side by side: one command goes to both, and what they answer must be the same.

use crate::command::Command;
use crate::limits::{Limits, Short};
use crate::orders::Orders;
use bandex_matching::naive::NaiveBook;
use bandex_matching::{
    Book, Crossed, Direction, Event, NewOrder, OrderId, Owner, Placed, Refusal, Rest, Triggers,
};
use bandex_types::{Price, Quantity, Side};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;

/// The books differ, or one of them breaks what always holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference(pub String);

pub(crate) type Same = Result<(), Difference>;

pub(crate) fn same<T: PartialEq + Debug>(what: &str, fast: &T, naive: &T) -> Same {
    if fast == naive { Ok(()) } else { Err(Difference(format!("{what}: {fast:?}, naive {naive:?}"))) }
}

pub(crate) fn holds(what: &str, holds: bool) -> Same {
    if holds { Ok(()) } else { Err(Difference(what.to_owned())) }
}

/// How an order comes to the books.
#[derive(Debug, Clone, Copy)]
enum How {
    Place,
    Budget(u128),
    /// In the stead of the order with this number.
    Replace(u64, [OrderId; 2]),
}

/// An order that sleeps.
#[derive(Debug, Clone, Copy)]
struct Sleeper {
    order: NewOrder,
    direction: Direction,
    price: Price,
    /// Whether a trade has reached it, so that it waits for its turn.
    reached: bool,
}

/// What came of an arriving order, on one book.
type Arrived = (Result<Placed<Short>, Refusal>, Vec<Event<Short>>);

/// The two books and what is known of their orders.
#[derive(Debug)]
pub struct Twin {
    pub(crate) book: Book,
    pub(crate) naive: NaiveBook,
    /// Of the fast book and of the naive one.
    limits: [Limits; 2],
    pub(crate) orders: Orders,
    triggers: Triggers,
    sleepers: BTreeMap<u64, Sleeper>,
    /// Who must wake next, in order.
    to_wake: VecDeque<u64>,
    pub(crate) gathering: bool,
    next: u64,
    steps: u64,
    /// What happened, for whoever counts.
    pub(crate) seen: Vec<&'static str>,
}

impl Default for Twin {
    fn default() -> Self {
        Self::new()
    }
}

impl Twin {
    /// Two empty books.
    pub fn new() -> Self {
        Self {
            book: Book::new(),
            naive: NaiveBook::new(),
            limits: [Limits::new(), Limits::new()],
            orders: Orders::default(),
            triggers: Triggers::new(),
            sleepers: BTreeMap::new(),
            to_wake: VecDeque::new(),
            gathering: false,
            next: 0,
            steps: 0,
            seen: Vec::new(),
        }
    }

    /// Gives both books a command.
    ///
    /// # Errors
    /// They differ, or break what always holds.
    pub fn step(&mut self, command: &Command) -> Result<(), Difference> {
        self.carry_out(command)?;
        let [fast, naive] = &self.limits;
        same("questions", &fast.asked, &naive.asked)?;
        self.limits.iter_mut().for_each(|limits| limits.asked.clear());
        self.steps += 1;
        if self.steps.is_multiple_of(4) { self.check_all() } else { self.check() }
    }

    fn carry_out(&mut self, command: &Command) -> Same {
        match *command {
            Command::Place(order) => {
                let number = self.number();
                self.arrive(number, How::Place, &order)?;
            }
            Command::PlaceBudget { order, budget } if !self.gathering => {
                let number = self.number();
                self.arrive(number, How::Budget(budget), &order)?;
            }
            Command::Sleep { order, direction, price } => {
                let number = self.number();
                self.triggers.add(number, direction, price);
                self.sleepers.insert(number, Sleeper { order, direction, price, reached: false });
            }
            Command::Replace { position, order } if !self.gathering => {
                let Some((number, known)) = self.orders.at(position) else { return Ok(()) };
                let order = NewOrder { owner: known.owner, side: known.side, ..order };
                self.arrive(number, How::Replace(number, known.names), &order)?;
            }
            Command::Reduce { position, by } => self.reduce(position, by)?,
            Command::Cancel { position } => {
                if let Some((number, _)) = self.orders.at(position) {
                    self.cancel(number)?;
                }
            }
            Command::CancelGone => self.cancel_gone()?,
            Command::CancelAll { owner, side } => {
                for number in self.orders.of(owner, side) {
                    self.cancel(number)?;
                }
            }
            Command::Unsleep { position } => self.unsleep(position)?,
            Command::SetLots { owner, lots } => {
                self.limits.iter_mut().for_each(|limits| limits.set(owner, lots))
            }
            Command::SetBand(band) => {
                self.book.set_band(band);
                self.naive.set_band(band);
            }
            Command::Auction { reference } if self.gathering => self.uncross(reference)?,
            Command::Auction { .. } => self.gathering = true,
            Command::Restore => self.restore()?,
            Command::PlaceBudget { .. } | Command::Replace { .. } => {}
        }
        self.wake()
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// An order arrives at both books.
    fn arrive(&mut self, number: u64, how: How, order: &NewOrder) -> Same {
        let own = if self.gathering {
            self.orders.of(order.owner, Some(order.side.opposite()))
        } else {
            Vec::new()
        };
        let (book, naive, [limits, naive_limits]) = (&mut self.book, &mut self.naive, &mut self.limits);
        let (mut events, mut naive_events) = (Vec::new(), Vec::new());
        let names = |which: usize| -> Vec<OrderId> {
            own.iter()
                .filter_map(|number| self.orders.resting.get(number)?.names.get(which).copied())
                .collect()
        };
        let (found, naive_found) = match how {
            How::Place if self.gathering => {
                (book.enter(order, &names(0), &mut events), naive.enter(order, &names(1), &mut naive_events))
            }
            How::Place => {
                (book.place(order, limits, &mut events), naive.place(order, naive_limits, &mut naive_events))
            }
            How::Budget(budget) => (
                book.place_budget(order, budget, limits, &mut events),
                naive.place_budget(order, budget, naive_limits, &mut naive_events),
            ),
            How::Replace(_, [id, naive_id]) => (
                book.replace(id, order, limits, &mut events),
                naive.replace(naive_id, order, naive_limits, &mut naive_events),
            ),
        };
        self.compare(number, how, order, (found, events), (naive_found, naive_events))
    }

    fn compare(&mut self, number: u64, how: How, order: &NewOrder, fast: Arrived, naive: Arrived) -> Same {
        let [fast_events, naive_events] = [(&fast.1, 0), (&naive.1, 1)].map(|(events, which)| {
            events.iter().map(|event| self.numbered(event, which)).collect::<Vec<_>>()
        });
        same("events", &fast_events, &naive_events)?;
        let nameless = |found: &Result<Placed<Short>, Refusal>| {
            found.map(|placed| (placed.filled, placed.left, placed.decremented, describe(&placed.rest)))
        };
        same("result", &nameless(&fast.0), &nameless(&naive.0))?;
        let (Ok(placed), Ok(naive_placed)) = (fast.0, naive.0) else {
            self.note_refusal(&fast.0);
            return holds("a refusal has no events", fast.1.is_empty());
        };
        let stayed = self.replaced(how)?;
        self.note_events(order, &placed, &fast_events)?;
        self.note_placed(order, &placed);
        if let (Rest::Resting(id), Rest::Resting(naive_id)) = (placed.rest, naive_placed.rest) {
            holds("who stays does not rest twice", !stayed)?;
            self.orders.insert(number, order, placed.left, [id, naive_id]);
            self.name(number, [id, naive_id]);
        }
        Ok(())
    }

    /// Takes note that an order was replaced; says whether it stayed instead.
    fn replaced(&mut self, how: How) -> Result<bool, Difference> {
        let How::Replace(number, [id, naive_id]) = how else { return Ok(false) };
        let stays = (self.book.get(id).is_some(), self.naive.get(naive_id).is_some());
        same("whether the old order stays", &stays.0, &stays.1)?;
        if stays.0 {
            self.seen.push("replace not admitted");
        } else {
            self.orders.remove(number);
            self.seen.push("replace");
        }
        Ok(stays.0)
    }

    fn name(&mut self, number: u64, names: [OrderId; 2]) {
        for (limits, id) in self.limits.iter_mut().zip(names) {
            limits.numbers.insert(id, number);
        }
    }

    pub(crate) fn of(&self, which: usize, id: OrderId) -> u64 {
        self.limits.get(which).map_or(0, |limits| limits.number(id))
    }

    /// An event with the number of its maker instead of the book's name.
    fn numbered(&self, event: &Event<Short>, which: usize) -> (u64, Seen) {
        match *event {
            Event::Trade { maker, maker_owner, price, quantity, maker_left } => {
                (self.of(which, maker), Seen::Trade(maker_owner, price, quantity, maker_left))
            }
            Event::MakerRemoved { maker, maker_owner, left, reason } => {
                (self.of(which, maker), Seen::Removed(maker_owner, left, format!("{reason:?}")))
            }
            Event::MakerReduced { maker, maker_owner, by, left } => {
                (self.of(which, maker), Seen::Reduced(maker_owner, by, left))
            }
        }
    }

    /// Brings what is known of the makers into line with what happened, and wakes who is reached.
    fn note_events(&mut self, order: &NewOrder, placed: &Placed<Short>, events: &[(u64, Seen)]) -> Same {
        let (mut filled, mut decremented) = (0, 0);
        for (maker, event) in events {
            let tallies = match *event {
                Seen::Trade(owner, price, quantity, left) => {
                    holds("nobody trades with himself", owner != order.owner)?;
                    filled += u128::from(quantity.get());
                    self.reach(price);
                    self.orders.shrink(*maker, quantity, left)
                }
                Seen::Reduced(_, by, left) => {
                    decremented += u128::from(by.get());
                    self.orders.shrink(*maker, by, left)
                }
                Seen::Removed(_, left, _) => {
                    let open = self.orders.resting.get(maker).map(|known| known.open);
                    self.orders.remove(*maker);
                    open == Some(u128::from(left.get()))
                }
            };
            holds("filled, open and cancelled make up what was ordered", tallies)?;
        }
        let tally =
            (filled, decremented) == (u128::from(placed.filled.get()), u128::from(placed.decremented.get()));
        holds("the events make up what the order traded", tally)?;
        let parts = [placed.filled, placed.left, placed.decremented];
        let sum: u128 = parts.iter().map(|part| u128::from(part.get())).sum();
        holds(
            "filled, left and decremented make up what was ordered",
            sum == u128::from(order.quantity.get()),
        )
    }

    fn reduce(&mut self, position: usize, by: Quantity) -> Same {
        let Some((number, known)) = self.orders.at(position) else { return Ok(()) };
        let [id, naive_id] = known.names;
        let found = self.book.reduce(id, by);
        same("reduce", &found, &self.naive.reduce(naive_id, by))?;
        self.seen.push("reduce");
        let before = known.open;
        let by = by.min(Quantity::new(u64::try_from(before).unwrap_or(u64::MAX)));
        holds("reduced by as much as asked", self.orders.shrink(number, by, found.unwrap_or_default()))
    }

    fn cancel(&mut self, number: u64) -> Same {
        let Some(known) = self.orders.resting.get(&number).copied() else { return Ok(()) };
        let [id, naive_id] = known.names;
        let (found, naive) = (self.book.cancel(id), self.naive.cancel(naive_id));
        let nameless = |found: Result<bandex_matching::Resting, _>| {
            found.map(|order| (order.owner, order.side, order.price, order.left, order.display, order.shown))
        };
        same("cancel", &nameless(found), &nameless(naive))?;
        let left = found.map_or(0, |order| u128::from(order.left.get()));
        holds("cancelled what was open", left == known.open)?;
        self.orders.remove(number);
        self.seen.push("cancel");
        Ok(())
    }

    fn cancel_gone(&mut self) -> Same {
        let Some([id, naive_id]) = self.orders.gone else { return Ok(()) };
        self.seen.push("cancel gone");
        holds("what is gone cannot be cancelled", self.book.cancel(id).is_err())?;
        holds("what is gone cannot be cancelled, naive", self.naive.cancel(naive_id).is_err())
    }

    fn unsleep(&mut self, position: usize) -> Same {
        let Some(position) = position.checked_rem(self.sleepers.len()) else { return Ok(()) };
        let Some((number, sleeper)) = self.sleepers.iter().nth(position).map(|(n, s)| (*n, *s)) else {
            return Ok(());
        };
        self.sleepers.remove(&number);
        holds("a sleeper can be taken away", self.triggers.remove(number, sleeper.direction, sleeper.price))
    }

    /// Places everybody whom a trade has woken, in order, and whom their trades wake.
    fn wake(&mut self) -> Same {
        while let Some(number) = self.to_wake.pop_front() {
            same("who wakes", &self.triggers.next_reached(), &Some(number))?;
            let Some(sleeper) = self.sleepers.remove(&number) else { return Ok(()) };
            self.seen.push("woken");
            self.arrive(number, How::Place, &sleeper.order)?;
        }
        same("nobody else wakes", &self.triggers.next_reached(), &None)
    }

    /// A trade happened: whom it reaches, found by asking everybody.
    fn reach(&mut self, last: Price) {
        self.triggers.reach(last);
        for (number, sleeper) in &mut self.sleepers {
            if !sleeper.reached && sleeper.direction.reaches(last, sleeper.price) {
                sleeper.reached = true;
                self.to_wake.push_back(*number);
            }
        }
    }

    fn uncross(&mut self, reference: Option<Price>) -> Same {
        let (mut events, mut naive_events) = (Vec::new(), Vec::new());
        let [limits, naive_limits] = &mut self.limits;
        let found = self.book.uncross(reference, limits, &mut events);
        same("auction", &found, &self.naive.uncross(reference, naive_limits, &mut naive_events))?;
        let [fast, naive] = [(&events, 0), (&naive_events, 1)].map(|(events, which)| {
            let numbers = events.iter().map(|event| match *event {
                Crossed::Trade { buy, sell, .. } => (self.of(which, buy), self.of(which, sell)),
                Crossed::Removed { order, .. } => (self.of(which, order), 0),
            });
            numbers.collect::<Vec<_>>()
        });
        same("who met in the auction", &fast, &naive)?;
        self.gathering = false;
        let mut volume = 0;
        for (event, (buy_number, sell_number)) in events.iter().zip(fast) {
            match *event {
                Crossed::Trade { quantity, buy_left, sell_left, .. } => {
                    volume += u128::from(quantity.get());
                    let tallies = self.orders.shrink(buy_number, quantity, buy_left)
                        && self.orders.shrink(sell_number, quantity, sell_left);
                    holds("filled, open and cancelled make up what was ordered", tallies)?;
                    self.seen.push("auction trade");
                }
                Crossed::Removed { .. } => {
                    self.orders.remove(buy_number);
                    self.seen.push("auction removal");
                }
            }
        }
        if let Some(found) = found {
            let removals = events.iter().any(|event| matches!(event, Crossed::Removed { .. }));
            holds("the auction trades its volume", removals || volume == found.volume)?;
            if volume > 0 {
                self.reach(found.price);
                self.wake()?;
            }
        }
        Ok(())
    }

    /// Makes the fast book anew from its orders.
    fn restore(&mut self) -> Same {
        let mut anew = Book::new();
        let mut names = Vec::new();
        for side in [Side::Buy, Side::Sell] {
            for order in self.book.orders(side) {
                let id = anew.restore(&order, self.gathering);
                let id = id.map_err(|error| Difference(format!("{order:?}: {error}")))?;
                names.push((self.of(0, order.id), id));
            }
        }
        anew.set_band(self.naive.band());
        self.book = anew;
        if let Some(limits) = self.limits.first_mut() {
            limits.numbers = names.iter().map(|(number, id)| (*id, *number)).collect();
        }
        for (number, id) in names {
            if let Some(known) = self.orders.resting.get_mut(&number) {
                known.names = [id, known.names[1]];
            }
        }
        self.orders.gone = None;
        self.seen.push("restore");
        Ok(())
    }
}

/// An event without the book's name for the maker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Trade(Owner, Price, Quantity, Quantity),
    Removed(Owner, Quantity, String),
    Reduced(Owner, Quantity, Quantity),
}

fn describe(rest: &Rest<Short>) -> Result<Option<bandex_matching::CancelReason<Short>>, ()> {
    match rest {
        Rest::Filled => Err(()),
        Rest::Resting(_) => Ok(None),
        Rest::Cancelled(reason) => Ok(Some(*reason)),
    }
}
