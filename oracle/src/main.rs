//! `cargo xtask oracle`: the long form of the comparison, from a printed seed.

use anyhow::bail;
use bandex_oracle::search;
use clap::Parser;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Holds the fast book against the naive one.
#[derive(Parser)]
struct Arguments {
    /// Where the commands come from; another at each run if none is given.
    #[arg(long)]
    seed: Option<u64>,
    /// How many commands.
    #[arg(long, default_value_t = 10_000_000)]
    commands: u64,
    /// Prints what happened how often as one JSON object.
    #[arg(long)]
    json: bool,
}

fn main() -> anyhow::Result<()> {
    let Arguments { seed, commands, json } = Arguments::parse();
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let seed = seed.unwrap_or_else(clock);
    eprintln!("{commands} commands from seed {seed}");
    let started = Instant::now();
    let mut told = 0;
    let progress = |done: u64| {
        if done * 20 / commands.max(1) > told {
            told = done * 20 / commands.max(1);
            eprintln!("  {done} commands, no difference");
        }
    };
    match search(seed, commands, progress) {
        Ok(coverage) if json => {
            let seconds = started.elapsed().as_secs();
            println!(
                "{}",
                serde_json::json!({"seed": seed, "commands": commands, "seconds": seconds, "seen": coverage})
            );
        }
        Ok(coverage) => {
            println!(
                "no difference in {commands} commands, {} s; what happened how often:",
                started.elapsed().as_secs()
            );
            coverage.iter().for_each(|(what, times)| println!("  {times:>9}  {what}"));
        }
        Err(finding) => {
            eprintln!(
                "seed {seed}: {}\nafter these {} commands:",
                finding.difference.0,
                finding.commands.len()
            );
            finding.commands.iter().for_each(|command| eprintln!("  {command:?}"));
            bail!("the books differ");
        }
    }
    Ok(())
}
