//! Running one example, with what the page tells the reader to have in the environment.

use super::answer;
use super::page::{Entry, Example, Kind};
use crate::seeded::Seeded;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How many seconds one example may take.
const SECONDS: &str = "60";

/// Runs examples against one exchange.
#[derive(Debug)]
pub struct Runner<'a> {
    seeded: &'a Seeded,
    /// The interpreter of an environment with the package `bandex`.
    python: PathBuf,
    /// The programs that run Python and frames.
    programs: PathBuf,
    prelude: PathBuf,
    /// The folders in which commands are looked for: that of the binary first.
    search: String,
}

impl<'a> Runner<'a> {
    /// For an exchange; `prelude` is the page's own.
    ///
    /// # Errors
    /// The prelude cannot be written to the exchange's folder.
    pub fn new(seeded: &'a Seeded, python: PathBuf, programs: &Path, prelude: &str) -> Result<Self> {
        let file = seeded.folder().join("prelude.py");
        fs::write(&file, prelude).context("cannot write the prelude")?;
        let binary = seeded.binary().parent().context("the binary lies in a folder")?;
        let search = std::env::var("PATH").unwrap_or_default();
        let search = format!("{}:{search}", binary.display());
        Ok(Self { seeded, python, programs: programs.to_owned(), prelude: file, search })
    }

    /// Runs an example of an entry; gives what it printed.
    ///
    /// # Errors
    /// It does not end well, prints nothing, or prints another answer than the entry shows.
    pub fn run(&self, entry: &Entry, example: &Example) -> Result<String> {
        let file = self.seeded.folder().join("example");
        fs::write(&file, &example.code).context("cannot write the example")?;
        let mut command = Command::new("timeout");
        command.arg(SECONDS);
        match example.kind {
            Kind::Curl | Kind::Bandex => command.args(["bash", "-euo", "pipefail"]),
            Kind::Python => {
                command.arg(&self.python).arg(self.programs.join("example.py")).arg(&self.prelude)
            }
            Kind::Frames => command.arg(&self.python).arg(self.programs.join("frames.py")),
        };
        command.arg(&file).current_dir(self.seeded.folder()).stdin(Stdio::null()).env("PATH", &self.search);
        command.envs(self.seeded.variables().iter().map(|(name, value)| (name, value)));
        let output = command.output().context("cannot start `timeout`")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {said}{complained}", output.status);
        ensure!(!said.trim().is_empty(), "it prints nothing: {complained}");
        if let Some(shown) = entry.answer.as_ref().filter(|_| example.kind != Kind::Frames) {
            holds(shown, &said)?;
        }
        Ok(said.into_owned())
    }
}

/// Whether the first value printed is the answer shown.
fn holds(shown: &Value, said: &str) -> Result<()> {
    let mut values = serde_json::Deserializer::from_str(said).into_iter();
    let Some(Ok(value)) = values.next() else { bail!("it prints no JSON, but {said}") };
    if let Some(difference) = answer::difference(shown, &value) {
        bail!("{difference}");
    }
    Ok(())
}
