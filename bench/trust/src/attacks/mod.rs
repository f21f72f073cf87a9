//! Part `attacks`: what schemes of many identities gain, in score and in money, against four ways to reckon trust.

mod economy;
mod pattern;
mod run;
mod show;

pub use pattern::Pattern;

use crate::options::Options;
use crate::parallel::each;
use crate::ratings;
use crate::report::{Goal, Report, mean_and_p95, round};
use crate::schemes::Scheme;
use crate::world::World;
use anyhow::Result;
use economy::Takings;
use run::{MOST_SYBILS, Outcome, Plan, Stage};
use serde_json::{Value, json};
use std::ops::Range;

/// Attackers who act together, and their Sybils.
#[derive(Debug, Clone)]
pub struct Group {
    /// Accounts with a past.
    pub attackers: Vec<u32>,
    /// Accounts without.
    pub sybils: Range<u32>,
}

/// How many attack: a few, or a share of all accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Many {
    Few(usize),
    Percent(usize),
}

impl Many {
    const ALL: [Self; 4] = [Self::Few(1), Self::Few(2), Self::Few(4), Self::Percent(30)];

    fn of(self, stage: &Stage) -> usize {
        match self {
            Self::Few(count) => count,
            Self::Percent(percent) => (stage.candidates() * percent / 100).max(4),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Few(count) => count.to_string(),
            Self::Percent(percent) => format!("{percent} %"),
        }
    }
}

/// How often a run with few attackers is repeated with others, so that a mean says something.
const DRAWS: u64 = 2;
/// The worlds with more accounts are large: few attackers are drawn once there, with many Sybils.
const LARGE: u32 = 50_000;
/// Max-flow is asked in worlds up to this size only.
const FLOW_WORLD: u32 = 20_000;

/// One line of the result: a pattern, so many attackers and Sybils, in one world.
struct Row {
    world: usize,
    pattern: Pattern,
    many: Many,
    sybils: u32,
    outcome: Outcome,
}

/// Runs all attacks on all worlds.
///
/// # Errors
/// The ratings cannot be read.
pub fn run(options: &Options) -> Result<Report> {
    let ratings = ratings::read(&options.ratings_file())?;
    let sizes: &[u32] = if options.short { &[1_000] } else { &[10_000, 100_000] };
    let mut worlds: Vec<World> = sizes.iter().map(|size| World::synthetic(*size, 42)).collect();
    worlds.push(World::of_ratings(&ratings));
    let mut stages = Vec::new();
    for world in worlds {
        eprintln!("attacks: {} with {} accounts", world.name, world.accounts - 1);
        stages.push(Stage::new(world));
    }
    let plans = plans(&stages, options.short);
    let outcomes = each(&plans, |at, (world, plan, _)| {
        if at % 50 == 0 {
            eprintln!("attacks: run {at} of {}", plans.len());
        }
        stages[*world].attack(plan)
    });
    let mut rows: Vec<Row> = Vec::new();
    for ((world, plan, many), outcome) in plans.iter().zip(outcomes) {
        let same = |row: &&mut Row| {
            (row.world, row.pattern, row.many, row.sybils) == (*world, plan.pattern, *many, plan.sybils)
        };
        match rows.iter_mut().find(same) {
            Some(row) => row.outcome.add(outcome),
            None => {
                rows.push(Row {
                    world: *world,
                    pattern: plan.pattern,
                    many: *many,
                    sybils: plan.sybils,
                    outcome,
                });
            }
        }
    }
    let goals = goals(&rows);
    let figures = json!({
        "worlds": stages.iter().map(describe_stage).collect::<Vec<_>>(),
        "economy": economy::describe(),
        "most_sybils_in_a_run": MOST_SYBILS,
        "rows": rows.iter().map(|row| describe(row, &stages)).collect::<Vec<_>>(),
    });
    let (lines, plots) = (show::lines(&rows, &stages), show::plots(&rows, &stages));
    Ok(Report { name: "attacks", goals, figures, lines, plots })
}

/// All runs: each pattern with enough attackers for it, each number of attackers and Sybils, several draws.
fn plans(stages: &[Stage], short: bool) -> Vec<(usize, Plan, Many)> {
    let mut plans = Vec::new();
    for (world, stage) in stages.iter().enumerate() {
        let is_large = stage.world.accounts > LARGE;
        for many in Many::ALL {
            for pattern in Pattern::ALL {
                let attackers = many.of(stage);
                if attackers < pattern.attackers() {
                    continue;
                }
                let draws = match many {
                    Many::Percent(_) => 1,
                    Many::Few(_) if short || is_large => 1,
                    Many::Few(_) => DRAWS,
                };
                let counts: &[u32] = match many {
                    _ if short => &[50],
                    Many::Few(_) if is_large => &[50, 500],
                    _ => &[1, 10, 50, 500],
                };
                for (sybils, draw) in
                    counts.iter().flat_map(|sybils| (0..draws).map(move |draw| (*sybils, draw)))
                {
                    let flows = draw == 0
                        && many == Many::Few(4)
                        && (sybils == 10 || sybils == 50)
                        && stage.world.accounts <= FLOW_WORLD;
                    plans.push((world, Plan { pattern, attackers, sybils, draw, flows }, many));
                }
            }
        }
    }
    plans
}

fn describe_stage(stage: &Stage) -> Value {
    json!({
        "name": stage.world.name, "accounts": stage.world.accounts - 1, "seeds": stage.world.seeds.len(),
        "honoured": stage.world.honest.len(), "scored": stage.scored(), "candidates": stage.candidates(),
    })
}

fn describe(row: &Row, stages: &[Stage]) -> Value {
    let gains: serde_json::Map<String, Value> =
        Scheme::ALL.iter().map(|scheme| (key(*scheme), describe_gain(row, *scheme))).collect();
    let takings = &row.outcome.takings;
    let flow = mean_and_p95(&row.outcome.flow_gains).map(|(mean, _)| round(mean));
    json!({
        "world": stages[row.world].world.name, "pattern": row.pattern, "attackers": row.many.name(),
        "sybils": row.sybils, "groups": takings.len(), "omega": gains,
        "omega_maxflow": flow, "maxflow_groups": row.outcome.flow_gains.len(),
        "limits_unpaid_msat": takings.iter().map(|one| one.unpaid).sum::<u64>(),
        "profit_by_cost": round(worst(takings, Takings::profit_by_cost)),
        "splitting_by_cost": round(worst(takings, Takings::splitting)),
    })
}

/// The name of a scheme in JSON.
fn key(scheme: Scheme) -> String {
    serde_json::to_value(scheme).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

fn describe_gain(row: &Row, scheme: Scheme) -> Value {
    let found = row.outcome.gains.get(&scheme).and_then(|gains| mean_and_p95(gains));
    let left_out = row.outcome.left_out.get(&scheme);
    json!({
        "mean": found.map(|(mean, _)| round(mean)), "p95": found.map(|(_, p95)| round(p95)), "score_zero": left_out,
    })
}

fn worst(takings: &[Takings], figure: impl Fn(&Takings) -> f64) -> f64 {
    takings.iter().map(figure).fold(0.0, f64::max)
}

/// The mean and 95th percentile of one row's gain by one scheme.
fn gain(row: &Row, scheme: Scheme) -> Option<(f64, f64)> {
    row.outcome.gains.get(&scheme).and_then(|gains| mean_and_p95(gains))
}

fn goals(rows: &[Row]) -> Vec<Goal> {
    let at_50 = |together: usize, which: fn((f64, f64)) -> f64| {
        let chosen = rows.iter().filter(|row| row.sybils == 50 && row.pattern.attackers() == together);
        chosen.filter_map(|row| gain(row, Scheme::Ours)).map(which).fold(0.0, f64::max)
    };
    let above = |plain: Scheme| {
        let excess = |row: &Row| Some(gain(row, Scheme::Ours)?.0 - gain(row, plain)?.0);
        // Less than nothing is as good as nothing.
        rows.iter().filter_map(excess).fold(0.0, f64::max)
    };
    let all = || rows.iter().flat_map(|row| &row.outcome.takings);
    let most = |figure: fn(&Takings) -> f64| all().map(figure).fold(0.0, f64::max);
    vec![
        Goal::bound(
            "gain of one attacker at 50 Sybils, mean, worst pattern",
            at_50(1, |(mean, _)| mean),
            0.12,
        ),
        Goal::bound(
            "gain of one attacker at 50 Sybils, 95th percentile, worst pattern",
            at_50(1, |(_, p95)| p95),
            0.12,
        ),
        Goal::bound("gain of two who collude at 50 Sybils, mean, worst", at_50(2, |(mean, _)| mean), 0.8),
        Goal::bound(
            "gain of two who collude at 50 Sybils, 95th percentile, worst",
            at_50(2, |(_, p95)| p95),
            0.8,
        ),
        Goal::bound("gain of four who collude at 50 Sybils, mean, worst", at_50(4, |(mean, _)| mean), 1.0),
        Goal::bound("gain above plain PageRank ½ of the same run", above(Scheme::Pagerank50), 0.0),
        Goal::bound("gain above plain PageRank 0.85 of the same run", above(Scheme::Pagerank85), 0.0),
        Goal::bound("limits won without spending, msat", most(|one| one.unpaid as f64), 0.0),
        Goal::bound("loot by cost, worst", most(Takings::profit_by_cost), 1.0),
        Goal::bound("extra limit by splitting, by what it cost, worst", most(Takings::splitting), 1.0),
    ]
}
