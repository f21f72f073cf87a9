//! The attacks for people: a table, and two plots.

use super::run::Stage;
use super::{Many, Pattern, Row, gain, worst};
use crate::attacks::economy::Takings;
use crate::plot::{Plot, Scale};
use crate::report::{mean_and_p95, number};
use crate::schemes::Scheme;

pub fn lines(rows: &[Row], stages: &[Stage]) -> Vec<String> {
    let mut lines = Vec::new();
    for (world, stage) in stages.iter().enumerate() {
        let (accounts, seeds) = (stage.world.accounts - 1, stage.world.seeds.len());
        lines.push(format!(
            "{}: {accounts} accounts, {seeds} seeds, {} with a score",
            stage.world.name,
            stage.scored()
        ));
        lines.push(format!(
            "{:15} {:>9} {:>6} {:>6} | {:>13} {:>11} {:>13} {:>9} {:>8} | {:>6} {:>9} {:>9}",
            "pattern",
            "attackers",
            "Sybils",
            "groups",
            "ours mean/p95",
            "PageRank ½",
            "PageRank 0.85",
            "MeritRank",
            "max-flow",
            "unpaid",
            "loot/cost",
            "splitting"
        ));
        lines.extend(rows.iter().filter(|row| row.world == world).map(line));
        lines.push(String::new());
    }
    lines
}

fn line(row: &Row) -> String {
    let mean = |scheme| gain(row, scheme).map_or_else(|| "-".to_owned(), |(mean, _)| number(mean));
    let ours = gain(row, Scheme::Ours)
        .map_or_else(|| "-".to_owned(), |(mean, p95)| format!("{}/{}", number(mean), number(p95)));
    let flow = mean_and_p95(&row.outcome.flow_gains).map_or_else(|| "-".to_owned(), |(mean, _)| number(mean));
    let takings = &row.outcome.takings;
    format!(
        "{:15} {:>9} {:>6} {:>6} | {:>13} {:>11} {:>13} {:>9} {:>8} | {:>6} {:>9} {:>9}",
        row.pattern.name(),
        row.many.name(),
        row.sybils,
        takings.len(),
        ours,
        mean(Scheme::Pagerank50),
        mean(Scheme::Pagerank85),
        mean(Scheme::Meritrank),
        flow,
        takings.iter().map(|one| one.unpaid).sum::<u64>(),
        number(worst(takings, Takings::profit_by_cost)),
        number(worst(takings, Takings::splitting)),
    )
}

/// Gain by pattern, and by number of Sybils, in the last world: the real one.
pub fn plots(rows: &[Row], stages: &[Stage]) -> Vec<(&'static str, String)> {
    let world = stages.len() - 1;
    let here = |row: &&Row| row.world == world && row.many == Many::Percent(30);
    let by_pattern: Vec<&Row> = rows.iter().filter(here).filter(|row| row.sybils == 50).collect();
    let means =
        |rows: &[&Row], scheme| rows.iter().map(|row| gain(row, scheme).map(|(mean, _)| mean)).collect();
    let name = &stages[world].world.name;
    let patterns = Plot {
        title: format!("What 50 Sybils gain, by pattern ({name}, 30 % attack)"),
        up: "score of the Sybils by that of the attackers".to_owned(),
        right: String::new(),
        places: by_pattern.iter().map(|row| row.pattern.name().to_owned()).collect(),
        series: Scheme::ALL.map(|scheme| (scheme.name().to_owned(), means(&by_pattern, scheme))).to_vec(),
        mark: Some((0.12, "0.12".to_owned())),
        scale: Scale::Linear,
    };
    let by_count: Vec<&Row> = rows.iter().filter(here).filter(|row| row.pattern == Pattern::Serial).collect();
    let counts = Plot {
        title: format!("What a chain of Sybils gains, by its length ({name}, 30 % attack)"),
        right: "Sybils of each attacker".to_owned(),
        places: by_count.iter().map(|row| row.sybils.to_string()).collect(),
        series: Scheme::ALL.map(|scheme| (scheme.name().to_owned(), means(&by_count, scheme))).to_vec(),
        scale: Scale::Log,
        ..patterns.clone()
    };
    vec![("gain-by-pattern.svg", patterns.bars()), ("gain-by-sybils.svg", counts.lines())]
}
