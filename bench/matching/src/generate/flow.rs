//! A workload being made, with the books as they are after its commands so far, since what comes next depends on them.

use super::Kind;
use super::random::Random;
use crate::plain::Plain;
use crate::workload::{Action, Command, Workload};
use crate::{Engine, Tally};
use bandex_types::Side;

/// Commands so far and what they made.
#[derive(Debug)]
pub struct Flow {
    pub random: Random,
    pub books: Plain,
    pub workload: Workload,
    /// How many orders are to rest.
    pub target: usize,
    /// The number of the next new order.
    next: u32,
    /// How many commands there are to be.
    end: usize,
}

impl Flow {
    pub fn new(kind: Kind, target: usize, commands: usize, seed: u64) -> Self {
        let symbols = if kind == Kind::Symbols { super::hard::SYMBOLS } else { 1 };
        let end = target + commands;
        let workload = Workload {
            commands: Vec::with_capacity(end),
            warm: target,
            symbols,
            tick_limit: 0,
            highest_order: 0,
            resting: 0,
            reduces: kind == Kind::Amend,
        };
        let books = Plain::with_symbols(symbols);
        Self { random: Random::from_seed(seed), books, workload, target, next: 1, end }
    }

    pub fn is_done(&self) -> bool {
        self.workload.commands.len() >= self.end
    }

    /// Whether the book is still being filled.
    pub fn is_warming(&self) -> bool {
        self.workload.commands.len() < self.workload.warm
    }

    /// How many commands there are behind those that fill the book.
    pub fn timed(&self) -> usize {
        self.workload.commands.len().saturating_sub(self.workload.warm)
    }

    /// How many orders were added so far.
    pub fn added(&self) -> u32 {
        self.next - 1
    }

    /// A new order.
    pub fn send(&mut self, action: Action, symbol: u16, side: Side, price: u64, quantity: u32) {
        let order = self.next;
        self.next += 1;
        self.push(Command { price, order, quantity, symbol, action, side });
    }

    /// Something about an order there is or was, which names its symbol and side.
    pub fn change(&mut self, action: Action, order: u32, price: u64, quantity: u32) {
        let known = self.books.order(order);
        self.push(Command { price, order, quantity, symbol: known.symbol, action, side: known.side });
    }

    pub fn cancel(&mut self, order: u32) {
        self.change(Action::Cancel, order, self.books.order(order).price, 0);
    }

    fn push(&mut self, command: Command) {
        self.books.apply(&command);
        self.workload.commands.push(command);
    }

    /// Any order that rests; there must be one.
    pub fn any_resting(&mut self) -> u32 {
        let resting = self.books.resting();
        resting[self.random.place(resting.len())]
    }

    pub fn finish(mut self) -> (Workload, Tally) {
        if self.workload.tick_limit == 0 {
            let highest = self.workload.commands.iter().map(|command| command.price).max().unwrap_or(0);
            self.workload.tick_limit = u32::try_from(highest.saturating_add(1)).unwrap_or(u32::MAX);
        }
        self.workload.highest_order = self.next;
        self.workload.resting = self.books.resting().len() as u64;
        (self.workload, self.books.tally())
    }
}
