//! The short form of `cargo xtask bench trust`: on small graphs and the first ratings of the real ones, every bound holds.

use bandex_bench_trust::options::Options;
use bandex_bench_trust::report::{as_json, as_text, broken};
use bandex_bench_trust::run;
use clap::Parser;

fn options(arguments: &[&str]) -> Options {
    Options::parse_from(["trust", "--short"].iter().chain(arguments))
}

#[test]
fn all_bounds_hold_on_small_graphs() {
    let reports = run(&options(&[])).expect("all parts run");
    assert!(broken(&reports).is_empty(), "{}", as_text(&reports));
    let goals: Vec<_> = reports.iter().flat_map(|report| &report.goals).collect();
    // Each bound was really looked for.
    for name in [
        "one attacker at 50",
        "two who collude",
        "PageRank",
        "without spending",
        "loot by cost",
        "splitting",
        "transfers",
        "by its cap",
        "by its limit",
    ] {
        assert!(goals.iter().any(|goal| goal.asserted && goal.name.contains(name)), "{name}");
    }
    let gains = goals.iter().filter(|goal| goal.name.contains("collude") && goal.name.contains("mean"));
    assert!(
        gains.clone().count() == 2 && gains.clone().all(|goal| goal.got > 0.0),
        "no Sybil was ever visited"
    );
    // Whoever was caught later stood lower than by counting trades, which frauds make many of.
    assert!(
        goals
            .iter()
            .any(|goal| goal.name.contains("AUC") && goal.name.contains("past trades") && goal.reached)
    );
    let json = as_json("trust --short", &reports);
    let rows = json["parts"]["attacks"]["rows"].as_array().map_or(0, Vec::len);
    assert_eq!(rows, 2 * (7 + 8 + 9 + 9));
    let plots: Vec<&str> = reports.iter().flat_map(|report| &report.plots).map(|(name, _)| *name).collect();
    assert_eq!(plots.len(), 7, "{plots:?}");
}

#[test]
fn an_unknown_part_or_file_is_an_error_with_its_name() {
    let check = |arguments: &[&str], fault: &str| {
        let error = format!("{:#}", run(&options(arguments)).expect_err("it cannot run"));
        assert!(error.contains(fault), "{error}");
    };
    check(
        &["--only", "everything"],
        "there is no part \"everything\"; there are attacks, fraud, cheats, cost, netting",
    );
    check(&["--only", "fraud", "--ratings", "nowhere.csv"], "cannot open the ratings nowhere.csv");
    check(&["--only", "fraud", "--ratings", "Cargo.toml"], "Cargo.toml is no file of ratings");
}
