//! Plays the lines of an example on a book: names for its orders, the last trade's price, sleeping orders and auctions,
//! which are the caller's part, and no limits at all.

pub mod either;
mod outcome;
mod words;

use crate::script::World;
use crate::script::parse::{Action, Command, Ticket, owner};
use bandex_matching::{Band, Direction, NewOrder, OrderId, Owner, Refusal, Triggers};
use bandex_types::{Price, Quantity, Side};
use either::AnyBook;
use std::collections::{BTreeMap, VecDeque};
use words::{code, list};

/// A market without accounts around a book.
#[derive(Default)]
pub struct Market<B> {
    book: B,
    /// Those that rest, the oldest first.
    open: Vec<Open>,
    /// The names in the book of orders that have left it, to ask for them again.
    gone: BTreeMap<String, OrderId>,
    sleeping: BTreeMap<u64, Ticket>,
    triggers: Triggers,
    last: Option<Price>,
    /// The lowest and the highest price of the step's trades.
    range: Option<(Price, Price)>,
    in_auction: bool,
    owners: Vec<String>,
    /// Orders so far, to number those that sleep.
    orders: u64,
}

/// An order that rests.
#[derive(Debug, Clone)]
struct Open {
    id: OrderId,
    ticket: Ticket,
    filled: u64,
}

type Lines = Result<Vec<String>, String>;

impl<B: AnyBook> World for Market<B> {
    fn run(&mut self, command: &Command) -> Lines {
        let mut lines = match &command.action {
            Action::Place(ticket) => self.place(ticket)?,
            Action::Cancel(name) => self.cancel(name)?,
            Action::Amend { name, quantity, price } => self.amend(name, *quantity, *price)?,
            Action::Band(band) => {
                let band = band.map(|(low, high)| Band { low: Price::new(low), high: Price::new(high) });
                self.book.set_band(band);
                Vec::new()
            }
            Action::AuctionBegins => {
                self.in_auction = true;
                Vec::new()
            }
            Action::AuctionEnds => self.end_auction()?,
            Action::Other => return Err("a book does not know this line".to_owned()),
        };
        let mut reached = VecDeque::new();
        loop {
            reached.extend(self.reached());
            let Some(number) = reached.pop_front() else { return Ok(lines) };
            let ticket = self.sleeping.remove(&number).ok_or("an order woke that does not sleep")?;
            lines.push(format!("{} wakes", ticket.name));
            lines.extend(self.arrive(&ticket, true)?);
        }
    }

    fn show(&self, what: &str) -> Option<String> {
        let words: Vec<&str> = what.split(' ').collect();
        match words.as_slice() {
            ["book"] => Some(format!("{} | {}", self.levels(Side::Buy), self.levels(Side::Sell))),
            ["bids", "at", price] => Some(self.queue(Side::Buy, price.parse().ok()?)),
            ["asks", "at", price] => Some(self.queue(Side::Sell, price.parse().ok()?)),
            ["last", "trade"] => Some(self.last.map_or("none".to_owned(), |last| last.to_string())),
            ["asleep"] => Some(list(self.sleeping.values().map(|ticket| ticket.name.clone()))),
            ["indicative"] => Some(self.book.indicative(self.last).map_or("none".to_owned(), |found| {
                let side = match found.surplus_side {
                    Some(Side::Buy) => " to buy",
                    Some(Side::Sell) => " to sell",
                    None => "",
                };
                format!("{} at {}, surplus {}{side}", found.volume, found.price, found.surplus)
            })),
            _ => None,
        }
    }
}

impl<B: AnyBook> Market<B> {
    fn place(&mut self, ticket: &Ticket) -> Lines {
        let name = &ticket.name;
        let taken = self.open.iter().any(|open| open.ticket.name == *name)
            || self.sleeping.values().any(|other| other.name == *name);
        if taken {
            return Err(format!("there is an open order called {name}"));
        }
        let Some(trigger) = ticket.trigger else { return self.arrive(ticket, false) };
        let (price, direction) =
            (Price::new(trigger.price), if trigger.above { Direction::Rising } else { Direction::Falling });
        if self.in_auction {
            return Ok(vec![format!("{name} refused: not_in_auction")]);
        }
        if self.last.is_some_and(|last| direction.reaches(last, price)) {
            return Ok(vec![format!("{name} refused: trigger_reached")]);
        }
        self.orders += 1;
        self.triggers.add(self.orders, direction, price);
        self.sleeping.insert(self.orders, ticket.clone());
        Ok(vec![format!("{name} sleeps")])
    }

    /// Those that the last step's trades reached, the oldest first.
    fn reached(&mut self) -> Vec<u64> {
        let Some((low, high)) = self.range.take() else { return Vec::new() };
        self.triggers.reach(low);
        self.triggers.reach(high);
        let mut numbers: Vec<u64> = std::iter::from_fn(|| self.triggers.next_reached()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Notes the price of a trade.
    fn traded(&mut self, price: Price) {
        self.last = Some(price);
        let (low, high) = self.range.unwrap_or((price, price));
        self.range = Some((low.min(price), high.max(price)));
    }

    /// An order comes to the book now.
    fn arrive(&mut self, ticket: &Ticket, woken: bool) -> Lines {
        let order = self.order(ticket);
        let mut events = Vec::new();
        let placed = if self.in_auction {
            let own: Vec<OrderId> = self.open.iter().map(|open| open.id).collect();
            // A market order waits at its protection price.
            let waiting = NewOrder { time_in_force: bandex_types::TimeInForce::Gtc, ..order };
            let order = if ticket.market && ticket.quote.is_none() { waiting } else { order };
            self.book.enter(&order, &own, &mut events)
        } else if let Some(quote) = ticket.quote {
            self.book.place_budget(&order, u128::from(quote), &mut events)
        } else {
            self.book.place(&order, &mut events)
        };
        match placed {
            Ok(placed) => self.told(ticket, 0, woken, placed, events),
            Err(refusal) if woken => {
                let reason = if refusal == Refusal::WouldTrade { "would_trade" } else { "unfilled" };
                Ok(vec![format!("{} cancelled, {} left: {reason}", ticket.name, ticket.quantity)])
            }
            Err(refusal) => Ok(vec![format!("{} refused: {}", ticket.name, code(refusal))]),
        }
    }

    fn order(&mut self, ticket: &Ticket) -> NewOrder {
        NewOrder {
            owner: self.owner(ticket.owner()),
            side: ticket.side,
            price: Price::new(ticket.price),
            quantity: Quantity::new(if ticket.quote.is_some() { u64::MAX } else { ticket.quantity }),
            time_in_force: ticket.time_in_force,
            post_only: ticket.post_only,
            self_trade: ticket.self_trade,
            display: Quantity::new(ticket.display),
            minimum: Quantity::new(ticket.minimum),
        }
    }

    fn owner(&mut self, name: &str) -> Owner {
        let number = self.owners.iter().position(|other| other == name).unwrap_or(self.owners.len());
        if number == self.owners.len() {
            self.owners.push(name.to_owned());
        }
        Owner::new(u32::try_from(number).expect("few owners"))
    }

    fn cancel(&mut self, name: &str) -> Lines {
        if let Some((number, ticket)) = self.sleeping.iter().find(|(_, ticket)| ticket.name == name) {
            let trigger = ticket.trigger.ok_or("an order sleeps without a trigger")?;
            let direction = if trigger.above { Direction::Rising } else { Direction::Falling };
            let number = *number;
            self.triggers.remove(number, direction, Price::new(trigger.price));
            self.sleeping.remove(&number);
            return Ok(Vec::new());
        }
        let open = self.open.iter().position(|open| open.ticket.name == name);
        let id = open.map(|at| self.open[at].id).or_else(|| self.gone.get(name).copied());
        match self.book.cancel(id.ok_or_else(|| format!("there was never a resting order called {name}"))?) {
            Ok(resting) => {
                self.leaves(resting.id);
                Ok(Vec::new())
            }
            Err(refusal) => Ok(vec![format!("{name} refused: {}", code(refusal.into()))]),
        }
    }

    /// Gives a resting order another quantity, what it traded included, and perhaps another price.
    fn amend(&mut self, name: &str, quantity: u64, price: u64) -> Lines {
        if let Some(ticket) = self.sleeping.values_mut().find(|ticket| ticket.name == name) {
            (ticket.quantity, ticket.price) = (quantity, price);
            return Ok(Vec::new());
        }
        let at = self.open.iter().position(|open| open.ticket.name == name);
        let Some(Open { id, ticket, filled }) = at.map(|at| self.open[at].clone()) else {
            return Ok(vec![format!("{name} refused: unknown_order")]);
        };
        let left = self.book.get(id).map_or(0, |resting| resting.left.get());
        if quantity <= filled {
            self.book.cancel(id).map_err(|refusal| refusal.to_string())?;
            self.leaves(id);
            return Ok(vec![format!("{name} cancelled, {left} left: requested")]);
        }
        let open = quantity - filled;
        if price == ticket.price && open <= left {
            self.book.reduce(id, Quantity::new(left - open)).map_err(|refusal| refusal.to_string())?;
            return Ok(Vec::new());
        }
        // A minimum was for the first arrival, and an order shows at most what is left of it.
        let display = ticket.display.min(open);
        let ticket = Ticket { price, quantity: open, minimum: 0, display, ..ticket };
        let order = self.order(&ticket);
        let mut events = Vec::new();
        match self.book.replace(id, &order, &mut events) {
            Ok(placed) => {
                self.leaves(id);
                self.told(&ticket, filled, false, placed, events)
            }
            Err(refusal) => Ok(vec![format!("{name} refused: {}", code(refusal))]),
        }
    }

    fn levels(&self, side: Side) -> String {
        list(self.book.levels(side).iter().map(|level| format!("{} at {}", level.quantity, level.price)))
    }

    fn queue(&self, side: Side, price: u64) -> String {
        let orders = self.book.orders(side).into_iter().filter(|order| order.price == Price::new(price));
        list(orders.map(|order| {
            let name = self.name(order.id).unwrap_or_default();
            debug_assert_eq!(owner(&name), self.owners[order.owner.get() as usize], "whose {name} is");
            if order.shown == order.left {
                format!("{name} {}", order.left)
            } else {
                format!("{name} {} of {}", order.shown, order.left)
            }
        }))
    }
}
