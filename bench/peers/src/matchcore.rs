//! `matchcore`: one thread, numbers of its own for orders, outcomes with the trades in them.

use crate::driver::{Fill, Foreign};
use bandex_bench_matching::workload::{Action, Command, Workload};
use bandex_types::Side;
use matchcore::{
    AmendCmd, AmendPatch, CancelCmd, CommandKind, CommandMeta, CommandOutcome, CommandReport, LimitOrder,
    LimitOrderPatch, NewOrder, OrderBook, OrderFlags, OrderId, OrderKind, Price, Quantity, QuantityPolicy,
    SequenceNumber, SubmitCmd, TimeInForce, Timestamp,
};

/// Said beside its results. In 0.4.0 `submit_crossable_order` matches without the order's limit.
pub const NOTE: &str = "a limit order that trades on arrival goes on past its limit";

pub struct Books {
    books: Vec<Book>,
    /// The book's number of each order, by its number in the file.
    names: Vec<u64>,
}

struct Book {
    book: OrderBook,
    /// The number in the file of the order that each command brought, by the command's number in this book.
    numbers: Vec<u32>,
}

impl Book {
    /// Every command has the next number, which is also that of the order it brings.
    fn execute(&mut self, order: u32, kind: CommandKind) -> CommandOutcome {
        let number = self.numbers.len() as u64;
        self.numbers.push(order);
        let meta = CommandMeta { sequence_number: SequenceNumber(number), timestamp: Timestamp(0) };
        self.book.execute(&matchcore::Command { meta, kind })
    }
}

impl Foreign for Books {
    fn new(workload: &Workload) -> Self {
        let book = |_| Book { book: OrderBook::new("bench"), numbers: Vec::new() };
        let names = vec![0; workload.highest_order as usize + 1];
        Self { books: (0..workload.symbols).map(book).collect(), names }
    }

    fn place(&mut self, command: &Command, fills: &mut Vec<Fill>) {
        let side = match command.side {
            Side::Buy => matchcore::Side::Buy,
            Side::Sell => matchcore::Side::Sell,
        };
        let lives = if command.action == Action::Ioc { TimeInForce::Ioc } else { TimeInForce::Gtc };
        let quantity = QuantityPolicy::Standard { quantity: Quantity(u64::from(command.quantity)) };
        let order = LimitOrder::new(Price(command.price), quantity, OrderFlags::new(side, false, lives));
        let kind = CommandKind::Submit(SubmitCmd { order: NewOrder::Limit(order) });
        let book = &mut self.books[command.symbol as usize];
        self.names[command.order as usize] = book.numbers.len() as u64;
        let outcome = book.execute(command.order, kind);
        let CommandOutcome::Applied(CommandReport::Submit(effects)) = outcome else { return };
        let Some(result) = effects.target_order().match_result() else { return };
        fills.extend(result.trades().iter().map(|trade| {
            let place = usize::try_from(trade.maker_order_id().0).expect("it was a length");
            Fill { maker: book.numbers[place], price: trade.price().0, quantity: trade.quantity().0 }
        }));
    }

    fn cancel(&mut self, command: &Command) {
        let order_id = OrderId(self.names[command.order as usize]);
        let kind = CommandKind::Cancel(CancelCmd { order_id, order_kind: OrderKind::Limit });
        self.books[command.symbol as usize].execute(0, kind);
    }

    fn reduce(&mut self, command: &Command, left: u32) {
        let order_id = OrderId(self.names[command.order as usize]);
        let quantity = QuantityPolicy::Standard { quantity: Quantity(u64::from(left)) };
        let patch = AmendPatch::Limit(LimitOrderPatch::new().with_quantity_policy(quantity));
        self.books[command.symbol as usize].execute(0, CommandKind::Amend(AmendCmd { order_id, patch }));
    }
}
