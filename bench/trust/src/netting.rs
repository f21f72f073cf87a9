//! What netting saves on the recorded order flow.
//!
//! Orders are dealt to a few accounts that all buy and sell, each with a limit that never binds. Nobody settles before
//! the end of the file: that is the most that netting can save. The demo's own way of dealing, where half of the
//! accounts only buy and half only sell, has no two deals between the same accounts in opposite directions, so there
//! netting saves nothing; and where agents settle each deal at once, hardly two are ever open together.

use crate::options::Options;
use crate::report::Report;
use crate::venue::{DEADLINE_US, Venue};
use anyhow::{Context, Result};
use bandex_engine::Event;
use bandex_flow as flow;
use bandex_tradechain::body::{Change, Parameters};
use bandex_types::{Amount, Rounding, Side, Timestamp, quote_amount};
use serde::Serialize;
use serde_json::json;

/// What was saved with so many accounts.
#[derive(Debug, Clone, Default, Serialize)]
struct Saved {
    /// Accounts that the orders were dealt to.
    pub traders: u32,
    /// Whether half of them only buy and half only sell, as in the demo.
    pub halves: bool,
    /// Trades.
    pub fills: u64,
    /// Pairs of deals that were replaced.
    pub netted: u64,
    /// Base bought, in bytes.
    pub base: u64,
    /// Base that nobody had to deliver any more, in bytes, of either deal.
    pub base_saved: u64,
    /// The same as a share of what had to be delivered, in parts per million.
    pub base_saved_ppm: u64,
    /// Quote bought with, in millisatoshi.
    pub quote: u64,
    /// Quote that nobody had to pay any more, counted on both sides, in millisatoshi.
    pub quote_saved: u64,
    /// The same as a share of what had to be paid, in parts per million.
    pub quote_saved_ppm: u64,
}

/// Runs the flow with a few numbers of accounts.
///
/// # Errors
/// The file cannot be read.
pub fn run(options: &Options) -> Result<Report> {
    let (file, rows) = options.flow();
    eprintln!("netting: what it saves");
    let rows = flow::commands(&file)?.take(rows).collect::<Result<Vec<_>>>()?;
    let saved = [(4, false), (8, false), (50, false), (50, true)];
    let saved: Vec<Saved> =
        saved.into_iter().map(|(traders, halves)| with(&rows, traders, halves)).collect::<Result<_>>()?;
    let share = |ppm: u64| ppm as f64 / 10_000.0;
    let line = |saved: &Saved| {
        let who = if saved.halves { "half buy, half sell (as the demo)" } else { "all buy and sell" };
        format!(
            "{:>3} accounts, {who:33} {:>3} trades, {:>3} nettings; {:>5.1} % of the base and {:>5.1} % of the quote need not move",
            saved.traders,
            saved.fills,
            saved.netted,
            share(saved.base_saved_ppm),
            share(saved.quote_saved_ppm)
        )
    };
    Ok(Report {
        name: "netting",
        lines: saved.iter().map(line).collect(),
        figures: json!(saved),
        ..Report::default()
    })
}

fn with(rows: &[flow::Command], traders: u32, halves: bool) -> Result<Saved> {
    let begin = rows.first().context("the file is empty")?.time_ms.saturating_mul(1_000);
    let mut venue = Venue::begin(Timestamp::from_micros(begin), traders, |_| Some(Amount::MAX))?;
    let (bid_multiple, register_work_bits) = (u32::MAX, 0);
    let parameters =
        Parameters { share_ppm: 1_000_000, bid_multiple, register_work_bits, ..Parameters::default() };
    venue.configure(vec![Change::SetParameters(parameters)])?;
    let listing = flow::market_listing(DEADLINE_US, DEADLINE_US);
    let mut report = Saved { traders, halves, ..Saved::default() };
    let dealt = |id, side| match side {
        _ if halves => flow::trader_for(id, side, traders),
        // Twice as many, folded: everybody buys and sells.
        Side::Buy => flow::trader_for(id, Side::Buy, 2 * traders),
        Side::Sell => flow::trader_for(id, Side::Sell, 2 * traders) - traders,
    };
    for row in rows {
        // Before anything is due: what is open stays open.
        let now = venue.time;
        let row = flow::Command { time_ms: now.as_micros() / 1_000, ..*row };
        for event in venue.row(&row, dealt)?.map(|outcome| outcome.events).unwrap_or_default() {
            match event {
                Event::Trade(trade) => {
                    report.fills += 1;
                    report.base += listing.lot_units * trade.quantity.get();
                    let worth = quote_amount(trade.quantity, trade.price, listing.tick_value, Rounding::Up);
                    report.quote += worth.context("a trade past 64 bits")?.get();
                }
                Event::Netted(netted) => {
                    report.netted += 1;
                    report.base_saved += 2 * netted.base.get();
                    report.quote_saved += 2 * netted.quote.get();
                }
                _ => {}
            }
        }
    }
    report.base_saved_ppm = ppm(report.base_saved, report.base);
    report.quote_saved_ppm = ppm(report.quote_saved, report.quote);
    Ok(report)
}

fn ppm(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 1_000_000 / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}
