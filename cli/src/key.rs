//! `bandex key`: makes, shows and registers keys.

use crate::account::{Account, new_key, read_key};
use crate::output;
use anyhow::Result;
use clap::Subcommand;
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
