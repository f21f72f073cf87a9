//! `bandex admin`: sends the operator's decisions to the admin listener.

use crate::output;
use anyhow::{Context, Result, bail};
use bandex_sdk::api::{BlockReply, Problem};
use clap::Args;
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How `bandex admin` is called.
#[derive(Debug, Args)]
pub struct Options {
    /// The admin listener.
    #[arg(long, value_name = "URL", env = "BANDEX_ADMIN_URL", default_value = "http://127.0.0.1:8421")]
    url: String,
    /// The file with the admin token, in the server's data folder.
    #[arg(long, value_name = "FILE", default_value = "bandex-data/admin.token")]
    token: PathBuf,
    /// A JSON list of changes as docs/tradechain.md has them, or - for standard input. For example
    /// [{"change":"set_market_state","market":1,"state":"halted"}].
    changes: String,
}

/// Where the operator decides, for commands that ask the exchange too.
#[derive(Debug, Args)]
pub struct Operator {
    /// The admin listener.
    #[arg(long, value_name = "URL", env = "BANDEX_ADMIN_URL", default_value = "http://127.0.0.1:8421")]
    admin_url: String,
    /// The file with the admin token, in the server's data folder.
    #[arg(long, value_name = "FILE", default_value = "bandex-data/admin.token")]
    token: PathBuf,
}

impl Operator {
    /// Sends changes and gives the exchange's answer.
    ///
    /// # Errors
    /// The token cannot be read, or the listener cannot be reached or refuses.
    pub async fn configure(&self, changes: &Value) -> Result<BlockReply> {
        configure(&self.admin_url, &read_token(&self.token)?, changes).await
    }
}

fn read_token(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(text.trim().to_owned())
}

/// Sends changes and gives the exchange's answer.
///
/// # Errors
/// The listener cannot be reached or refuses.
pub async fn configure(url: &str, token: &str, changes: &Value) -> Result<BlockReply> {
    let response = reqwest::Client::new()
        .post(format!("{}/admin/v1/configure", url.trim_end_matches('/')))
        .bearer_auth(token)
        .json(&json!({ "changes": changes }))
        .send()
        .await
        .with_context(|| format!("asking {url}"))?;
    if !response.status().is_success() {
        let problem: Problem = response.json().await.context("the answer is no problem document")?;
        bail!("{}: {}", problem.code, problem.detail);
    }
    Ok(response.json().await?)
}

/// Runs `bandex admin`.
///
/// # Errors
/// The changes cannot be read, or the exchange refuses.
pub async fn run(options: Options) -> Result<ExitCode> {
    let mut text = options.changes;
    if text == "-" {
        text.clear();
        std::io::stdin().read_to_string(&mut text)?;
    }
    let changes: Value = serde_json::from_str(&text).context("the changes are no JSON")?;
    let reply = configure(&options.url, &read_token(&options.token)?, &changes).await?;
    output::json(&reply)?;
    let refused = reply.operations.iter().any(|operation| !operation.ok);
    Ok(if refused { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
