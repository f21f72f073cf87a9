//! Private pages for whoever signs the request itself (RFC 9421).

use crate::story::Pair;
use bandex_api::{Balances, HttpTarget, OrderPage, SignatureInput, content_digest};
use bandex_tests::{Answer, RawLane, Server, Setup, now, until};
use bandex_tradechain::{HttpRequest, Keypair};
use reqwest::Method;

/// A request as somebody signs it; tests change one part of it.
#[derive(Clone)]
struct Signed {
    keypair: Keypair,
    created_s: u64,
    nonce: String,
    tag: Option<String>,
    signed_method: &'static str,
    signed_path: String,
    authority: String,
    body: &'static str,
    covers_body: bool,
    /// What is sent in its place.
    sent_body: Option<&'static str>,
}

impl Signed {
    fn of(server: &Server, lane: &RawLane, path: &str, nonce: &str) -> Self {
        Self {
            keypair: lane.keypair().clone(),
            created_s: now().as_micros() / 1_000_000,
            nonce: nonce.to_owned(),
            tag: None,
            signed_method: "GET",
            signed_path: path.to_owned(),
            authority: server.authority(),
            body: "",
            covers_body: false,
            sent_body: None,
        }
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let key = self.keypair.public();
        let tag = self.tag.as_deref();
        let input = SignatureInput::new(key, self.created_s, &self.nonce, tag, self.covers_body).unwrap();
        let digest = content_digest(self.body.as_bytes());
        let (path, query) = match self.signed_path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.signed_path.as_str(), None),
        };
        let target = HttpTarget {
            method: self.signed_method,
            authority: &self.authority,
            path,
            query,
            content_digest: Some(&digest),
        };
        let components = input.values(&target).unwrap();
        let signature = HttpRequest { components: &components, params: input.params() }.sign(&self.keypair);
        let mut headers =
            vec![("signature-input", input.header()), ("signature", input.signature_header(&signature))];
        headers.extend(self.covers_body.then_some(("content-digest", digest)));
        headers
    }

    async fn send(&self, server: &Server, path: &str) -> Answer {
        server.ask_with(Method::GET, path, &self.headers(), self.sent_body.unwrap_or(self.body)).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_request_reads_what_a_login_reads_once() {
    let mut pair = Pair::meet(Server::start(Setup::default()).await).await;
    pair.trade().await;
    let server = &pair.server;
    for page in ["/v1/balances", "/v1/orders?state=all&limit=1", "/v1/deals", "/v1/fills"] {
        let signed = Signed::of(server, &pair.seller, page, &format!("first {page}"));
        let answer = signed.send(server, page).await;
        assert_eq!(answer, server.get_as(&pair.seller_token, page).await, "{page}");
        assert_eq!(answer.status, 200, "{page}");
        let problem = signed.send(server, page).await.must_be(401, "bad_http_signature");
        assert!(problem.detail.contains("nonce"), "{problem:?}");
    }
    // A nonce is each key's own.
    let signed = Signed::of(server, &pair.buyer, "/v1/balances", "first /v1/balances");
    let balances: Balances = signed.send(server, "/v1/balances").await.read();
    assert_eq!(balances.account, pair.buyer.account().to_string());
    // With the node's key as its tag, and with a body that is covered.
    let mut signed = Signed::of(server, &pair.buyer, "/v1/balances", "tagged");
    signed.tag = Some(server.node().to_string());
    (signed.body, signed.covers_body) = ("{}", true);
    assert_eq!(signed.send(server, "/v1/balances").await.status, 200);
    // Others' own stays theirs.
    let deals: bandex_api::DealPage = server.get_as(&pair.buyer_token, "/v1/deals").await.read();
    let page = format!("/v1/deals/{}", deals.deals[0].deal);
    let stranger = server.register(3).await;
    Signed::of(server, &stranger, &page, "1").send(server, &page).await.must_be(403, "not_yours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_that_is_not_for_this_request_is_refused() {
    let server = Server::start(Setup::default()).await;
    let mut lane = server.register(1).await;
    let page = "/v1/orders?limit=5";
    let good = Signed::of(&server, &lane, page, "good");
    let check = async |signed: Signed, part: &str| {
        let problem = signed.send(&server, page).await.must_be(401, "bad_http_signature");
        assert!(problem.detail.contains(part), "{part}: {problem:?}");
    };
    check(Signed { signed_method: "POST", ..good.clone() }, "does not match").await;
    check(Signed { signed_path: "/v1/orders?limit=6".to_owned(), ..good.clone() }, "does not match").await;
    check(Signed { signed_path: "/v1/orders".to_owned(), ..good.clone() }, "does not match").await;
    check(Signed { authority: "elsewhere.example".to_owned(), ..good.clone() }, "does not match").await;
    check(Signed { tag: Some("another node".to_owned()), ..good.clone() }, "another node").await;
    check(Signed { body: "{}", ..good.clone() }, "Content-Digest").await;
    for (name, value, part) in [
        ("signature", "sig1=:AAAA:", "Signature"),
        ("signature", "", "Signature"),
        ("signature-input", "sig1=()", "created"),
    ] {
        let mut headers = good.headers();
        headers.iter_mut().filter(|header| header.0 == name).for_each(|header| header.1 = value.to_owned());
        let answer = server.ask_with(Method::GET, page, &headers, "").await;
        let problem = answer.must_be(401, "bad_http_signature");
        assert!(problem.detail.contains(part), "{problem:?}");
    }
    let twice = [good.headers(), good.headers()].concat();
    server.ask_with(Method::GET, page, &twice, "").await.must_be(401, "bad_http_signature");
    let without = good.headers().into_iter().take(1).collect::<Vec<_>>();
    server.ask_with(Method::GET, page, &without, "").await.must_be(401, "bad_http_signature");
    let other_body = Signed {
        body: "{}",
        covers_body: true,
        sent_body: Some("[]"),
        nonce: "b".to_owned(),
        ..good.clone()
    };
    check(other_body, "Content-Digest").await;
    // Too old, too early, by a key that nobody has here.
    for away in [-40, 40] {
        let signed = Signed { created_s: good.created_s.wrapping_add_signed(away), ..good.clone() };
        let problem = signed.send(&server, page).await.must_be(401, "clock_skew");
        let told = problem.details.unwrap()["time_us"].as_u64().unwrap();
        assert!(told.abs_diff(now().as_micros()) < 20_000_000);
    }
    let stranger = Signed { keypair: Keypair::from_seed(&[99; 32]), ..good.clone() };
    stranger.send(&server, page).await.must_be(401, "not_logged_in");
    // A token is looked at first, and a wrong one is not made up for.
    let mut headers = good.headers();
    headers.push(("authorization", "Bearer zz".to_owned()));
    server.ask_with(Method::GET, page, &headers, "").await.must_be(401, "not_logged_in");
    // None of these has used the nonce up.
    assert!(good.send(&server, page).await.read::<OrderPage>().orders.is_empty());
    // A session key reads until it is ended.
    let (grant, session) = lane.grant(11, |_| {});
    server.submit(&grant).await.read::<bandex_api::BlockReply>();
    let by_session = Signed::of(&server, &session, page, "1");
    assert_eq!(by_session.send(&server, page).await.status, 200);
    let revoke = lane.revoke(session.key());
    server.submit(&revoke).await.read::<bandex_api::BlockReply>();
    let by_session = Signed { nonce: "2".to_owned(), ..by_session };
    by_session.send(&server, page).await.must_be(401, "not_logged_in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_signed_before_a_restart_serves_no_more() {
    let server = Server::start(Setup::default()).await;
    let lane = server.register(1).await;
    let page = "/v1/balances";
    let before = Signed::of(&server, &lane, page, "1");
    assert_eq!(before.send(&server, page).await.status, 200);
    // The node knows by seconds when it started.
    let (server, ()) = server
        .restart_in_place(async {
            until("the next second has begun", async || {
                (now().as_micros() / 1_000_000 > before.created_s).then_some(())
            })
            .await;
        })
        .await;
    let problem = before.send(&server, page).await.must_be(401, "bad_http_signature");
    assert!(problem.detail.contains("sign again"), "{problem:?}");
    let again = Signed::of(&server, &lane, page, "1");
    assert_eq!(again.send(&server, page).await.status, 200);
}
