//! `bandex order amend` and `bandex order cancel`.

use super::{SideName, explain};
use crate::account::{Account, market};
use crate::output;
use anyhow::{Context, Result};
use bandex_sdk::types::OrderRef;
use clap::Args;
use std::process::ExitCode;

/// A change of an order.
#[derive(Debug, Args)]
pub struct Amend {
    #[command(flatten)]
    account: Account,
    /// Its reference: KEY:SEQ:OP.
    order: OrderRef,
    /// The new limit, in quote a base; as it is if not given.
    #[arg(long, required_unless_present = "quantity")]
    price: Option<String>,
    /// The new total quantity, what has traded included; as it is if not given.
    #[arg(long)]
    quantity: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What to cancel.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    account: Account,
    /// Its reference: KEY:SEQ:OP.
    #[arg(required_unless_present_any = ["all", "client_id"], conflicts_with_all = ["all", "client_id"])]
    order: Option<OrderRef>,
    /// Every open order of the account, sleeping ones and quotes included.
    #[arg(long, conflicts_with = "client_id")]
    all: bool,
    /// The order that this key placed under this name, on the market of --market or BWT-BTC.
    #[arg(long, value_name = "TEXT", conflicts_with = "side")]
    client_id: Option<String>,
    /// Only on this market.
    #[arg(long, value_name = "BASE-QUOTE", conflicts_with = "order")]
    market: Option<String>,
    /// Only on this side.
    #[arg(long, value_enum, conflicts_with = "order")]
    side: Option<SideName>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `bandex order amend`.
///
/// # Errors
/// The exchange refuses or cannot be reached, or has no such order of this account.
pub async fn amend(options: Amend) -> Result<ExitCode> {
    let session = options.account.session(false).await?;
    let reads = session.rest.login(&session.keypair, &session.markets).await?;
    let known = reads.order(options.order).await?;
    let info = market(&session.markets, &known.market)?;
    let price = info.scale.parse_price(options.price.as_deref().unwrap_or(&known.price)).context("price")?;
    let quantity = options.quantity.as_deref().unwrap_or(&known.quantity);
    let quantity = info.scale.parse_quantity(quantity).context("quantity")?;
    let reply = session.trader.amend(options.order, price, quantity).await.map_err(explain)?;
    if options.json {
        output::json(&reply)?;
        return Ok(ExitCode::SUCCESS);
    }
    let outcome = reply.operations.into_iter().next();
    let status = outcome.as_ref().and_then(|outcome| outcome.status.clone()).unwrap_or_default();
    let (price, quantity) = (info.scale.price(price), info.scale.quantity(quantity));
    let price = outcome.and_then(|outcome| outcome.price).unwrap_or(price);
    println!("{status}  {quantity} at {price} in record {}", reply.seq);
    Ok(ExitCode::SUCCESS)
}

/// Runs `bandex order cancel`.
///
/// # Errors
/// The exchange refuses, or cannot be reached.
pub async fn run(options: Options) -> Result<ExitCode> {
    let session = options.account.session(false).await?;
    let named = |name: &str| market(&session.markets, name).map(|info| info.id);
    let (reply, what) = match (options.order, options.client_id) {
        (Some(order), _) => (session.trader.cancel(order).await, order.to_string()),
        (None, Some(id)) => {
            let on = named(options.market.as_deref().unwrap_or("BWT-BTC"))?;
            (session.trader.cancel_client(on, &id).await, id)
        }
        (None, None) => {
            let on = options.market.as_deref().map(named).transpose()?;
            let reply = session.trader.cancel_all(on, options.side.map(Into::into)).await;
            (reply, "all open orders that fit".to_owned())
        }
    };
    let reply = reply.map_err(explain)?;
    if options.json {
        output::json(&reply)?;
    } else {
        println!("cancelled {what} in record {}", reply.seq);
    }
    Ok(ExitCode::SUCCESS)
}
