//! The measurement with many WebSockets in short: nobody who reads is cut off, and every book comes out right.

#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::Value;
use std::process::Command;

#[test]
fn a_crowd_follows_the_recorded_flow() {
    let run = Command::new(env!("CARGO_BIN_EXE_sockets"))
        .args(["--connections", "120", "--books", "20", "--seconds", "5", "--traders", "4", "--json"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{told}");
    let report: Value = serde_json::from_slice(&run.stdout).unwrap();
    let number = |name: &str| report[name].as_u64().unwrap_or_else(|| panic!("{name} in {report}"));
    assert_eq!(
        (number("connections"), number("books"), number("readers"), number("deaf")),
        (120, 20, 50, 50)
    );
    assert_eq!(number("books_at_last_seq"), 20);
    assert_eq!(report["failures"], Value::Array(Vec::new()));
    assert!(number("commands") > 100, "{report}");
    // Commands that come while a transaction is written are told in one push, so there are fewer pushes than commands.
    assert!(number("pushes") > 20 * 10, "{report}");
    for times in ["book_delivery", "lesser_delivery"] {
        let of = |name: &str| report[times][name].as_u64().unwrap();
        assert!(of("count") > 0 && of("p50_us") > 0 && of("p50_us") <= of("p99_us"), "{report}");
        assert!(of("p99_us") <= of("max_us"), "{report}");
    }
    let memory = |name: &str| number(&format!("memory_{name}_bytes"));
    assert!(memory("empty") > 1_000_000 && memory("peak") >= memory("idle"), "{report}");
}
