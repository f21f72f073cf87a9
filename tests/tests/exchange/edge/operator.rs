//! What is the operator's alone: metrics, and doors of their own.

use super::{answer, header, request, server};
use crate::story::PRICE;
use bandex_exchange::Quota;
use bandex_tests::{Server, until};
use bandex_types::Side;
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeMap;

/// The samples of a text in the format of OpenMetrics, by name and labels.
fn samples(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with("# EOF\n"), "{text}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let read = lines.map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("{line:?} has no number")))
    });
    read.collect()
}

async fn metrics(server: &Server) -> BTreeMap<String, f64> {
    let url = format!("http://{}/metrics", server.exchange().metrics_address().unwrap());
    let page = answer(reqwest::Client::new().get(url)).await;
    assert_eq!(page.status(), 200);
    assert!(header(&page, "content-type").unwrap().starts_with("application/openmetrics-text"));
    samples(&page.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metrics_say_what_happened() {
    let server = server(|edge| {
        edge.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
        edge.rate_limits.cancels = Quota { quota: 1, window_s: 86_400 };
    })
    .await;
    let before = metrics(&server).await;
    let mut lane = server.register(1).await;
    for lots in 1..=3 {
        let (order, _) = lane.limit(Side::Buy, PRICE, lots);
        assert_eq!(server.submit(&order).await.status, 200);
    }
    assert_eq!(server.get("/v1/book/NOPE").await.status, 404);
    assert_eq!(server.get("/nothing/here").await.status, 404);
    let cancel = lane.cancel(lane.last_order(0));
    assert_eq!(server.submit(&cancel).await.status, 200);
    let head = lane.head();
    let another = lane.cancel(lane.last_order(0));
    assert_eq!(server.submit(&another).await.status, 429);
    lane.rewind(head);
    let mut socket = server.socket().await;
    socket.subscribe("book", Some("BWT-BTC")).await;
    let (order, _) = lane.limit(Side::Buy, PRICE, 7);
    assert_eq!(server.submit(&order).await.status, 200);
    socket.push().await;
    let after = metrics(&server).await;
    let grown =
        |name: &str| after.get(name).copied().unwrap_or(0.0) - before.get(name).copied().unwrap_or(0.0);
    let requests = |method, page, status| {
        format!("bandex_http_requests_total{{method=\"{method}\",page=\"{page}\",status=\"{status}\"}}")
    };
    let check = |name: &str, growth: f64| assert_eq!(grown(name), growth, "{name} in {after:#?}");
    check(&requests("POST", "/v1/blocks", 200), 6.0);
    check("bandex_pushes_total{channel=\"book\"}", 1.0);
    check(&requests("POST", "/v1/blocks", 429), 1.0);
    check(&requests("GET", "/v1/book/{market}", 404), 1.0);
    check(&requests("GET", "other", 404), 1.0);
    check("bandex_http_request_seconds_count{page=\"/v1/blocks\"}", 7.0);
    check("bandex_rate_limited_total{policy=\"cancels\"}", 1.0);
    check("bandex_commands_total{kind=\"register\"}", 1.0);
    check("bandex_commands_total{kind=\"orders\"}", 5.0);
    check("bandex_sockets", 1.0);
    check("bandex_subscriptions{channel=\"book\"}", 1.0);
    check("bandex_published_seq", 6.0);
    assert_eq!(after["bandex_published_seq"], server.markets().await.node.seq as f64);
    assert_eq!(after["bandex_bitcoin_node{state=\"none\"}"], 1.0);
    assert_eq!(after["bandex_writer_queue"], 0.0);
    assert!(grown("bandex_batches_total") >= 1.0 && grown("bandex_batches_total") <= 6.0);
    assert!(grown("bandex_journal_append_seconds_sum") > 0.0);
    assert!(grown("bandex_sent_total") > 0.0, "{after:#?}");
    assert!(after["bandex_connections"] >= 1.0);
    drop(socket);
    until("the socket is gone", async || {
        let now = metrics(&server).await;
        let followed = now["bandex_subscriptions{channel=\"book\"}"];
        (now["bandex_sockets"] == 0.0 && followed == 0.0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_door_leads_to_its_own_pages() {
    let server = server(|edge| edge.metrics_listen = Some("127.0.0.1:0".parse().unwrap())).await;
    // What is the operator's is not among the traders' pages, token or not.
    for path in ["/metrics", "/admin/v1/digest", "/admin/v1/configure"] {
        for token in [None, Some(server.admin_token())] {
            server.ask(Method::GET, path, token, None).await.must_be(404, "not_found");
        }
    }
    let body = json!({ "changes": [] }).to_string();
    let configure = server.ask(Method::POST, "/admin/v1/configure", Some(server.admin_token()), Some(body));
    configure.await.must_be(404, "not_found");
    // And the traders' pages are behind no other door.
    let exchange = server.exchange();
    let admin = format!("http://{}", exchange.admin_address());
    let open = format!("http://{}", exchange.metrics_address().unwrap());
    let http = reqwest::Client::new();
    for path in ["/v1/markets", "/v1/ws", "/v1/balances", "/docs/", "/openapi.json"] {
        for door in [&admin, &open] {
            let page = answer(http.get(format!("{door}{path}")).bearer_auth(server.admin_token())).await;
            assert_eq!(page.status(), 404, "{door}{path}");
        }
    }
    assert_eq!(answer(http.get(format!("{open}/admin/v1/digest"))).await.status(), 404);
    // The operator's listener gives metrics for its token only.
    let metrics = format!("{admin}/metrics");
    assert_eq!(answer(http.get(&metrics)).await.status(), 401);
    assert_eq!(answer(http.get(&metrics).bearer_auth("00")).await.status(), 401);
    let page = answer(http.get(&metrics).bearer_auth(server.admin_token())).await;
    assert!(samples(&page.text().await.unwrap()).contains_key("bandex_published_seq"));
    assert_eq!(answer(request(&server, Method::GET, "/v1/markets")).await.status(), 200);
}
