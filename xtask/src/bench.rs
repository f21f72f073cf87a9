//! `cargo xtask bench NAME`: runs a program that measures, in release mode.
//!
//! What measures the book alone is in crates of its own, which build in seconds; that with other people's books is even
//! a workspace of its own, so that their dependencies are nobody else's.

use crate::{step, suite};
use anyhow::Result;

/// The benchmarks there are.
pub const KNOWN: [&str; 10] = [
    "e2e",
    "restart",
    "storage",
    "epoch",
    "sockets",
    "matching",
    "instructions",
    "generate",
    "engine",
    "trust",
];

/// The argument of `matching` that brings other people's books in.
const PEERS: &str = "--peers";

/// Builds and runs the benchmark `name` with `args`.
///
/// # Errors
/// It does not build, or ends with another code than 0.
pub fn run(name: &str, args: &[String]) -> Result<()> {
    let words = words(name, args);
    if words.contains(&"bandex-bench") {
        suite::prepare()?;
    }
    step::run(&mut step::cargo(&words)?)
}

/// Builds and runs the comparison of the two books with `args`.
///
/// # Errors
/// It does not build, or the books differ.
pub fn oracle(args: &[String]) -> Result<()> {
    let words = ["run", "--release", "--package", "bandex-oracle", "--"];
    step::run(step::cargo(&words)?.args(args))
}

/// What cargo is told: which program in which crate, and its arguments.
fn words<'a>(name: &'a str, args: &'a [String]) -> Vec<&'a str> {
    let mut rest: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut words = vec!["run", "--release"];
    match name {
        "matching" if rest.contains(&PEERS) => {
            rest.retain(|word| *word != PEERS);
            words.extend(["--manifest-path", "bench/peers/Cargo.toml", "--target-dir", "target/peers", "--"]);
        }
        "matching" | "generate" => words.extend(["--package", "bandex-bench-matching", "--bin", name, "--"]),
        "instructions" => {
            let package = ["--package", "bandex-bench-matching", "--bin", "matching", "--", "--instructions"];
            words.extend(package);
        }
        "engine" => words.extend(["--package", "bandex-bench-engine", "--"]),
        "trust" => words.extend(["--package", "bandex-bench-trust", "--"]),
        _ => words.extend(["--package", "bandex-bench", "--bin", name, "--"]),
    }
    words.extend(rest);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_its_program() {
        let check = |name: &str, args: &[&str], told: &str| {
            let args: Vec<String> = args.iter().map(ToString::to_string).collect();
            assert_eq!(words(name, &args).join(" "), format!("run --release {told}"));
        };
        check("e2e", &["--json"], "--package bandex-bench --bin e2e -- --json");
        let ours = "--package bandex-bench-matching --bin";
        check("matching", &["--file", "a"], &format!("{ours} matching -- --file a"));
        check("generate", &["n1k", "a"], &format!("{ours} generate -- n1k a"));
        check("instructions", &["--json"], &format!("{ours} matching -- --instructions --json"));
        check("trust", &["--json"], "--package bandex-bench-trust -- --json");
        let peers = "--manifest-path bench/peers/Cargo.toml --target-dir target/peers --";
        check("matching", &["--runs", "3", "--peers", "--json"], &format!("{peers} --runs 3 --json"));
    }
}
