//! A server for the tests to kill: the exchange as `bandex serve` runs it, with the same arguments.
//!
//! The tests of a crate can only be given programs of the same crate; `cargo xtask crash` kills the real one.

#![allow(clippy::unwrap_used, clippy::panic)]

use bandex_exchange::{Config, Kept, keep};
use bandex_journal::DatabaseUrl;
use bandex_tests::{Setup, first_changes};
use clap::{Args, Parser, Subcommand};
use std::io::{Write, stderr};
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

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
    let terminated = async move {
        terminate.recv().await;
    };
    let tell = |news: Kept<'_>| {
        // A full disk under the log is no reason to end.
        let _ = match news {
            Kept::Serving(_) => writeln!(stderr(), "serving"),
            Kept::Failed(why) => writeln!(stderr(), "{why}; starting again from the journal"),
            Kept::Waiting(error) => writeln!(stderr(), "cannot start again yet: {error}"),
        };
    };
    keep(config, terminated, tell).await.map_err(|error| error.to_string())
}
