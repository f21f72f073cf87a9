//! `bandex post`, `bandex login`: what a script needs that asks the interface itself, with curl or anything else.

use crate::account::{Account, Server, read_key};
use crate::output;
use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How `bandex post` is called.
#[derive(Debug, Args)]
pub struct PostOptions {
    #[command(flatten)]
    server: Server,
    /// The path with its query, such as /v1/blocks/prepare.
    path: String,
    /// The file with the body, JSON, or - for standard input.
    #[arg(default_value = "-")]
    body: PathBuf,
}

/// How `bandex login` is called.
#[derive(Debug, Args)]
pub struct LoginOptions {
    #[command(flatten)]
    account: Account,
    /// Do not log in; print a fresh challenge with the key's signature, as POST /v1/login takes it within 10 seconds.
    #[arg(long)]
    request: bool,
}

/// Runs `bandex post`.
///
/// # Errors
/// There is no such body, the exchange cannot be reached, or refuses.
pub async fn post(options: PostOptions) -> Result<ExitCode> {
    let body = read(&options.body)?;
    let (rest, _) = options.server.ask().await?;
    output::json(&rest.post_json(&options.path, &[], &body).await?)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs `bandex login`: prints a token for `Authorization: Bearer`.
///
/// # Errors
/// There is no such key, the exchange cannot be reached, or does not know the key.
pub async fn login(options: LoginOptions) -> Result<ExitCode> {
    let keypair = read_key(&options.account.key)?;
    let (rest, markets) = options.account.server.ask().await?;
    if options.request {
        output::json(&rest.signed_challenge(&keypair, &markets).await?)?;
    } else {
        println!("{}", rest.login(&keypair, &markets).await?.token().unwrap_or_default());
    }
    Ok(ExitCode::SUCCESS)
}

/// The JSON in a file or on standard input.
fn read(file: &Path) -> Result<Value> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        text
    } else {
        std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?
    };
    serde_json::from_str(&text).context("the body is no JSON")
}
