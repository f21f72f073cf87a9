//! `cargo xtask bench engine`: the engine alone, on the same files as the book: everything between a verified block and
//! the digest of its outcome. No signature, no store, no network.
//!
//! Times are those that the processor gave to this thread, so that a busy machine counts less; the time on the wall is
//! given too. Blocks are read from their bytes in small groups just before they are timed, as they come from the
//! verifier. Reading them, counting trades and freeing outcomes are not timed.

mod flow;
mod venue;

use anyhow::{Result, ensure};
use bandex_bench_matching::generate::{Kind, generate};
use bandex_bench_matching::measure::{median, time_of_thread};
use bandex_bench_matching::workload::Workload;
use bandex_engine::{Event, Outcome};
use bandex_tradechain::{Body, Decoded, outcome_digest};
use bandex_types::Timestamp;
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
    /// One run that looks at no clock: for profilers.
    #[arg(long)]
    once: bool,
}

/// A file as the engine gets it.
struct Prepared {
    venue: Venue,
    /// The bytes of each block with the commands of the file it stands for.
    blocks: Vec<(Vec<u8>, usize)>,
    trades: u64,
    quantity: u64,
    commands: usize,
}

/// What one run came to.
#[derive(Default)]
struct Ran {
    clocked: bool,
    apply: Duration,
    digest: Duration,
    wall: Duration,
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
    let (mut all, mut apply, mut digest, mut wall) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut last = Ran::default();
    let mut counts = (0, 0);
    let runs = if arguments.once { 1 } else { arguments.runs };
    for run in 0..runs {
        eprintln!("{name}: run {} of {runs}", run + 1);
        let mut prepared = prepare(workload, arguments)?;
        counts = (prepared.commands, prepared.blocks.len());
        let (trades, quantity) = (prepared.trades, prepared.quantity);
        last = throughput(&mut prepared, !arguments.once)?;
        ensure!(
            (last.trades, last.quantity) == (trades, quantity),
            "{name}: the engine made {} trades of {} lots, the yardstick {trades} of {quantity}",
            last.trades,
            last.quantity
        );
        all.push(last.apply + last.digest);
        apply.push(last.apply);
        digest.push(last.digest);
        wall.push(last.wall);
    }
    let mut each = if arguments.once { Vec::new() } else { latencies(&mut prepare(workload, arguments)?)? };
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
        "ns_apply": round(ns(&mut apply)), "ns_encode_and_digest": round(ns(&mut digest)),
        "ns_on_the_wall": round(ns(&mut wall)),
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
            blocks.push((block.command().encode(), sheet.commands));
        }
    }
    let after = flow.tally();
    let (trades, quantity) = (after.trades - before.trades, after.quantity - before.quantity);
    Ok(Prepared { venue, blocks, trades, quantity, commands: timed.len() })
}

/// The blocks in groups of about so many commands: few enough to stay in the cache, enough to look at the clock once.
const GROUP: usize = 100;

/// Reads the next group of blocks and takes them off `blocks`; with each the commands it stands for.
fn next_group(blocks: &mut &[(Vec<u8>, usize)]) -> Result<Vec<(Decoded, usize)>> {
    let mut commands = 0;
    let fits = |(_, more): &&(Vec<u8>, usize)| {
        commands += more;
        commands <= GROUP
    };
    let count = blocks.iter().take_while(fits).count().max(1).min(blocks.len());
    let (group, rest) = blocks.split_at(count);
    *blocks = rest;
    group.iter().map(|(bytes, commands)| Ok((Decoded::from_bytes(bytes)?, *commands))).collect()
}

fn throughput(prepared: &mut Prepared, clocked: bool) -> Result<Ran> {
    let now = prepared.venue.now();
    let mut ran = Ran { clocked, ..Ran::default() };
    let mut blocks = prepared.blocks.as_slice();
    let mut outcomes = Vec::new();
    while !blocks.is_empty() {
        let group = next_group(&mut blocks)?;
        time_group(&mut prepared.venue, now, &group, &mut outcomes, &mut ran);
        for outcome in outcomes.drain(..) {
            for event in &outcome.events {
                if let Event::Trade(trade) = event {
                    ran.trades += 1;
                    ran.quantity += trade.quantity.get();
                }
            }
            ran.refused += refusals(&outcome);
        }
    }
    Ok(ran)
}

/// What is timed, and nothing else. Profilers look for its name.
#[inline(never)]
fn time_group(
    venue: &mut Venue,
    now: Timestamp,
    group: &[(Decoded, usize)],
    outcomes: &mut Vec<Outcome>,
    ran: &mut Ran,
) {
    let on_wall = Instant::now();
    let clocked = ran.clocked;
    let clock = || if clocked { time_of_thread() } else { Duration::ZERO };
    let begun = clock();
    outcomes.extend(group.iter().map(|(block, _)| venue.engine.apply(now, block)));
    let applied = clock();
    for outcome in outcomes {
        let bytes = outcome.encode();
        black_box(outcome_digest(&bytes));
        ran.bytes += bytes.len();
    }
    ran.digest += clock().saturating_sub(applied);
    ran.apply += applied.saturating_sub(begun);
    ran.wall += on_wall.elapsed();
}

/// The processor's time for each block divided by its commands, once for each of them, in nanoseconds. Two looks at
/// the clock are part of it.
fn latencies(prepared: &mut Prepared) -> Result<Vec<u64>> {
    let now = prepared.venue.now();
    let mut each = Vec::new();
    let mut blocks = prepared.blocks.as_slice();
    while !blocks.is_empty() {
        for (block, commands) in next_group(&mut blocks)? {
            let begun = time_of_thread();
            let outcome = prepared.venue.engine.apply(now, &block);
            black_box(outcome_digest(&outcome.encode()));
            let ns = time_of_thread().saturating_sub(begun).as_nanos();
            let commands = commands.max(1);
            let ns = u64::try_from(ns).unwrap_or(u64::MAX) / commands as u64;
            each.extend(std::iter::repeat_n(ns, commands));
        }
    }
    Ok(each)
}

fn print(report: &Value) {
    let text = |name: &str| report.get(name).map(ToString::to_string).unwrap_or_default();
    println!(
        "{:<12} {:>6} M/s {:>8} ns (apply {}, encode and digest {}; on the wall {}), p50 {} p99 {} p99.9 {} ns; {} commands in {} blocks, {} trades, {} refusals, {} bytes of outcome a command",
        text("file"),
        text("million_commands_a_second"),
        text("ns_a_command"),
        text("ns_apply"),
        text("ns_encode_and_digest"),
        text("ns_on_the_wall"),
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
