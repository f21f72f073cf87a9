//! The commands as a person runs them: the real binary, the bundled flow, a part of it for the sake of time.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// How much of the recorded flow the tests replay: the resting book at the start, and the first trades.
const COMMANDS: usize = 9_000;

fn bandex(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bandex")).args(arguments).output().expect("the binary runs")
}

fn report(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).expect("one line of JSON")
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/bitstamp-btcusd-2026-05-02")
}

/// The first commands of the bundled file, as plain CSV.
fn first_commands(folder: &Path) -> PathBuf {
    use std::io::{BufRead, BufReader};
    let file = std::fs::File::open(data().join("commands.csv.gz")).expect("the file is bundled");
    let lines = BufReader::new(flate2::read::GzDecoder::new(file)).lines().take(COMMANDS + 1);
    let text: Vec<String> = lines.collect::<Result<_, _>>().expect("the file is text");
    let path = folder.join("commands.csv");
    std::fs::write(&path, text.join("\n")).expect("the folder is ours");
    path
}

#[test]
fn a_reader_that_has_seen_enough_ends_a_command_quietly() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bandex"));
    let mut running =
        command.arg("openapi").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    // The document is longer than what a pipe holds.
    drop(running.stdout.take());
    let output = running.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn the_demo_matches_settles_convicts_and_audits() {
    let first = COMMANDS.to_string();
    let report = report(&bandex(&["demo", "--first", &first, "--deadline", "4", "--json"]));
    assert_eq!(report["audit"], "pass");
    assert_eq!(report["forgery"], "convicted");
    assert_eq!(report["vanished"]["within_cap"], true);
    assert_eq!(report["vanished"]["frozen"], "default");
    assert!(report["reproduced"].as_u64() > Some(0), "{report}");
    assert_eq!(report["reproduced"], report["trades"], "every trade is the venue's own: {report}");
    assert_eq!(report["settled"].as_u64().map(|settled| settled + 1), report["deals"].as_u64());
}

#[test]
fn a_replay_through_the_server_gives_what_the_engine_gives() {
    let folder = tempfile::tempdir().expect("a folder");
    let (commands, trades) = (first_commands(folder.path()), data().join("trades.csv"));
    let through = |what: &str| {
        let (commands, trades) = (commands.to_string_lossy(), trades.to_string_lossy());
        let output =
            bandex(&["replay", "--commands", &commands, "--trades", &trades, "--through", what, "--json"]);
        let mut report = report(&output);
        let fields = report.as_object_mut().expect("an object");
        for varies in ["through", "seconds", "commands_per_second"] {
            fields.remove(varies).expect("the field is there");
        }
        report
    };
    let engine = through("engine");
    assert!(engine["reproduced"].as_u64() > Some(0), "{engine}");
    assert_eq!(through("server"), engine);
}
