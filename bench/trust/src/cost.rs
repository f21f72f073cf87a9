//! Part `cost`: what a recomputation takes in time and memory, and how many transfers a deal needs.

use crate::options::Options;
use crate::plot::{Plot, Scale};
use crate::report::{Goal, Report, number, round};
use crate::world::World;
use anyhow::{Context, Result, ensure};
use bandex_bench_matching::measure::{median, time_of_thread};
use bandex_reputation::{Graph, checkpoint_key, scores, walks_for};
use bandex_settlement::{Sent, Terms, next_step};
use bandex_types::{Amount, Hash, Rail};
use serde_json::{Value, json};
use std::fs;
use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

/// Accounts, and the seconds in which their scores must be known.
const GOALS: [(u32, f64); 3] = [(10_000, 0.1), (100_000, 0.3), (1_000_000, 1.0)];
/// The median of so many recomputations is given.
const RUNS: usize = 3;
/// The value of the deal whose transfers are counted, in millisatoshi.
const DEAL: u64 = 1_000_000_000;
/// Caps in parts per thousand of that value.
const CAPS: [u64; 7] = [1, 10, 50, 100, 250, 500, 1_000];

/// What one size took.
struct Cost {
    accounts: u32,
    edges: usize,
    scores: Duration,
    close: Duration,
    key: Duration,
    memory: Option<u64>,
}

/// Measures both.
///
/// # Errors
/// A process for measuring memory cannot be started, or a deal's walk does not end.
pub fn run(options: &Options) -> Result<Report> {
    let sizes = if options.short { &GOALS[..1] } else { &GOALS[..] };
    let mut costs = Vec::new();
    for (accounts, _) in sizes {
        eprintln!("cost: {accounts} accounts");
        costs.push(measure(*accounts, options.short)?);
    }
    let mut goals: Vec<Goal> = costs
        .iter()
        .zip(GOALS)
        .map(|(cost, (accounts, seconds))| {
            Goal::at_most(
                format!("cost: scores of {accounts} accounts, seconds of one core"),
                cost.scores.as_secs_f64(),
                seconds,
            )
        })
        .collect();
    let transfers = transfers()?;
    let most = transfers
        .iter()
        .map(|(.., moves, bound)| *moves as f64 - *bound as f64)
        .fold(f64::NEG_INFINITY, f64::max);
    goals.push(Goal::bound(
        "cost: transfers of a deal above 2·⌈V ⁄ (E_A + E_B)⌉ + 1, worst pair of caps",
        most,
        0.0,
    ));
    let figures = json!({
        "recompute": costs.iter().map(describe).collect::<Vec<_>>(),
        "transfers": transfers.iter().map(|(seller, buyer, moves, bound)| json!({
            "deal_msat": DEAL, "seller_cap_msat": seller, "buyer_cap_msat": buyer, "moves": moves, "bound": bound,
        })).collect::<Vec<_>>(),
    });
    let lines = lines(&costs, &transfers);
    Ok(Report { name: "cost", goals, figures, lines, plots: plots(&costs, &transfers) })
}

fn measure(accounts: u32, short: bool) -> Result<Cost> {
    let world = World::synthetic(accounts, 42);
    let graph = Graph::new(world.honest.clone());
    let positions = world.accounts;
    let of = |work: &dyn Fn()| {
        let mut times: Vec<Duration> = (0..RUNS)
            .map(|_| {
                let begun = time_of_thread();
                work();
                time_of_thread().saturating_sub(begun)
            })
            .collect();
        median(&mut times)
    };
    let key = checkpoint_key(&Hash::ZERO, 1, &graph, &world.seeds);
    let scored = of(&|| {
        black_box(scores(black_box(&graph), &world.seeds, &key, positions));
    });
    // An epoch in which everybody trades again.
    let close = of(&|| {
        black_box(graph.close(black_box(world.honest.clone()), 990_000, 1, &[7]));
    });
    let keyed = of(&|| {
        black_box(checkpoint_key(&Hash::ZERO, 1, black_box(&graph), &world.seeds));
    });
    let memory = if short { None } else { memory_of_child(accounts)? };
    Ok(Cost { accounts, edges: graph.edge_count(), scores: scored, close, key: keyed, memory })
}

/// A process of its own, since one that has held much before does not show what it takes anew.
fn memory_of_child(accounts: u32) -> Result<Option<u64>> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let done = Command::new(program)
        .args(["--memory-of", &accounts.to_string()])
        .output()
        .context("cannot start a process to measure memory in")?;
    Ok(String::from_utf8_lossy(&done.stdout).trim().parse().ok())
}

/// The bytes that a recomputation holds at its peak beside the graph, as the operating system counts them.
///
/// # Errors
/// The operating system does not say, or does not let the peak be measured anew.
pub fn memory_of(accounts: u32) -> Result<u64> {
    let world = World::synthetic(accounts, 42);
    let (seeds, positions) = (world.seeds.clone(), world.accounts);
    let graph = Graph::new(world.honest);
    let key = checkpoint_key(&Hash::ZERO, 1, &graph, &seeds);
    fs::write("/proc/self/clear_refs", "5").context("cannot begin to measure the peak anew")?;
    let before = of_status("VmRSS:")?;
    black_box(scores(&graph, &seeds, &key, positions));
    Ok(of_status("VmHWM:")?.saturating_sub(before))
}

fn of_status(name: &str) -> Result<u64> {
    let text = fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let line =
        text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name} there"))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1_024)
}

/// For each pair of caps the moves of a deal, and what they must not exceed.
fn transfers() -> Result<Vec<(u64, u64, u64, u64)>> {
    let mut found = Vec::new();
    for (seller, buyer) in
        CAPS.iter().flat_map(|seller| CAPS.map(|buyer| (seller * DEAL / 1_000, buyer * DEAL / 1_000)))
    {
        let terms = Terms {
            base_total: Amount::new(DEAL),
            quote_total: Amount::new(DEAL),
            seller_cap: Amount::new(seller),
            buyer_cap: Amount::new(buyer),
            base_rail: Rail::Attested,
            quote_rail: Rail::Attested,
            pay_us: 1,
            acknowledge_us: 1,
        };
        let bound = 2 * DEAL.div_ceil(seller + buyer) + 1;
        let (mut sent, mut moves) = (Sent::default(), 0);
        while let Some(step) = next_step(&terms, sent) {
            sent = sent.with(step.party, step.reaches);
            moves += 1;
            ensure!(moves <= 10 * bound, "the walk of a deal with caps {seller} and {buyer} does not end");
        }
        found.push((seller, buyer, moves, bound));
    }
    Ok(found)
}

fn describe(cost: &Cost) -> Value {
    json!({
        "accounts": cost.accounts, "edges": cost.edges, "walks": walks_for(cost.accounts + 1),
        "scores_s": round(cost.scores.as_secs_f64()), "close_s": round(cost.close.as_secs_f64()),
        "key_s": round(cost.key.as_secs_f64()), "peak_bytes": cost.memory,
    })
}

fn lines(costs: &[Cost], transfers: &[(u64, u64, u64, u64)]) -> Vec<String> {
    let mut lines = vec![format!(
        "{:>9} {:>10} {:>9} | {:>9} {:>9} {:>9} {:>9}",
        "accounts", "edges", "walks", "scores s", "close s", "key s", "peak MB"
    )];
    for cost in costs {
        let [scored, close, key] = [cost.scores, cost.close, cost.key].map(|time| number(time.as_secs_f64()));
        let memory = cost.memory.map_or_else(|| "-".to_owned(), |bytes| number(bytes as f64 / 1e6));
        lines.push(format!(
            "{:>9} {:>10} {:>9} | {scored:>9} {close:>9} {key:>9} {memory:>9}",
            cost.accounts,
            cost.edges,
            walks_for(cost.accounts + 1)
        ));
    }
    lines.push(String::new());
    lines.push("transfers of a deal, by the caps of seller (down) and buyer (across), in thousandths of its value; bound in brackets".to_owned());
    let head: Vec<String> = CAPS.iter().map(|cap| format!("{cap:>11}")).collect();
    lines.push(format!("{:>6} {}", "", head.join(" ")));
    for (cap, row) in CAPS.iter().zip(transfers.chunks(CAPS.len())) {
        let cells: Vec<String> =
            row.iter().map(|(.., moves, bound)| format!("{:>11}", format!("{moves} ({bound})"))).collect();
        lines.push(format!("{cap:>6} {}", cells.join(" ")));
    }
    lines
}

fn plots(costs: &[Cost], transfers: &[(u64, u64, u64, u64)]) -> Vec<(&'static str, String)> {
    let seconds =
        |figure: fn(&Cost) -> Duration| costs.iter().map(|cost| Some(figure(cost).as_secs_f64())).collect();
    let time = Plot {
        title: "What the end of an epoch takes, seconds of one core".to_owned(),
        up: "seconds".to_owned(),
        right: "accounts, each with eight trades".to_owned(),
        places: costs.iter().map(|cost| cost.accounts.to_string()).collect(),
        series: vec![
            ("all scores".to_owned(), seconds(|cost| cost.scores)),
            (
                "to be reached".to_owned(),
                GOALS.iter().take(costs.len()).map(|(_, goal)| Some(*goal)).collect(),
            ),
            ("closing the graph".to_owned(), seconds(|cost| cost.close)),
        ],
        mark: None,
        scale: Scale::Log,
    };
    let level: Vec<_> = transfers.iter().filter(|(seller, buyer, ..)| seller == buyer).collect();
    let moves = Plot {
        title: "Transfers of a deal between two who trust each other equally".to_owned(),
        up: "transfers".to_owned(),
        right: "cap of each, in thousandths of the deal's value".to_owned(),
        places: CAPS.iter().map(ToString::to_string).collect(),
        series: vec![
            ("transfers".to_owned(), level.iter().map(|(.., moves, _)| Some(*moves as f64)).collect()),
            (
                "2·⌈V ⁄ (E_A + E_B)⌉ + 1".to_owned(),
                level.iter().map(|(.., bound)| Some(*bound as f64)).collect(),
            ),
        ],
        ..time.clone()
    };
    vec![("recompute.svg", time.lines()), ("transfers.svg", moves.bars())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deal_between_strangers_takes_many_transfers_and_one_between_friends_two() {
        let found = transfers().unwrap();
        let of = |seller: u64, buyer: u64| {
            found
                .iter()
                .find(|one| (one.0, one.1) == (seller * DEAL / 1_000, buyer * DEAL / 1_000))
                .map(|one| one.2)
        };
        assert_eq!(of(1_000, 1_000), Some(2));
        assert_eq!(of(1, 1), Some(1_001));
        assert!(found.iter().all(|(.., moves, bound)| moves <= bound));
    }
}
