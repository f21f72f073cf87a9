//! `bandex post`, `bandex prepare`, `bandex login`: what a script needs that asks the interface itself, with curl or anything else.

use crate::account::{Account, Server, read_key};
use crate::output;
use anyhow::{Context, Result};
use bandex_sdk::api::Prepare;
use bandex_sdk::signed_to_wire;
use clap::Args;
use serde_json::{Value, json};
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

/// How `bandex prepare` is called.
#[derive(Debug, Args)]
pub struct PrepareOptions {
    #[command(flatten)]
    account: Account,
    /// The file with the body of POST /v1/blocks/prepare, JSON, or - for standard input; `key` may be left out. What is
    /// signed takes the next place in the key's lane: if you do not post it, the key's next command sends it.
    #[arg(default_value = "-")]
    body: PathBuf,
    /// Print the signed block as JSON, as POST /v1/blocks takes it.
    #[arg(long)]
    json: bool,
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

/// Runs `bandex prepare`: prints a signed block.
///
/// # Errors
/// The exchange cannot be reached, can make no block of the body, or made another than was asked for.
pub async fn prepare(options: PrepareOptions) -> Result<ExitCode> {
    let mut body = read(&options.body)?;
    let session = options.account.session(false).await?;
    let fields = body.as_object_mut().context("the body is no JSON object")?;
    fields.entry("key").or_insert_with(|| json!(session.keypair.public()));
    let mut asked: Prepare = serde_json::from_value(body).context("the body")?;
    if asked.seq.is_none() && asked.previous.is_none() {
        // The end of the lane as it is known here; the exchange's word for it might be wrong.
        let head = session.trader.head();
        (asked.seq, asked.previous) = (head.seq.checked_add(1), Some(head.id.to_string()));
    }
    let prepared = session.rest.prepare(&asked).await?;
    let own = session.trader.sign_prepared(&asked, &session.markets, &prepared)?;
    let signed = signed_to_wire(&own.signed);
    if options.json {
        output::json(&signed)?;
    } else {
        println!("block      {}\nseq        {}", own.id, own.seq);
        println!("payload    {}\nsignature  {}", signed.payload, signed.signature);
    }
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
