//! `bandex order amend` and `bandex order cancel`.

use super::{SideName, explain, only, try_out};
use crate::account::{Account, market};
use crate::output;
use anyhow::{Context, Result};
use bandex_sdk::types::OrderRef;
use bandex_sdk::{Markets, TraderError};
use bandex_tradechain::body::Operation;
use clap::Args;
use std::process::ExitCode;

/// The market of a client id if none is named.
const USUAL_MARKET: &str = "BWT-BTC";

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
    /// Only try it: say what would happen now, and record nothing, here or at the exchange.
    #[arg(long)]
    dry_run: bool,
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
    /// Only try it: say what would happen now, and record nothing, here or at the exchange.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Options {
    /// The same as an operation.
    fn operation(&self, markets: &Markets) -> Result<Operation> {
        let named = |name: &str| market(markets, name).map(|info| info.id);
        Ok(match (self.order, self.client_id.clone()) {
            (Some(order), _) => Operation::Cancel { order },
            (None, Some(client_id)) => {
                let market = named(self.market.as_deref().unwrap_or(USUAL_MARKET))?;
                Operation::CancelClient { market, client_id }
            }
            (None, None) => {
                let market = self.market.as_deref().map(named).transpose()?;
                Operation::CancelAll { market, side: self.side.map(Into::into) }
            }
        })
    }
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
    if options.dry_run {
        let amend = Operation::Amend { order: options.order, price, quantity };
        return try_out(&session, only(amend), options.json).await;
    }
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
    let operation = options.operation(&session.markets)?;
    if options.dry_run {
        return try_out(&session, only(operation), options.json).await;
    }
    let what = match (options.order, options.client_id) {
        (Some(order), _) => order.to_string(),
        (None, Some(client_id)) => client_id,
        (None, None) => "all open orders that fit".to_owned(),
    };
    let reply = session.trader.orders(vec![operation]).await.map_err(explain)?;
    if let Some(refused) = reply.operations.iter().find(|operation| !operation.ok) {
        return Err(explain(TraderError::Operation(Box::new(refused.clone()))));
    }
    if options.json {
        output::json(&reply)?;
    } else {
        println!("cancelled {what} in record {}", reply.seq);
    }
    Ok(ExitCode::SUCCESS)
}
