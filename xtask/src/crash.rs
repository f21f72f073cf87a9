//! `cargo xtask crash`: kills the real server under load, again and again, in release mode.

use crate::{postgres, step, suite};
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

/// What to kill, and how often.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How many loads end with a kill, a store.
    #[arg(long, default_value_t = 100)]
    cycles: u64,
    /// How many of them one journal sees before a new one is begun.
    #[arg(long, default_value_t = 10)]
    cycles_per_journal: u64,
    /// Which store: `both` is one after the other.
    #[arg(long, default_value = "both", value_parser = ["sqlite", "postgres", "both"])]
    store: String,
    /// From what the load and the moments follow; another one at each run if none is given.
    #[arg(long)]
    seed: Option<u64>,
    /// Print the figures as JSON, one line a store.
    #[arg(long)]
    json: bool,
}

/// Builds `bandex` and the harness, and runs it.
///
/// # Errors
/// They do not build, there is no PostgreSQL, or something that was acknowledged did not survive.
pub fn run(options: &Options) -> Result<()> {
    suite::prepare()?;
    let programs =
        ["--package", "bandex-cli", "--package", "bandex-tests", "--bin", "bandex", "--bin", "crash"];
    step::run(step::cargo(&["build", "--release"])?.args(programs))?;
    if options.store == "sqlite" {
        return kill(options, None);
    }
    postgres::beside(|variable, url| kill(options, Some((variable, url))))
}

fn kill(options: &Options, server: Option<(&str, &str)>) -> Result<()> {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let built = step::root()?.join(folder).join("release");
    // Not by `cargo run`: of one package alone it would build everything again with other features.
    let mut command = Command::new(built.join("crash"));
    command.arg("--program").arg(built.join("bandex")).args(options.words()).envs(server);
    step::run(&mut command)
}

impl Options {
    /// As the harness takes them.
    fn words(&self) -> Vec<String> {
        let Self { cycles, cycles_per_journal, store, seed, json } = self;
        let mut words = vec![
            format!("--cycles={cycles}"),
            format!("--cycles-per-journal={cycles_per_journal}"),
            format!("--store={store}"),
        ];
        words.extend(seed.map(|seed| format!("--seed={seed}")));
        words.extend(json.then(|| "--json".to_owned()));
        words
    }
}
