//! `bandex order`: places, cancels and lists orders.

use crate::account::{Account, market};
use crate::output;
use anyhow::{Context, Result};
use bandex_sdk::TraderError;
use bandex_sdk::api::OrderQuery;
use bandex_sdk::types::{OrderRef, PostOnly, Side, TimeInForce};
use clap::{Args, Subcommand, ValueEnum};
use std::process::ExitCode;

/// What to do with orders.
#[derive(Debug, Subcommand)]
pub enum Options {
    /// Place a limit order.
    Place(Box<Place>),
    /// Cancel an order.
    Cancel {
        #[command(flatten)]
        account: Account,
        /// Its reference: KEY:SEQ:OP.
        order: OrderRef,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the account's orders, newest first.
    List {
        #[command(flatten)]
        account: Account,
        /// Only this market.
        #[arg(long, value_name = "BASE-QUOTE")]
        market: Option<String>,
        /// Closed ones too.
        #[arg(long)]
        closed: bool,
        /// How many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// An order.
#[derive(Debug, Args)]
pub struct Place {
    #[command(flatten)]
    account: Account,
    /// The market.
    #[arg(long, value_name = "BASE-QUOTE", default_value = "BWT-BTC")]
    market: String,
    /// Buy or sell.
    #[arg(long, value_enum)]
    side: SideName,
    /// The limit, in quote a base.
    #[arg(long)]
    price: String,
    /// How much base.
    #[arg(long)]
    quantity: String,
    /// How long it lives.
    #[arg(long, value_enum, default_value_t = Tif::Gtc)]
    time_in_force: Tif,
    /// Refuse it if it would trade on arrival.
    #[arg(long)]
    post_only: bool,
    /// Your own name for it, at most 64 bytes.
    #[arg(long, value_name = "TEXT")]
    client_id: Option<String>,
    /// The most that any one counterparty may owe you, in quote.
    #[arg(long, value_name = "AMOUNT")]
    own_cap: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Which way.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum SideName {
    Buy,
    Sell,
}

/// How long.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Tif {
    /// Till cancelled.
    Gtc,
    /// What trades at once; the rest is cancelled.
    Ioc,
    /// All at once or nothing.
    Fok,
}

/// Runs `bandex order`.
///
/// # Errors
/// The exchange refuses, or cannot be reached.
pub async fn run(options: Options) -> Result<ExitCode> {
    match options {
        Options::Place(place) => run_place(*place).await,
        Options::Cancel { account, order, json } => {
            let session = account.session(false).await?;
            let reply = session.trader.cancel(order).await.map_err(explain)?;
            if json {
                output::json(&reply)?;
            } else {
                println!("cancelled {order} in record {}", reply.seq);
            }
            Ok(ExitCode::SUCCESS)
        }
        Options::List { account, market, closed, limit, json } => {
            let session = account.session(false).await?;
            let reads = session.rest.login(&session.keypair, &session.markets).await?;
            let query = OrderQuery { market, closed: Some(closed), before: None, limit: Some(limit) };
            let page = reads.orders(&query).await?;
            if json {
                output::json(&page)?;
                return Ok(ExitCode::SUCCESS);
            }
            println!(
                "{:<9} {:<4} {:>16} {:>14} {:>14}  {:<9} order",
                "market", "side", "price", "quantity", "filled", "status"
            );
            for order in page.orders {
                println!(
                    "{:<9} {:<4} {:>16} {:>14} {:>14}  {:<9} {}",
                    order.market,
                    order.side,
                    order.price,
                    order.quantity,
                    order.filled,
                    order.status,
                    order.order
                );
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Says what an operation's refusal says.
fn explain(error: TraderError) -> anyhow::Error {
    match error {
        TraderError::Operation(refused) => {
            let code = refused.code.unwrap_or_default();
            anyhow::anyhow!("{code}: {}", refused.detail.unwrap_or_default())
        }
        other => other.into(),
    }
}

async fn run_place(options: Place) -> Result<ExitCode> {
    let session = options.account.session(false).await?;
    let info = market(&session.markets, &options.market)?;
    let side = match options.side {
        SideName::Buy => Side::Buy,
        SideName::Sell => Side::Sell,
    };
    let mut place = info.limit(side, &options.price, &options.quantity).context("price or quantity")?;
    place.time_in_force = match options.time_in_force {
        Tif::Gtc => TimeInForce::Gtc,
        Tif::Ioc => TimeInForce::Ioc,
        Tif::Fok => TimeInForce::Fok,
    };
    place.post_only = if options.post_only { PostOnly::Refuse } else { PostOnly::Off };
    place.client_id = options.client_id;
    if let Some(cap) = &options.own_cap {
        place.own_cap = Some(info.quote.scale.parse(cap).context("own-cap")?);
    }
    let placed = session.trader.place(place).await.map_err(explain)?;
    if options.json {
        output::json(&placed.reply)?;
    } else {
        println!(
            "{}  filled {} in record {}\norder {}",
            placed.outcome.status.unwrap_or_default(),
            placed.outcome.filled.unwrap_or_default(),
            placed.reply.seq,
            placed.order
        );
    }
    Ok(ExitCode::SUCCESS)
}
