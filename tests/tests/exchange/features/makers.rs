//! Mass quotes and their protection.

use super::floor::{ANNA, BERT, CARL, Floor, buy, lots, price_in_units, quotes, said, sell};
use bandex_api::{Protections, QuoteReply};
use bandex_tests::MARKET;
use bandex_tradechain::body::{Operation, Protection};
use serde_json::json;

fn prices(quotes: &[QuoteReply]) -> Vec<String> {
    quotes.iter().map(|quote| price_in_units(&quote.price)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotes_are_replaced_all_at_once_or_not_at_all() {
    let mut floor = Floor::open().await;
    // Beside other operations in one block, each order has its own number.
    let operations = vec![sell(20, 1), quotes(&[9, 8], &[11], false), sell(21, 1)];
    let replies = floor.operate(ANNA, operations).await;
    let named = |op| floor.traders[ANNA].last_order(op).to_string();
    let found: Vec<String> = replies[1].quotes.iter().map(|quote| quote.order.clone()).collect();
    assert_eq!(found, [named(1), named(2), named(3)]);
    assert_eq!((replies[0].order.clone(), replies[2].order.clone()), (Some(named(0)), Some(named(4))));
    let (bid, ask) = (floor.traders[ANNA].last_order(1), floor.traders[ANNA].last_order(3));
    floor.check_book("1@9 1@8 | 1@11 1@20 1@21").await;
    assert!(floor.order(ANNA, bid).await.terms.is_some_and(|terms| terms.quote));
    // New ones replace the old, not the other orders.
    floor.check(ANNA, quotes(&[10], &[12, 13], false), "done").await;
    floor.check_order(ANNA, ask, "cancelled: replaced, 0 of 1 at 11").await;
    floor.check_book("1@10 | 1@12 1@13 1@20 1@21").await;
    // One that would trade refuses all; they are judged without the old ones.
    floor.check(BERT, sell(11, 1), "open").await;
    floor.check(ANNA, quotes(&[11], &[14], false), "post_only_would_trade").await;
    floor.check(ANNA, quotes(&[12], &[12], false), "post_only_would_trade").await;
    floor.check_book("1@10 | 1@11 1@12 1@13 1@20 1@21").await;
    let replies = floor.operate(ANNA, vec![quotes(&[12, 9], &[13], true)]).await;
    assert_eq!(
        (said(&replies[0]).as_str(), prices(&replies[0].quotes)),
        ("done", vec!["11-1".into(), "9".into(), "13".into()])
    );
    floor.check_book("1@11-1 1@9 | 1@11 1@13 1@20 1@21").await;
    // More tokens than there are: nothing changes.
    let Operation::Quote(mut dear) = quotes(&[], &[15], false) else { panic!("quotes") };
    dear.quotes[0].quantity = lots(2_000);
    floor.check(ANNA, Operation::Quote(dear.clone()), "insufficient_free").await;
    dear.quotes[0].quantity = lots(0);
    floor.check(ANNA, Operation::Quote(dear), "bad_quotes").await;
    floor.check_book("1@11-1 1@9 | 1@11 1@13 1@20 1@21").await;
    floor.check(ANNA, quotes(&[], &[], false), "done").await;
    floor.check_book("| 1@11 1@20 1@21").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotes_are_pulled_when_they_are_filled_too_fast() {
    let mut floor = Floor::open().await;
    let protect = |quantity: Option<u64>| {
        let protection =
            quantity.map(|quantity| Protection { quantity: lots(quantity), window_us: 60_000_000 });
        Operation::Protect { market: MARKET, protection }
    };
    let mut socket = floor.server.socket().await;
    socket.login(&floor.server, &floor.traders[ANNA]).await;
    assert_eq!(socket.subscribe("protections", None).await.data, json!([]));
    floor.check(ANNA, protect(Some(1)), "done").await;
    floor.check(ANNA, quotes(&[9], &[11, 12, 13], false), "done").await;
    let asks = [1, 2, 3].map(|op| floor.traders[ANNA].last_order(op));
    floor.check(BERT, sell(14, 1), "open").await;
    // One lot is within it; the second trips it, and the sweep goes on without the quotes that are left.
    floor.check(CARL, buy(11, 1), "filled").await;
    floor.check_book("1@9 | 1@12 1@13 1@14").await;
    floor.check(CARL, buy(14, 3), "open 2").await;
    floor.check_order(ANNA, asks[1], "filled, 1 of 1 at 12").await;
    floor.check_order(ANNA, asks[2], "cancelled: protection, 0 of 1 at 13").await;
    floor.check_book("1@14 |").await;
    floor.check(ANNA, quotes(&[9], &[15], false), "protection_tripped").await;
    let set = |tripped: bool, push: &bandex_api::Push| {
        let told = &push.data[0];
        assert_eq!((&told["market"], &told["tripped"]), (&json!("BWT-BTC"), &json!(tripped)), "{push:?}");
        assert_eq!((&told["quantity"], &told["window_us"]), (&json!("1"), &json!(60_000_000)));
    };
    set(false, &socket.push().await);
    set(true, &socket.push().await);
    let page: Protections = floor.server.get_as(&floor.tokens[ANNA], "/v1/protections").await.read();
    assert!(page.protections.len() == 1 && page.protections[0].tripped, "{page:?}");
    // Set again, quotes are taken; ended, it is listed no more.
    floor.check(ANNA, protect(Some(1)), "done").await;
    set(false, &socket.push().await);
    floor.check(ANNA, quotes(&[9], &[15], false), "done").await;
    floor.check(ANNA, protect(None), "done").await;
    let ended = socket.push().await;
    assert_eq!((&ended.data[0]["quantity"], &ended.data[0]["tripped"]), (&json!(null), &json!(false)));
    let page: Protections = floor.server.get_as(&floor.tokens[ANNA], "/v1/protections").await.read();
    assert!(page.protections.is_empty());
    let elsewhere = Operation::Protect { market: bandex_types::MarketId::new(9), protection: None };
    floor.check(ANNA, elsewhere, "unknown_market").await;
}
