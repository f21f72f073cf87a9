//! The bandex binary: one command for each thing a trader, an operator or an auditor does.

mod audit;
mod flow;
mod output;
mod replay;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A decentralized exchange for bandwidth tokens.
#[derive(Debug, Parser)]
#[command(name = "bandex", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Replay a file of order flow and compare its trades with the venue's own.
    Replay(replay::Options),
    /// Check a store from its first record: signatures, links, digests, matches, sums, deals, receipts.
    Audit(audit::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Replay(options) => replay::run(options).await,
        Command::Audit(options) => audit::run(options).await,
    };
    done.unwrap_or_else(|error| {
        eprintln!("bandex: {error:#}");
        ExitCode::from(2)
    })
}
