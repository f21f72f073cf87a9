//! `bandex book`, `deals`, `health`, `openapi`, `asyncapi`, `errors`: looking without signing.

use crate::account::{Account, Server};
use crate::output::{self, Out};
use anyhow::Result;
use bandex_sdk::Rest;
use bandex_sdk::api::{Book, Deal, DealPayment, DealQuery};
use clap::Args;
use std::io::Write;
use std::process::ExitCode;

/// How `bandex book` is called.
#[derive(Debug, Args)]
pub struct BookOptions {
    #[command(flatten)]
    server: Server,
    /// The market.
    #[arg(default_value = "BWT-BTC")]
    market: String,
    /// Levels a side.
    #[arg(long, default_value_t = 10)]
    depth: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How `bandex deals` is called.
#[derive(Debug, Args)]
pub struct DealsOptions {
    #[command(flatten)]
    account: Account,
    /// Only deals where this side must pay now: `me` or `them`.
    #[arg(long, value_name = "WHO")]
    due_by: Option<String>,
    /// Closed ones too.
    #[arg(long)]
    closed: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How `bandex health` is called.
#[derive(Debug, Args)]
pub struct HealthOptions {
    #[command(flatten)]
    server: Server,
}

/// Prints the public document.
///
/// # Errors
/// It cannot be written as JSON.
pub fn openapi() -> Result<ExitCode> {
    Out.write_all(bandex_exchange::openapi_json()?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Prints every error code with its cause and its cure.
///
/// # Errors
/// It cannot be written.
pub fn errors() -> Result<ExitCode> {
    Out.write_all(bandex_exchange::errors_document().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the document of the WebSocket.
///
/// # Errors
/// It cannot be written as YAML.
pub fn asyncapi() -> Result<ExitCode> {
    Out.write_all(bandex_exchange::asyncapi_yaml()?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Runs `bandex health`: exit code 0 if the node takes commands, 1 if not.
///
/// # Errors
/// None; a node that cannot be reached is not healthy.
pub async fn health(options: HealthOptions) -> Result<ExitCode> {
    let url = format!("{}/readyz", options.server.url.trim_end_matches('/'));
    let answer = reqwest::get(&url).await.and_then(reqwest::Response::error_for_status);
    match answer {
        Ok(answer) => {
            // What it says beside being ready: how it stands with the Bitcoin node.
            let text = answer.text().await.unwrap_or_default();
            text.lines().skip(1).for_each(|line| say!("{line}"));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("bandex: {error}");
            Ok(ExitCode::from(1))
        }
    }
}

fn print_book(book: &Book) {
    say!("{:>14} {:>18} | {:<18} {:<14}", "bid quantity", "bid", "ask", "ask quantity");
    for row in 0..book.bids.len().max(book.asks.len()) {
        let (bid, ask) = (book.bids.get(row), book.asks.get(row));
        let text = |level: Option<&str>| level.unwrap_or_default().to_owned();
        say!(
            "{:>14} {:>18} | {:<18} {:<14}",
            text(bid.map(|level| level.quantity.as_str())),
            text(bid.map(|level| level.price.as_str())),
            text(ask.map(|level| level.price.as_str())),
            text(ask.map(|level| level.quantity.as_str())),
        );
    }
}

/// Runs `bandex book`.
///
/// # Errors
/// The exchange cannot be reached, or has no such market.
pub async fn book(options: BookOptions) -> Result<ExitCode> {
    let rest = Rest::new(options.server.url)?;
    let book = rest.book(&options.market, Some(options.depth)).await?;
    if options.json {
        output::json(&book)?;
    } else {
        print_book(&book);
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `bandex deals`.
///
/// # Errors
/// The exchange cannot be reached, or does not know the key.
pub async fn deals(options: DealsOptions) -> Result<ExitCode> {
    let keypair = crate::account::read_key(&options.account.key)?;
    let (rest, markets) = options.account.server.ask().await?;
    let reads = rest.login(&keypair, &markets).await?;
    let query =
        DealQuery { due_by: options.due_by, closed: Some(options.closed), cursor: None, limit: Some(1_000) };
    let mut page = reads.deals(&query).await?;
    for deal in page.deals.iter_mut().filter(|deal| deal.chain.is_some()) {
        deal.payments = reads.payments(deal.deal.parse()?).await?.payments;
    }
    if options.json {
        output::json(&page)?;
        return Ok(ExitCode::SUCCESS);
    }
    page.deals.iter().for_each(print_deal);
    Ok(ExitCode::SUCCESS)
}

fn print_deal(deal: &Deal) {
    say!("{}  {}  {}", deal.deal, deal.market, deal.state);
    say!("  sold   {} of {}", deal.base_sent, deal.base_total);
    say!("  paid   {} of {}", deal.quote_sent, deal.quote_total);
    if let Some(chain) = &deal.chain {
        say!(
            "  chain  {} asked for in all, {} included, {} paid, {} final",
            chain.demand,
            chain.included,
            chain.paid,
            chain.buried
        );
    }
    if let Some(payee) = &deal.payee {
        say!("  to     {}", payee.address);
    }
    for payment in &deal.payments {
        let height = payment.height.map_or_else(String::new, |height| format!(" at height {height}"));
        let DealPayment { txid, output, amount, status, .. } = payment;
        say!("  by     {txid}:{output}, {amount}, {status}{height}");
    }
    match &deal.due {
        Some(due) if due.tranche == 0 => say!("  due    the script of the {}", due.party),
        Some(due) => say!("  due    {} by the {}, tranche {}", due.amount, due.party, due.tranche),
        None => {}
    }
}
