//! `cargo xtask schemathesis`: asks a running exchange thousands of questions made from openapi.json, and holds every
//! answer to that document.

use crate::seeded::Seeded;
use crate::{binary, python, step};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Requirements, settings and hooks.
const FOLDER: &str = "tests/schemathesis";
/// How many cases the long form tries at least.
const LONG_CASES: u64 = 10_000;
/// How many the short one does; fewer would mean that something was left out.
const SHORT_CASES: u64 = 500;

/// The seed if none is given.
const SEED: u64 = 7;

/// How much to ask.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Ten thousand cases instead of some hundred.
    #[arg(long)]
    long: bool,
    /// From what the cases follow.
    #[arg(long, default_value_t = SEED)]
    seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { long: false, seed: SEED }
    }
}

/// Starts an exchange with something in it and lets schemathesis ask it, all checks on.
///
/// # Errors
/// Python or the binary is missing, an answer fails a check, or fewer cases were tried than the form promises.
pub fn run(options: &Options) -> Result<()> {
    step::step("schemathesis", || {
        let root = step::root()?;
        let programs = python::environment("schemathesis", &root.join(FOLDER).join("requirements.txt"))?;
        let scratch = root.join("target/schemathesis");
        let seeded = Seeded::start(binary::build()?, scratch.join("exchange"))?;
        let report = scratch.join("report.json");
        // An old report would be counted for this run if schemathesis wrote none.
        let _old = fs::remove_file(&report);
        let asked = ask(options, &programs, &seeded, &report);
        let cases = count(&report);
        asked?;
        let (cases, least) = (cases?, if options.long { LONG_CASES } else { SHORT_CASES });
        ensure!(cases >= least, "schemathesis tried {cases} cases, fewer than {least}");
        println!("schemathesis: {cases} cases, seed {}, no failure", options.seed);
        Ok(())
    })
}

/// Runs schemathesis against the exchange; writes what it counted to `report`.
fn ask(options: &Options, programs: &Path, seeded: &Seeded, report: &Path) -> Result<()> {
    let root = step::root()?;
    let folder = root.join(FOLDER);
    let examples = if options.long { "300" } else { "10" };
    let mut command = Command::new(programs.join("schemathesis"));
    command
        .arg("--config-file")
        .arg(folder.join("schemathesis.toml"))
        .arg("run")
        .arg(root.join("openapi/openapi.json"))
        .args(["--url", seeded.variable("BANDEX_URL")?])
        .args(["--checks", "all", "--continue-on-failure"])
        .args(["--max-examples", examples, "--seed", &options.seed.to_string()])
        .args(["--report", "json"])
        .arg("--report-json-path")
        .arg(report)
        .args(["--header", &format!("Authorization: Bearer {}", seeded.variable("TOKEN")?)])
        .envs(seeded.variables().iter().map(|(name, value)| (name, value)))
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", &folder)
        .current_dir(seeded.folder());
    step::run(&mut command)
}

/// How many cases a report tells of.
fn count(report: &Path) -> Result<u64> {
    let text = fs::read_to_string(report).with_context(|| format!("cannot read {}", report.display()))?;
    let report: serde_json::Value = serde_json::from_str(&text).context("the report is no JSON")?;
    let cases = report.pointer("/test_cases/generated").and_then(serde_json::Value::as_u64);
    cases.context("the report does not say how many cases there were")
}
