//! `bandex admin`: sends the operator's decisions to the admin listener.

mod bitcoin;
mod trust;

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
    #[arg(
        long,
        value_name = "URL",
        env = "BANDEX_ADMIN_URL",
        default_value = "http://127.0.0.1:8421",
        global = true
    )]
    url: String,
    /// The file with the admin token, in the server's data folder.
    #[arg(long, value_name = "FILE", default_value = "bandex-data/admin.token", global = true)]
    token: PathBuf,
    /// Where traders connect, which says what is listed and what holds now.
    #[arg(
        long,
        value_name = "URL",
        env = "BANDEX_URL",
        default_value = "http://127.0.0.1:8420",
        global = true
    )]
    exchange: String,
    /// Print the exchange's answer as JSON; without a word for the decision it always is.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    decision: Option<trust::Decision>,
    /// A JSON list of changes as docs/tradechain.md has them, or - for standard input. For example
    /// [{"change":"set_market_state","market":1,"state":"halted"}].
    changes: Option<String>,
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
    let (changes, json) = match (options.decision, options.changes) {
        (Some(decision), _) => {
            let change = decision.change(&options.exchange).await?;
            (json!([change]), options.json)
        }
        (None, Some(text)) => (read_changes(text)?, true),
        (None, None) => {
            bail!("say what to decide: a subcommand, or a JSON list of changes; --help shows both")
        }
    };
    let reply = configure(&options.url, &read_token(&options.token)?, &changes).await?;
    decided(&reply, json)
}

fn read_changes(mut text: String) -> Result<Value> {
    if text == "-" {
        text.clear();
        std::io::stdin().read_to_string(&mut text)?;
    }
    serde_json::from_str(&text).context("the changes are no JSON")
}

/// Says what became of decisions: exit code 1 if any was refused.
///
/// # Errors
/// The reply has no JSON form.
pub fn decided(reply: &BlockReply, json: bool) -> Result<ExitCode> {
    let refused = reply.operations.iter().find(|operation| !operation.ok);
    if json {
        output::json(reply)?;
    } else if let Some(refused) = refused {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        eprintln!("bandex: {}: {}", text(&refused.code), text(&refused.detail));
    } else {
        say!("decided in record {}", reply.seq);
    }
    Ok(if refused.is_some() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
