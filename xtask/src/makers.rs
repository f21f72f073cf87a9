//! `cargo xtask makers`: market makers in Rust and Python on a bad line, with the real server; at the end every value
//! they hold is compared with the exchange's pages.

use crate::{python, step, suite};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Recorded order flow for the crowd that makers trade with.
const RECORD: &str = "tests/data/bitstamp-btcusd-2026-05-02/commands.csv.gz";
/// How long the run takes that is part of the tests, in seconds.
const SHORT: u64 = 20;

/// Which makers, and how long.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How long they trade.
    #[arg(long, default_value_t = 300)]
    seconds: u64,
    /// Recorded commands a second.
    #[arg(long, default_value_t = 100)]
    rate: u64,
    /// Without the maker in Python, and so without installing its package.
    #[arg(long)]
    rust_only: bool,
    /// From what all chance follows; another one at each run if none is given.
    #[arg(long)]
    seed: Option<u64>,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
}

/// Builds the server, the makers and the harness, and runs them.
///
/// # Errors
/// Something does not build, or a maker held another value than the exchange.
pub fn run(options: &Options) -> Result<()> {
    step::step("makers", || {
        let python = match options.rust_only {
            true => None,
            false => Some(python::ready()?.join("python")),
        };
        trial(options, python)
    })
}

/// The short run that is part of the tests, with the Python package as its own tests have installed it.
///
/// # Errors
/// As [`run`], or the Python package is not installed: without it half of the run would be left out.
pub fn short() -> Result<()> {
    step::step("makers", || {
        let options = Options { seconds: SHORT, rate: 100, rust_only: false, seed: None, json: false };
        let python = python::installed()?;
        let python = python.context("the Python package is not installed; `cargo xtask python` does it")?;
        trial(&options, Some(python))
    })
}

fn trial(options: &Options, python: Option<PathBuf>) -> Result<()> {
    suite::prepare()?;
    // Named through the workspace: with one package alone cargo would choose other features and build anew.
    let programs = ["build", "--workspace", "--bin", "bandex", "--bin", "makers", "--example", "maker"];
    step::run(&mut step::cargo(&programs)?)?;
    let root = step::root()?;
    let built = target_directory(root)?.join("debug");
    let mut command = Command::new(built.join("makers"));
    command.arg("--program").arg(built.join("bandex")).arg("--record").arg(root.join(RECORD));
    command.args(["--seconds", &options.seconds.to_string(), "--rate", &options.rate.to_string()]);
    command.args(options.seed.map(|seed| format!("--seed={seed}")));
    command.args(options.json.then_some("--json"));
    let terms = "--quantity 0.5 --spread-ppm 5 --levels 5";
    let maker = built.join("examples/maker");
    command.arg(format!("--maker=rust={} {terms}", maker.display()));
    if let Some(program) = python {
        let script = root.join("sdk/python/examples/maker.py");
        command.arg(format!("--maker=python={} {} {terms}", program.display(), script.display()));
    }
    step::run(&mut command)
}

fn target_directory(root: &Path) -> Result<PathBuf> {
    let metadata = cargo_metadata::MetadataCommand::new().current_dir(root).no_deps().exec();
    Ok(metadata.context("cannot ask cargo where it builds to")?.target_directory.into_std_path_buf())
}
