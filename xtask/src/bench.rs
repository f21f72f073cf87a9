//! `cargo xtask bench NAME`: runs a program of the `bandex-bench` crate in release mode.

use crate::{step, suite};
use anyhow::Result;

/// The benchmarks there are: each is a program of `bench/` by the same name.
pub const KNOWN: [&str; 3] = ["e2e", "restart", "storage"];

/// Builds and runs the benchmark `name` with `args`.
///
/// # Errors
/// It does not build, or ends with another code than 0.
pub fn run(name: &str, args: &[String]) -> Result<()> {
    suite::prepare()?;
    let mut command = step::cargo(&["run", "--release", "--package", "bandex-bench", "--bin", name, "--"])?;
    step::run(command.args(args))
}
