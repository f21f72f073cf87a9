//! `cargo xtask bench generate`: writes a workload and says what a correct book makes of it.

use anyhow::{Context, Result};
use bandex_bench_matching::generate::{Kind, generate};
use clap::Parser;
use serde_json::json;
use std::path::PathBuf;

/// Writes a workload, always the same for the same kind, number and seed, and prints what comes of it.
#[derive(Debug, Parser)]
struct Arguments {
    /// What it is like.
    #[arg(value_enum)]
    kind: Kind,
    /// The file; one that is there is replaced.
    output: PathBuf,
    /// Commands behind those that fill the book.
    #[arg(default_value_t = 5_000_000)]
    commands: usize,
    /// Where chance begins.
    #[arg(default_value_t = 42)]
    seed: u64,
}

fn main() -> Result<()> {
    let Arguments { kind, output, commands, seed } = Arguments::parse();
    let (workload, tally) = generate(kind, commands, seed);
    workload.write_file(&output).with_context(|| format!("cannot write {}", output.display()))?;
    println!(
        "{}",
        json!({
            "kind": kind.name(), "commands": commands, "seed": seed, "warm": workload.warm,
            "highest_order": workload.highest_order, "resting": workload.resting, "trades": tally.trades,
            "quantity": tally.quantity, "hash": format!("{:016x}", tally.hash), "refusals": tally.refusals,
        })
    );
    Ok(())
}
