//! The yardstick: a book as most are written, a tree of queues for each side. Slow, and easy to believe, so that it is the
//! oracle too.
//!
//! An order that is cancelled stays in its queue until its turn comes; the queue knows orders by number and turn, and
//! drops those that are gone. Orders lie in a table by their numbers in the file. A list of all that rest, in no order,
//! lets the generator pick one.

use crate::workload::{Action, Command, Workload};
use crate::{Engine, Tally};
use bandex_types::Side;
use std::collections::{BTreeMap, VecDeque};

/// What is known of an order: while it rests, and as it was last when it does not.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    /// Ticks.
    pub price: u64,
    /// Lots it has left; 0 when it does not rest.
    pub left: u32,
    /// How often it left; a queue's entry with another turn is void.
    turn: u32,
    /// Its place in the list of all that rest.
    place: u32,
    /// Its book.
    pub symbol: u16,
    /// Which way it trades.
    pub side: Side,
}

const NO_ORDER: Order = Order { price: 0, left: 0, turn: 0, place: 0, symbol: 0, side: Side::Buy };

/// The orders of one price.
#[derive(Debug, Default)]
struct Queue {
    /// Numbers and turns, oldest first.
    entries: VecDeque<(u32, u32)>,
    /// How many entries stand for orders that rest.
    live: u32,
}

type Tree = BTreeMap<u64, Queue>;

/// Plain books, one a symbol.
#[derive(Debug)]
pub struct Plain {
    /// Bids and asks of each symbol.
    books: Vec<[Tree; 2]>,
    orders: Vec<Order>,
    resting: Vec<u32>,
    tally: Tally,
}

impl Plain {
    /// Empty books.
    pub fn with_symbols(symbols: u32) -> Self {
        let books = (0..symbols).map(|_| Default::default()).collect();
        Self { books, orders: Vec::new(), resting: Vec::new(), tally: Tally::default() }
    }

    /// All orders that rest, in no order that means anything, but always in the same after the same commands.
    pub fn resting(&self) -> &[u32] {
        &self.resting
    }

    /// What is known of an order.
    pub fn order(&self, number: u32) -> Order {
        self.orders.get(number as usize).copied().unwrap_or(NO_ORDER)
    }

    /// The highest bid or the lowest ask.
    pub fn best(&self, symbol: u16, side: Side) -> Option<u64> {
        let tree = &self.books[symbol as usize][side as usize];
        let best = match side {
            Side::Buy => tree.last_key_value(),
            Side::Sell => tree.first_key_value(),
        };
        best.map(|(price, _)| *price)
    }

    /// Carries out a command.
    pub fn apply(&mut self, command: &Command) {
        let index = command.order as usize;
        if index >= self.orders.len() {
            self.orders.resize(index + 1024, NO_ORDER);
        }
        let left = self.orders[index].left;
        match command.action {
            Action::Add => self.add(command),
            Action::Ioc => {
                self.introduce(command);
                self.trade(command);
            }
            _ if left == 0 => self.tally.refuse(),
            Action::Cancel => self.remove(command.order),
            Action::Move => {
                self.remove(command.order);
                self.add(command);
            }
            Action::Reduce if left > command.quantity => self.orders[index].left -= command.quantity,
            Action::Reduce => self.remove(command.order),
        }
    }

    /// Notes an order that arrives. It keeps its turn, so that old entries under its number stay void.
    fn introduce(&mut self, command: &Command) {
        let order = &mut self.orders[command.order as usize];
        if order.left == 0 {
            (order.symbol, order.side, order.price) = (command.symbol, command.side, command.price);
        }
    }

    fn add(&mut self, command: &Command) {
        self.introduce(command);
        let left = self.trade(command);
        if left == 0 {
            return;
        }
        let place = u32::try_from(self.resting.len()).expect("order numbers have 28 bits");
        let order = &mut self.orders[command.order as usize];
        let turn = order.turn;
        let Command { price, symbol, side, .. } = *command;
        *order = Order { price, left, turn, place, symbol, side };
        let queue = self.books[symbol as usize][side as usize].entry(price).or_default();
        queue.entries.push_back((command.order, turn));
        queue.live += 1;
        self.resting.push(command.order);
    }

    /// Trades an arriving order with all it may trade with, and returns what it has left.
    fn trade(&mut self, taker: &Command) -> u32 {
        let makers = taker.side.opposite();
        let mut left = taker.quantity;
        while left > 0 {
            let Some(price) = self.best(taker.symbol, makers) else { break };
            let acceptable = match taker.side {
                Side::Buy => price <= taker.price,
                Side::Sell => price >= taker.price,
            };
            if !acceptable {
                break;
            }
            let tree = &mut self.books[taker.symbol as usize][makers as usize];
            let queue = tree.get_mut(&price).expect("the best price has a queue");
            let (number, turn) = *queue.entries.front().expect("a queue is not empty");
            let maker = &mut self.orders[number as usize];
            if maker.turn != turn || maker.left == 0 {
                queue.entries.pop_front();
                continue;
            }
            let quantity = left.min(maker.left);
            left -= quantity;
            maker.left -= quantity;
            let is_gone = maker.left == 0;
            self.tally.trade(number, taker.order, price, u64::from(quantity));
            if is_gone {
                maker.turn += 1;
                queue.entries.pop_front();
                queue.live -= 1;
                if queue.live == 0 {
                    tree.remove(&price);
                }
                self.unlist(number);
            }
        }
        left
    }

    /// Takes an order that rests off its book; its entry stays where it is.
    fn remove(&mut self, number: u32) {
        let order = &mut self.orders[number as usize];
        let tree = &mut self.books[order.symbol as usize][order.side as usize];
        let queue = tree.get_mut(&order.price).expect("an order that rests has a queue");
        queue.live -= 1;
        if queue.live == 0 {
            tree.remove(&order.price);
        }
        order.left = 0;
        order.turn += 1;
        self.unlist(number);
    }

    fn unlist(&mut self, number: u32) {
        let place = self.orders[number as usize].place;
        self.resting.swap_remove(place as usize);
        if let Some(moved) = self.resting.get(place as usize) {
            self.orders[*moved as usize].place = place;
        }
    }
}

impl Engine for Plain {
    fn new(workload: &Workload) -> Self {
        let mut plain = Self::with_symbols(workload.symbols);
        plain.orders.resize(workload.highest_order as usize + 1, NO_ORDER);
        plain
    }

    #[inline]
    fn step(&mut self, commands: &[Command], at: usize) {
        self.apply(&commands[at]);
    }

    fn tally(&self) -> Tally {
        self.tally
    }
}
