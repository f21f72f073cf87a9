//! Trust by the command line: the real binary as server, trader, registrar, operator, seeder and judge.

mod venue;

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use venue::Venue;

/// An account's id, as its key says it.
fn account(venue: &Venue, key: &str) -> String {
    venue.json(&format!("key register --key {key}"))["account"].as_str().expect("an account").to_owned()
}

/// Waits until an epoch is scored.
fn reputation(venue: &Venue, words: &str) -> Value {
    let begun = Instant::now();
    loop {
        let output = venue.run(&format!("reputation {words} --json"));
        if output.status.success() {
            return serde_json::from_slice(&output.stdout).expect("one line of JSON");
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("no_epoch") || said.contains("not_scored"), "{said}");
        assert!(begun.elapsed() < Duration::from_secs(30), "no epoch was scored");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn trust_is_earned_explained_signed_and_audited() {
    let venue = Venue::open();
    let (anna, bert) = (venue.trader("anna.key"), venue.trader("bert.key"));
    let (anna_id, bert_id) = (account(&venue, &anna), account(&venue, &bert));
    let admin = |words: &str| format!("admin --token {} {words}", venue.path("admin.token"));
    // The operator says how limits follow; what is not given stays.
    let said = venue.text(&admin("rate BWT 1 25000"));
    assert!(said.starts_with("decided in record"), "{said}");
    venue.text(&admin("trust --largest-limit 0.001 --loss-budget 0.002 --epoch 1s --first-grant 0.25"));
    venue.text(&admin("trust --grant-work-bits 6 --standing-threshold -1.5"));
    venue.text(&admin(&format!("seed {anna_id}")));
    venue.text(&admin(&format!("registrar {anna_id}")));
    venue.text(&admin("fees BWT-BTC --maker-ppm 500"));
    let refused = venue.refused(&admin("trust --keep-ppm 1000001"));
    assert!(refused.contains("bad_listing"), "{refused}");
    let wrong = venue.refused(&admin("trust --admission fee"));
    assert!(wrong.contains("--admission-fee"), "{wrong}");
    assert!(venue.refused(&admin("")).contains("what to decide"));
    assert_eq!(venue.json("market show BWT-BTC")["fees"], json!({ "maker_ppm": 500, "taker_ppm": 0 }));
    // What a trader does about its limit: this one's was set by hand before, which counts alone.
    let set = json!([{ "change": "set_limit", "account": anna_id, "limit": null }]);
    venue.text(&admin(&set.to_string()));
    let bonded = venue.text(&format!("account bond 2 --key {anna}"));
    assert!(bonded.starts_with("bonded in record"), "{bonded}");
    venue.text(&format!("account unbond 0.5 --key {anna}"));
    venue.text(&format!("account claim --key {anna}"));
    venue.text(&format!("account fee 1 --key {anna}"));
    venue.text(&format!("account prefer --largest-exposure 0.0000005 --least-score 10 --key {anna}"));
    venue.text(&format!("account certify {bert_id} --key {anna}"));
    let limits = venue.json(&format!("limits --key {anna}"));
    let stake = &limits["stake"];
    assert_eq!((&stake["bond"], &stake["largest_exposure"]), (&json!("1.5"), &json!("0.0000005")));
    assert_eq!((&stake["granted"], &stake["least_score"]), (&json!(true), &json!(10)));
    assert_eq!(limits["parts"]["bond"], json!("0.0000003"));
    let by_name = venue.json(&format!("limits {bert_id}"));
    assert_eq!(by_name["stake"]["certificate"]["by"], json!(anna_id));
    venue.text(&format!("account decertify {bert_id} --key {anna}"));
    let shown = venue.text(&format!("limits {bert_id}"));
    assert!(shown.contains("by the operator") && shown.contains("only the operator can raise it"), "{shown}");
    let refused = venue.refused(&format!("account certify {anna_id} --key {bert}"));
    assert!(refused.contains("not_registrar"), "{refused}");
    assert!(venue.refused(&format!("account claim --key {anna}")).contains("already_claimed"));
    // Scores, from the seeds and from another's circle.
    let found = reputation(&venue, &format!("--key {anna}"));
    assert_eq!((&found["account"], &found["score"]), (&json!(anna_id), &json!("1")));
    let seen = venue.json(&format!("reputation {anna_id} --from {bert_id}"));
    assert_eq!((&seen["score"], &seen["from"]), (&json!("0"), &json!(bert_id)));
    // Standing is signed: whoever is shown it checks it without the exchange.
    let standing = venue.json(&format!("standing --key {anna}"));
    let (node, network) = (standing["node"].as_str().expect("a key"), &standing["network"]);
    let file = venue.path("standing.json");
    std::fs::write(&file, standing.to_string()).expect("a folder to write in");
    let check = format!("standing --file {file} --node {node} --network {network}");
    let away = format!("{check} --url http://127.0.0.1:9");
    assert!(venue.text(&away).contains("Served     yes"));
    let mut lie = standing.clone();
    lie["balance"] = json!("1");
    std::fs::write(&file, lie.to_string()).expect("a folder to write in");
    assert!(venue.refused(&check).contains("`balance` is not what the node has signed"));
    // Ends of deals need a deal that went wrong.
    let place = |key: &str, words: &str| format!("order place --key {key} {words}");
    venue.text(&format!("account prefer --key {anna}"));
    venue.text(&place(&anna, "--side sell --price 0.0000004 --quantity 1"));
    venue.text(&place(&bert, "--side buy --price 0.0000004 --quantity 1"));
    let deals = venue.json(&format!("deals --key {bert}"));
    let deal = deals["deals"][0]["deal"].as_str().expect("a deal");
    for words in [
        format!("deal cure {deal} --reference paid --key {bert}"),
        format!("deal write-off {deal} --key {bert}"),
        format!("deal resolve {deal} --deliver 0.5 --key {bert}"),
    ] {
        let refused = venue.refused(&words);
        assert!(refused.contains("wrong_state"), "{words}: {refused}");
    }
    let nothing = venue.refused(&format!("deal acknowledge {} --key {bert}", "00".repeat(32)));
    assert!(nothing.contains("unknown_proposal"), "{nothing}");
    // The journal holds all of it, and every score follows from it.
    let verdict = venue.json(&format!("audit --data {}", venue.path("")));
    assert_eq!(verdict["verdict"], json!("pass"), "{verdict}");
    assert!(verdict["epochs"]["scored"].as_u64() >= Some(1), "{verdict}");
}
