//! What happened on a book, line by line, and what the market around it remembers of it.

use super::either::AnyBook;
use super::words::{reason_of, removal};
use super::{Lines, Market, Open};
use crate::script::parse::Ticket;
use bandex_matching::{CancelReason, Clearing, Cross, Crossed, Crossing, Event, OrderId, Placed, Rest};
use bandex_types::{Price, Quantity, Side};
use std::convert::Infallible;

impl<B: AnyBook> Market<B> {
    /// What became of an order and of the makers it met; `filled` is what it traded before.
    pub(super) fn told(
        &mut self,
        ticket: &Ticket,
        filled: u64,
        woken: bool,
        placed: Placed<Infallible>,
        events: Vec<Event<Infallible>>,
    ) -> Lines {
        let mut lines = Vec::new();
        for event in events {
            self.tell_event(ticket, event, &mut lines)?;
        }
        let (name, left) = (&ticket.name, placed.left);
        if !placed.decremented.is_zero() {
            lines.push(format!("{name} reduced by {}: self_trade", placed.decremented));
        }
        match placed.rest {
            Rest::Filled => {}
            Rest::Resting(id) => {
                let resting = self.book.get(id).ok_or("it rests and is not there")?;
                let as_written =
                    left == Quantity::new(ticket.quantity) && resting.price == Price::new(ticket.price);
                if woken || !as_written {
                    lines.push(format!("{name} rests {left} at {}", resting.price));
                }
                let ticket = Ticket { price: resting.price.get(), ..ticket.clone() };
                self.open.push(Open { id, ticket, filled: filled + placed.filled.get() });
            }
            // An order by quote quantity is for what it traded.
            Rest::Cancelled(CancelReason::Unfilled) if ticket.quote.is_some() => {
                if placed.filled.is_zero() {
                    lines.push(format!("{name} cancelled: unfilled"));
                }
            }
            Rest::Cancelled(reason) => {
                lines.push(format!("{name} cancelled, {left} left: {}", reason_of(reason)));
            }
        }
        Ok(lines)
    }

    fn tell_event(
        &mut self,
        ticket: &Ticket,
        event: Event<Infallible>,
        lines: &mut Vec<String>,
    ) -> Result<(), String> {
        match event {
            Event::Trade { maker, price, quantity, maker_left, .. } => {
                let (verb, preposition) =
                    if ticket.side == Side::Buy { ("buys", "from") } else { ("sells", "to") };
                let maker_name = self.name(maker)?;
                let name = &ticket.name;
                lines.push(format!("{name} {verb} {quantity} at {price} {preposition} {maker_name}"));
                self.filled(maker, quantity, maker_left);
                self.traded(price);
            }
            Event::MakerRemoved { maker, left, reason, .. } => {
                lines.push(format!("{} cancelled, {left} left: {}", self.name(maker)?, removal(reason)));
                self.leaves(maker);
            }
            Event::MakerReduced { maker, by, left, .. } => {
                let name = self.name(maker)?;
                lines.push(format!("{name} reduced by {by}: self_trade"));
                if left.is_zero() {
                    lines.push(format!("{name} cancelled, 0 left: self_trade"));
                    self.leaves(maker);
                }
            }
        }
        Ok(())
    }

    pub(super) fn end_auction(&mut self) -> Lines {
        self.in_auction = false;
        let ages = self.open.iter().map(|open| open.id).collect();
        let mut events = Vec::new();
        let found = self.book.uncross(self.last, &mut ByAge(ages), &mut events);
        let (mut lines, mut volume) = (Vec::new(), 0);
        for event in events {
            match event {
                Crossed::Trade { buy, sell, quantity, buy_left, sell_left } => {
                    let price = found.ok_or("a trade without a price")?.price;
                    let (buyer, seller) = (self.name(buy)?, self.name(sell)?);
                    lines.push(format!("{buyer} buys {quantity} at {price} from {seller}"));
                    self.filled(buy, quantity, buy_left);
                    self.filled(sell, quantity, sell_left);
                    volume += quantity.get();
                }
                Crossed::Removed { order, left, reason } => {
                    lines.push(format!("{} cancelled, {left} left: {}", self.name(order)?, removal(reason)));
                    self.leaves(order);
                }
            }
        }
        match found {
            Some(found) => lines.push(format!("auction: {volume} at {}", found.price)),
            None => lines.push("auction: nothing trades".to_owned()),
        }
        let waiting: Vec<Open> = self.open.iter().filter(|open| open.ticket.market).cloned().collect();
        for Open { id, ticket, .. } in waiting {
            let left = self.book.cancel(id).map_err(|refusal| refusal.to_string())?.left;
            self.leaves(id);
            lines.push(format!("{} cancelled, {left} left: auction_unfilled", ticket.name));
        }
        if let Some(found) = found {
            self.traded(found.price);
        }
        Ok(lines)
    }

    pub(super) fn name(&self, id: OrderId) -> Result<String, String> {
        let open = self.open.iter().find(|open| open.id == id).ok_or("an order that nobody placed")?;
        Ok(open.ticket.name.clone())
    }

    fn filled(&mut self, id: OrderId, quantity: Quantity, left: Quantity) {
        for open in self.open.iter_mut().filter(|open| open.id == id) {
            open.filled += quantity.get();
        }
        if left.is_zero() {
            self.leaves(id);
        }
    }

    pub(super) fn leaves(&mut self, id: OrderId) {
        let gone = self.open.iter().find(|open| open.id == id).map(|open| (open.ticket.name.clone(), id));
        self.gone.extend(gone);
        self.open.retain(|open| open.id != id);
    }
}

/// Lets all trade; the order that came later is the one further behind.
struct ByAge(Vec<OrderId>);

impl Clearing for ByAge {
    type Reason = Infallible;

    fn cross(&mut self, _: &Cross) -> Crossing<Infallible> {
        Crossing::Admit
    }

    fn later(&self, buy: OrderId, sell: OrderId) -> Side {
        let age = |id| self.0.iter().position(|other| *other == id);
        if age(buy) > age(sell) { Side::Buy } else { Side::Sell }
    }
}
