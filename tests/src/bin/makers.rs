//! The makers' trial by name; `cargo xtask makers` builds and calls it with the real server and the real makers.

// What does not hold shall end the run.
#![allow(clippy::unwrap_used, clippy::panic)]

use bandex_tests::makers::{Plan, run};
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Lets market makers trade on a bad line, stops and starts the server, and compares at the end every value they hold
/// with the exchange's pages.
#[derive(Debug, Parser)]
struct Arguments {
    /// The server's program, called like `bandex`.
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// A maker: a name, and after = the words that start it.
    #[arg(long = "maker", value_name = "NAME=COMMAND", required = true)]
    makers: Vec<String>,
    /// A file of recorded commands.
    #[arg(long, value_name = "FILE")]
    record: PathBuf,
    /// How long they trade; deals fall due after ten minutes.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(4..=500))]
    seconds: u64,
    /// Recorded commands a second.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    rate: u64,
    /// From what all chance follows; another one at each run if none is given.
    #[arg(long)]
    seed: Option<u64>,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
}

fn maker(text: &str) -> (String, Vec<String>) {
    let (name, command) = text.split_once('=').expect("a maker is NAME=COMMAND");
    (name.to_owned(), command.split_whitespace().map(str::to_owned).collect())
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { program, makers, record, seconds, rate, seed, json } = Arguments::parse();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = seed.unwrap_or_else(|| u64::from(now().subsec_nanos()));
    let makers = makers.iter().map(|text| maker(text)).collect();
    let report = run(&Plan { program, makers, record, seconds, rate, seed }).await;
    match json {
        true => println!("{}", serde_json::to_string(&report).unwrap()),
        false => print!("{report}"),
    }
    if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
