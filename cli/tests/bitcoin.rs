//! Deals on the Bitcoin chain by the command line: the real binary as server, operator, trader and judge, beside a node.

mod venue;

use bandex_spv::{Network, address};
use bandex_tests::Miner;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use venue::Venue;

/// Waits until an answer is as it should be.
fn until(venue: &Venue, words: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let told = venue.json(words);
        if holds(&told) {
            return told;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{words}: {told}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deal_is_paid_on_the_chain_and_audited() {
    let mut miner = Miner::start().await;
    let node = miner.options();
    let venue = Venue::open_with(&format!("{node} --bitcoin-stalled-after 0"));
    assert!(venue.text("health").starts_with("bitcoin: not_set since "));
    let admin = |words: &str| format!("admin --token {} {words}", venue.path("admin.token"));
    // The operator chooses the chain, and lists what is paid on it.
    assert!(venue.refused(&admin("bitcoin set --height 0")).contains("--bitcoin-url"));
    assert!(venue.refused(&admin(&format!("bitcoin set {node}"))).contains("--height"));
    assert!(venue.text(&admin(&format!("bitcoin set --from-tip {node}"))).starts_with("decided in record"));
    let again = venue.refused(&admin(&format!("bitcoin set --height 5 {node}")));
    assert!(again.contains("already_listed"), "{again}");
    let listing = json!({ "change": "list_market", "id": 7, "base": 0, "quote": 7, "lot_units": 1_000,
        "tick_value": { "num": 1, "den": 1 }, "least_tranche": "1", "pay_us": 600_000_000,
        "acknowledge_us": 600_000_000 });
    let asset =
        json!({ "change": "list_asset", "id": 7, "symbol": "XBT", "decimals": 11, "rail": "bitcoin" });
    venue.text(&admin(&json!([asset, listing]).to_string()));
    venue.text(&admin("bitcoin payments BWT-XBT --confirmations 1 --final-confirmations 2"));
    let refused = venue.refused(&admin("bitcoin payments BWT-BTC --confirmations 1"));
    assert!(refused.contains("not paid on the Bitcoin chain"), "{refused}");
    let told = until(&venue, "bitcoin", |told| told["node"]["state"] == "ready" && told["height"] == 112);
    assert_eq!((&told["network"], &told["start_height"]), (&json!("regtest"), &json!(0)));

    let (anna, bert) = (venue.trader("anna.key"), venue.trader("bert.key"));
    let place = |key: &str, side: &str| {
        format!("order place --market BWT-XBT --key {key} --side {side} --price 0.001 --quantity 1")
    };
    venue.text(&place(&anna, "sell"));
    venue.text(&place(&bert, "buy"));
    let deals = venue.json(&format!("deals --key {anna}"));
    let deal = deals["deals"][0]["deal"].as_str().expect("a deal");
    assert!(venue.text(&format!("deals --key {anna}")).contains("due    the script of the seller"));
    let script = [&[0, 20][..], &[8; 20]].concat();
    let to = address(Network::Regtest, &script).expect("a script that can be paid");
    let wrong =
        venue.refused(&format!("deal receive {deal} 1BoatSLRHtKNngkdXEeobR76b53LETtpyT --key {anna}"));
    assert!(!wrong.is_empty());
    assert!(venue.text(&format!("deal receive {deal} {to} --key {anna}")).starts_with("named in record"));
    assert!(venue.text(&format!("deals --key {bert}")).contains(&format!("to     {to}")));
    let txid = miner.pay(&script, 100_000).await;
    miner.mine(2).await;
    let own = format!("deals --closed --key {bert}");
    let paid = until(&venue, &own, |told| told["deals"][0]["state"] == "settled");
    assert_eq!(paid["deals"][0]["payments"][0]["status"], json!("final"));
    let shown = venue.text(&own);
    assert!(shown.contains(&format!("by     {txid}:0, 0.001, final at height 113")), "{shown}");

    let (height, tip) = miner.tip().await;
    let data = format!("audit --data {}", venue.path(""));
    let verdict = venue.json(&data);
    assert_eq!((&verdict["verdict"], &verdict["deals"]["settled"]), (&json!("pass"), &json!(1)), "{verdict}");
    let expected =
        json!({ "network": "regtest", "from_height": 0, "to_height": height, "tip": tip, "payments": 1 });
    assert_eq!(verdict["bitcoin"], expected);
    assert!(venue.text(&data).contains("headers checked from height 0 to 114"));
}
