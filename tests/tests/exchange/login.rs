//! Login, and what is whose.

use crate::story::Pair;
use bandex_api::{Balances, Challenge};
use bandex_tests::{RawLane, Server, Setup};
use bandex_tradechain::{Keypair, Login};
use bandex_types::{Hash, PublicKey};
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenge_serves_one_key_of_one_node_once() {
    let server = Server::start(Setup::default()).await;
    let lane = server.register(1).await;
    let good = server.signed_challenge(lane.keypair()).await;
    server.post_login(&good).await.read::<bandex_api::Session>();
    server.post_login(&good).await.must_be(401, "login_failed");

    // A wrong signature uses the challenge up, too: there is no guessing.
    let good = server.signed_challenge(lane.keypair()).await;
    let other = server.signed_challenge(lane.keypair()).await;
    let mixed = bandex_api::Login { signature: other.signature.clone(), ..good.clone() };
    server.post_login(&mixed).await.must_be(401, "login_failed");
    server.post_login(&good).await.must_be(401, "login_failed");
    server.post_login(&other).await.read::<bandex_api::Session>();

    // A nonce that the node never gave, and a key it does not know.
    let made_up =
        Login { network: server.network(), node: server.node(), key: lane.key(), nonce: Hash::new([7; 32]) };
    let (nonce, signature) = (made_up.nonce.to_string(), made_up.sign(lane.keypair()).to_string());
    let login = bandex_api::Login { key: lane.key().to_string(), nonce, signature };
    server.post_login(&login).await.must_be(401, "login_failed");
    let stranger = server.signed_challenge(&Keypair::from_seed(&[99; 32])).await;
    server.post_login(&stranger).await.must_be(401, "login_failed");

    // A statement made for another node, another network or another key.
    let other_node = Keypair::from_seed(&[98; 32]).public();
    let (node, network) = (server.node(), server.network());
    for (network, node, signer) in [
        (network, other_node, lane.keypair().clone()),
        (network + 1, node, lane.keypair().clone()),
        (network, node, Keypair::from_seed(&[97; 32])),
    ] {
        let login = signed_for(&server, network, node, lane.key(), &signer).await;
        server.post_login(&login).await.must_be(401, "login_failed");
    }
    for (body, status) in [("", 400), ("{}", 400), (r#"{"key":"zz","nonce":"zz","signature":"zz"}"#, 400)] {
        let answer = server.ask(Method::POST, "/v1/login", None, Some(body.to_owned())).await;
        answer.must_be(status, "bad_request");
    }
}

async fn signed_for(
    server: &Server,
    network: u32,
    node: PublicKey,
    key: PublicKey,
    signer: &Keypair,
) -> bandex_api::Login {
    let challenge: Challenge = server.get("/v1/login").await.read();
    let login = Login { network, node, key, nonce: challenge.nonce.parse().unwrap() };
    let signature = login.sign(signer).to_string();
    bandex_api::Login { key: key.to_string(), nonce: challenge.nonce, signature }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_pages_are_their_owners() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    let id = pair.trade().await;
    let stranger = pair.server.register(3).await;
    let strange = pair.server.login(&stranger).await;
    let (deal, evidence) = (format!("/v1/deals/{id}"), format!("/v1/deals/{id}/evidence"));
    for page in ["/v1/orders", "/v1/balances", "/v1/deals", &deal, &evidence] {
        pair.server.get(page).await.must_be(401, "not_logged_in");
        for token in ["", "zz", &"0".repeat(64), pair.server.admin_token()] {
            pair.server.get_as(token, page).await.must_be(401, "not_logged_in");
        }
        for token in [&pair.seller_token, &pair.buyer_token] {
            assert_eq!(pair.server.get_as(token, page).await.status, 200, "{page}");
        }
    }
    for page in [&deal, &evidence] {
        pair.server.get_as(&strange, page).await.must_be(403, "not_yours");
    }
    let balances: Balances = pair.server.get_as(&strange, "/v1/balances").await.read();
    assert_eq!(balances.account, stranger.account().to_string());
    for page in ["/v1/orders?state=all", "/v1/deals?closed=true"] {
        let body = pair.server.get_as(&strange, page).await.body;
        assert!(body["orders"].as_array().or(body["deals"].as_array()).unwrap().is_empty(), "{body}");
    }
    pair.server.get_as(&strange, &format!("/v1/deals/{}", "0".repeat(64))).await.must_be(404, "not_found");
    pair.server.get_as(&strange, "/v1/deals/zz").await.must_be(400, "bad_request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_key_reads_for_its_account() {
    let server = Server::start(Setup::default()).await;
    let mut root = server.register(1).await;
    let (grant, session) = root.grant(11, |_| {});
    server.submit(&grant).await.read::<bandex_api::BlockReply>();
    let token = server.login(&session).await;
    assert_eq!(server.balances(&token).await.account, root.account().to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_channels_need_a_login_on_this_connection() {
    let server = Server::start(Setup::default()).await;
    let lane = server.register(1).await;
    let (mut one, mut other) = (server.socket().await, server.socket().await);
    assert_ne!(one.hello.nonce, other.hello.nonce);
    assert_eq!((one.hello.network, one.hello.node.clone()), (server.network(), server.node().to_string()));
    let refused = |reply: bandex_api::Reply| {
        assert!(!reply.ok);
        reply.error.unwrap().code
    };
    for channel in ["orders", "fills", "deals"] {
        let reply = one.ask("subscribe", json!({ "channel": channel })).await;
        assert_eq!(refused(reply), "not_logged_in", "{channel}");
    }
    // A statement for another connection's nonce, or for a challenge over HTTP, does not serve here.
    let foreign = other.signed_login(&server, &lane);
    assert_eq!(refused(one.ask("login", foreign).await), "login_failed");
    let by_rest = serde_json::to_value(server.signed_challenge(lane.keypair()).await).unwrap();
    assert_eq!(refused(one.ask("login", by_rest).await), "login_failed");
    let stranger = RawLane::root(Keypair::from_seed(&[99; 32]), server.network());
    let unknown = one.signed_login(&server, &stranger);
    assert_eq!(refused(one.ask("login", unknown).await), "login_failed");
    one.login(&server, &lane).await;
    for channel in ["orders", "fills", "deals"] {
        one.subscribe(channel, None).await;
    }
    let reply = other.ask("subscribe", json!({ "channel": "orders" })).await;
    assert_eq!(refused(reply), "not_logged_in", "a login is of one connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_ends_with_the_key_that_logged_in() {
    let server = Server::start(Setup::default()).await;
    let mut root = server.register(1).await;
    let (grant, session) = root.grant(11, |_| {});
    server.submit(&grant).await.read::<bandex_api::BlockReply>();
    let (mut by_session, mut by_root) = (server.socket().await, server.socket().await);
    by_session.login(&server, &session).await;
    by_session.subscribe("orders", None).await;
    by_root.login(&server, &root).await;
    let revoke = root.revoke(session.key());
    server.submit(&revoke).await.read::<bandex_api::BlockReply>();
    by_session.closed().await;
    assert!(by_root.ask("ping", json!({})).await.ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_has_a_listener_and_a_token_of_its_own() {
    let server = Server::start(Setup::default()).await;
    let lane = server.register(1).await;
    let head = server.markets().await.node.seq;
    let body = json!({ "changes": [{ "change": "issue", "to": lane.account(), "amount": "5" }] });
    server.configure_as(None, &body).await.must_be(401, "not_the_operator");
    let token = server.login(&lane).await;
    let wrong = "0".repeat(64);
    for token in ["", "zz", &wrong, &token] {
        server.configure_as(Some(token), &body).await.must_be(401, "not_the_operator");
    }
    // Traders' listener does not know the page at all.
    let page = server
        .ask(Method::POST, "/admin/v1/configure", Some(server.admin_token()), Some(body.to_string()))
        .await;
    page.must_be(404, "not_found");
    for wrong in
        [json!({}), json!({ "changes": [] }), json!({ "changes": [{ "change": "mint" }] }), json!([])]
    {
        server.configure_as(Some(server.admin_token()), &wrong).await.must_be(400, "bad_request");
    }
    assert_eq!(server.markets().await.node.seq, head, "nothing was recorded");
    // Nor may a trader sign what the operator signs.
    let mut lane = lane;
    let changes = serde_json::from_value(body["changes"].clone()).unwrap();
    let signed = lane.sign(bandex_tradechain::body::Configure { changes });
    server.submit(&signed).await.must_be(422, "not_operator");
}
