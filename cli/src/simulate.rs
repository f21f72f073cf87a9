//! `bandex simulate`: the whole exchange under faults, in one thread, one run after another from seeds that count up.
//!
//! The first seed that breaks an invariant ends it: its story is made as short as it gets and told in words and as
//! JSON, which `--story` runs again.

use crate::output::{self, Progress};
use anyhow::{Context, Result};
use bandex_simulator::{Failure, Shrunk, Stats, Story, run as run_story, shrink};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How `bandex simulate` is called.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many runs, with seeds that count up from the first.
    #[arg(long, default_value_t = 1_000, conflicts_with = "story")]
    runs: u64,
    /// Run this story (JSON, as a failing run prints it) instead of seeds.
    #[arg(long, value_name = "FILE")]
    story: Option<PathBuf>,
    /// Print the figures, and a failing story, as one JSON object.
    #[arg(long)]
    json: bool,
}

/// A run that broke an invariant.
struct Broken {
    run: u64,
    story: Story,
    failure: Failure,
}

/// Runs `bandex simulate`: exit code 0 if every invariant held in every run, 1 if one did not.
///
/// # Errors
/// The file of the story cannot be read.
pub fn run(options: &Options) -> Result<ExitCode> {
    // An assertion that fails in a run is a finding of that run, told at the end like any other.
    std::panic::set_hook(Box::new(|_| {}));
    let started = Instant::now();
    let mut stats = Stats::default();
    let (runs, broken) = match &options.story {
        Some(path) => {
            let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
            let story: Story = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
            let ran = run_story(&story);
            (1, ran.map(|one| stats.add(&one)).err().map(|failure| Broken { run: 1, story, failure }))
        }
        None => seeds(options, &mut stats),
    };
    // Shrinking takes runs too, which the rate must not count.
    let elapsed = started.elapsed();
    let found = broken.map(|broken| {
        eprintln!("bandex: run {} (seed {}) fails; making its story short", broken.run, broken.story.seed);
        let shrunk = shrink(&broken.story, &broken.failure);
        (broken, shrunk)
    });
    if options.json {
        output::json(&as_json(runs, elapsed, &stats, found.as_ref()))?;
    } else {
        let mut rows = vec![("runs", output::grouped(runs))];
        rows.extend(stats.figures().into_iter().map(|(name, count)| (name, output::grouped(count))));
        rows.push(("runs a second", output::grouped(output::rate(runs, elapsed))));
        output::table(rows);
        found.as_ref().map_or(Ok(()), |(broken, shrunk)| tell(broken, shrunk))?;
    }
    Ok(if found.is_some() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn as_json(runs: u64, elapsed: Duration, stats: &Stats, found: Option<&(Broken, Shrunk)>) -> Value {
    let figures: serde_json::Map<_, _> =
        stats.figures().into_iter().map(|(name, count)| (name.replace(' ', "_"), json!(count))).collect();
    let failure = found.map(|(broken, shrunk)| {
        json!({
            "seed": broken.story.seed,
            "run": broken.run,
            "failure": broken.failure,
            "shrunk": { "failure": shrunk.failure, "runs": shrunk.runs, "story": shrunk.story },
        })
    });
    json!({
        "runs": runs,
        "seconds": output::seconds(elapsed),
        "runs_per_second": output::rate(runs, elapsed),
        "figures": figures,
        "failure": failure,
    })
}

/// Tells a failure to a person: as it was found, and as short as it gets.
fn tell(broken: &Broken, shrunk: &Shrunk) -> Result<()> {
    let (story, all) = (&shrunk.story, broken.story.actions.len());
    say!("\nseed {} broke an invariant, {}", broken.story.seed, broken.failure);
    say!(
        "\nThe shortest story found ({} of {all} actions, by {} runs) broke it {}:\n\n{story}",
        story.actions.len(),
        shrunk.runs,
        shrunk.failure
    );
    say!("\nThe same for `bandex simulate --story FILE`:\n\n{}", serde_json::to_string(story)?);
    Ok(())
}

/// Runs seeds until one fails; gives how many were run.
fn seeds(options: &Options, stats: &mut Stats) -> (u64, Option<Broken>) {
    let mut progress = Progress::new("runs", Some(options.runs));
    for run in 1..=options.runs {
        let story = Story::from_seed(options.seed.wrapping_add(run - 1));
        match run_story(&story) {
            Ok(one) => stats.add(&one),
            Err(failure) => {
                progress.end();
                return (run, Some(Broken { run, story, failure }));
            }
        }
        progress.at(run);
    }
    progress.end();
    (options.runs, None)
}
