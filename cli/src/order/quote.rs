//! `bandex order quote` and `bandex order protect`: what market makers do.

use super::{explain, only, try_out};
use crate::account::{Account, market};
use crate::output;
use crate::span::Span;
use anyhow::{Context, Result};
use bandex_tradechain::body::{Operation, Protection};
use clap::Args;
use std::process::ExitCode;
use std::str::FromStr;

/// Quotes.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    account: Account,
    /// The market.
    #[arg(long, value_name = "BASE-QUOTE", default_value = "BWT-BTC")]
    market: String,
    /// A quote to buy; as often as you like.
    #[arg(long = "bid", value_name = "PRICE:QUANTITY", required_unless_present_any = ["asks", "none"])]
    bids: Vec<Quote>,
    /// A quote to sell; as often as you like.
    #[arg(long = "ask", value_name = "PRICE:QUANTITY")]
    asks: Vec<Quote>,
    /// Move quotes that would trade to the next tick that does not, instead of refusing them all.
    #[arg(long)]
    slide: bool,
    /// No quotes: pull those that rest.
    #[arg(long, conflicts_with_all = ["bids", "asks"])]
    none: bool,
    /// Only try it: say what would happen now, and record nothing, here or at the exchange.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A protection.
#[derive(Debug, Args)]
pub struct Protect {
    #[command(flatten)]
    account: Account,
    /// The market.
    #[arg(long, value_name = "BASE-QUOTE", default_value = "BWT-BTC")]
    market: String,
    /// Pull the quotes once more base than this was filled ...
    #[arg(long, required_unless_present = "off", requires = "window")]
    quantity: Option<String>,
    /// ... within this time, such as 1s.
    #[arg(long, value_name = "SPAN")]
    window: Option<Span>,
    /// End the protection.
    #[arg(long, conflicts_with_all = ["quantity", "window"])]
    off: bool,
    /// Only try it: say what would happen now, and record nothing, here or at the exchange.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Price and quantity, as texts.
#[derive(Debug, Clone)]
struct Quote(String, String);

impl FromStr for Quote {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (price, quantity) = text.split_once(':').ok_or("a quote is PRICE:QUANTITY")?;
        Ok(Self(price.to_owned(), quantity.to_owned()))
    }
}

fn texts(quotes: &[Quote]) -> Vec<(&str, &str)> {
    quotes.iter().map(|Quote(price, quantity)| (price.as_str(), quantity.as_str())).collect()
}

/// Runs `bandex order quote`.
///
/// # Errors
/// The exchange refuses, or cannot be reached.
pub async fn run(options: Options) -> Result<ExitCode> {
    let session = options.account.session(false).await?;
    let info = market(&session.markets, &options.market)?;
    let quotes = info.quotes(&texts(&options.bids), &texts(&options.asks), options.slide)?;
    if options.dry_run {
        return try_out(&session, only(Operation::Quote(quotes)), options.json).await;
    }
    let quoted = session.trader.quote(quotes).await.map_err(explain)?;
    if options.json {
        output::json(&quoted.reply)?;
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} quotes in record {}", quoted.orders.len(), quoted.reply.seq);
    for quote in quoted.reply.operations.iter().flat_map(|operation| &operation.quotes) {
        println!("{}  {}", quote.price, quote.order);
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `bandex order protect`.
///
/// # Errors
/// The exchange refuses, or cannot be reached.
pub async fn protect(options: Protect) -> Result<ExitCode> {
    let session = options.account.session(false).await?;
    let info = market(&session.markets, &options.market)?;
    let protection = match (&options.quantity, options.window) {
        (Some(quantity), Some(Span(window_us))) => {
            let quantity = info.scale.parse_quantity(quantity).context("quantity")?;
            anyhow::ensure!(window_us > 0, "the window must be above 0");
            Some(Protection { quantity, window_us })
        }
        _ => None,
    };
    if options.dry_run {
        let protect = Operation::Protect { market: info.id, protection };
        return try_out(&session, only(protect), options.json).await;
    }
    let reply = session.trader.protect(info.id, protection).await.map_err(explain)?;
    if options.json {
        output::json(&reply)?;
    } else {
        let done = if protection.is_some() { "protected" } else { "protection ended" };
        println!("{done} in record {}", reply.seq);
    }
    Ok(ExitCode::SUCCESS)
}
