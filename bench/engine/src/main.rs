//! `cargo xtask bench engine`: the engine alone, on the same files as the book: everything between a verified block and
//! the digest of its outcome. No signature, no store, no network.

mod flow;
mod venue;

use anyhow::{Result, ensure};
use bandex_bench_matching::generate::{Kind, generate};
use bandex_bench_matching::measure::median;
use bandex_bench_matching::workload::Workload;
use bandex_engine::Event;
use bandex_tradechain::{Body, Decoded, outcome_digest};
use clap::Parser;
use flow::Flow;
use serde_json::{Value, json};
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use venue::{Venue, refusals};

/// Measures the engine on files of commands.
#[derive(Parser)]
struct Arguments {
    /// A file of commands; may be given more than once. Without one, the kinds are generated.
    #[arg(long)]
    file: Vec<PathBuf>,
    /// A kind to generate; may be given more than once. Without one: n1k, n10k, swing and amend.
    #[arg(long, value_enum)]
    kind: Vec<Kind>,
    /// Commands to time.
    #[arg(long, default_value_t = 500_000)]
    commands: usize,
    /// Accounts that trade, half of them buyers. Blocks grow as there are fewer: 2 fill them, 200 leave one or two
    /// operations to each.
    #[arg(long, default_value_t = 2)]
    accounts: usize,
    /// Commands of which those of one account are brought together.
    #[arg(long, default_value_t = 200)]
    stretch: usize,
    /// The median of so many runs is given.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// One JSON object a file.
    #[arg(long)]
    json: bool,
    /// One run, nothing else: for profilers.
    #[arg(long)]
    once: bool,
}

/// A file as the engine gets it.
struct Prepared {
    venue: Venue,
    /// Each block with the commands of the file it stands for.
    blocks: Vec<(Decoded, usize)>,
    trades: u64,
    quantity: u64,
    commands: usize,
}

/// What one run came to.
#[derive(Default)]
struct Ran {
    apply: Duration,
    digest: Duration,
    all: Duration,
    /// What the system says the run had of the processor: on a busy machine far less than the time by the clock.
    cpu_ns: Option<u64>,
    trades: u64,
    quantity: u64,
    refused: u64,
    bytes: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    ensure!(
        arguments.accounts >= 2 && arguments.runs >= 1 && arguments.stretch >= 1,
        "at least 2 accounts and 1 run"
    );
    let mut workloads: Vec<(String, Workload)> = Vec::new();
    for file in &arguments.file {
        workloads.push((file.display().to_string(), Workload::read_file(file)?));
    }
    let kinds = match (&arguments.kind[..], arguments.file.is_empty()) {
        ([], true) => vec![Kind::N1k, Kind::N10k, Kind::Swing, Kind::Amend],
        (kinds, _) => kinds.to_vec(),
    };
    for kind in kinds {
        eprintln!("generating {}", kind.name());
        workloads.push((kind.name().to_owned(), generate(kind, arguments.commands, 42).0));
    }
    for (name, workload) in &workloads {
        let report = measure(name, workload, &arguments)?;
        if arguments.json { println!("{report}") } else { print(&report) }
    }
    Ok(())
}

fn measure(name: &str, workload: &Workload, arguments: &Arguments) -> Result<Value> {
    let (mut all, mut apply, mut digest) = (Vec::new(), Vec::new(), Vec::new());
    let mut cpu = Vec::new();
    let mut last = Ran::default();
    let mut counts = (0, 0);
    let runs = if arguments.once { 1 } else { arguments.runs };
    for run in 0..runs {
        eprintln!("{name}: run {} of {runs}", run + 1);
        let mut prepared = prepare(workload, arguments)?;
        counts = (prepared.commands, prepared.blocks.len());
        let (trades, quantity) = (prepared.trades, prepared.quantity);
        last = throughput(&mut prepared);
        ensure!(
            (last.trades, last.quantity) == (trades, quantity),
            "{name}: the engine made {} trades of {} lots, the yardstick {trades} of {quantity}",
            last.trades,
            last.quantity
        );
        all.push(last.all);
        apply.push(last.apply);
        digest.push(last.digest);
        cpu.extend(last.cpu_ns.map(Duration::from_nanos));
    }
    let mut each = if arguments.once { Vec::new() } else { latencies(prepare(workload, arguments)?) };
    each.sort_unstable();
    let at = |per_mille: usize| {
        each.get((each.len() * per_mille / 1_000).min(each.len().saturating_sub(1))).copied()
    };
    let (commands, blocks) = counts;
    let ns = |times: &mut [Duration]| median(times).as_nanos() as f64 / commands.max(1) as f64;
    let ns_all = ns(&mut all);
    Ok(json!({
        "file": name, "commands": commands, "blocks": blocks, "accounts": arguments.accounts,
        "million_commands_a_second": round(1_000.0 / ns_all), "ns_a_command": round(ns_all),
        "cpu_ns_a_command": (!cpu.is_empty()).then(|| round(ns(&mut cpu))),
        "ns_apply": round(ns(&mut apply)), "ns_encode_and_digest": round(ns(&mut digest)),
        "p50_ns": at(500), "p99_ns": at(990), "p999_ns": at(999),
        "trades": last.trades, "quantity": last.quantity, "refusals": last.refused,
        "outcome_bytes_a_command": round(last.bytes as f64 / commands.max(1) as f64),
    }))
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Begins an engine, gives it the commands before timing, and makes the blocks of all others.
fn prepare(workload: &Workload, arguments: &Arguments) -> Result<Prepared> {
    let mut venue = Venue::begin(workload.symbols, arguments.accounts / 2 * 2)?;
    let mut flow = Flow::new(workload, venue.keys(), venue.next_seqs());
    let (warm, timed) = workload.parts();
    let timed = timed.get(..arguments.commands.min(timed.len())).unwrap_or(timed);
    for commands in warm.chunks(arguments.stretch) {
        for sheet in flow.sheets(commands)? {
            let block = venue.block(sheet.lane, Body::from(sheet.orders))?;
            black_box(venue.engine.apply(venue.now(), &block));
        }
    }
    let before = flow.tally();
    let mut blocks = Vec::new();
    for commands in timed.chunks(arguments.stretch) {
        for sheet in flow.sheets(commands)? {
            let block = venue.block(sheet.lane, Body::from(sheet.orders))?;
            blocks.push((block, sheet.commands));
        }
    }
    let after = flow.tally();
    let (trades, quantity) = (after.trades - before.trades, after.quantity - before.quantity);
    Ok(Prepared { venue, blocks, trades, quantity, commands: timed.len() })
}

#[inline(never)]
fn throughput(prepared: &mut Prepared) -> Ran {
    let Prepared { venue, blocks, .. } = prepared;
    let now = venue.now();
    let mut ran = Ran::default();
    let before = cpu_ns();
    for (block, _) in blocks.iter() {
        let begun = Instant::now();
        let outcome = venue.engine.apply(now, block);
        let applied = Instant::now();
        let bytes = outcome.encode();
        black_box(outcome_digest(&bytes));
        ran.bytes += bytes.len();
        ran.digest += applied.elapsed();
        ran.apply += applied - begun;
        // Counting is not the engine's work and is not timed.
        for event in &outcome.events {
            if let Event::Trade(trade) = event {
                ran.trades += 1;
                ran.quantity += trade.quantity.get();
            }
        }
        ran.refused += refusals(&outcome);
    }
    ran.all = ran.apply + ran.digest;
    ran.cpu_ns = cpu_ns().zip(before).map(|(after, before)| after.saturating_sub(before));
    ran
}

/// How long this thread has had a processor; `None` where the system does not say.
fn cpu_ns() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

/// The time of each block divided by its commands, once for each of them, in nanoseconds.
fn latencies(prepared: Prepared) -> Vec<u64> {
    let Prepared { mut venue, blocks, .. } = prepared;
    let now = venue.now();
    let mut each = Vec::new();
    for (block, commands) in &blocks {
        let begun = Instant::now();
        let outcome = venue.engine.apply(now, block);
        black_box(outcome_digest(&outcome.encode()));
        let ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let commands = (*commands).max(1);
        each.extend(std::iter::repeat_n(ns / commands as u64, commands));
    }
    each
}

fn print(report: &Value) {
    let text = |name: &str| report.get(name).map(ToString::to_string).unwrap_or_default();
    println!(
        "{:<12} {:>6} M/s {:>8} ns (apply {}, encode and digest {}; by the processor {}), p50 {} p99 {} p99.9 {} ns; {} commands in {} blocks, {} trades, {} refusals, {} bytes of outcome a command",
        text("file"),
        text("million_commands_a_second"),
        text("ns_a_command"),
        text("ns_apply"),
        text("ns_encode_and_digest"),
        text("cpu_ns_a_command"),
        text("p50_ns"),
        text("p99_ns"),
        text("p999_ns"),
        text("commands"),
        text("blocks"),
        text("trades"),
        text("refusals"),
        text("outcome_bytes_a_command"),
    );
}
