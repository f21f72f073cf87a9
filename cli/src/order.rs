//! `bandex order`: places, quotes, amends, cancels and lists orders.

mod cancel;
mod guard;
mod list;
mod place;
mod quote;

use crate::account::Session;
use crate::output;
use anyhow::Result;
use bandex_sdk::types::Side;
use bandex_sdk::{Signer, TraderError, now};
use bandex_tradechain::Body;
use bandex_tradechain::body::{Operation, Orders};
use clap::{Subcommand, ValueEnum};
use std::process::ExitCode;

/// What to do with orders.
#[derive(Debug, Subcommand)]
pub enum Options {
    /// Place an order: limit or market, with a stop, shown in parts, and more.
    Place(Box<place::Options>),
    /// Change price and quantity of an order, which keeps its reference.
    Amend(cancel::Amend),
    /// Cancel an order, by reference or client id, or all of them.
    Cancel(cancel::Options),
    /// Replace all quotes of the account on a market in one step, or pull them.
    Quote(quote::Options),
    /// Pull the account's quotes by itself when they are filled too fast.
    Protect(quote::Protect),
    /// Have the key's orders cancelled by themselves when its program falls silent.
    Guard(guard::Options),
    /// List the account's orders, newest first.
    List(list::Options),
}

/// Which way.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum SideName {
    Buy,
    Sell,
}

impl From<SideName> for Side {
    fn from(name: SideName) -> Self {
        match name {
            SideName::Buy => Self::Buy,
            SideName::Sell => Self::Sell,
        }
    }
}

/// Runs `bandex order`.
///
/// # Errors
/// The exchange refuses, or cannot be reached.
pub async fn run(options: Options) -> Result<ExitCode> {
    match options {
        Options::Place(options) => place::run(*options).await,
        Options::Amend(options) => cancel::amend(options).await,
        Options::Cancel(options) => cancel::run(options).await,
        Options::Quote(options) => quote::run(options).await,
        Options::Protect(options) => quote::protect(options).await,
        Options::Guard(options) => guard::run(options).await,
        Options::List(options) => list::run(options).await,
    }
}

/// What a block of one operation says.
fn only(operation: Operation) -> Orders {
    Orders { operations: vec![operation] }
}

/// Tries a block on the exchange as it stands. It is signed for the lane's next place, but that is not used up: nothing is
/// stored here, and nothing recorded there.
async fn try_out(session: &Session, body: impl Into<Body>, json: bool) -> Result<ExitCode> {
    let head = session.trader.head();
    let mut signer = Signer::new(session.keypair.clone(), session.markets.network, head);
    let own = signer.sign(now(), None, body)?;
    let tried = session.rest.validate(&own.signed).await?;
    if json {
        output::json(&tried)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(refused) = tried.reply.operations.iter().find(|operation| !operation.ok) {
        return Err(explain(TraderError::Operation(Box::new(refused.clone()))));
    }
    println!("dry run: nothing is recorded; now it would be taken");
    for operation in &tried.reply.operations {
        if let (Some(status), Some(filled)) = (&operation.status, &operation.filled) {
            let price = operation.price.as_ref().map_or(String::new(), |price| format!(" at {price}"));
            println!("{status}{price}  filled {filled}");
        }
        operation.quotes.iter().for_each(|quote| println!("quote at {}", quote.price));
    }
    Ok(ExitCode::SUCCESS)
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
