//! `cargo xtask ci`: everything a change must pass, cheapest first, the tests exactly as README.md says.

use crate::step::{self, cargo, step};
use crate::{layers, node, openapi, suite};
use anyhow::{Context, Result, bail};
use std::fs;

/// The command README.md gives a newcomer; CI runs the same function.
const TEST_COMMAND: &str = "cargo xtask test";

/// Formatting, lints, layers, the API document, and the tests as README.md says.
///
/// All of it builds in the dev profile and in one target folder, so that the lints, the server's API document and the
/// tests share what they can.
///
/// # Errors
/// The first step that fails.
pub fn run() -> Result<()> {
    step("ci", || {
        suite::prepare()?;
        step::run(&mut cargo(&["fmt", "--all", "--check"])?).context("`cargo fmt --all` mends this")?;
        step::run(&mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ])?)?;
        node::check()?;
        layers::run()?;
        openapi::check()?;
        step("README.md tells how to test", || {
            let path = step::root()?.join("README.md");
            judge_readme(&fs::read_to_string(path).context("cannot read README.md")?)
        })?;
        suite::run()
    })
}

fn judge_readme(text: &str) -> Result<()> {
    if !text.contains(TEST_COMMAND) {
        bail!("README.md must tell how to run the tests: `{TEST_COMMAND}`, the command CI runs");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readme_must_name_the_test_command() {
        assert!(judge_readme("# Test\n\n    cargo xtask test\n").is_ok());
        let error = judge_readme("# Test\n\n    cargo test\n").expect_err("the command is not there");
        assert!(error.to_string().contains(TEST_COMMAND), "{error}");
    }
}
