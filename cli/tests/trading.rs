//! Trading by the command line: the real binary as server, trader and operator.

mod venue;

use serde_json::{Value, json};
use venue::Venue;

fn placed(reply: &Value) -> String {
    reply["operations"][0]["order"].as_str().expect("an order").to_owned()
}

#[test]
fn a_trader_and_an_operator_do_all_of_trading() {
    let venue = Venue::open();
    let (anna, bert) = (venue.trader("anna.key"), venue.trader("bert.key"));
    let token = format!("--token {}", venue.path("admin.token"));
    let place = |key: &str, words: &str| format!("order place --key {key} {words}");
    // An iceberg that is listed with what is special about it, amended, and cancelled by its name.
    let words = "--side sell --price 0.0000004 --quantity 2 --display 0.5 --client-id ice";
    let iceberg = placed(&venue.json(&place(&anna, words)));
    let listed = venue.text(&format!("order list --key {anna}"));
    assert!(listed.contains("shows 0.5") && listed.contains(&iceberg), "{listed}");
    let amended = venue.text(&format!("order amend {iceberg} --key {anna} --price 0.00000041"));
    assert!(amended.starts_with("open  2 at 0.00000041 in record"), "{amended}");
    let unknown = venue.refused(&format!("order amend {iceberg} --key {bert} --price 0.00000041"));
    assert!(unknown.contains("not_yours"), "{unknown}");
    let slid = venue.text(&place(&bert, "--side buy --price 0.00000041 --quantity 1 --post-only=slide"));
    assert!(slid.contains("open") && slid.contains("slid to 0.00000040999995"), "{slid}");
    venue.text(&format!("order cancel --client-id ice --key {anna}"));
    // Quotes, their protection, and a market order by amount.
    let quoted = venue
        .json(&format!("order quote --key {anna} --bid 0.0000003:1 --ask 0.0000005:1 --ask 0.0000006:1"));
    assert_eq!(quoted["operations"][0]["quotes"].as_array().map(Vec::len), Some(3));
    venue.text(&format!("order protect --key {anna} --quantity 5 --window 1s"));
    let bought =
        venue.text(&place(&bert, "--side buy --type market --price 0.0000005 --quote-quantity 0.0000002"));
    assert!(bought.starts_with("filled  filled 0.4"), "{bought}");
    let listed = venue.text(&format!("order list --key {anna}"));
    assert!(listed.contains("quote") && listed.contains("protection of quotes, 5 in 1s: set"), "{listed}");
    let asleep =
        venue.text(&place(&bert, "--side sell --price 0.0000002 --quantity 1 --stop-loss 0.0000003"));
    assert!(asleep.starts_with("sleeping"), "{asleep}");
    let listed = venue.text(&format!("order list --key {bert}"));
    assert!(listed.contains("sleeping") && listed.contains("stop loss 0.0000003"), "{listed}");
    // Errors say what is wrong, before anything is signed or by the exchange's code.
    let wrong = venue.refused(&place(&bert, "--side buy --price 0.0000002 --quantity 1 --display 3"));
    assert!(wrong.contains("hundredth"), "{wrong}");
    let wrong = venue.refused(&place(&bert, "--side buy --price 0.0000005 --quantity 1 --minimum 0.7"));
    assert!(wrong.contains("minimum_unfilled"), "{wrong}");
    let nothing = venue.refused(&format!("order quote --key {anna}"));
    assert!(nothing.contains("--bid"), "{nothing}");
    // The operator sets rules and gathers orders; what the auction gives is listed.
    venue.text(&format!("market rules BWT-BTC --band-ppm 900000 --auction 1h {token}"));
    venue.text(&format!("market rules BWT-BTC --most-orders 9 {token}"));
    let shown = venue.json("market show BWT-BTC");
    assert_eq!(
        shown["rules"],
        json!({ "band_ppm": 900_000, "halt_us": 0, "auction_us": 3_600_000_000_u64, "most_orders": 9 })
    );
    assert_eq!(shown["last_price"], "0.0000005");
    venue.text(&format!("market state BWT-BTC auction {token}"));
    venue.text(&place(&bert, "--side buy --price 0.00000055 --quantity 1"));
    let shown = venue.text("market show");
    assert!(shown.contains("auction") && shown.contains("Auction price      0.0000005"), "{shown}");
    let refused =
        venue.refused(&place(&bert, "--side buy --price 0.00000055 --quantity 1 --time-in-force ioc"));
    assert!(refused.contains("not_in_auction"), "{refused}");
    venue.text(&format!("market state BWT-BTC trading {token}"));
    let ended = venue.json("market auctions");
    assert_eq!(
        (&ended["auctions"][0]["price"], &ended["auctions"][0]["volume"]),
        (&json!("0.0000005"), &json!("0.6"))
    );
    let refused = venue.refused("market state BWT-XXX auction");
    assert!(refused.contains("there is no market"), "{refused}");
    // A key that is not heard of loses its orders, and nobody else's; the timer is the exchange's.
    let too_soon = venue.refused(&format!("order guard --key {bert} --cancel-after 999ms"));
    assert!(too_soon.contains("one second"), "{too_soon}");
    let guarded = venue.text(&format!("order guard --key {bert} --cancel-after 30s --on-disconnect 10s"));
    assert!(guarded.starts_with("guarded in record"), "{guarded}");
    let ended = venue.text(&format!("order guard --off --key {bert}"));
    assert!(ended.starts_with("guard ended in record"), "{ended}");
    // All is taken back.
    venue.text(&format!("order quote --none --key {anna}"));
    venue.text(&format!("order protect --off --key {anna}"));
    venue.text(&format!("order cancel --all --market BWT-BTC --side buy --key {bert}"));
    venue.text(&format!("order cancel --all --key {bert}"));
    for key in [&anna, &bert] {
        assert_eq!(venue.json(&format!("order list --key {key}"))["orders"], json!([]));
    }
}
