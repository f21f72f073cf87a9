//! What all these books need beside them: a table of what each order has left.

use bandex_bench_matching::workload::{Action, Command, Workload};
use bandex_bench_matching::{Engine, Tally};

/// A fill of a resting order.
#[derive(Debug, Clone, Copy)]
pub struct Fill {
    /// The resting order, by its number in the file.
    pub maker: u32,
    /// Ticks.
    pub price: u64,
    /// Lots.
    pub quantity: u64,
}

/// Somebody else's order books, one a symbol.
pub trait Foreign {
    /// Empty ones.
    fn new(workload: &Workload) -> Self;

    /// Places a limit order, and says by what it was filled on arrival, in order. Unless the command is for an immediate
    /// one, the rest rests.
    fn place(&mut self, command: &Command, fills: &mut Vec<Fill>);

    /// Takes an order that rests off the book.
    fn cancel(&mut self, command: &Command);

    /// Makes an order that rests smaller, so that it has `left` lots, above 0. If the book cannot do this in place, the
    /// order loses its priority.
    fn reduce(&mut self, command: &Command, left: u32);
}

/// Drives one of them. Commands for orders that do not rest never reach it: not every book says that it knows none.
pub struct Driver<F> {
    books: F,
    left: Vec<u32>,
    fills: Vec<Fill>,
    tally: Tally,
}

impl<F: Foreign> Driver<F> {
    fn place(&mut self, command: &Command) {
        self.fills.clear();
        self.books.place(command, &mut self.fills);
        let mut left = u64::from(command.quantity);
        for fill in &self.fills {
            self.tally.trade(fill.maker, command.order, fill.price, fill.quantity);
            left = left.saturating_sub(fill.quantity);
            let quantity = u32::try_from(fill.quantity).unwrap_or(u32::MAX);
            let maker = &mut self.left[fill.maker as usize];
            *maker = maker.saturating_sub(quantity);
        }
        let rests = command.action != Action::Ioc;
        self.left[command.order as usize] = if rests { u32::try_from(left).unwrap_or(u32::MAX) } else { 0 };
    }
}

impl<F: Foreign> Engine for Driver<F> {
    fn new(workload: &Workload) -> Self {
        let left = vec![0; workload.highest_order as usize + 1];
        Self { books: F::new(workload), left, fills: Vec::new(), tally: Tally::default() }
    }

    fn step(&mut self, commands: &[Command], at: usize) {
        let command = &commands[at];
        let order = command.order as usize;
        match command.action {
            Action::Add | Action::Ioc => self.place(command),
            _ if self.left[order] == 0 => self.tally.refuse(),
            Action::Move => {
                self.books.cancel(command);
                self.place(command);
            }
            Action::Reduce if self.left[order] > command.quantity => {
                self.left[order] -= command.quantity;
                self.books.reduce(command, self.left[order]);
            }
            Action::Cancel | Action::Reduce => {
                self.left[order] = 0;
                self.books.cancel(command);
            }
        }
    }

    fn tally(&self) -> Tally {
        self.tally
    }
}
