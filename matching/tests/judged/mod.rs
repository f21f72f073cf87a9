//! One order that arrives at a few makers, before an admission that answers by owner, on the book and on the naive one.

use bandex_matching::naive::NaiveBook;
use bandex_matching::{
    Admission, AdmitAll, Book, CancelReason, Event, NewOrder, OrderId, Owner, Pair, Placed, Refusal, Removal,
    Rest, Resting, Verdict,
};
use bandex_types::Side::{Buy, Sell};
use bandex_types::{Price, Quantity, Side, TimeInForce};

/// Answers by the maker's owner (7: the taker is refused, 8: the maker is removed, 9: skipped) and refuses the takers
/// of owner 6. Remembers what it was asked.
#[derive(Default)]
pub struct ByOwner {
    asked: Vec<Asked>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Taker(u32),
    /// The maker's owner and the lots.
    Pair(u32, u64),
    Begins,
    Ends,
}

impl Admission for ByOwner {
    type Reason = &'static str;
    fn taker(&mut self, taker: &NewOrder) -> Result<(), &'static str> {
        self.asked.push(Asked::Taker(taker.owner.get()));
        if taker.owner == Owner::new(6) { Err("taker") } else { Ok(()) }
    }
    fn pair(&mut self, pair: &Pair) -> Verdict<&'static str> {
        self.asked.push(Asked::Pair(pair.maker_owner.get(), pair.quantity.get()));
        match pair.maker_owner.get() {
            7 => Verdict::RefuseTaker("pair"),
            8 => Verdict::RemoveMaker("maker"),
            9 => Verdict::Skip,
            _ => Verdict::Admit,
        }
    }
    fn trial_begins(&mut self) {
        self.asked.push(Asked::Begins);
    }
    fn trial_ends(&mut self) {
        self.asked.push(Asked::Ends);
    }
}

/// What is done to both books.
#[derive(Debug, Clone, Copy)]
pub enum Arrival {
    Place(NewOrder),
    Budget(NewOrder, u128),
    /// In the stead of the maker at this place in the list.
    Replace(usize, NewOrder),
}

/// What happened, with makers by their place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Maker, lots, price, lots of the maker left.
    Trade(usize, u64, u64, u64),
    /// Maker, lots that were left, why.
    Removed(usize, u64, Removal<&'static str>),
    /// Maker, by how much, lots left.
    Reduced(usize, u64, u64),
}

/// Lots filled, left, decremented, and what became of the rest; the name of the one that rests is not compared.
pub type Outcome = Result<(u64, u64, u64, End), Refusal>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Filled,
    Rests,
    Cancelled(CancelReason<&'static str>),
}

pub fn order(owner: u32, side: Side, lots: u64, price: u64) -> NewOrder {
    NewOrder::limit(Owner::new(owner), side, Price::new(price), Quantity::new(lots))
}

pub fn with(time_in_force: TimeInForce, order: NewOrder) -> NewOrder {
    NewOrder { time_in_force, ..order }
}

pub fn minimum(lots: u64, order: NewOrder) -> NewOrder {
    NewOrder { minimum: Quantity::new(lots), ..order }
}

pub fn showing(lots: u64, order: NewOrder) -> NewOrder {
    NewOrder { display: Quantity::new(lots), ..order }
}

macro_rules! run {
    ($book:ty, $makers:expr, $arrival:expr) => {{
        let mut book = <$book>::new();
        let rests = |maker: &NewOrder| match book.place(maker, &mut AdmitAll, &mut Vec::new()) {
            Ok(Placed { rest: Rest::Resting(id), .. }) => id,
            other => unreachable!("{maker:?} does not rest: {other:?}"),
        };
        let ids: Vec<OrderId> = $makers.iter().map(rests).collect();
        let before: Vec<Vec<Resting>> = [Buy, Sell].map(|side| book.orders(side).collect()).to_vec();
        let (mut admission, mut events) = (ByOwner::default(), Vec::new());
        let outcome = match $arrival {
            Arrival::Place(order) => book.place(&order, &mut admission, &mut events),
            Arrival::Budget(order, budget) => book.place_budget(&order, budget, &mut admission, &mut events),
            Arrival::Replace(at, order) => book.replace(ids[at], &order, &mut admission, &mut events),
        };
        let after: Vec<Vec<Resting>> = [Buy, Sell].map(|side| book.orders(side).collect()).to_vec();
        if outcome.is_err() {
            assert_eq!((&before, events.len()), (&after, 0), "a refusal changes nothing");
        }
        let orders = after.iter().flatten().map(|order| (order.owner.get(), order.left.get())).collect();
        (outcome.map(end), seen(&events, &ids), admission.asked, orders)
    }};
}

fn end(placed: Placed<&'static str>) -> (u64, u64, u64, End) {
    let end = match placed.rest {
        Rest::Filled => End::Filled,
        Rest::Resting(_) => End::Rests,
        Rest::Cancelled(reason) => End::Cancelled(reason),
    };
    (placed.filled.get(), placed.left.get(), placed.decremented.get(), end)
}

fn seen(events: &[Event<&'static str>], ids: &[OrderId]) -> Vec<Seen> {
    let place = |id: OrderId| ids.iter().position(|other| *other == id).expect("a maker of the list");
    let seen = |event: &Event<&'static str>| match *event {
        Event::Trade { maker, price, quantity, maker_left, .. } => {
            Seen::Trade(place(maker), quantity.get(), price.get(), maker_left.get())
        }
        Event::MakerRemoved { maker, left, reason, .. } => Seen::Removed(place(maker), left.get(), reason),
        Event::MakerReduced { maker, by, left, .. } => Seen::Reduced(place(maker), by.get(), left.get()),
    };
    events.iter().map(seen).collect()
}

/// Everything that a case is compared by: outcome, events, questions, and owner and lots of all orders after it, bids
/// first.
type Run = (Outcome, Vec<Seen>, Vec<Asked>, Vec<(u32, u64)>);

/// Rests the makers, lets one arrive, and compares what happened; gives what the admission was asked.
#[track_caller]
pub fn check(
    makers: &[NewOrder],
    arrival: Arrival,
    outcome: Outcome,
    events: &[Seen],
    after: &[(u32, u64)],
) -> Vec<Asked> {
    let expected = (outcome, events.to_vec(), after.to_vec());
    let (outcome, events, asked, orders): Run = run!(Book, makers, arrival);
    assert_eq!((outcome, events, orders), expected);
    let naive: Run = run!(NaiveBook, makers, arrival);
    let (outcome, events, orders) = expected;
    assert_eq!(naive, (outcome, events, asked.clone(), orders), "the naive book");
    asked
}

#[track_caller]
pub fn place(
    makers: &[NewOrder],
    taker: NewOrder,
    outcome: Outcome,
    events: &[Seen],
    after: &[(u32, u64)],
) -> Vec<Asked> {
    check(makers, Arrival::Place(taker), outcome, events, after)
}

pub fn cancelled(filled: u64, left: u64, reason: CancelReason<&'static str>) -> Outcome {
    Ok((filled, left, 0, End::Cancelled(reason)))
}

pub fn not_admitted(filled: u64, left: u64, reason: &'static str) -> Outcome {
    cancelled(filled, left, CancelReason::NotAdmitted(reason))
}
