//! `orderbook-rs`: made for many threads at once. What an immediate order trades it tells listeners only, so that all
//! fills are taken from one.

use crate::driver::{Fill, Foreign};
use bandex_bench_matching::workload::{Action, Command, Workload};
use bandex_types::Side;
use orderbook_rs::{OrderBook, TradeResult};
use pricelevel::{Id, OrderUpdate, Quantity, TimeInForce};
use std::sync::{Arc, Mutex};

pub struct Books {
    books: Vec<OrderBook<()>>,
    heard: Arc<Mutex<Vec<Fill>>>,
}

impl Foreign for Books {
    fn new(workload: &Workload) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let book = |_| {
            let heard = Arc::clone(&heard);
            let listener = move |result: &TradeResult| {
                let mut heard = heard.lock().expect("nobody panics with it");
                heard.extend(result.match_result.trades().as_vec().iter().map(|trade| Fill {
                    maker: trade.maker_order_id().as_u64().and_then(|id| u32::try_from(id).ok()).unwrap_or(0),
                    price: u64::try_from(trade.price().as_u128()).unwrap_or(u64::MAX),
                    quantity: trade.quantity().as_u64(),
                }));
            };
            OrderBook::with_trade_listener("bench", Arc::new(listener))
        };
        Self { books: (0..workload.symbols).map(book).collect(), heard: Arc::clone(&heard) }
    }

    fn place(&mut self, command: &Command, fills: &mut Vec<Fill>) {
        let side = match command.side {
            Side::Buy => pricelevel::Side::Buy,
            Side::Sell => pricelevel::Side::Sell,
        };
        let lives = if command.action == Action::Ioc { TimeInForce::Ioc } else { TimeInForce::Gtc };
        let id = Id::sequential(u64::from(command.order));
        let book = &self.books[command.symbol as usize];
        // An immediate order that is not filled in full is an error of it; what it traded was heard all the same.
        let _ = book.add_limit_order(
            id,
            u128::from(command.price),
            u64::from(command.quantity),
            side,
            lives,
            None,
        );
        fills.append(&mut self.heard.lock().expect("nobody panics with it"));
    }

    fn cancel(&mut self, command: &Command) {
        // Whether it was there shows in the trades that follow.
        let _ = self.books[command.symbol as usize].cancel_order(Id::sequential(u64::from(command.order)));
    }

    fn reduce(&mut self, command: &Command, left: u32) {
        let order_id = Id::sequential(u64::from(command.order));
        let update = OrderUpdate::UpdateQuantity { order_id, new_quantity: Quantity::new(u64::from(left)) };
        let _ = self.books[command.symbol as usize].update_order(update);
    }
}
