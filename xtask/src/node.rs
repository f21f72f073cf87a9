//! The Bitcoin node of the tests: what it needs to be built, and the building. It is a workspace of its own, since it
//! builds C++ for several minutes, once.

use crate::step;
use crate::suite;
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where its workspace lies.
const FOLDER: &str = "tests/regtest-node";
/// Bitcoin Core's consensus code is C++, built with cmake over Boost's headers.
const PACKAGES: [&str; 3] = ["cmake", "g++", "libboost-dev"];
/// Tells the tests which program is the node.
pub const VARIABLE: &str = "BANDEX_REGTEST_NODE";

/// Builds the node; gives the path of the program.
///
/// # Errors
/// What it needs is missing and could not be installed, or it does not build.
pub fn build() -> Result<PathBuf> {
    prepare()?;
    step::run(&mut cargo(&["build"])?)?;
    Ok(step::root()?.join(FOLDER).join("target/debug/bandex-regtest-node"))
}

/// Formatting and lints of the node itself.
///
/// # Errors
/// The first that fails.
pub fn check() -> Result<()> {
    prepare()?;
    step::run(step::cargo(&["fmt", "--all", "--check", "--manifest-path"])?.arg(manifest()))?;
    step::run(cargo(&["clippy", "--all-targets"])?.args(["--", "-D", "warnings"]))
}

/// The node's own tests.
///
/// # Errors
/// One fails.
pub fn test() -> Result<()> {
    step::run(&mut cargo(&["test"])?)
}

fn manifest() -> String {
    format!("{FOLDER}/Cargo.toml")
}

fn cargo(args: &[&str]) -> Result<Command> {
    let mut command = step::cargo(args)?;
    command.args(["--locked", "--manifest-path", &manifest()]);
    Ok(command)
}

fn prepare() -> Result<()> {
    if is_there("cmake") && is_there("g++") && finds_boost() {
        return Ok(());
    }
    if !suite::may_install() {
        bail!("the tests' Bitcoin node needs cmake, a C++ compiler and Boost; {}", suite::advice(&PACKAGES));
    }
    eprintln!("==> installing {} for the tests' Bitcoin node", PACKAGES.join(", "));
    step::run(Command::new("apt-get").arg("update"))?;
    suite::install(&PACKAGES)
}

fn is_there(program: &str) -> bool {
    let asked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

fn finds_boost() -> bool {
    let mut compiler = Command::new("g++");
    compiler.args(["-x", "c++", "-fsyntax-only", "-"]);
    suite::accepts(&mut compiler, "#include <boost/multi_index_container.hpp>\n").unwrap_or(false)
}
