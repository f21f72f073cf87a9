//! `bandex order`: places, quotes, amends, cancels and lists orders.

mod cancel;
mod guard;
mod list;
mod place;
mod quote;

use anyhow::Result;
use bandex_sdk::TraderError;
use bandex_sdk::types::Side;
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
