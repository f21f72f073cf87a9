//! `bandex order guard`: what becomes of a key's orders when its program falls silent.

use super::{explain, try_out};
use crate::account::Account;
use crate::output;
use crate::span::Span;
use anyhow::Result;
use bandex_tradechain::body::Guard;
use clap::Args;
use std::process::ExitCode;

/// A guard. What is not given ends.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    account: Account,
    /// Cancel all open orders of this key so long from now, unless it is guarded again before: 1s to 24h.
    #[arg(long, value_name = "SPAN", required_unless_present_any = ["on_disconnect", "off"])]
    cancel_after: Option<Span>,
    /// Cancel them so long after the key's last connection ended; 0s: at once. Only a WebSocket on which this key has
    /// logged in counts as its connection.
    #[arg(long, value_name = "SPAN")]
    on_disconnect: Option<Span>,
    /// End both.
    #[arg(long, conflicts_with_all = ["cancel_after", "on_disconnect"])]
    off: bool,
    /// Only try it: say what would happen now, and record nothing, here or at the exchange.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `bandex order guard`.
///
/// # Errors
/// The exchange refuses, or cannot be reached.
pub async fn run(options: Options) -> Result<ExitCode> {
    let guard = Guard {
        cancel_after_us: options.cancel_after.map_or(0, |Span(us)| us),
        on_disconnect_us: options.on_disconnect.map(|Span(us)| us),
    };
    let session = options.account.session(false).await?;
    if options.dry_run {
        return try_out(&session, guard, options.json).await;
    }
    let reply = session.trader.guard(guard).await.map_err(explain)?;
    if options.json {
        output::json(&reply)?;
    } else {
        let done = if guard == Guard::OFF { "guard ended" } else { "guarded" };
        println!("{done} in record {}", reply.seq);
    }
    Ok(ExitCode::SUCCESS)
}
