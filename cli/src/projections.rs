//! `bandex projections`: care for the tables behind the API's lists.

use crate::output::{self, Progress};
use crate::store::OwnStore;
use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::json;
use std::process::ExitCode;
use std::time::Instant;

/// What `bandex projections` can do.
#[derive(Debug, Subcommand)]
pub enum Options {
    /// Throw the tables away and write them anew from the journal. The server must be stopped.
    Rebuild(Rebuild),
}

/// How `bandex projections rebuild` is called.
#[derive(Debug, clap::Args)]
pub struct Rebuild {
    #[command(flatten)]
    store: OwnStore,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `bandex projections`.
///
/// # Errors
/// A server runs on the store, or the journal cannot be replayed.
pub async fn run(options: Options) -> Result<ExitCode> {
    let Options::Rebuild(Rebuild { store, json }) = options;
    let begun = Instant::now();
    let mut progress = Progress::new("records", None);
    let records = bandex_exchange::rebuild_projections(&store.config(), |seq, of| progress.at_of(seq, of))
        .await
        .context("the projections were not rebuilt")?;
    progress.end();
    let seconds = output::seconds(begun.elapsed());
    if json {
        output::json(&json!({ "records": records, "seconds": seconds }))?;
    } else {
        say!("the projections hold all {records} records again, after {seconds} s");
    }
    Ok(ExitCode::SUCCESS)
}
