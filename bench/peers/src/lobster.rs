//! `lobster`: trees of vectors of orders. It has no immediate orders, so that these are placed and then cancelled, and
//! cannot make an order smaller, so that this is a cancel and a new order.

use crate::driver::{Fill, Foreign};
use bandex_bench_matching::workload::{Action, Command, Workload};
use bandex_types::Side;
use lobster::{OrderBook, OrderEvent, OrderType};

/// Said beside its results.
pub const NOTE: &str = "cannot reduce in place: such orders lose priority";

pub struct Books {
    books: Vec<OrderBook>,
}

impl Foreign for Books {
    fn new(workload: &Workload) -> Self {
        let each = workload.warm / workload.symbols as usize;
        Self { books: (0..workload.symbols).map(|_| OrderBook::new(each, 10, false)).collect() }
    }

    fn place(&mut self, command: &Command, fills: &mut Vec<Fill>) {
        let (id, qty) = (u128::from(command.order), u64::from(command.quantity));
        let side = match command.side {
            Side::Buy => lobster::Side::Bid,
            Side::Sell => lobster::Side::Ask,
        };
        let book = &mut self.books[command.symbol as usize];
        let event = book.execute(OrderType::Limit { id, side, qty, price: command.price });
        let is_filled = matches!(event, OrderEvent::Filled { .. });
        if let OrderEvent::Filled { fills: met, .. } | OrderEvent::PartiallyFilled { fills: met, .. } = event
        {
            fills.extend(met.iter().map(|fill| {
                let maker = u32::try_from(fill.order_2).expect("it was a number of 32 bits");
                Fill { maker, price: fill.price, quantity: fill.qty }
            }));
        }
        if command.action == Action::Ioc && !is_filled {
            self.cancel(command);
        }
    }

    fn cancel(&mut self, command: &Command) {
        self.books[command.symbol as usize].execute(OrderType::Cancel { id: u128::from(command.order) });
    }

    fn reduce(&mut self, command: &Command, left: u32) {
        self.cancel(command);
        self.place(&Command { action: Action::Add, quantity: left, ..*command }, &mut Vec::new());
    }
}
