//! `cargo xtask mutations`: breaks the exchange on purpose, one way after another, and demands that the simulator finds
//! each of them.
//!
//! The tracked files are copied to a folder of their own below `target/`, so nothing here is ever changed in place, and
//! what was built for one mutation serves the next. A mutation names the exact text that it replaces: where the code has
//! moved on, it fails before anything is built.

use crate::step;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// In how many runs a mutation must be found.
const RUNS_MAX: &str = "10000";
/// How many runs must be clean without any mutation: a simulator that always fails finds nothing.
const CLEAN_RUNS: &str = "500";

/// Crates that a simulation does not run through: left as they come, since each mutation builds them anew.
const UNSIMULATED: [&str; 5] = ["api", "sdk", "agent", "exchange", "cli"];

/// One way to break the exchange.
struct Mutation {
    /// What is broken, in words.
    name: &'static str,
    /// Where, seen from the workspace's folder.
    file: &'static str,
    /// The exact text, which must be there once.
    old: &'static str,
    /// What it becomes.
    new: &'static str,
}

/// The mutations; docs/reliability.md tells what each was found by.
const MUTATIONS: [Mutation; 14] = [
    Mutation {
        name: "engine: tokens are spent beyond the credit line",
        file: "engine/src/ledger.rs",
        old: "if needed <= free { Ok(()) } else { Err(Short { needed, free }) }",
        new: "if needed <= free || !free.is_zero() { Ok(()) } else { Err(Short { needed, free }) }",
    },
    Mutation {
        name: "engine: a cancelled order keeps its lock",
        file: "engine/src/orders/cancel.rs",
        old: "if let Some(locked) = order.lock {",
        new: "if let Some(locked) = order.lock.filter(|_| status == OrderStatus::Filled) {",
    },
    Mutation {
        name: "engine: a block that comes twice is sequenced twice",
        file: "engine/src/standing.rs",
        old: "if first == id => Standing::Duplicate { record },",
        new: "if first == id && record > 0 => Standing::Next,",
    },
    Mutation {
        name: "engine: a trade may be one tick above the price band",
        file: "engine/src/market.rs",
        old: "high: price(last + far) }",
        new: "high: price(last + far + 1) }",
    },
    Mutation {
        name: "engine: stop orders wake one tick early",
        file: "engine/src/orders/wake.rs",
        old: "market.triggers.reach(high);",
        new: "market.triggers.reach(high.checked_add(bandex_types::Price::new(1)).unwrap_or(high));",
    },
    Mutation {
        name: "matching: of two auction prices equally good the higher is taken",
        file: "matching/src/auction.rs",
        old: "(Reverse(one.volume), one.surplus, distance(one.price), one.price)",
        new: "(Reverse(one.volume), one.surplus, distance(one.price), Reverse(one.price))",
    },
    Mutation {
        name: "settlement: one unit more is delivered than the band allows",
        file: "settlement/src/band.rs",
        old: "let edge = sent.by(party.other()).checked_add(terms.cap_of(party));",
        new: "let edge = sent.by(party.other()).checked_add(terms.cap_of(party)).and_then(|edge| edge.checked_add(Amount::new(1)));",
    },
    Mutation {
        name: "engine: a bond pays nothing for a default",
        file: "engine/src/bond.rs",
        old: "let (tokens, covered) = self.cover(quote, loss, staked);",
        new: "let (tokens, covered) = self.cover(quote, loss.min(Amount::ZERO), staked);",
    },
    Mutation {
        name: "engine: a bond leaves while one deal is open",
        file: "engine/src/bond.rs",
        old: "if stake.open_deals == 0 {",
        new: "if stake.open_deals <= 1 {",
    },
    Mutation {
        name: "engine: what is written off holds nothing of the limit",
        file: "engine/src/ends.rs",
        old: "let burden = PARTIES.map(|party| worth_at(rate, entry.deal.owing(party), Rounding::Up));",
        new: "let burden = PARTIES.map(|party| worth_at(rate, entry.deal.reserved(party), Rounding::Up));",
    },
    Mutation {
        name: "reputation: a score is worth more than the fees that were paid",
        file: "reputation/src/limit.rs",
        old: "let earned = sum(bond, reputation.min(fees)).min(terms.largest);",
        new: "let earned = sum(bond, if fees.is_zero() { fees } else { reputation }).min(terms.largest);",
    },
    Mutation {
        name: "settlement: the deal in the place of two may be owed more than the two",
        file: "settlement/src/netting.rs",
        old: "buyer_cap: quote_total.min(against_seller),",
        new: "buyer_cap: quote_total,",
    },
    Mutation {
        name: "journal: an append of unknown fate is answered as committed",
        file: "journal/src/memory.rs",
        old: "Some(Fault::UnknownLost) => {\n                self.unsure = true;\n                return Err(AppendError::Unknown(\"injected\".to_owned()));",
        new: "Some(Fault::UnknownLost) => {\n                return Ok(committed);",
    },
    Mutation {
        name: "journal: a writer that was taken over is not fenced off",
        file: "journal/src/memory.rs",
        old: "if medium.epoch != self.epoch {",
        new: "if medium.epoch != self.epoch && self.unsure {",
    },
];

/// Breaks, builds and simulates, mutation by mutation.
///
/// # Errors
/// A mutation does not fit the code any more, something does not build, or a mutation is not found.
pub fn run() -> Result<()> {
    let root = step::root()?;
    for mutation in &MUTATIONS {
        mutation.apply(root)?;
    }
    let folder = root.join("target/mutations");
    let tree = folder.join("tree");
    step::step("copy the tracked files", || copy(root, &tree))?;
    let simulator = Simulator { tree: tree.clone(), target: folder.join("build") };
    let clean = step::step("without any mutation", || simulator.run(CLEAN_RUNS))?;
    ensure!(clean.is_none(), "the simulator finds something though nothing was broken");
    let mut missed = Vec::new();
    for mutation in &MUTATIONS {
        let path = tree.join(mutation.file);
        let sound = fs::read(&path)?;
        fs::write(&path, mutation.apply(&tree)?)?;
        let found = step::step(mutation.name, || simulator.run(RUNS_MAX));
        // Whatever came of it, the next mutation begins with sound code.
        fs::write(&path, sound)?;
        match found? {
            Some(found) => println!("{}: found after {} runs: {}", mutation.name, found.run, found.invariant),
            None => missed.push(mutation.name),
        }
    }
    ensure!(missed.is_empty(), "not found in {RUNS_MAX} runs: {}", missed.join("; "));
    Ok(())
}

impl Mutation {
    /// The mutated text of the file.
    fn apply(&self, tree: &Path) -> Result<String> {
        let path = tree.join(self.file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let count = text.matches(self.old).count();
        if count != 1 {
            bail!("`{}`: its text is in {} {count} times; bring the table in step", self.name, self.file);
        }
        Ok(text.replacen(self.old, self.new, 1))
    }
}

/// A copied tree, built somewhere else than the real one.
struct Simulator {
    tree: PathBuf,
    target: PathBuf,
}

/// What broke.
struct Found {
    run: u64,
    invariant: String,
}

impl Simulator {
    /// Builds the copy as it is, and simulates.
    fn run(&self, runs: &str) -> Result<Option<Found>> {
        let mut build = step::cargo(&["build", "--release", "--quiet", "--package", "bandex-cli"])?;
        build.arg("--target-dir").arg(&self.target).current_dir(&self.tree);
        for name in UNSIMULATED {
            for setting in ["opt-level=0", "debug=false"] {
                build.arg("--config").arg(format!("profile.release.package.bandex-{name}.{setting}"));
            }
        }
        ensure!(build.status()?.success(), "it does not build");
        let started = Instant::now();
        let program = self.target.join("release/bandex");
        let output = Command::new(&program).args(["simulate", "--runs", runs, "--json"]).output()?;
        let said: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{} ended with {}", program.display(), output.status))?;
        eprintln!("    {} runs in {} s", said["runs"], started.elapsed().as_secs());
        let failure = &said["failure"];
        if failure.is_null() {
            ensure!(output.status.success(), "the simulator ended with {}", output.status);
            return Ok(None);
        }
        let run = failure["run"].as_u64().context("no run is named")?;
        Ok(Some(Found { run, invariant: failure["failure"]["invariant"].to_string() }))
    }
}

/// Copies what git tracks, touching no file that is the same already: cargo goes by their times.
fn copy(root: &Path, tree: &Path) -> Result<()> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output()?;
    ensure!(listed.status.success(), "git does not list the tracked files");
    for name in String::from_utf8(listed.stdout)?.split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (root.join(name), tree.join(name));
        // A file that was deleted and not committed yet is listed all the same.
        if !from.is_file() {
            continue;
        }
        let bytes = fs::read(&from)?;
        if fs::read(&to).is_ok_and(|there| there == bytes) {
            continue;
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&to, bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutation_fits_the_code() {
        let root = step::root().unwrap();
        for mutation in &MUTATIONS {
            let sound = fs::read_to_string(root.join(mutation.file)).unwrap();
            assert_ne!(mutation.apply(root).unwrap(), sound, "{}", mutation.name);
        }
    }

    #[test]
    fn a_mutation_that_does_not_fit_is_refused() {
        let stale = Mutation { name: "stale", file: "xtask/src/main.rs", old: "no such text", new: "" };
        let error = stale.apply(step::root().unwrap()).unwrap_err().to_string();
        assert!(error.contains("0 times"), "{error}");
    }
}
