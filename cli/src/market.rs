//! `bandex market`: how a market trades, for everybody; its state and rules, for the operator.

use crate::account::{Server, market};
use crate::admin::{Operator, decided};
use crate::output;
use crate::span::Span;
use anyhow::Result;
use bandex_sdk::Rest;
use bandex_sdk::api::{AuctionQuery, Market};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::process::ExitCode;

/// What to do with markets.
#[derive(Debug, Subcommand)]
pub enum Options {
    /// Show a market: state, rules, last price, and while orders gather what the auction would give.
    Show(Show),
    /// List the auctions of a market that ended, newest first.
    Auctions(Auctions),
    /// Let a market trade, halt it, or gather orders for an auction; for the operator.
    State(State),
    /// Set price bands, halts, auctions and how many orders an account may have; for the operator. What is not given
    /// stays.
    Rules(Rules),
}

/// Which market.
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    server: Server,
    /// The market.
    #[arg(default_value = "BWT-BTC")]
    market: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Which auctions.
#[derive(Debug, Args)]
pub struct Auctions {
    #[command(flatten)]
    server: Server,
    /// The market.
    #[arg(default_value = "BWT-BTC")]
    market: String,
    /// How many.
    #[arg(long, default_value_t = 10)]
    limit: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A state to set.
#[derive(Debug, Args)]
pub struct State {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    operator: Operator,
    /// The market.
    market: String,
    /// From now on; an auction ends by the change to trading, which matches what gathered at one price.
    #[arg(value_enum)]
    state: StateName,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Rules to set.
#[derive(Debug, Args)]
#[group(required = true, multiple = true, id = "rule", args = ["band_ppm", "halt", "auction", "most_orders"])]
pub struct Rules {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    operator: Operator,
    /// The market.
    market: String,
    /// How far a trade may be from the last price, in parts per million; beyond, the market is halted. 0: any distance.
    #[arg(long, value_name = "PPM")]
    band_ppm: Option<u32>,
    /// How long such a halt lasts, such as 60s; then orders gather for an auction. 0: until you decide.
    #[arg(long, value_name = "SPAN")]
    halt: Option<Span>,
    /// How long an auction gathers, such as 5m. 0: until you decide.
    #[arg(long, value_name = "SPAN")]
    auction: Option<Span>,
    /// How many open orders an account may have. 0: any number.
    #[arg(long, value_name = "N")]
    most_orders: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What a market does.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum StateName {
    /// Everything.
    Trading,
    /// Takes orders off, takes none on.
    CancelOnly,
    /// Nothing.
    Halted,
    /// Gathers orders without matching them.
    Auction,
}

impl StateName {
    const fn name(self) -> &'static str {
        match self {
            Self::Trading => "trading",
            Self::CancelOnly => "cancel_only",
            Self::Halted => "halted",
            Self::Auction => "auction",
        }
    }
}

/// Runs `bandex market`.
///
/// # Errors
/// The exchange refuses or cannot be reached, or has no such market.
pub async fn run(options: Options) -> Result<ExitCode> {
    match options {
        Options::Show(options) => show(options).await,
        Options::Auctions(options) => auctions(options).await,
        Options::State(options) => {
            let (_, markets) = options.server.ask().await?;
            let id = market(&markets, &options.market)?.id;
            let change = json!({ "change": "set_market_state", "market": id, "state": options.state.name() });
            decide(&options.operator, &change, options.json).await
        }
        Options::Rules(options) => {
            let (rest, markets) = options.server.ask().await?;
            let info = market(&markets, &options.market)?;
            let now = rest.market(&info.symbol).await?.rules;
            let span = |new: Option<Span>, now| new.map_or(now, |Span(us)| us);
            let rules = json!({
                "band_ppm": options.band_ppm.unwrap_or(now.band_ppm),
                "halt_us": span(options.halt, now.halt_us),
                "auction_us": span(options.auction, now.auction_us),
                "most_orders": options.most_orders.unwrap_or(now.most_orders),
            });
            let change = json!({ "change": "set_market_rules", "market": info.id, "rules": rules });
            decide(&options.operator, &change, options.json).await
        }
    }
}

async fn decide(operator: &Operator, change: &Value, json: bool) -> Result<ExitCode> {
    let reply = operator.configure(&json!([change])).await?;
    decided(&reply, json)
}

async fn show(options: Show) -> Result<ExitCode> {
    let market = Rest::new(options.server.url)?.market(&options.market).await?;
    if options.json {
        output::json(&market)?;
    } else {
        output::table(rows(&market));
    }
    Ok(ExitCode::SUCCESS)
}

fn rows(market: &Market) -> Vec<(&'static str, String)> {
    let rules = &market.rules;
    let bound = |is: bool, text: String| if is { text } else { "-".to_owned() };
    let mut rows = vec![
        ("Market", market.symbol.clone()),
        ("State", market.state.replace('_', " ")),
        ("Last price", market.last_price.clone().unwrap_or_else(|| "-".to_owned())),
        ("Price step", market.tick.clone()),
        ("Quantity step", market.lot.clone()),
        ("Price band", bound(rules.band_ppm > 0, format!("{} ppm", rules.band_ppm))),
        ("Halt", bound(rules.halt_us > 0, Span(rules.halt_us).to_string())),
        ("Auction", bound(rules.auction_us > 0, Span(rules.auction_us).to_string())),
        ("Orders an account", bound(rules.most_orders > 0, rules.most_orders.to_string())),
    ];
    rows.extend(market.ends_us.map(|at| ("State ends", format!("{at} us"))));
    if let Some(found) = &market.indicative {
        let side = found.surplus_side.as_deref().map_or_else(String::new, |side| format!(" to {side}"));
        rows.push(("Auction price", found.price.clone()));
        rows.push(("Auction volume", found.volume.clone()));
        rows.push(("Auction surplus", format!("{}{side}", found.surplus)));
    }
    rows
}

async fn auctions(options: Auctions) -> Result<ExitCode> {
    let query = AuctionQuery { cursor: None, limit: Some(options.limit) };
    let page = Rest::new(options.server.url)?.auctions(&options.market, &query).await?;
    if options.json {
        output::json(&page)?;
        return Ok(ExitCode::SUCCESS);
    }
    say!("{:>10} {:>18} {:>16} {:>14}", "record", "time, us", "price", "volume");
    for auction in page.auctions {
        let price = auction.price.unwrap_or_else(|| "-".to_owned());
        say!("{:>10} {:>18} {price:>16} {:>14}", auction.seq, auction.time_us, auction.volume);
    }
    Ok(ExitCode::SUCCESS)
}
