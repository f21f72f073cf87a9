//! `bandex simulate` as a person runs it: figures, exit codes, and a failing story that a file tells again.

use bandex_simulator::{Action, DiskFault, Story};
use serde_json::Value;
use std::process::{Command, Output};

fn simulate(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bandex"));
    command.arg("simulate").args(arguments).output().expect("the binary runs")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one line of JSON")
}

#[test]
fn clean_seeds_give_figures() {
    let output = simulate(&["--seed", "7", "--runs", "5", "--json"]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_eq!(report["runs"], 5);
    assert_eq!(report["failure"], Value::Null);
    assert!(report["figures"]["crashes_of_nodes"].as_u64() >= Some(5), "{report}");
    let told = String::from_utf8(simulate(&["--seed", "7", "--runs", "5"]).stdout).expect("text");
    let steps = report["figures"]["steps"].as_u64().expect("a number");
    let line = told.lines().find(|line| line.starts_with("steps ")).expect("a line for steps");
    assert_eq!(line.replace([',', ' '], ""), format!("steps{steps}"));
}

#[test]
fn a_failing_story_is_told_and_happens_again() {
    let mut story = Story::from_seed(12);
    story.actions.insert(40, Action::Disk { fault: DiskFault::Decay });
    let folder = tempfile::tempdir().expect("a folder");
    let write = |text: &str| {
        let path = folder.path().join("story.json");
        std::fs::write(&path, text).expect("the folder is ours");
        path.to_string_lossy().into_owned()
    };
    let path = write(&serde_json::to_string(&story).expect("a story is data"));
    let output = simulate(&["--story", &path, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    let shrunk = &report["failure"]["shrunk"];
    let path = write(&shrunk["story"].to_string());
    let output = simulate(&["--story", &path, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(json(&output)["failure"]["failure"], shrunk["failure"], "the shortest story, told again");
    let told = String::from_utf8(simulate(&["--story", &path]).stdout).expect("text");
    assert!(told.contains("the last committed record is damaged"), "{told}");
    let path = write("{}");
    assert_eq!(simulate(&["--story", &path]).status.code(), Some(2), "no story at all");
}
