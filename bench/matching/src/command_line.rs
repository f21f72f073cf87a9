//! The program: workloads from files or made anew, each engine over each of them, and a verdict.

use crate::book::Books;
use crate::generate::{Kind, generate};
use crate::instructions;
use crate::known;
use crate::measure::{self, Latency, Run};
use crate::memory::{self, Lie};
use crate::plain::Plain;
use crate::report::{Report, Row};
use crate::workload::Workload;
use crate::{Engine, Tally};
use anyhow::{Context, Result, bail};
use clap::Parser;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

/// Measures the exchange's book on files of commands, beside a plain book that is the yardstick and the oracle.
///
/// Without --file or --kind, workloads of every kind are made. Ends with another code than 0 if a result differs from
/// the plain book's or from a known one.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// A file to measure on; may be given several times.
    #[arg(long)]
    file: Vec<PathBuf>,
    /// A kind of workload to make and measure on; may be given several times.
    #[arg(long, value_enum)]
    kind: Vec<Kind>,
    /// Commands of a workload that is made, behind those that fill the book.
    #[arg(long, default_value_t = 5_000_000)]
    commands: usize,
    /// The seed of a workload that is made.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Runs of which the median counts; the exchange's book and the plain book take turns.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Only compare results: one run, no latencies.
    #[arg(long)]
    hashes_only: bool,
    /// Do not ask for memory ahead of the commands that need it.
    #[arg(long)]
    no_hints: bool,
    /// Seconds that a book of somebody else may take for a workload.
    #[arg(long, default_value_t = 20)]
    peer_seconds: u64,
    /// Only say how much memory so many resting orders take.
    #[arg(long, value_name = "ORDERS")]
    memory: Option<u64>,
    /// How these orders lie; both ways are measured without it.
    #[arg(long, value_enum, requires = "memory", hide = true)]
    lie: Option<Lie>,
    /// Only carry out a file's commands once, for a profiler, and print how many there were.
    #[arg(long, value_name = "FILE")]
    count: Option<PathBuf>,
    /// Count the instructions a command takes, by valgrind; without --file or --kind on n10k.
    #[arg(long)]
    instructions: bool,
    /// Keep what valgrind found in this file, for `callgrind_annotate`.
    #[arg(long, requires = "instructions")]
    profile: Option<PathBuf>,
}

/// A book of somebody else.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// The crate and its version.
    pub name: &'static str,
    /// What it cannot do, if anything.
    pub note: &'static str,
    /// Carries out a workload within a time limit.
    pub run: fn(&Workload, Duration) -> Run,
}

impl Peer {
    /// A peer that `E` drives.
    pub fn new<E: Engine>(name: &'static str, note: &'static str) -> Self {
        Self { name, note, run: measure::run_within::<E> }
    }
}

/// Does what the arguments say, with these books of others beside the exchange's.
///
/// # Errors
/// A file cannot be read, or a tool is missing.
pub fn run(arguments: &Arguments, peers: &[Peer]) -> Result<ExitCode> {
    if let Some(path) = &arguments.count {
        let workload = read(path)?;
        let (commands, _) = if arguments.no_hints {
            measure::carry_out::<Books<false>>(&workload)
        } else {
            measure::carry_out::<Books<true>>(&workload)
        };
        println!("{commands}");
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(orders) = arguments.memory {
        return measure_memory(arguments, orders);
    }
    if arguments.instructions {
        return count_instructions(arguments);
    }
    let mut reports = Vec::new();
    for source in sources(arguments, &Kind::ALL) {
        let (name, workload) = source.load(arguments)?;
        let report = measure_one(arguments, name, &workload, peers)?;
        if !arguments.json {
            println!("{}\n", report.text());
        }
        reports.push(report);
    }
    let timer_ns = measure::timer_cost_ns();
    if arguments.json {
        let workloads: Vec<Value> = reports.iter().map(Report::json).collect();
        println!("{}", json!({ "timer_ns": timer_ns, "runs": arguments.runs, "workloads": workloads }));
    } else if !arguments.hashes_only {
        println!("A look at the clock takes {timer_ns} ns and is part of p50, p99 and p99.9.");
    }
    let failed = reports.iter().filter(|report| !report.holds()).count();
    if failed > 0 {
        eprintln!("{failed} of {} workloads gave another result", reports.len());
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Where a workload comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    File(PathBuf),
    Kind(Kind),
}

fn sources(arguments: &Arguments, otherwise: &[Kind]) -> Vec<Source> {
    let files = arguments.file.iter().cloned().map(Source::File);
    let kinds = arguments.kind.iter().copied().map(Source::Kind);
    let asked: Vec<Source> = files.chain(kinds).collect();
    if asked.is_empty() { otherwise.iter().copied().map(Source::Kind).collect() } else { asked }
}

impl Source {
    fn load(&self, arguments: &Arguments) -> Result<(String, Workload)> {
        match self {
            Self::File(path) => Ok((path.display().to_string(), read(path)?)),
            Self::Kind(kind) => {
                eprintln!(
                    "making {}: {} commands from seed {}",
                    kind.name(),
                    arguments.commands,
                    arguments.seed
                );
                Ok((kind.name().to_owned(), generate(*kind, arguments.commands, arguments.seed).0))
            }
        }
    }
}

fn read(path: &Path) -> Result<Workload> {
    Workload::read_file(path).with_context(|| path.display().to_string())
}

fn measure_one(arguments: &Arguments, name: String, workload: &Workload, peers: &[Peer]) -> Result<Report> {
    eprintln!("measuring {name}");
    let (ours, plain) = if arguments.no_hints {
        take_turns::<Books<false>>(arguments, workload)?
    } else {
        take_turns::<Books<true>>(arguments, workload)?
    };
    let mut rows = vec![ours, plain.clone()];
    for peer in peers {
        eprintln!("measuring {name}: {}", peer.name);
        rows.push(measure_peer(arguments, workload, peer, plain.tally));
    }
    let (commands, warm) = (workload.commands.len() - workload.warm, workload.warm);
    Ok(Report { name, commands, warm, symbols: workload.symbols, known: known::of(workload), rows })
}

/// Runs the exchange's book and the plain one in turn, so that a slow moment of the machine meets both.
fn take_turns<E: Engine>(arguments: &Arguments, workload: &Workload) -> Result<(Row, Row)> {
    let runs = if arguments.hashes_only { 1 } else { arguments.runs };
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        plain.push(measure::run::<Plain>(workload));
        ours.push(measure::run::<E>(workload));
    }
    let expected = plain[0].tally;
    let latency = |take: fn(&Workload) -> Latency| (!arguments.hashes_only).then(|| take(workload));
    Ok((
        row("bandex", &ours, latency(measure::latency::<E>), expected)?,
        row("plain", &plain, latency(measure::latency::<Plain>), expected)?,
    ))
}

fn row(engine: &'static str, runs: &[Run], latency: Option<Latency>, expected: Tally) -> Result<Row> {
    let Run { commands, tally, .. } = runs[0];
    if runs.iter().any(|run| run.tally != tally) {
        bail!("{engine} gave different results for the same commands");
    }
    let time = measure::median(&mut runs.iter().map(|run| run.time).collect::<Vec<_>>());
    let wall = measure::median(&mut runs.iter().map(|run| run.wall).collect::<Vec<_>>());
    Ok(Row { engine, commands, is_whole: true, time, wall, latency, tally, expected, note: "" })
}

fn measure_peer(arguments: &Arguments, workload: &Workload, peer: &Peer, expected: Tally) -> Row {
    let Run { commands, time, wall, tally } =
        (peer.run)(workload, Duration::from_secs(arguments.peer_seconds));
    let is_whole = workload.warm + commands == workload.commands.len();
    let expected = if is_whole { expected } else { of_beginning(workload, commands) };
    let Peer { name: engine, note, .. } = *peer;
    Row { engine, commands, is_whole, time, wall, latency: None, tally, expected, note }
}

/// What the plain book makes of a workload that ends after so many timed commands.
fn of_beginning(workload: &Workload, timed: usize) -> Tally {
    let mut plain = Plain::new(workload);
    (0..workload.warm + timed).for_each(|at| plain.step(&workload.commands, at));
    plain.tally()
}

/// Each way in a process of its own, so that one's memory is not mistaken for the other's.
fn measure_memory(arguments: &Arguments, orders: u64) -> Result<ExitCode> {
    if let Some(lie) = arguments.lie {
        println!("{}", memory::of_book(lie, orders)?);
        return Ok(ExitCode::SUCCESS);
    }
    let mut ways = Vec::new();
    for (lie, name) in [(Lie::Dense, "dense"), (Lie::Apart, "apart")] {
        let mut command = Command::new(std::env::current_exe().context("this program has no path")?);
        let output = command.args(["--memory", &orders.to_string(), "--lie", name]).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let bytes: u64 = text.trim().parse().with_context(|| {
            format!("measuring {lie:?} failed: {}", String::from_utf8_lossy(&output.stderr))
        })?;
        ways.push((name, bytes, bytes / orders.max(1)));
    }
    if arguments.json {
        let of = |(name, bytes, each): &(&str, u64, u64)| json!({ "lie": name, "bytes": bytes, "bytes_an_order": each });
        println!("{}", json!({ "orders": orders, "ways": ways.iter().map(of).collect::<Vec<_>>() }));
    } else {
        for (name, bytes, each) in ways {
            println!("{orders} resting orders, {name}: {bytes} bytes, {each} an order");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn count_instructions(arguments: &Arguments) -> Result<ExitCode> {
    let mut all = Vec::new();
    for source in sources(arguments, &[Kind::N10k]) {
        let (name, counted) = match &source {
            Source::File(path) => (
                path.display().to_string(),
                instructions::count(path, !arguments.no_hints, arguments.profile.as_deref())?,
            ),
            Source::Kind(_) => {
                let (name, workload) = source.load(arguments)?;
                let file = instructions::Temporary::write(&workload)?;
                (name, instructions::count(file.path(), !arguments.no_hints, arguments.profile.as_deref())?)
            }
        };
        if !arguments.json {
            println!("{name}: {} instructions a command", counted.a_command());
        }
        all.push(json!({
            "workload": name, "commands": counted.commands, "instructions": counted.instructions,
            "instructions_a_command": counted.a_command(),
        }));
    }
    if arguments.json {
        println!("{}", json!(all));
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_is_measured_is_what_was_asked_or_everything() {
        let check = |line: &str, expected: &[Source]| {
            let arguments = Arguments::try_parse_from(line.split(' ')).expect(line);
            assert_eq!(sources(&arguments, &Kind::ALL), expected, "{line}");
        };
        let file = |name: &str| Source::File(PathBuf::from(name));
        check("matching --file a --kind far --file b", &[file("a"), file("b"), Source::Kind(Kind::Far)]);
        check("matching --json", &Kind::ALL.map(Source::Kind));
        assert!(Arguments::try_parse_from(["matching", "--runs", "0"]).is_err());
        assert!(Arguments::try_parse_from(["matching", "--kind", "none"]).is_err());
    }

    #[test]
    fn a_peer_is_compared_with_what_it_had_time_for() {
        let arguments = Arguments::try_parse_from(["matching", "--peer-seconds", "0"]).expect("it is fine");
        let (workload, tally) = generate(Kind::N1k, 10_000, 1);
        let peer = Peer::new::<Books<false>>("ours", "");
        let row = measure_peer(&arguments, &workload, &peer, tally);
        assert!(!row.is_whole && row.commands < 10_000, "{row:?}");
        assert_eq!(row.tally, row.expected);
        assert_ne!(row.tally, tally);
    }
}
