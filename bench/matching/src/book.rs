//! The book of the exchange, driven by commands of a file through the interface that the engine uses.
//!
//! The book names an order when it comes to rest. Two tables lie beside it, as they do in the engine: from an order's
//! number in the file to its name, and from the place that a name leads to back to the number.

use crate::workload::{Action, Command, Workload};
use crate::{Engine, Tally};
use bandex_matching::{AdmitAll, Book, Event, NewOrder, OrderId, Owner, Placed, Refusal, Rest, prefetch};
use bandex_types::{Price, Quantity, Side, TimeInForce};
use std::convert::Infallible;

/// So many commands ahead the table's row of an order is asked for, then the order, then its neighbours.
const ROW_AHEAD: usize = 24;
const ORDER_AHEAD: usize = 16;
const LINKS_AHEAD: usize = 8;
/// What is asked for ahead must be worth the asking: so many orders no longer lie in the caches near the processor.
const MANY_ORDERS: usize = 1 << 15;

/// Books of the exchange, one a symbol. With `HINTS`, the memory that commands to come need is asked for while others
/// are carried out: always the row of the table, and where many orders rest the rest too.
#[derive(Debug)]
pub struct Books<const HINTS: bool> {
    markets: Vec<Market>,
    /// The name of each order, by its number; that of an order long gone for those that never rested.
    names: Vec<OrderId>,
    events: Vec<Event<Infallible>>,
    tally: Tally,
    /// Whether so many orders rest that hints are worth their while.
    is_large: bool,
}

/// One symbol.
#[derive(Debug)]
struct Market {
    book: Book,
    /// The number of each order that rests, by its place.
    numbers: Vec<u32>,
}

impl<const HINTS: bool> Books<HINTS> {
    /// Empty books with room for `orders` each, and tables for numbers up to `highest_order`.
    fn with_room(symbols: u32, orders: usize, highest_order: u32) -> Self {
        let market = |_| Market { book: Book::with_capacity(orders), numbers: vec![0; orders + 1] };
        let mut markets: Vec<Market> = (0..symbols).map(market).collect();
        // Every book gives its first order the same name. Once that order is gone, the name means nothing in any.
        let mut gone = None;
        for market in &mut markets {
            let name = place_and_cancel(&mut market.book);
            assert!(gone.is_none_or(|first| first == name), "two empty books name an order differently");
            gone = Some(name);
        }
        let names = vec![gone.expect("there is a book"); highest_order as usize + 1];
        Self { markets, names, events: Vec::with_capacity(1 << 12), tally: Tally::default(), is_large: false }
    }

    /// Asks for memory that commands to come need. Each request needs what an earlier one brought.
    #[inline(always)]
    fn hint(&self, coming: &[Command; ROW_AHEAD + 1]) {
        prefetch(&self.names[coming[ROW_AHEAD].order as usize]);
        if self.is_large {
            self.hint_orders(&coming[ORDER_AHEAD], &coming[LINKS_AHEAD]);
        }
    }

    #[inline]
    fn hint_orders(&self, order: &Command, links: &Command) {
        if order.action.is_change() {
            self.markets[order.symbol as usize].book.prefetch_order(self.names[order.order as usize]);
        }
        let Market { book, numbers } = &self.markets[links.symbol as usize];
        if links.action.is_change() {
            book.prefetch_links(self.names[links.order as usize]);
        } else {
            book.prefetch_price(links.side, Price::new(links.price));
        }
        if let Some(number) = numbers.get(book.prefetch_places() as usize) {
            prefetch(number);
        }
    }

    #[inline(always)]
    fn carry_out(&mut self, command: &Command) {
        match command.action {
            Action::Add | Action::Ioc => self.add(command),
            Action::Move => self.change(command),
            Action::Cancel => {
                let name = self.names[command.order as usize];
                if self.markets[command.symbol as usize].book.cancel(name).is_err() {
                    self.tally.refuse();
                }
            }
            Action::Reduce => {
                let name = self.names[command.order as usize];
                let by = Quantity::new(u64::from(command.quantity));
                if self.markets[command.symbol as usize].book.reduce(name, by).is_err() {
                    self.tally.refuse();
                }
            }
        }
    }

    /// The last few commands, with none behind them to look at.
    #[inline(never)]
    fn carry_out_last(&mut self, commands: &[Command]) {
        commands.iter().for_each(|command| self.carry_out(command));
    }

    #[inline(always)]
    fn add(&mut self, command: &Command) {
        let market = &mut self.markets[command.symbol as usize];
        let placed = market.book.place(&order_of(command), &mut AdmitAll, &mut self.events);
        // All that can be refused is an order for nothing, of which nothing comes.
        if let Ok(placed) = placed {
            self.note(command, &placed);
        }
    }

    #[inline(always)]
    fn change(&mut self, command: &Command) {
        let name = self.names[command.order as usize];
        let book = &mut self.markets[command.symbol as usize].book;
        match book.replace(name, &order_of(command), &mut AdmitAll, &mut self.events) {
            Ok(placed) => self.note(command, &placed),
            Err(refusal) => self.change_otherwise(command, refusal),
        }
    }

    /// An order that is gone cannot be moved. One that is moved to the other side or to nothing is cancelled first.
    #[cold]
    fn change_otherwise(&mut self, command: &Command, refusal: Refusal) {
        assert!(matches!(refusal, Refusal::UnknownOrder | Refusal::ZeroQuantity), "{refusal}: {command:?}");
        let name = self.names[command.order as usize];
        match self.markets[command.symbol as usize].book.cancel(name) {
            Ok(_) => self.add(command),
            Err(_) => self.tally.refuse(),
        }
    }

    /// Counts the trades, then notes where the order rests: perhaps where a maker was that has left.
    #[inline(always)]
    fn note(&mut self, command: &Command, placed: &Placed<Infallible>) {
        if !self.events.is_empty() {
            self.count_trades(command);
        }
        if let Rest::Resting(name) = placed.rest {
            let numbers = &mut self.markets[command.symbol as usize].numbers;
            let place = name.slot() as usize;
            if place >= numbers.len() {
                make_room(numbers, place);
            }
            numbers[place] = command.order;
            self.names[command.order as usize] = name;
        }
    }

    #[inline(never)]
    fn count_trades(&mut self, command: &Command) {
        let numbers = &self.markets[command.symbol as usize].numbers;
        for event in self.events.drain(..) {
            if let Event::Trade { maker, price, quantity, .. } = event {
                let number = numbers[maker.slot() as usize];
                self.tally.trade(number, command.order, price.get(), quantity.get());
            }
        }
    }
}

#[cold]
fn make_room(numbers: &mut Vec<u32>, place: usize) {
    numbers.resize(place * 2, 0);
}

impl<const HINTS: bool> Engine for Books<HINTS> {
    fn new(workload: &Workload) -> Self {
        let most = workload.warm.max(usize::try_from(workload.resting).unwrap_or(0)).min(1 << 28);
        // One book alone has some room to spare; of many, the busier ones find more when they need it.
        let each = if workload.symbols == 1 { most + most / 8 } else { most / workload.symbols as usize };
        Self::with_room(workload.symbols, each, workload.highest_order)
    }

    #[inline(always)]
    fn step(&mut self, commands: &[Command], at: usize) {
        if HINTS && let Some(coming) = commands.get(at..).and_then(|rest| rest.first_chunk()) {
            self.hint(coming);
        }
        self.carry_out(&commands[at]);
    }

    #[inline(always)]
    fn run(&mut self, commands: &[Command]) {
        self.is_large = self.markets.iter().map(|market| market.book.len()).sum::<usize>() > MANY_ORDERS;
        if !HINTS {
            commands.iter().for_each(|command| self.carry_out(command));
            return;
        }
        for coming in commands.array_windows() {
            self.hint(coming);
            self.carry_out(&coming[0]);
        }
        self.carry_out_last(&commands[commands.len().saturating_sub(ROW_AHEAD)..]);
    }

    fn tally(&self) -> Tally {
        self.tally
    }
}

/// The order that a command adds. Buyers and sellers are never the same account, or they would not trade.
#[inline]
fn order_of(command: &Command) -> NewOrder {
    let owner = Owner::new((command.order % 4096) * 2 + u32::from(command.side == Side::Sell));
    let (price, quantity) = (Price::new(command.price), Quantity::new(u64::from(command.quantity)));
    let mut order = NewOrder::limit(owner, command.side, price, quantity);
    if command.action == Action::Ioc {
        order.time_in_force = TimeInForce::Ioc;
    }
    order
}

fn place_and_cancel(book: &mut Book) -> OrderId {
    let order = NewOrder::limit(Owner::new(0), Side::Buy, Price::new(1), Quantity::new(1));
    let placed = book.place(&order, &mut AdmitAll, &mut Vec::new()).expect("an empty book takes an order");
    let Rest::Resting(name) = placed.rest else { unreachable!("nothing trades with the first order") };
    book.cancel(name).expect("it rests");
    name
}
