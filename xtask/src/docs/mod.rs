//! `cargo xtask docs`: runs every example of docs/api.md against an exchange, as a reader would paste it, and demands
//! an example of each kind for every endpoint, channel and method.

mod answer;
mod coverage;
mod page;
mod run;

use crate::seeded::Seeded;
use crate::{binary, python, step};
use anyhow::{Context, Result, bail};
use page::Entry;
use run::Runner;
use serde_json::json;
use std::fs;
use std::path::PathBuf;

/// The page with the examples.
const PAGE: &str = "docs/api.md";
/// What the examples in Python need, and the programs that run them.
const FOLDER: &str = "tests/docs";

/// What to run.
#[derive(Debug, Default, clap::Args)]
pub struct Options {
    /// Only entries whose title has this text in it, and no look at what is missing.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Write what each example printed to this file, as JSON, for whoever brings the page up to date.
    #[arg(long, value_name = "FILE")]
    printed: Option<PathBuf>,
}

/// Runs the examples, and looks for those that are missing.
///
/// # Errors
/// Something has no example, or one fails or answers something else than the page promises.
pub fn run(options: &Options) -> Result<()> {
    step::step("docs", || {
        let root = step::root()?;
        let text = fs::read_to_string(root.join(PAGE)).with_context(|| format!("cannot read {PAGE}"))?;
        let page = page::read(&text).with_context(|| format!("{PAGE} cannot be understood"))?;
        let mut failures = match &options.only {
            None => coverage::missing(&page.entries)?,
            Some(_) => Vec::new(),
        };
        let programs = python::environment("docs", &root.join(FOLDER).join("requirements.txt"))?;
        python::install(&programs)?;
        let seeded = Seeded::start(binary::build()?, root.join("target/docs/exchange"))?;
        let runner = Runner::new(&seeded, programs.join("python"), &root.join(FOLDER), &page.prelude)?;
        let chosen = |entry: &&Entry| options.only.as_ref().is_none_or(|text| entry.title.contains(text));
        let mut examples = 0_usize;
        let mut printed = Vec::new();
        for entry in page.entries.iter().filter(chosen) {
            for example in &entry.examples {
                examples = examples.saturating_add(1);
                match runner.run(entry, example) {
                    Ok(said) => printed.push(json!([entry.title, example.kind.to_string(), said])),
                    Err(error) => {
                        let (line, kind) = (example.line, example.kind);
                        failures.push(format!("{PAGE}:{line}: {} ({kind}): {error:#}", entry.title));
                    }
                }
            }
        }
        if let Some(file) = &options.printed {
            fs::write(file, serde_json::Value::Array(printed).to_string())
                .context("cannot write the file")?;
        }
        if !failures.is_empty() {
            bail!("{} of {examples} examples and rules fail:\n{}", failures.len(), failures.join("\n"));
        }
        println!("docs: {examples} examples of {} entries run and keep their word", page.entries.len());
        Ok(())
    })
}
