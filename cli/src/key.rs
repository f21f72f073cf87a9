//! `bandex key`: makes, shows and registers keys; admits, ends and heals session keys; hands over to another root key.

use crate::account::{Account, market, new_key, read_key};
use crate::output;
use crate::span::When;
use anyhow::{Context, Result, bail};
use bandex_sdk::tradechain::body::Scopes;
use bandex_sdk::types::{Amount, BlockId, PublicKey};
use bandex_sdk::{Allowance, Markets};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// What to do with a key.
#[derive(Debug, Subcommand)]
pub enum Options {
    /// Make a key and write it to a file that only its owner may read.
    New {
        /// Where.
        #[arg(long, value_name = "FILE", env = "BANDEX_KEY", default_value = "bandex.key")]
        key: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the public half of a key.
    Show {
        /// Which.
        #[arg(long, value_name = "FILE", env = "BANDEX_KEY", default_value = "bandex.key")]
        key: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make an account with the key as its root, or find the one it has.
    Register {
        #[command(flatten)]
        account: Account,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Admit a session key to the account whose root key signs.
    Grant {
        #[command(flatten)]
        account: Account,
        /// The session key's file.
        #[arg(long, value_name = "FILE")]
        session: PathBuf,
        #[command(flatten)]
        terms: Terms,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// End a session key; its open orders are cancelled.
    Revoke {
        #[command(flatten)]
        account: Account,
        /// The session key, hex.
        session: PublicKey,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Thaw the account after a session key forked: say which of its two blocks was meant. Grant another key then.
    Heal {
        #[command(flatten)]
        account: Account,
        /// The session key that forked, hex.
        session: PublicKey,
        /// The block that was meant, one of the two in /v1/forks.
        #[arg(long, value_name = "BLOCK")]
        keep: BlockId,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Hand the account over to another root key. The old one has ended then; its session keys stay.
    Rotate {
        #[command(flatten)]
        account: Account,
        /// The new root key's file, as `bandex key new` writes it.
        next: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What a session key is granted.
#[derive(Debug, Args)]
pub struct Terms {
    /// What it may do.
    #[arg(long, value_enum, required = true)]
    scope: Vec<Scope>,
    /// A market that it may trade on, as often as you like; all if none is named.
    #[arg(long, value_name = "BASE-QUOTE")]
    market: Vec<String>,
    /// The largest order that it may place, in the quote of the markets.
    #[arg(long, value_name = "AMOUNT")]
    largest: Option<String>,
    /// When it ends by itself: a span from now such as 7d, or microseconds since 1970.
    #[arg(long, value_name = "WHEN")]
    expires: Option<When>,
}

/// What a session key may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Scope {
    /// Place and cancel orders.
    Orders,
    /// Pay and acknowledge tranches.
    Settle,
    /// Move tokens.
    Tokens,
}

fn scopes(scopes: &[Scope]) -> Scopes {
    let bits = |scope: &Scope| match scope {
        Scope::Orders => Scopes::ORDERS,
        Scope::Settle => Scopes::SETTLE,
        Scope::Tokens => Scopes::TOKENS,
    };
    scopes.iter().map(bits).fold(Scopes::from_bits(0), Scopes::and)
}

impl Terms {
    fn allowance(&self, markets: &Markets) -> Result<Allowance> {
        let named = self.market.iter().map(|name| market(markets, name));
        let named = named.collect::<Result<Vec<_>>>()?;
        let mut ids: Vec<_> = named.iter().map(|info| info.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let largest = |text: &String| {
            let on: Vec<_> = if named.is_empty() { markets.iter().collect() } else { named.iter().collect() };
            let quote = &on.first().context("nothing is listed")?.quote;
            if on.iter().any(|info| info.quote.id != quote.id) {
                bail!("--largest is in one quote: name markets with the same one by --market");
            }
            quote.scale.parse(text).context("--largest")
        };
        let largest_notional: Option<Amount> = self.largest.as_ref().map(largest).transpose()?;
        let expires = self.expires.map(When::moment);
        Ok(Allowance { scopes: scopes(&self.scope), markets: ids, largest_notional, expires })
    }
}

/// Runs `bandex key`.
///
/// # Errors
/// The file or the exchange says no.
pub async fn run(options: Options) -> Result<ExitCode> {
    let (key, account, path, json) = match options {
        Options::New { key, json } => (new_key(&key)?.public(), None, key, json),
        Options::Show { key, json } => (read_key(&key)?.public(), None, key, json),
        Options::Register { account, json } => {
            let session = account.session(true).await?;
            (session.keypair.public(), Some(session.trader.account()), account.key, json)
        }
        Options::Grant { account, session: path, terms, json } => {
            let key = read_key(&path)?;
            let session = account.session(false).await?;
            session.trader.grant(&key, terms.allowance(&session.markets)?).await?;
            (key.public(), Some(session.trader.account()), path, json)
        }
        Options::Revoke { account, session: key, json } => {
            let session = account.session(false).await?;
            session.trader.revoke(key).await?;
            (key, Some(session.trader.account()), account.key, json)
        }
        Options::Heal { account, session: key, keep, json } => {
            let session = account.session(false).await?;
            session.trader.heal(key, keep).await?;
            (key, Some(session.trader.account()), account.key, json)
        }
        Options::Rotate { account, next: path, json } => {
            let next = read_key(&path)?;
            let session = account.session(false).await?;
            session.trader.rotate(&next).await?;
            (next.public(), Some(session.trader.account()), path, json)
        }
    };
    if json {
        output::json(&json!({ "key": key, "account": account, "file": path }))?;
    } else {
        println!("key      {key}");
        if let Some(account) = account {
            println!("account  {account}");
        }
        println!("file     {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}
