//! Golden journals: commands recorded once, and the outcomes that version 1 of the rules must give for them forever.
//!
//! With `BANDEX_UPDATE_VECTORS=1` they are recorded anew; a journal that changes so breaks every journal in the world,
//! so that is for adding one, never for making a red test green.

#[path = "../kit/mod.rs"]
mod kit;
mod stories;

use bandex_engine::Engine;
use bandex_tradechain::Decoded;
use bandex_types::Timestamp;
use kit::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/journals")
}

fn record(about: &str, world: &World) -> Value {
    let records: Vec<Value> = world
        .journal()
        .iter()
        .map(|entry| {
            let (time, outcome) = (entry.time.to_string(), entry.outcome.to_string());
            json!({ "time": time, "command": hex::encode(&entry.command), "outcome_digest": outcome })
        })
        .collect();
    json!({ "about": about, "rules": 1, "records": records })
}

fn replay(name: &str, journal: &Value) {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    assert_eq!(journal["rules"], json!(1), "{name}");
    let records = journal["records"].as_array().expect("a list of records");
    assert!(!records.is_empty(), "{name}");
    let mut engine = Engine::new();
    for (index, record) in records.iter().enumerate() {
        let time: Timestamp = text(&record["time"]).parse().expect("microseconds");
        let bytes = hex::decode(text(&record["command"])).expect("hex");
        let decoded = Decoded::from_bytes(&bytes).expect("a command");
        assert_eq!(decoded.command().encode(), bytes, "{name}: the bytes of record {}", index + 1);
        let digest = engine.apply(time, &decoded).digest().to_string();
        assert_eq!(digest, text(&record["outcome_digest"]), "{name}: the outcome of record {}", index + 1);
    }
}

#[test]
fn recorded_journals_give_the_recorded_outcomes() {
    if std::env::var_os("BANDEX_UPDATE_VECTORS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(folder()).expect("the folder can be made");
        for (name, about, story) in stories::ALL {
            let text = serde_json::to_string_pretty(&record(about, &story())).expect("it is JSON");
            std::fs::write(folder().join(format!("{name}.json")), text + "\n")
                .expect("the file can be written");
        }
    }
    let mut found = BTreeSet::new();
    for file in std::fs::read_dir(folder()).expect("the folder is there") {
        let path = file.expect("it can be listed").path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a plain name").to_owned();
        let text = std::fs::read_to_string(&path).expect("it can be read");
        replay(&name, &serde_json::from_str(&text).expect("it is JSON"));
        found.insert(name);
    }
    let told: BTreeSet<String> = stories::ALL.iter().map(|(name, _, _)| (*name).to_owned()).collect();
    assert_eq!(found, told, "each story is recorded, and nothing else");
}
