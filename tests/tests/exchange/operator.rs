//! Decisions of the operator, and what traders feel of them.

use crate::story::{BWT, LOTS, PRICE, Pair, bwt, must_place, must_refuse};
use bandex_api::{BlockReply, OrderPage};
use bandex_tests::{Server, Setup, units};
use bandex_types::Side;
use serde_json::{Value, json};

async fn meet() -> Pair {
    Pair::meet(Server::start(Setup::default()).await).await
}

fn state(state: &str) -> Value {
    json!([{ "change": "set_market_state", "market": 1, "state": state }])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_market_that_is_halted_moves_nothing() {
    let mut pair = meet().await;
    let (ask, first) = pair.seller.limit(Side::Sell, PRICE, LOTS);
    must_place(pair.server.submit(&ask).await.read(), "open");
    pair.server.configure(state("halted")).await;
    assert_eq!(pair.server.markets().await.markets[0].state, "halted");
    let (bid, _) = pair.buyer.limit(Side::Buy, PRICE, LOTS);
    must_refuse(&pair.server.submit(&bid).await.read(), "market_closed");
    let cancel = pair.seller.cancel(first);
    must_refuse(&pair.server.submit(&cancel).await.read(), "market_closed");
    pair.server.configure(state("cancel_only")).await;
    let (bid, _) = pair.buyer.limit(Side::Buy, PRICE, LOTS);
    must_refuse(&pair.server.submit(&bid).await.read(), "market_closed");
    let cancel = pair.seller.cancel(first);
    let reply: BlockReply = pair.server.submit(&cancel).await.read();
    assert!(reply.operations[0].ok, "{reply:?}");
    pair.server.configure(state("trading")).await;
    pair.trade().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_frozen_may_take_back_but_not_place() {
    let mut pair = meet().await;
    let (ask, order) = pair.seller.limit(Side::Sell, PRICE, LOTS);
    must_place(pair.server.submit(&ask).await.read(), "open");
    let frozen = |frozen: bool| json!([{ "change": "set_frozen", "account": pair.seller.account(), "frozen": frozen }]);
    let (freeze, thaw) = (frozen(true), frozen(false));
    pair.server.configure(freeze).await;
    assert_eq!(pair.server.balances(&pair.seller_token).await.frozen.as_deref(), Some("operator"));
    let page: OrderPage = pair.server.get_as(&pair.seller_token, "/v1/orders?state=all").await.read();
    assert_eq!(page.orders[0].order, order.to_string());
    assert_eq!(page.orders[0].reason.as_deref(), Some("account_frozen"));
    let (ask, _) = pair.seller.limit(Side::Sell, PRICE, LOTS);
    must_refuse(&pair.server.submit(&ask).await.read(), "account_frozen");
    pair.server.configure(thaw).await;
    pair.trade().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_say_how_much_is_left() {
    let mut pair = meet().await;
    pair.server.set_limit(pair.buyer.account(), 0).await;
    let (bid, _) = pair.buyer.limit(Side::Buy, PRICE, LOTS);
    let reply: BlockReply = pair.server.submit(&bid).await.read();
    must_refuse(&reply, "bids_above_bound");
    assert!(reply.operations[0].detail.as_ref().unwrap().contains("39159"), "{reply:?}");
    pair.server.set_limit(pair.buyer.account(), 40_000).await;
    let opened = pair.trade().await;
    let deal = pair.server.deal(&pair.buyer_token, opened).await;
    assert_eq!(
        (units(&deal.seller_cap), units(&deal.buyer_cap)),
        (10_000, 2_500),
        "a quarter of each other's limit"
    );
    // Back to the dust of everybody.
    let back = json!([{ "change": "set_limit", "account": pair.buyer.account(), "limit": null }]);
    pair.server.configure(back).await;
    let balances = pair.server.balances(&pair.buyer_token).await;
    assert_eq!((units(&balances.limit), units(&balances.reserved)), (10_000, 10_000));
    let (ask, _) = pair.seller.limit(Side::Sell, PRICE, LOTS);
    must_place(pair.server.submit(&ask).await.read(), "open");
    let (bid, _) = pair.buyer.limit(Side::Buy, PRICE, LOTS);
    must_refuse(&pair.server.submit(&bid).await.read(), "limit_reached");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_judged_one_by_one() {
    let mut pair = meet().await;
    let to = pair.buyer.account();
    let changes = json!({ "changes": [
        { "change": "issue", "to": to, "amount": BWT.to_string() },
        { "change": "issue", "to": "ee".repeat(32), "amount": "1" },
        { "change": "issue", "to": to, "amount": u64::MAX.to_string() },
        { "change": "list_asset", "id": 7, "symbol": "BWT", "decimals": 2, "rail": "attested" },
        { "change": "set_market_state", "market": 9, "state": "halted" },
    ] });
    let answer = pair.server.configure_as(Some(pair.server.admin_token()), &changes).await;
    let reply: BlockReply = answer.read();
    let codes: Vec<Option<&str>> =
        reply.operations.iter().map(|operation| operation.code.as_deref()).collect();
    let refused = ["unknown_account", "issuance_capped", "already_listed", "unknown_market"];
    assert_eq!(codes[1..], refused.map(Some));
    assert_eq!(codes[0], None);
    assert_eq!(bwt(&pair.server, &pair.buyer_token).await.0, "1");
    // A credit line lets an account go below zero, so far and no further.
    let line = json!([{ "change": "set_credit_line", "account": to, "line": BWT.to_string() }]);
    pair.server.configure(line).await;
    let sent = pair.buyer.transfer(pair.seller.account(), 2 * BWT);
    pair.server.submit(&sent).await.read::<BlockReply>();
    assert_eq!(bwt(&pair.server, &pair.buyer_token).await.0, "-1");
    let more = pair.buyer.transfer(pair.seller.account(), 1);
    pair.server.submit(&more).await.must_be(422, "insufficient_free");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_misspelt_decision_decides_nothing() {
    let pair = meet().await;
    let account = pair.seller.account().to_string();
    let token = pair.server.login(&pair.seller).await;
    let limit =
        async || pair.server.get_as(&token, "/v1/balances").await.read::<bandex_api::Balances>().limit;
    pair.server.configure(json!([{ "change": "set_limit", "account": account, "limit": "500000000" }])).await;
    let before = limit().await;
    for wrong in [
        json!([{ "change": "set_limit", "account": account, "limt": "900000000" }]),
        json!([{ "change": "set_limit", "account": account, "limit": "900000000", "x": 1 }]),
        json!([{ "change": "set_limit", "account": account }]),
        json!([{ "change": "set_limits", "account": account, "limit": "900000000" }]),
    ] {
        let admin = pair.server.admin_token();
        pair.server.configure_as(Some(admin), &json!({ "changes": wrong })).await.must_be(400, "bad_request");
    }
    assert_eq!(limit().await, before);
}
