//! Golden journals: commands recorded once, and the outcomes that each version of the rules must give for them forever.
//! Every journal begins under version 1; those of later versions begin with the upgrade.
//!
//! Beside them stands the digest of the state at the end, with the version of the snapshots' layout. That may change with
//! the version, and only with it: a snapshot of another layout under the same version would be restored as a wrong state.
//!
//! With `BANDEX_UPDATE_VECTORS=1` they are recorded anew; a journal that changes so breaks every journal in the world,
//! so that is for adding one, or for a new layout of snapshots, never for making a red outcome green.

#[path = "../kit/mod.rs"]
mod kit;
mod stories;

use bandex_engine::{Engine, SNAPSHOT_VERSION};
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
    let state = json!({ "snapshot_version": SNAPSHOT_VERSION, "digest": world.engine.digest().to_string() });
    json!({ "about": about, "rules": world.engine.rules(), "records": records, "state": state })
}

fn replay(name: &str, journal: &Value) {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
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
    assert_eq!(journal["rules"], json!(engine.rules()), "{name}");
    let state = &journal["state"];
    let update = "record the states anew with BANDEX_UPDATE_VECTORS=1; the outcomes must stay as they are";
    assert_eq!(
        state["snapshot_version"],
        json!(SNAPSHOT_VERSION),
        "{name}: recorded with another SNAPSHOT_VERSION: {update}"
    );
    assert_eq!(
        engine.digest().to_string(),
        text(&state["digest"]),
        "{name}: the state's bytes changed: raise SNAPSHOT_VERSION when the layout changes, and {update}"
    );
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
