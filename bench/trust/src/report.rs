//! What a part of the command found: figures for machines, lines for people, goals for both.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// How a figure must stand to its goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Must {
    /// Not above it.
    AtMost,
    /// Above it.
    Exceed,
}

/// One thing to reach.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Goal {
    /// What is measured.
    pub name: String,
    /// How it must stand to the goal.
    pub must: Must,
    /// The goal.
    pub goal: f64,
    /// What was measured.
    pub got: f64,
    /// Whether it was reached.
    pub reached: bool,
    /// Whether it is a bound that must hold: the command fails if it does not. Times and what depends on the data are none.
    pub asserted: bool,
}

impl Goal {
    /// A bound that must hold on any data.
    pub fn bound(name: impl Into<String>, got: f64, goal: f64) -> Self {
        Self { asserted: true, ..Self::at_most(name, got, goal) }
    }

    /// Something not to exceed.
    pub fn at_most(name: impl Into<String>, got: f64, goal: f64) -> Self {
        Self { name: name.into(), must: Must::AtMost, goal, got, reached: got <= goal, asserted: false }
    }

    /// Something to be better than.
    pub fn exceed(name: impl Into<String>, got: f64, goal: f64) -> Self {
        Self { name: name.into(), must: Must::Exceed, goal, got, reached: got > goal, asserted: false }
    }
}

/// What one part found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The part's name, as `--only` takes it.
    pub name: &'static str,
    /// What it had to reach.
    pub goals: Vec<Goal>,
    /// All figures.
    pub figures: Value,
    /// The same for people.
    pub lines: Vec<String>,
    /// Names of files and their SVG.
    pub plots: Vec<(&'static str, String)>,
}

/// All reports as one JSON object.
pub fn as_json(command: &str, reports: &[Report]) -> Value {
    let parts: Map<String, Value> =
        reports.iter().map(|report| (report.name.to_owned(), report.figures.clone())).collect();
    let goals: Vec<&Goal> = reports.iter().flat_map(|report| &report.goals).collect();
    json!({ "command": command, "goals": goals, "parts": parts })
}

/// All reports as text.
pub fn as_text(reports: &[Report]) -> String {
    let mut lines = Vec::new();
    for report in reports {
        lines.push(format!("== {}", report.name));
        lines.extend(report.lines.iter().cloned());
        lines.push(String::new());
    }
    lines.push("== goals".to_owned());
    for goal in reports.iter().flat_map(|report| &report.goals) {
        let verdict = match (goal.reached, goal.asserted) {
            (true, _) => "reached",
            (false, true) => "BROKEN",
            (false, false) => "missed",
        };
        let sign = if goal.must == Must::AtMost { "≤" } else { ">" };
        lines.push(format!("{verdict:8} {:70} {} {sign} {}", goal.name, number(goal.got), number(goal.goal)));
    }
    lines.join("\n")
}

/// The goals that must hold and do not.
pub fn broken(reports: &[Report]) -> Vec<&Goal> {
    reports.iter().flat_map(|report| &report.goals).filter(|goal| goal.asserted && !goal.reached).collect()
}

/// A number with about four digits, for tables.
pub fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        small if small < 0.001 => format!("{value:.1e}"),
        small if small < 10.0 => format!("{value:.3}"),
        small if small < 1_000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A number with four decimals, for JSON that people compare.
pub fn round(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// The average and the value that 95 in 100 do not exceed; `None` of nothing.
pub fn mean_and_p95(values: &[f64]) -> Option<(f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * 95).div_ceil(100).max(1);
    let p95 = *sorted.get(rank - 1)?;
    Some((values.iter().sum::<f64>() / values.len() as f64, p95))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let check = |values: &[f64], expected| assert_eq!(mean_and_p95(values), expected, "{values:?}");
        check(&[], None);
        check(&[2.0], Some((2.0, 2.0)));
        check(&[3.0, 1.0], Some((2.0, 3.0)));
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        check(&hundred, Some((50.5, 95.0)));
    }

    #[test]
    fn only_asserted_goals_break_the_command() {
        let goals = vec![
            Goal::bound("a", 1.0, 1.0),
            Goal::bound("b", 1.1, 1.0),
            Goal::at_most("c", 1.1, 1.0),
            Goal::exceed("d", 1.0, 1.0),
            Goal::bound("e", f64::NAN, 1.0),
        ];
        let report = Report { name: "x", goals, ..Report::default() };
        let names: Vec<&str> =
            broken(std::slice::from_ref(&report)).iter().map(|goal| goal.name.as_str()).collect();
        assert_eq!(names, ["b", "e"]);
        let text = as_text(&[report]);
        assert!(text.contains("BROKEN   b") && text.contains("missed   d"), "{text}");
    }

    #[test]
    fn numbers_are_short() {
        let check = |value, shown: &str| assert_eq!(number(value), shown);
        check(0.0, "0");
        check(0.000_04, "4.0e-5");
        check(0.123_45, "0.123");
        check(-12.345, "-12.3");
        check(12_345.6, "12346");
    }
}
