//! `bandex audit`: replays a journal from its first record and says whether the exchange kept the rules.
//!
//! Everything is recomputed from the journal alone: signatures, hash links, the node's batches, lanes, every outcome,
//! balances, deals. With a head or receipts from elsewhere it is also checked that nothing was cut off, and that
//! nobody was shown another history. The store is opened without touching it.

mod blame;
mod claims;
mod feed;
mod genesis;
mod receipts;
mod scores;
#[cfg(test)]
mod tests;
mod verdict;
mod walk;

pub use claims::{Claims, HeadClaim};
pub use verdict::{Conviction, Report, Verdict};

use crate::output::{self, Progress};
use crate::store::ForeignStore;
use anyhow::Result;
use bandex_journal::JournalReader;
use bandex_types::PublicKey;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use walk::{Stop, Walk};

/// How `bandex audit` is called.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    store: ForeignStore,
    /// A record that the journal must hold: its hash, or a file or text of JSON with seq and hash, an earlier report,
    /// a batch block, or a receipt.
    #[arg(long, value_name = "H")]
    head: Option<String>,
    /// A folder of receipts (*.json), which the journal must agree with.
    #[arg(long, value_name = "DIR")]
    receipts: Option<PathBuf>,
    /// The node's key, as the exchange publishes it.
    #[arg(long, value_name = "KEY")]
    node: Option<PublicKey>,
    /// Print the verdict as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `bandex audit`: exit code 0 if everything holds, 1 on a conviction.
///
/// # Errors
/// The store or a claim cannot be read.
pub async fn run(options: Options) -> Result<ExitCode> {
    let claims = Claims {
        node: options.node,
        head: options.head.as_deref().map(HeadClaim::read).transpose()?,
        receipts: options.receipts.as_deref().map(claims::receipts).transpose()?.unwrap_or_default(),
    };
    let reader = options.store.open().await?;
    let total = reader.head().await.ok().flatten().map(|head| head.seq);
    let mut progress = Progress::new("records", total);
    let verdict = audit(reader.as_ref(), &claims, &mut |seq| progress.at(seq)).await?;
    progress.end();
    if options.json {
        output::json(&verdict)?;
    } else {
        verdict.print();
    }
    Ok(match verdict {
        Verdict::Pass(_) => ExitCode::SUCCESS,
        Verdict::Fail(_) => ExitCode::from(1),
    })
}

/// Audits a journal against what is known from elsewhere; `on_record` hears how far it has come.
///
/// It computes on the caller's thread, and on one more for each core while it verifies signatures.
///
/// # Errors
/// The store does not answer, or the head that was given says nothing about this journal: there is no verdict.
pub async fn audit(
    reader: &dyn JournalReader,
    claims: &Claims,
    on_record: &mut (dyn FnMut(u64) + Send),
) -> Result<Verdict> {
    let begun = Instant::now();
    match walk_through(reader, claims, on_record).await {
        Ok(report) => {
            Ok(Verdict::Pass(Box::new(Report { seconds: output::seconds(begun.elapsed()), ..report })))
        }
        Err(Stop::Convicted(conviction)) => Ok(Verdict::Fail(*conviction)),
        Err(Stop::Unreadable(error)) => Err(error),
    }
}

async fn walk_through(
    reader: &dyn JournalReader,
    claims: &Claims,
    on_record: &mut (dyn FnMut(u64) + Send),
) -> Result<Report, Stop> {
    let genesis = genesis::read(reader, claims).await?;
    let mut walk = Walk::new(reader, claims, genesis)?;
    while let Some(seq) = walk.step().await? {
        on_record(seq);
    }
    walk.finish().await
}
