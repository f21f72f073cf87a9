//! `bandex replay`: feeds a file of order flow to an exchange and compares its trades with the venue's own.
//!
//! Orders become signed blocks of test accounts, one block a command, in file order, and the time of the file is the
//! sequenced time. Nobody pays: the deals that are opened stay open. Limits and deadlines are set so that they never
//! bind, so that what differs from the venue differs because of the matching.

pub mod lane;
mod report;
mod run;
mod server;
#[cfg(test)]
mod tests;
mod venue;

pub use report::{Report, compare};
pub use run::{moment, replay};
use server::ServerVenue;
use venue::EngineVenue;

use crate::output;
use anyhow::Result;
use bandex_flow as flow;
use bandex_journal::DatabaseUrl;
use clap::ValueEnum;
use std::path::PathBuf;
use std::process::ExitCode;

/// How `bandex replay` is called.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The commands: CSV with time_ms, op, order_id, side, price, quantity, post_only; gzip or plain.
    #[arg(long, value_name = "FILE")]
    commands: PathBuf,
    /// The venue's own trades: CSV with price, amount, buy_order_id, sell_order_id, side.
    #[arg(long, value_name = "FILE")]
    trades: PathBuf,
    /// What to drive: the engine in this process, or a throw-away server over one WebSocket.
    #[arg(long, value_enum)]
    through: Through,
    /// How many accounts sign the orders, half of them buyers and half sellers.
    #[arg(long, value_name = "N", default_value_t = 50,
          value_parser = clap::value_parser!(u32).range(i64::from(flow::LEAST_TRADERS)..=100_000))]
    traders: u32,
    /// An empty PostgreSQL database for the server: postgres://USER:PASSWORD@HOST:PORT/NAME. Without it the server
    /// keeps SQLite files in a folder that goes when it goes.
    #[arg(long, value_name = "URL", env = "BANDEX_DATABASE_URL", hide_env_values = true)]
    database_url: Option<DatabaseUrl>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// What a replay drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Through {
    /// The engine alone.
    Engine,
    /// A server.
    Server,
}

/// Runs `bandex replay`.
///
/// # Errors
/// A file cannot be read, or the exchange does not take what it should.
pub async fn run(options: Options) -> Result<ExitCode> {
    let own = flow::trades(&options.trades)?;
    let commands = flow::commands(&options.commands)?;
    let report = match options.through {
        Through::Engine => through_engine(commands, &own, options.traders).await?,
        Through::Server => through_server(options.database_url, commands, &own, options.traders).await?,
    };
    if options.json {
        output::json(&report)?;
    } else {
        report.print();
    }
    Ok(ExitCode::SUCCESS)
}

async fn through_engine(commands: flow::Commands, own: &[flow::VenueTrade], traders: u32) -> Result<Report> {
    // Sequenced time never runs backwards, so an exchange that begins at zero fits every file.
    let mut venue = EngineVenue::new(moment(0))?;
    replay("engine", &mut venue, traders, commands, own).await
}

async fn through_server(
    database: Option<DatabaseUrl>,
    commands: flow::Commands,
    own: &[flow::VenueTrade],
    traders: u32,
) -> Result<Report> {
    let mut venue = ServerVenue::start(database).await?;
    let report = replay("server", &mut venue, traders, commands, own).await;
    venue.stop().await;
    report
}
