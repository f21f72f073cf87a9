//! `bandex get`, `bandex export`: any page of the interface as it is sent, public or of an account.

use crate::account::{Server, read_key};
use crate::output::Out;
use anyhow::{Context, Result};
use bandex_sdk::Body;
use bandex_sdk::types::PublicKey;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How `bandex get` is called.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    server: Server,
    /// The path with its query, such as /v1/time or `/v1/fills?limit=5`; /v1 may be left out.
    path: String,
    /// The key file, for pages of the account.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Answers are JSON, or CSV, by themselves; this is for symmetry with the other commands.
    #[arg(long)]
    json: bool,
}

/// How `bandex export` is called.
#[derive(Debug, Args)]
pub struct ExportOptions {
    #[command(flatten)]
    server: Server,
    /// What.
    what: What,
    /// The key file.
    #[arg(long, value_name = "FILE", env = "BANDEX_KEY", default_value = "bandex.key")]
    key: PathBuf,
    /// Only what comes from this record on.
    #[arg(long, value_name = "SEQ")]
    from_seq: Option<u64>,
    /// The file to write; standard output if absent.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What can be exported.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum What {
    /// Each change of an order, oldest first; its last line is how it stands.
    Orders,
    /// Every fill.
    Fills,
    /// Each change of a deal, oldest first; its last line is how it stands.
    Deals,
    /// Every tranche of every deal.
    Tranches,
    /// Each change of a balance, oldest first; the last line is what there is.
    Balances,
    /// Every block of the account's keys.
    Blocks,
}

/// Fetches a page, as the account of a key if one is given.
async fn fetch(server: &Server, path: &str, key: Option<&Path>) -> Result<Body> {
    let (rest, markets) = server.ask().await?;
    let Some(key) = key else { return Ok(rest.fetch(path).await?) };
    let keypair = read_key(key)?;
    // Each request is signed by itself; there is no session to begin or to end.
    let reads = rest.signed(&keypair, &markets).await.with_context(|| unknown(&keypair.public()))?;
    Ok(reads.fetch(path).await?)
}

fn unknown(key: &PublicKey) -> String {
    format!("asking for the account of key {key}")
}

/// The path as the exchange knows it.
fn full_path(path: &str) -> String {
    let path = path.trim_start_matches('/');
    let is_full = path.starts_with("v1/") || ["livez", "readyz"].contains(&path) || path.starts_with("docs");
    if is_full { format!("/{path}") } else { format!("/v1/{path}") }
}

async fn pass_on(mut body: Body, out: &mut impl Write) -> Result<()> {
    let ends_open = body.media_type().ends_with("json");
    while let Some(part) = body.next().await? {
        out.write_all(&part)?;
    }
    // JSON comes without a line's end, which a terminal and a line-wise reader want.
    if ends_open {
        writeln!(out)?;
    }
    out.flush()?;
    Ok(())
}

/// Runs `bandex get`.
///
/// # Errors
/// The exchange cannot be reached, or refuses.
pub async fn run(options: Options) -> Result<ExitCode> {
    let body = fetch(&options.server, &full_path(&options.path), options.key.as_deref()).await?;
    pass_on(body, &mut Out).await?;
    Ok(ExitCode::SUCCESS)
}

/// Runs `bandex export`.
///
/// # Errors
/// The exchange cannot be reached, or refuses, or the file cannot be written.
pub async fn export(options: ExportOptions) -> Result<ExitCode> {
    let what = options.what.to_possible_value().map(|what| what.get_name().to_owned()).unwrap_or_default();
    let query = options.from_seq.map(|seq| format!("?from_seq={seq}")).unwrap_or_default();
    let path = format!("/v1/export/{what}{query}");
    let body = fetch(&options.server, &path, Some(&options.key)).await?;
    match &options.out {
        None => pass_on(body, &mut Out).await?,
        Some(path) => {
            let file = std::fs::File::create(path)
                .with_context(|| format!("{} cannot be written", path.display()))?;
            pass_on(body, &mut std::io::BufWriter::new(file)).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_may_be_short() {
        let check = |path, full: &str| assert_eq!(full_path(path), full);
        check("/v1/time", "/v1/time");
        check("v1/time", "/v1/time");
        check("time", "/v1/time");
        check("/fills?limit=5", "/v1/fills?limit=5");
        check("/readyz", "/readyz");
        check("book/BWT-BTC?depth=1", "/v1/book/BWT-BTC?depth=1");
    }
}
