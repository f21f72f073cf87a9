//! Floods: whoever asks too much is told so, and how long to wait; nobody else feels it.

use super::{answer, header, request, server};
use crate::story::PRICE;
use bandex_api::{BlockReply, Problem, RateLimits, RateUse};
use bandex_exchange::Quota;
use bandex_tests::{Answer, Server, Socket, until};
use bandex_tradechain::SignedBlock;
use bandex_types::Side;
use reqwest::{Method, Response};
use serde_json::json;
use std::time::Duration;

/// So many, which do not come back while a test runs.
pub(super) const fn only(quota: u64) -> Quota {
    Quota { quota, window_s: 86_400 }
}

async fn get(server: &Server, path: &str, forwarded: Option<&str>, token: Option<&str>) -> Response {
    let mut asked = request(server, Method::GET, path);
    if let Some(forwarded) = forwarded {
        asked = asked.header("x-forwarded-for", forwarded);
    }
    if let Some(token) = token {
        asked = asked.bearer_auth(token);
    }
    answer(asked).await
}

/// What an answer says is left.
pub(super) fn left(response: &Response) -> String {
    let standing = header(response, "ratelimit").unwrap();
    standing.split(";t=").next().unwrap().to_owned()
}

/// Checks that an answer is a refusal by a policy; gives after how many milliseconds to come back.
fn must_be_over(answer: &Answer, policy: &str) -> u64 {
    of_policy(&answer.must_be(429, "rate_limited"), policy)
}

fn of_policy(problem: &Problem, policy: &str) -> u64 {
    assert_eq!((problem.outcome.as_deref(), problem.retryable), (Some("rejected"), true), "{problem:?}");
    assert_eq!(problem.details, Some(json!({ "policy": policy })));
    problem.retry_after_ms.filter(|ms| *ms > 0).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_asks_too_much_is_told_when_to_come_back() {
    // One comes back each 500 ms.
    let server = server(|edge| edge.rate_limits.address = Quota { quota: 10, window_s: 5 }).await;
    let first = get(&server, "/v1/markets", None, None).await;
    assert_eq!(header(&first, "ratelimit-policy").as_deref(), Some("\"address\";q=10;w=5"));
    assert_eq!(header(&first, "ratelimit").as_deref(), Some("\"address\";r=9;t=1"));
    // Whether the node is there is told for nothing.
    assert_eq!(get(&server, "/readyz", None, None).await.status(), 200);
    let refused = until("the bucket is empty", async || {
        let page = get(&server, "/v1/trades/BWT-BTC", None, None).await;
        (page.status() == 429).then_some(page)
    })
    .await;
    assert_eq!(header(&refused, "retry-after").as_deref(), Some("1"));
    assert!(header(&refused, "ratelimit").unwrap().starts_with("\"address\";r="));
    let problem: Problem = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
    let wait = of_policy(&problem, "address");
    assert!(wait <= 1_000, "{wait}");
    // Who comes back then is served.
    tokio::time::sleep(Duration::from_millis(wait)).await;
    assert_eq!(get(&server, "/v1/trades/BWT-BTC", None, None).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_is_believed_of_trusted_proxies_only() {
    let limits = |edge: &mut bandex_exchange::EdgeOptions| edge.rate_limits.address = only(10);
    let alone = server(limits).await;
    for remaining in [9, 8, 7] {
        let forwarded = format!("203.0.113.{remaining}");
        let page = get(&alone, "/v1/markets", Some(&forwarded), None).await;
        assert_eq!(left(&page), format!("\"address\";r={remaining}"));
    }
    let behind = server(|edge| {
        limits(edge);
        edge.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
    })
    .await;
    for (forwarded, remaining) in [
        (Some("203.0.113.1"), 9),
        (Some("203.0.113.2"), 9),
        (Some("203.0.113.2, 10.1.1.1"), 8),
        (Some("198.51.100.7, 203.0.113.2, 10.1.1.1"), 7),
        (Some("2001:db8::1"), 9),
        (Some("2001:db8::ffff:1"), 8),
        (None, 9),
    ] {
        let page = get(&behind, "/v1/markets", forwarded, None).await;
        assert_eq!(left(&page), format!("\"address\";r={remaining}"), "{forwarded:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_has_its_own_buckets_and_can_cancel_when_it_spent_all() {
    let server = server(|edge| {
        edge.rate_limits.account = only(6);
        edge.rate_limits.cancels = only(3);
    })
    .await;
    let (mut lane, other) = (server.register(1).await, server.register(2).await);
    let token = server.login(&lane).await;
    let (first, order) = lane.limit(Side::Buy, PRICE, 1);
    server.submit(&first).await.read::<BlockReply>();
    // By its token, wherever it comes from, and by its signature, whoever sends it: five, and two for a list.
    let page = get(&server, "/v1/balances", None, Some(&token)).await;
    assert_eq!(header(&page, "ratelimit-policy").as_deref(), Some("\"account\";q=6;w=86400"));
    assert_eq!(left(&page), "\"account\";r=4");
    assert_eq!(left(&get(&server, "/v1/orders", None, Some(&token)).await), "\"account\";r=2");
    for _ in 0..2 {
        let (more, _) = lane.limit(Side::Buy, PRICE, 1);
        server.submit(&more).await.read::<BlockReply>();
    }
    let (over, _) = lane.limit(Side::Buy, PRICE, 1);
    must_be_over(&server.submit(&over).await, "account");
    assert_eq!(get(&server, "/v1/balances", None, Some(&token)).await.status(), 429);
    // Others are served, and it gets out of what it has: the block that was turned away consumed nothing.
    let others = server.login(&other).await;
    assert_eq!(get(&server, "/v1/balances", None, Some(&others)).await.status(), 200);
    let seq = server.lane(lane.key()).await.head_seq;
    let cancel = cancel_at(&lane, seq, &server, order).await;
    let reply: BlockReply = server.submit(&cancel).await.read();
    assert!(reply.operations[0].ok, "{reply:?}");
}

/// A cancellation that follows the lane's end as the node has it.
async fn cancel_at(
    lane: &bandex_tests::RawLane,
    seq: u64,
    server: &Server,
    order: bandex_types::OrderRef,
) -> SignedBlock {
    use bandex_tradechain::Block;
    use bandex_tradechain::body::{Operation, Orders};
    let head = server.lane(lane.key()).await;
    let block = lane.block(Orders { operations: vec![Operation::Cancel { order }] });
    Block { seq: seq + 1, previous: head.head_id.parse().unwrap(), ..block }.sign(lane.keypair())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_sockets_draw_from_the_same_buckets() {
    let server = server(|edge| {
        edge.rate_limits.account = only(4);
        edge.rate_limits.cancels = only(1);
    })
    .await;
    let mut lane = server.register(1).await;
    let mut socket = server.socket().await;
    socket.login(&server, &lane).await;
    let (first, order) = lane.limit(Side::Buy, PRICE, 1);
    socket.submit(&first).await;
    let (second, _) = lane.limit(Side::Buy, PRICE, 1);
    socket.submit(&second).await;
    assert!(socket.ask("ping", json!({})).await.ok);
    // What is no block costs who sent it.
    let garbage = json!({ "payload": "00", "signature": "00".repeat(64) });
    assert!(socket.ask("submit", garbage).await.error.is_some());
    let over = async |socket: &mut Socket, signed: &SignedBlock, policy: &str| {
        socket.send_block(signed).await;
        let problem = socket.reply().await.error.unwrap();
        assert_eq!((problem.code.as_str(), problem.status), ("rate_limited", 429));
        of_policy(&problem, policy);
    };
    let seq = server.lane(lane.key()).await.head_seq;
    let cancel = cancel_at(&lane, seq, &server, order).await;
    let (third, _) = lane.limit(Side::Buy, PRICE, 1);
    over(&mut socket, &third, "account").await;
    let problem = socket.ask("ping", json!({})).await.error.unwrap();
    of_policy(&problem, "account");
    // It can still cancel, as far as that bucket goes.
    socket.submit(&cancel).await;
    // The same bytes again are on record already, so they are not said to be rejected.
    socket.send_block(&cancel).await;
    let problem = socket.reply().await.error.unwrap();
    assert_eq!((problem.code.as_str(), problem.outcome.as_deref()), ("rate_limited", Some("unknown")));
    assert_eq!(problem.details, Some(json!({ "policy": "cancels" })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_accounts_are_counted_by_address() {
    let server = server(|edge| {
        edge.rate_limits.registrations = only(2);
        edge.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    server.register(1).await;
    server.register(2).await;
    let mut third =
        bandex_tests::RawLane::root(bandex_tradechain::Keypair::from_seed(&[3; 32]), server.network());
    let register = third.register(server.node());
    must_be_over(&server.submit(&register).await, "registrations");
    // Somebody else's are counted for themselves.
    let body = json!({ "payload": hex::encode(&register.payload), "signature": register.signature });
    let posted = request(&server, Method::POST, "/v1/blocks").header("x-forwarded-for", "203.0.113.1");
    let posted = answer(posted.header("content-type", "application/json").body(body.to_string())).await;
    assert_eq!(posted.status(), 200);
    let policies = header(&posted, "ratelimit-policy").unwrap();
    assert!(policies.contains("\"address\";q=") && policies.contains("\"registrations\";q=2"), "{policies}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_can_read_the_limits_and_what_is_left() {
    let server = server(|edge| {
        edge.rate_limits.address = only(100);
        edge.rate_limits.account = only(50);
    })
    .await;
    let lane = server.register(1).await;
    let token = server.login(&lane).await;
    let limits: RateLimits = server.get("/v1/rate-limits").await.read();
    let names: Vec<_> = limits.policies.iter().map(|policy| (policy.name.as_str(), policy.quota)).collect();
    let unreachable = 1_000_000_000;
    let all = [("address", 100), ("account", 50), ("cancels", unreachable), ("registrations", unreachable)];
    assert_eq!(names, all);
    assert_eq!(limits.policies[0].weights["list"], 2);
    assert_eq!(server.markets().await.rate_limits, limits.policies);
    let remaining =
        |used: &[RateUse]| used.iter().map(|of| (of.policy.clone(), of.remaining)).collect::<Vec<_>>();
    // The registration, the two steps of the login, and this very page.
    assert_eq!(remaining(&limits.used)[0], ("address".to_owned(), 96));
    let own: RateLimits = server.get_as(&token, "/v1/rate-limits").await.read();
    assert_eq!(remaining(&own.used), [("account".to_owned(), 49), ("cancels".to_owned(), unreachable)]);
    assert!(own.used[0].reset_ms > 0);
}
