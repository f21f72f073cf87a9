//! `cargo xtask test`: makes ready what the tests need, then runs all of them.

use crate::{ccxt, docs, makers, node, postgres, python, schemathesis, step, typescript};
use anyhow::{Context, Result, bail};
use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

/// The packages of Debian that compile and link C.
const C_PACKAGES: [&str; 2] = ["gcc", "libc6-dev"];

/// Runs all tests of the workspace, doc tests included, beside a throw-away PostgreSQL server and with a Bitcoin node
/// that the tests start as they need it; and those of the Python package. The last lines on
/// stdout are cargo's own.
///
/// # Errors
/// A tool is missing and could not be installed, the server does not start, or a test fails.
pub fn run() -> Result<()> {
    prepare()?;
    let node = node::build()?;
    node::test()?;
    typescript::run()?;
    docs::run(&docs::Options::default())?;
    schemathesis::run(&schemathesis::Options::default())?;
    postgres::beside(|variable, url| {
        step::run(step::cargo(&["test", "--workspace"])?.env(variable, url).env(node::VARIABLE, &node))?;
        python::run()?;
        ccxt::run(&ccxt::Options::default())?;
        makers::short()?;
        // The same black-box tests once more, on the other store.
        eprintln!("==> the exchange on PostgreSQL");
        // Named through the workspace: with one package alone cargo would choose other features and build anew.
        let exchange = &["test", "--workspace", "--test", "exchange"];
        let mut again = step::cargo(exchange)?;
        again.env(variable, url).env(node::VARIABLE, &node).env("BANDEX_TEST_STORE", "postgres");
        step::run(&mut again)
    })
}

/// Makes sure that what the workspace needs beside Rust is there.
///
/// # Errors
/// There is no C compiler (the bundled SQLite is C), and none could be installed.
pub fn prepare() -> Result<()> {
    if compiles_c() {
        return Ok(());
    }
    if !may_install() {
        bail!("a C compiler is missing (the bundled SQLite needs `cc`); {}", advice(&C_PACKAGES));
    }
    eprintln!("==> no C compiler was found; installing {}", C_PACKAGES.join(" and "));
    step::run(Command::new("apt-get").arg("update"))?;
    install(&C_PACKAGES)?;
    if !compiles_c() {
        bail!(
            "{} are installed, yet `cc` still compiles nothing; is $CC set wrongly?",
            C_PACKAGES.join(" and ")
        );
    }
    Ok(())
}

/// Installs packages of Debian, and nothing that they only recommend.
///
/// # Errors
/// apt-get's own.
pub fn install(packages: &[&str]) -> Result<()> {
    step::run(
        Command::new("apt-get")
            .args(["install", "-y", "--no-install-recommends"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

/// Whether packages can be installed: as root, on Debian or one of its kind.
pub fn may_install() -> bool {
    is_root() && has_apt()
}

/// How a person without our rights puts it right.
pub fn advice(packages: &[&str]) -> String {
    let packages = packages.join(" ");
    format!("on Debian: `sudo apt-get update && sudo apt-get install -y {packages}`, then run this again")
}

/// Whether the compiler that build scripts would use finds the C library's headers.
fn compiles_c() -> bool {
    let compiler = env::var("CC").unwrap_or_default();
    let mut words = compiler.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("cc"));
    command.args(words).args(["-x", "c", "-fsyntax-only", "-"]);
    accepts(&mut command, "#include <stdlib.h>\n").unwrap_or(false)
}

/// Whether `command` ends well when it is given `input`; what it says is dropped.
pub fn accepts(command: &mut Command, input: &str) -> Result<bool> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    // A program that ends without reading closes the pipe; its exit code says more than the failed write does.
    let written = child.stdin.take().context("stdin is piped")?.write_all(input.as_bytes());
    let status = child.wait()?;
    Ok(written.is_ok() && status.success())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn has_apt() -> bool {
    Command::new("apt-get")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_judged_by_what_it_makes_of_its_input() {
        let check = |script: &str, taken: bool| {
            let answer = accepts(Command::new("sh").args(["-c", script]), "hello\n").expect("sh starts");
            assert_eq!(answer, taken, "{script}");
        };
        check("grep -q hello", true);
        check("grep -q goodbye", false);
        assert!(accepts(&mut Command::new("/no/such/cc"), "").is_err());
    }

    #[test]
    fn the_advice_names_every_package() {
        for package in C_PACKAGES {
            assert!(advice(&C_PACKAGES).contains(package), "{}", advice(&C_PACKAGES));
        }
    }
}
