//! `bandex key`: makes, shows and registers keys, admits and ends session keys.

use crate::account::{Account, new_key, read_key};
use crate::output;
use anyhow::Result;
use bandex_sdk::Allowance;
use bandex_sdk::tradechain::body::Scopes;
use bandex_sdk::types::PublicKey;
use clap::{Subcommand, ValueEnum};
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
        /// What it may do.
        #[arg(long, value_enum, required = true)]
        scope: Vec<Scope>,
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
        Options::Grant { account, session: path, scope, json } => {
            let session = account.session(false).await?;
            let key = read_key(&path)?;
            let allowance = Allowance {
                scopes: scopes(&scope),
                markets: Vec::new(),
                largest_notional: None,
                expires: None,
            };
            session.trader.grant(&key, allowance).await?;
            (key.public(), Some(session.trader.account()), path, json)
        }
        Options::Revoke { account, session: key, json } => {
            let session = account.session(false).await?;
            session.trader.revoke(key).await?;
            (key, Some(session.trader.account()), account.key, json)
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
