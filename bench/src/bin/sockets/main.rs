//! Ten thousand WebSockets at once: what they cost the server, and how late news reach those who read.
//!
//! The server is a process of its own, so that its memory is its own. Some connections follow the full book while
//! recorded order flow is replayed by signed orders; half of the others follow something smaller, and the rest follow
//! all kinds of things and never read. No reader may be cut off, and every book that is followed must come out as the
//! server's checksums say.

mod followers;
mod pace;
mod report;
mod server;
mod traders;

use anyhow::{Context, Result, ensure};
use bandex_sdk::Rest;
use clap::{Parser, Subcommand};
use followers::Crowd;
use report::Report;
use server::ServerProcess;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use traders::Traders;

/// Measures what many WebSockets cost, and how late news reach them.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// WebSockets in all.
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// Those of them that follow the full book.
    #[arg(long, default_value_t = 1_000)]
    books: usize,
    /// For how long the flow is replayed, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How fast: 100 is as fast as it was recorded, 200 twice that.
    #[arg(long, default_value_t = 100)]
    speed_percent: u64,
    /// Accounts that sign the flow's orders.
    #[arg(long, default_value_t = 16)]
    traders: u32,
    /// The recorded flow.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/bitstamp-btcusd-2026-05-02/commands.csv.gz"))]
    commands: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Be the server; ends with its standard input.
    #[command(hide = true)]
    Serve {
        /// Where the store lies.
        folder: PathBuf,
    },
}

/// How long the server may take to have let all connections in, and the readers to have heard everything.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    server::raise_descriptors()?;
    if let Some(Role::Serve { folder }) = arguments.role {
        server::serve(folder).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = measure(&arguments).await?;
    match arguments.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => println!("{report}"),
    }
    for failure in &report.failures {
        eprintln!("failed: {failure}");
    }
    Ok(if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(arguments: &Arguments) -> Result<Report> {
    ensure!(arguments.books > 0 && arguments.books <= arguments.connections, "books: 1 to the connections");
    let mut server = ServerProcess::start().await?;
    let rest = Rest::new(server.url())?;
    let mut traders = Traders::register(&server, &rest, arguments.traders).await?;
    let mut commands = bandex_flow::commands(&arguments.commands)?.peekable();
    let placed = traders.fill_book(&mut commands).await.context("the book that the flow begins with")?;
    eprintln!("the book holds what {placed} commands left of it");
    let memory_empty = server.memory()?;

    let market = rest.markets().await?.iter().next().context("no market")?.clone();
    let mut crowd = Crowd::connect(&server, &market, arguments.connections, arguments.books).await?;
    let let_in = arguments.connections + arguments.traders as usize;
    server.until("all are let in", PATIENCE, |metrics| metrics.of("bandex_sockets") >= let_in as u64).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let memory_idle = server.memory()?;
    eprintln!("{} connections", arguments.connections);

    let watched = server.watch_memory();
    crowd.follow(PATIENCE).await?;
    let before = server.metrics().await?;
    let seconds = Duration::from_secs(arguments.seconds);
    let replayed = traders.replay(&mut commands, seconds, arguments.speed_percent).await?;
    let heard = crowd.finish(PATIENCE).await?;
    let after = server.metrics().await?;
    let memory_peak = watched.stop().await?;
    let memory_end = server.memory()?;
    drop(traders);
    server.stop().await?;

    let report = Report::new(arguments, &heard, &replayed, &before, &after);
    Ok(report.with_memory(memory_empty, memory_idle, memory_peak, memory_end))
}
