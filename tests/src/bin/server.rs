//! A server for the tests to kill: the exchange as `bandex serve` runs it, with the same arguments.
//!
//! The tests of a crate can only be given programs of the same crate; `cargo xtask crash` kills the real one.

#![allow(clippy::unwrap_used, clippy::panic)]

use bandex_exchange::{Config, Exchange};
use bandex_journal::DatabaseUrl;
use bandex_tests::{Setup, first_changes};
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// As `bandex` has it.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run an exchange.
    Serve(Options),
}

#[derive(Debug, Args)]
struct Options {
    #[arg(long)]
    data: PathBuf,
    #[arg(long, env = "BANDEX_DATABASE_URL", hide_env_values = true)]
    database_url: Option<DatabaseUrl>,
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    admin_listen: SocketAddr,
    #[arg(long)]
    network: u32,
    #[arg(long)]
    snapshot_every: u64,
}

#[tokio::main]
async fn main() -> Result<(), String> {
    let Arguments { command: Command::Serve(options) } = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let config = Config {
        database: options.database_url,
        listen: options.listen,
        admin_listen: options.admin_listen,
        network: options.network,
        snapshot_every: options.snapshot_every,
        first_changes: first_changes(&Setup::default()),
        ..Config::new(options.data)
    };
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    let mut terminated = pin!(terminate.recv());
    loop {
        let exchange = tokio::select! {
            started = Exchange::start(config.clone()) => started.map_err(|error| error.to_string())?,
            _ = &mut terminated => return Ok(()),
        };
        let stop = exchange.stopper();
        let mut ended = pin!(exchange.ended());
        let failure = tokio::select! {
            failure = &mut ended => failure,
            _ = &mut terminated => {
                stop();
                ended.await;
                return Ok(());
            }
        };
        let Some(why) = failure else { return Ok(()) };
        eprintln!("{why}; starting again from the journal");
        tokio::time::sleep(RESTART_PAUSE).await;
    }
}
