//! Who pays for a block: its author for what is new and its own, whoever sent it for all else.

use super::floods::{left, only};
use super::{answer, request, server};
use crate::story::PRICE;
use bandex_api::{BlockReply, Problem, RateLimits};
use bandex_exchange::EdgeOptions;
use bandex_tests::{RawLane, Server};
use bandex_tradechain::{Keypair, SignedBlock};
use bandex_types::Side;
use reqwest::{Method, Response};
use serde_json::{Value, json};

/// Behind a proxy, so that tests have many addresses.
fn behind_a_proxy(edge: &mut EdgeOptions) {
    edge.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
}

fn wire(signed: &SignedBlock) -> Value {
    json!({ "payload": hex::encode(&signed.payload), "signature": signed.signature })
}

/// Sends a body to where blocks go, from an address, with a login or without.
async fn post(server: &Server, from: &str, token: Option<&str>, body: String) -> Response {
    let mut posted = request(server, Method::POST, "/v1/blocks").header("x-forwarded-for", from);
    if let Some(token) = token {
        posted = posted.bearer_auth(token);
    }
    answer(posted.header("content-type", "application/json").body(body)).await
}

/// Checks that a body is turned away by a policy, and that the headers say how that one stands.
async fn must_be_over(response: Response, policy: &str) {
    assert_eq!(response.status(), 429);
    let standing = left(&response);
    assert!(standing.contains(&format!("\"{policy}\";r=0")), "{standing}");
    // Of a block on record nobody says that it was not recorded.
    let problem: Problem = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!((problem.code.as_str(), problem.details), ("rate_limited", Some(json!({ "policy": policy }))));
}

/// What an account has left of its two buckets, after asking for it.
async fn own_left(server: &Server, token: &str) -> [u64; 2] {
    let limits: RateLimits = server.get_as(token, "/v1/rate-limits").await.read();
    [limits.used[0].remaining, limits.used[1].remaining]
}

/// A block of a key that nobody here has.
fn of_a_stranger(server: &Server, seed: u8) -> SignedBlock {
    RawLane::root(Keypair::from_seed(&[seed; 32]), server.network()).limit(Side::Buy, PRICE, 1).0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_that_are_public_cost_whoever_sends_them_again() {
    let server = server(|edge| {
        behind_a_proxy(edge);
        (edge.rate_limits.account, edge.rate_limits.cancels) = (only(20), only(5));
        edge.rate_limits.address = only(15);
    })
    .await;
    let mut lane = server.register(1).await;
    let (grant, mut session) = lane.grant(11, |_| {});
    server.submit(&grant).await.read::<BlockReply>();
    let (by_session, _) = session.limit(Side::Buy, PRICE, 1);
    server.submit(&by_session).await.read::<BlockReply>();
    let (placed, order) = lane.limit(Side::Buy, PRICE, 1);
    server.submit(&placed).await.read::<BlockReply>();
    let cancel = lane.cancel(order);
    server.submit(&cancel).await.read::<BlockReply>();
    let revoke = lane.revoke(session.key());
    server.submit(&revoke).await.read::<BlockReply>();
    let token = server.login(&lane).await;
    // A grant, two orders, a revocation, and this page; a cancellation.
    assert_eq!(own_left(&server, &token).await, [15, 4]);
    // All of that is public, and the key that was ended can still sign.
    let (late, _) = session.limit(Side::Buy, PRICE, 1);
    for (index, block) in [&placed, &cancel, &by_session, &late].into_iter().enumerate() {
        let from = format!("203.0.113.{index}");
        for remaining in [13, 11, 9, 7, 5, 3, 1] {
            let answered = post(&server, &from, None, wire(block).to_string()).await;
            assert_eq!(left(&answered), format!("\"address\";r={remaining}"), "block {index}");
        }
        // One is left, which pays for looking and not for the block.
        must_be_over(post(&server, &from, None, wire(block).to_string()).await, "address").await;
    }
    assert_eq!(own_left(&server, &token).await, [14, 4]);
    // Another account pays for itself too.
    let other = server.register(2).await;
    let others = server.login(&other).await;
    assert_eq!(own_left(&server, &others).await, [19, 5]);
    for block in [&placed, &cancel] {
        post(&server, "203.0.113.99", Some(&others), wire(block).to_string()).await;
    }
    assert_eq!((own_left(&server, &others).await, own_left(&server, &token).await), ([14, 5], [13, 4]));
    // What is new is its author's, whoever brings it, who pays for looking.
    let (new, _) = lane.limit(Side::Buy, PRICE, 1);
    assert_eq!(post(&server, "203.0.113.99", Some(&others), wire(&new).to_string()).await.status(), 200);
    assert_eq!((own_left(&server, &others).await, own_left(&server, &token).await), ([12, 5], [11, 4]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_makes_nothing_free() {
    let server = server(|edge| {
        behind_a_proxy(edge);
        edge.rate_limits.account = only(6);
        edge.rate_limits.address = only(12);
    })
    .await;
    let here = "203.0.113.1";
    let lane = server.register(1).await;
    let token = server.login(&lane).await;
    // Blocks of keys that nobody has: one for looking, one for the block.
    for (seed, remaining) in [(51, 4), (52, 2)] {
        let sent = post(&server, here, Some(&token), wire(&of_a_stranger(&server, seed)).to_string()).await;
        assert_eq!((sent.status().as_u16(), left(&sent)), (422, format!("\"account\";r={remaining}")));
    }
    // Signatures that do not hold, and what is no block at all.
    let mut forged = wire(&of_a_stranger(&server, 53));
    forged["signature"] = json!("00".repeat(64));
    let nothing = json!({ "payload": "zz", "signature": "zz" });
    for (body, remaining) in [(&forged, 1), (&nothing, 0)] {
        let sent = post(&server, here, Some(&token), body.to_string()).await;
        assert_eq!((sent.status().as_u16(), left(&sent)), (400, format!("\"account\";r={remaining}")));
    }
    must_be_over(post(&server, here, Some(&token), forged.to_string()).await, "account").await;
    // A body that cannot be read is its address's.
    for remaining in (0..12).rev() {
        let sent = post(&server, here, Some(&token), "{".to_owned()).await;
        assert_eq!((sent.status().as_u16(), left(&sent)), (400, format!("\"address\";r={remaining}")));
    }
    must_be_over(post(&server, here, Some(&token), "{".to_owned()).await, "address").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_socket_says_is_paid_for() {
    let server = server(|edge| {
        edge.rate_limits.account = only(6);
        edge.rate_limits.address = only(1_000);
    })
    .await;
    let lane = server.register(1).await;
    let mut socket = server.socket().await;
    socket.login(&server, &lane).await;
    // What cannot be read is its address's, as is this page.
    let address_left = async || -> u64 {
        let limits: RateLimits = server.get("/v1/rate-limits").await.read();
        limits.used[0].remaining
    };
    let before = address_left().await;
    socket.send_bytes(vec![1]).await;
    assert_eq!(socket.reply().await.error.unwrap().code, "bad_request");
    assert_eq!(address_left().await, before - 2, "bytes");
    socket.send_text("{").await;
    assert_eq!(socket.reply().await.error.unwrap().code, "bad_request");
    assert_eq!(address_left().await, before - 4, "no JSON");
    assert_eq!(socket.ask("submit", json!({ "payload": 7 })).await.error.unwrap().code, "bad_request");
    assert_eq!(address_left().await, before - 6, "no block");
    // What can be is its account's: blocks of others, and signatures that do not hold.
    let stranger = wire(&of_a_stranger(&server, 51));
    let mut forged = stranger.clone();
    forged["signature"] = json!("00".repeat(64));
    for (params, code) in [
        (&stranger, "unknown_key"),
        (&stranger, "unknown_key"),
        (&forged, "bad_signature"),
        (&forged, "bad_signature"),
        (&forged, "rate_limited"),
        (&stranger, "rate_limited"),
    ] {
        let problem = socket.ask("submit", params.clone()).await.error.unwrap();
        assert_eq!(problem.code, code, "{problem:?}");
    }
    assert_eq!(address_left().await, before - 7);
}
