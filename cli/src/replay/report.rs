//! What a replay found: the exchange's trades beside the venue's own.

use crate::output;
use bandex_flow::VenueTrade;
use bandex_types::Side;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// How a replay went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What was driven.
    pub through: &'static str,
    /// How many accounts the orders were dealt to.
    pub traders: u32,
    /// Trades the exchange made.
    pub trades: usize,
    /// Trades that both made: same taker, maker, side, price and quantity.
    pub reproduced: usize,
    /// Trades of the venue.
    pub venue: usize,
    /// Whether those that both made came in the same order.
    pub in_order: bool,
    /// Post-only orders refused because they would have traded.
    pub post_only_refused: u64,
    /// Orders placed, refused ones included.
    pub orders: u64,
    /// Cancels in the file.
    pub cancels: u64,
    /// Cancels of orders that the file never placed: there is nothing that a block could name.
    pub cancels_of_unknown: u64,
    /// Refusals of orders and cancels by their code.
    pub refused: BTreeMap<&'static str, u64>,
    /// Deals opened.
    pub deals: usize,
    /// Blocks that the accounts signed, registrations included.
    pub blocks: u64,
    /// From the first command of the file to the last outcome.
    pub seconds: f64,
    /// Orders and cancels a second.
    pub commands_per_second: u64,
    /// The trades that only one of the two made, in the order of each.
    pub differences: Vec<Difference>,
}

/// A trade that only one side made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Who made it: `venue` or `exchange`.
    pub made_by: &'static str,
    /// The venue's number of the order that arrived.
    pub taker: u64,
    /// The venue's number of the order that rested.
    pub maker: u64,
    /// Which way the taker traded.
    pub side: Side,
    /// As the venue writes it.
    pub price: String,
    /// As the venue writes it.
    pub quantity: String,
}

/// How two lists of trades compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// How many are in both.
    pub reproduced: usize,
    /// Whether those in both come in the same order.
    pub in_order: bool,
    /// The others.
    pub differences: Vec<Difference>,
}

/// Compares as multisets: a trade made twice must be made twice by both.
pub fn compare(venue: &[VenueTrade], exchange: &[VenueTrade]) -> Comparison {
    let (shared, missing) = split(venue, exchange);
    let (also_shared, surplus) = split(exchange, venue);
    let name = |made_by| move |trade: VenueTrade| difference(made_by, &trade);
    let missing = missing.into_iter().map(name("venue"));
    let differences = missing.chain(surplus.into_iter().map(name("exchange"))).collect();
    Comparison { reproduced: shared.len(), in_order: shared == also_shared, differences }
}

/// Splits `ours` into those that `theirs` holds too, each as often, and the rest.
fn split(ours: &[VenueTrade], theirs: &[VenueTrade]) -> (Vec<VenueTrade>, Vec<VenueTrade>) {
    let mut left: BTreeMap<VenueTrade, usize> = BTreeMap::new();
    for trade in theirs {
        *left.entry(*trade).or_default() += 1;
    }
    ours.iter().partition(|trade| match left.get_mut(trade) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    })
}

fn difference(made_by: &'static str, trade: &VenueTrade) -> Difference {
    let (price, quantity) = (trade.price_text(), trade.quantity_text());
    Difference { made_by, taker: trade.taker, maker: trade.maker, side: trade.side, price, quantity }
}

impl Report {
    /// Prints it for people.
    pub fn print(&self) {
        let count = |number: usize| output::grouped(number as u64);
        let order = if self.in_order { ", in the same order" } else { ", in another order" };
        let mut rows = vec![
            ("Through", format!("{}, {} accounts", self.through, self.traders)),
            ("Orders", output::grouped(self.orders)),
            ("Cancels", output::grouped(self.cancels)),
            ("Trades", count(self.trades)),
            ("Venue's trades", count(self.venue)),
            ("Reproduced", format!("{}{order}", count(self.reproduced))),
            ("Deals opened", count(self.deals)),
            ("Blocks signed", output::grouped(self.blocks)),
        ];
        rows.extend(self.refused.iter().map(|(code, times)| (*code, output::grouped(*times))));
        let rate = output::grouped(self.commands_per_second);
        rows.push(("Time", format!("{:.1} s, {rate} commands a second", self.seconds)));
        output::table(rows);
        for different in &self.differences {
            let Difference { made_by, taker, maker, side, price, quantity } = different;
            say!("only the {made_by}: {side:?} {quantity} at {price}, taker {taker}, maker {maker}");
        }
    }

    /// Fills in how long it took.
    pub fn timed(mut self, elapsed: Duration) -> Self {
        self.seconds = output::seconds(elapsed);
        self.commands_per_second = output::rate(self.orders + self.cancels, elapsed);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bandex_types::{Price, Quantity};

    fn trade(taker: u64, quantity: u64) -> VenueTrade {
        let (price, quantity) = (Price::new(7), Quantity::new(quantity));
        VenueTrade { taker, maker: 1, side: Side::Buy, price, quantity }
    }

    #[test]
    fn trades_are_compared_as_often_as_they_were_made() {
        let check = |venue: &[VenueTrade], exchange: &[VenueTrade], reproduced, in_order, by: &[&str]| {
            let found = compare(venue, exchange);
            let names: Vec<_> = found.differences.iter().map(|different| different.made_by).collect();
            assert_eq!((found.reproduced, found.in_order, names.as_slice()), (reproduced, in_order, by));
        };
        let (a, b, c) = (trade(1, 5), trade(2, 5), trade(1, 6));
        check(&[], &[], 0, true, &[]);
        check(&[a, b], &[a, b], 2, true, &[]);
        check(&[a, b], &[b, a], 2, false, &[]);
        check(&[a, a, b], &[a, b], 2, true, &["venue"]);
        check(&[a, b], &[c, a, b], 2, true, &["exchange"]);
        check(&[a], &[c], 0, true, &["venue", "exchange"]);
    }
}
