//! A grid: limit orders on evenly spaced lines, buys below the price and sells above it. Whenever one is filled, its
//! opposite goes to the line beside it, so that every way back earns the distance between two lines.
//!
//! Orders carry the number of their line as the client id, by which the program finds them again after a restart, its
//! own or the exchange's.

mod common;

use bandex_sdk::api::{Order, PushKind};
use bandex_sdk::tradechain::body::{Operation, Place};
use bandex_sdk::types::{PostOnly, Price, Quantity, Side};
use bandex_sdk::{LocalAccount, MarketInfo, News, Options, Rest, Trader, TraderError};
use clap::Parser;
use common::{Common, Desk, Fallible, KeyFile};
use futures_util::StreamExt;
use futures_util::stream::select_all;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The time that the exchange waits for a sign of life before it cancels the grid.
const CANCEL_AFTER: Duration = Duration::from_secs(300);
/// How often a sign of life is given.
const SIGN: Duration = Duration::from_secs(60);

/// A grid of limit orders.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    key: KeyFile,
    /// The lowest line.
    #[arg(long)]
    low: String,
    /// The highest line.
    #[arg(long)]
    high: String,
    /// How many lines.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(2..=100))]
    lines: u16,
    /// The size of each order, in base.
    #[arg(long, default_value = "1")]
    quantity: String,
}

/// The lines, lowest first, and what to do on them.
struct Grid {
    market: Arc<MarketInfo>,
    trader: Trader,
    lines: Vec<Price>,
    lots: Quantity,
    /// Which lines have an order, and which way.
    taken: BTreeMap<usize, Side>,
}

fn lines(arguments: &Arguments, market: &MarketInfo) -> Fallible<Vec<Price>> {
    let (low, high) =
        (market.scale.parse_price(&arguments.low)?.get(), market.scale.parse_price(&arguments.high)?.get());
    let steps = u64::from(arguments.lines) - 1;
    let width = high.checked_sub(low).filter(|width| *width >= steps);
    let width =
        width.ok_or("the lines need a tick between them: --low is below --high, and not by little")?;
    let line = |at: u64| u64::try_from(u128::from(width) * u128::from(at) / u128::from(steps));
    (0..=steps).map(|at| Ok(Price::new(low + line(at)?))).collect()
}

/// The line of an order of this grid.
fn line_of(order: &Order) -> Option<usize> {
    order.client_id.as_deref()?.strip_prefix("grid-")?.parse().ok()
}

fn side_of(order: &Order) -> Side {
    if order.side == "buy" { Side::Buy } else { Side::Sell }
}

impl Grid {
    fn new(arguments: &Arguments, market: &Arc<MarketInfo>, trader: &Trader) -> Fallible<Self> {
        Ok(Self {
            market: Arc::clone(market),
            trader: trader.clone(),
            lines: lines(arguments, market)?,
            lots: market.scale.parse_quantity(&arguments.quantity)?,
            taken: BTreeMap::new(),
        })
    }

    /// Puts orders on the lines, each for itself. A line whose order would trade at once stays empty.
    async fn place(&mut self, orders: Vec<(usize, Side)>) -> Fallible<()> {
        let free = orders.into_iter().filter(|(line, _)| !self.taken.contains_key(line));
        let free: Vec<(usize, Side)> = free.collect();
        for some in free.chunks(50) {
            let operations = some.iter().filter_map(|(line, side)| {
                let price = *self.lines.get(*line)?;
                let limit = Place::limit(self.market.id, *side, price, self.lots);
                let client_id = Some(format!("grid-{line}"));
                Some(Operation::Place(Box::new(Place { post_only: PostOnly::Refuse, client_id, ..limit })))
            });
            let reply = match self.trader.orders(operations.collect()).await {
                Ok(reply) => reply,
                Err(error @ TraderError::Submit(_)) => {
                    eprintln!("grid: {error}");
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            for ((line, side), outcome) in some.iter().zip(&reply.operations) {
                match &outcome.detail {
                    None => drop(self.taken.insert(*line, *side)),
                    Some(detail) => eprintln!("grid: line {line}: {detail}"),
                }
            }
        }
        Ok(())
    }

    /// What orders that changed ask for: the opposite of what was filled, one line further.
    fn after(&mut self, orders: &[Order]) -> Vec<(usize, Side)> {
        let mut next = Vec::new();
        for order in orders.iter().filter(|order| order.market == self.market.symbol) {
            let Some(line) = line_of(order) else { continue };
            match order.status.as_str() {
                "open" | "sleeping" => drop(self.taken.insert(line, side_of(order))),
                status => {
                    self.taken.remove(&line);
                    let beside = match side_of(order) {
                        Side::Buy => line.checked_add(1).filter(|line| *line < self.lines.len()),
                        Side::Sell => line.checked_sub(1),
                    };
                    if status == "filled" {
                        next.extend(beside.map(|line| (line, side_of(order).opposite())));
                    }
                }
            }
        }
        next
    }

    /// Buys below the price and sells above it, on every line but the nearest.
    fn all_around(&self, price: Price) -> Vec<(usize, Side)> {
        let nearest = (0..self.lines.len()).min_by_key(|line| self.lines[*line].get().abs_diff(price.get()));
        let line = |(at, line): (usize, &Price)| (at, if *line < price { Side::Buy } else { Side::Sell });
        self.lines.iter().enumerate().map(line).filter(|(at, _)| Some(*at) != nearest).collect()
    }
}

/// The price that the grid is laid around: the last trade's, else the middle of the lines.
async fn price(rest: &Rest, grid: &Grid) -> Fallible<Price> {
    let last = rest.market(&grid.market.symbol).await?.last_price;
    let middle = grid.lines.get(grid.lines.len() / 2).copied().unwrap_or_default();
    Ok(last.map(|last| grid.market.scale.parse_price(&last)).transpose()?.unwrap_or(middle))
}

async fn run(arguments: &Arguments, desk: Desk) -> Fallible<serde_json::Value> {
    let Desk { rest, market, client, trader, .. } = desk;
    let mut grid = Grid::new(arguments, &market, &trader)?;
    let mut account = LocalAccount::new();
    let mut news = select_all(LocalAccount::follow(&client, 0).await?);
    let mut end = arguments.common.end()?;
    let mut sign = tokio::time::interval(SIGN);
    loop {
        let push = tokio::select! {
            push = news.next() => push.ok_or("the exchange ended a channel")?,
            _ = sign.tick() => {
                trader.cancel_after(CANCEL_AFTER).await?;
                continue;
            }
            () = end.come() => break,
        };
        account.apply(&push)?;
        if let News::Orders(orders) = News::try_from(&push)? {
            if push.kind == PushKind::Snapshot {
                grid.taken.clear();
            }
            let mut next = grid.after(&orders);
            if push.kind == PushKind::Snapshot {
                // What was filled while nobody looked is not known any more: the empty lines are laid anew.
                next.extend(grid.all_around(price(&rest, &grid).await?));
            }
            grid.place(next).await?;
        }
    }
    trader.cancel_after(Duration::ZERO).await?;
    Ok(json!({
        "account": trader.account(),
        "market": market.symbol,
        "orders": account.orders().collect::<Vec<_>>(),
        "fills": account.fills().collect::<Vec<_>>(),
        "balances": account.balances().collect::<Vec<_>>(),
    }))
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let arguments = Arguments::parse();
    common::log();
    let desk = arguments.common.desk(&arguments.key, Options::default()).await?;
    let report = run(&arguments, desk).await?;
    arguments.common.report(&report)
}
