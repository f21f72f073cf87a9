//! `cargo xtask ccxt`: runs the exchange test-suite inside the package ccxt from PyPI on our class, in all its modes,
//! and our own tests of orders through ccxt, each against a real exchange.

use crate::{binary, python, step};
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

/// Requirements, the suite's runner, and our own tests.
const FOLDER: &str = "sdk/python/tests_ccxt";

/// What to run.
#[derive(Debug, Default, clap::Args)]
pub struct Options {
    /// Write what was tested there, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The suite's modes: sync, sync private, async, async private, ws, ws private; all, and our own tests, if none.
    #[arg(value_name = "MODE")]
    modes: Vec<String>,
}

/// Builds the exchange and the Python package, and runs ccxt's suite on them.
///
/// # Errors
/// Something is missing or does not build, or a test failed.
pub fn run(options: &Options) -> Result<()> {
    step::step("ccxt", || {
        let folder = step::root()?.join(FOLDER);
        let programs = python::environment("ccxt", &folder.join("requirements.txt"))?;
        let exchange = binary::build()?;
        python::install(&programs)?;
        let program = |name: &str| {
            let mut command = Command::new(programs.join(name));
            command.env(binary::VARIABLE, &exchange);
            command
        };
        let mut suite = program("python");
        suite.arg(folder.join("suite.py")).args(&options.modes);
        if let Some(file) = &options.json {
            suite.arg("--json").arg(file);
        }
        step::run(&mut suite)?;
        if options.modes.is_empty() {
            step::run(program("pytest").args(["--quiet", "-p", "no:cacheprovider"]).arg(&folder))?;
        }
        Ok(())
    })
}
