//! Bytes that no honest client sends: each is refused before it is sequenced, by a stable code, and nothing changes.

use crate::story::{BWT, LOTS, PRICE, nobody};
use bandex_api::BlockReply;
use bandex_tests::{MARKET, RawLane, Server, Setup, now, place};
use bandex_tradechain::body::{Bandwidth, Batch, Heal, Orders, Payer};
use bandex_tradechain::{Block, Domain, Keypair, MAX_PAYLOAD_BYTES, SignedBlock};
use bandex_types::{Amount, BlockId, Hash, PublicKey, Side, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

/// A trader and all that can be seen of it.
struct Scene {
    server: Server,
    lane: RawLane,
    token: String,
    head: u64,
    state: Value,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start(Setup::default()).await;
        let lane = server.register_with(1, BWT).await;
        let token = server.login(&lane).await;
        let (head, state) = (server.markets().await.node.seq, server.state(&[&token]).await);
        Self { server, lane, token, head, state }
    }

    fn order(&self) -> Block {
        self.lane.block(Orders { operations: vec![place(MARKET, Side::Sell, PRICE, LOTS)] })
    }

    /// Sends a block that must be rejected so, and checks that nothing was recorded.
    async fn rejected(&self, signed: &SignedBlock, status: u16, code: &str) {
        let problem = self.server.submit(signed).await.must_be(status, code);
        assert_eq!((problem.outcome.as_deref(), problem.retryable), (Some("rejected"), false), "{problem:?}");
        self.unchanged(code).await;
    }

    async fn unchanged(&self, what: &str) {
        assert_eq!(self.server.markets().await.node.seq, self.head, "{what}: a record was made");
        assert_eq!(self.server.state(&[&self.token]).await, self.state, "{what}: something changed");
        let lane = self.server.lane(self.lane.key()).await;
        assert_eq!((lane.head_seq, lane.status.as_str()), (1, "active"), "{what}");
    }

    /// The lane goes on: what was rejected consumed nothing.
    async fn goes_on(mut self) {
        let (ask, _) = self.lane.limit(Side::Sell, PRICE, LOTS);
        let reply: BlockReply = self.server.submit(&ask).await.read();
        assert_eq!(reply.operations[0].status.as_deref(), Some("open"), "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_in_another_unit() {
    let scene = Scene::new().await;
    let sign = |block: Block| block.sign(scene.lane.keypair());
    let micros = now().plus(60_000_000).as_micros();
    for (unit, time) in [("ms", micros / 1_000), ("s", micros / 1_000_000), ("ns", micros * 1_000)] {
        let time = Timestamp::from_micros(time);
        let expiry = sign(Block { expiry: Some(time), ..scene.order() });
        scene.rejected(&expiry, 400, "expiry_unit").await;
        let own_clock = sign(Block { time, ..scene.order() });
        scene.rejected(&own_clock, 400, "time_unit").await;
        let problem = scene.server.submit(&expiry).await.problem();
        assert!(problem.detail.contains("microseconds"), "{unit}: {}", problem.detail);
    }
    let (mut root, state) = (scene.lane.clone(), scene.state.clone());
    let (grant, _) = root.grant(9, |grant| grant.expires = Some(Timestamp::from_micros(micros / 1_000)));
    scene.rejected(&grant, 400, "expiry_unit").await;
    assert_eq!(scene.server.state(&[&scene.token]).await, state);
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_network() {
    let scene = Scene::new().await;
    let network = scene.server.network() + 1;
    let signed = Block { network, ..scene.order() }.sign(scene.lane.keypair());
    scene.rejected(&signed, 400, "wrong_network").await;
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn altered_after_signing() {
    let scene = Scene::new().await;
    let bandwidth = Bandwidth {
        counterparty: nobody(),
        sent_bytes: 1_000,
        received_bytes: 0,
        payer: Payer::Counterparty,
        tokens: Amount::new(5),
    };
    let good = scene.lane.block(bandwidth).sign(scene.lane.keypair());
    // Each single byte, wherever it lies: the tokens agreed are the last eight.
    let bytes = good.payload.len();
    for at in [0, 1, 5, 37, 45, 77, 85, 86, 88, bytes - 17, bytes - 9, bytes - 8, bytes - 1] {
        let mut altered = good.clone();
        altered.payload[at] ^= 1;
        let problem = scene.server.submit(&altered).await.problem();
        let codes: &[&str] =
            if at == 5 { &["bad_signature", "key_not_canonical"] } else { &["bad_signature"] };
        assert!(codes.contains(&problem.code.as_str()), "byte {at}: {problem:?}");
    }
    // The counterparty's own signature under the altered bytes does not help either.
    let mut altered = good.payload.clone();
    altered[bytes - 8] = 200;
    let other = Keypair::from_seed(&[2; 32]);
    let signature = other.sign(Domain::Block, &altered);
    scene.rejected(&SignedBlock { payload: altered, signature }, 400, "bad_signature").await;
    // Nor does a signature for another purpose.
    let signature = scene.lane.keypair().sign(Domain::Login, &good.payload);
    scene.rejected(&SignedBlock { payload: good.payload, signature }, 400, "bad_signature").await;
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unfit_keys() {
    let scene = Scene::new().await;
    let mut neutral = [0; 32];
    neutral[0] = 1;
    // y = p + 1, which is y = 1 spelt another way.
    let mut second_spelling = [0xff; 32];
    (second_spelling[0], second_spelling[31]) = (0xee, 0x7f);
    for (key, code, new_code) in [
        (neutral, "weak_key", "new_key_weak"),
        ([0; 32], "weak_key", "new_key_weak"),
        (second_spelling, "key_not_canonical", "new_key_not_canonical"),
        ([0xff; 32], "key_not_canonical", "new_key_not_canonical"),
    ] {
        let key = PublicKey::new(key);
        let block = Block { author: key, ..scene.order() };
        scene.rejected(&scene.lane.sign_bytes(block.encode()), 400, code).await;
        let (grant, _) = scene.lane.clone().grant(9, |grant| grant.key = key);
        scene.rejected(&grant, 400, new_code).await;
        let mut login = scene.server.signed_challenge(scene.lane.keypair()).await;
        login.key = key.to_string();
        scene.server.post_login(&login).await.must_be(401, "login_failed");
    }
    // A good key whose holder did not agree to be granted.
    let (grant, _) = scene.lane.clone().grant(9, |grant| grant.key = Keypair::from_seed(&[8; 32]).public());
    scene.rejected(&grant, 400, "new_key_bad_signature").await;
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_and_fewer_bytes() {
    let scene = Scene::new().await;
    let good = scene.order().encode();
    let mut trailing = good.clone();
    trailing.push(0);
    scene.rejected(&scene.lane.sign_bytes(trailing), 400, "malformed").await;
    for length in [good.len() - 1, 90, 85, 37] {
        scene.rejected(&scene.lane.sign_bytes(good[..length].to_vec()), 400, "malformed").await;
    }
    for length in [36, 0] {
        scene.rejected(&scene.lane.sign_bytes(good[..length].to_vec()), 400, "malformed").await;
    }
    let mut version = good.clone();
    version[0] = 2;
    scene.rejected(&scene.lane.sign_bytes(version), 400, "wrong_version").await;
    let mut kind = good.clone();
    kind[86] = 99;
    scene.rejected(&scene.lane.sign_bytes(kind), 400, "unknown_kind").await;
    // An Option byte that is neither 0 nor 1 would be a second spelling.
    let mut option = good.clone();
    option[85] = 2;
    scene.rejected(&scene.lane.sign_bytes(option), 400, "malformed").await;
    // What is longer than any block of a trader is not even read.
    let long = [good, vec![0; MAX_PAYLOAD_BYTES / 2]].concat();
    scene.server.submit(&scene.lane.sign_bytes(long)).await.must_be(413, "body_too_large");
    scene.unchanged("a long block").await;
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_and_kinds_that_no_trader_sends() {
    let scene = Scene::new().await;
    let sign = |block: Block| scene.lane.sign_bytes(block.encode());
    let batch = Batch { first_seq: 1, count: 1, root: Hash::ZERO, last_record_hash: Hash::ZERO };
    scene.rejected(&sign(scene.lane.block(batch)), 400, "node_only").await;
    scene.rejected(&sign(scene.lane.block(Orders { operations: Vec::new() })), 400, "bad_body").await;
    let many = vec![place(MARKET, Side::Sell, PRICE, 1); 101];
    scene.rejected(&sign(scene.lane.block(Orders { operations: many })), 400, "bad_body").await;
    let heal = Heal { key: scene.lane.key(), keep: BlockId::ZERO };
    scene.rejected(&sign(Block { seq: 0, ..scene.lane.block(heal) }), 400, "bad_body").await;
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_hold_no_block() {
    let scene = Scene::new().await;
    let good = scene.order().sign(scene.lane.keypair());
    let (payload, signature) = (hex::encode(&good.payload), good.signature.to_string());
    let post = async |body: String| scene.server.ask(Method::POST, "/v1/blocks", None, Some(body)).await;
    for body in ["", "{", "[]", "null", "{}", r#"{"payload":7,"signature":""}"#] {
        post(body.to_owned()).await.must_be(400, "bad_request");
    }
    let wire =
        |payload: &str, signature: &str| json!({ "payload": payload, "signature": signature }).to_string();
    for (payload, signature) in [
        ("zz", signature.as_str()),
        (&payload[1..], signature.as_str()),
        (payload.as_str(), "zz"),
        (payload.as_str(), &signature[2..]),
        (payload.as_str(), ""),
        ("", signature.as_str()),
    ] {
        post(wire(payload, signature)).await.must_be(400, "malformed");
    }
    // More than any block can have is not even read.
    post(wire(&"00".repeat(2 * MAX_PAYLOAD_BYTES), &signature)).await.must_be(413, "body_too_large");
    scene.unchanged("requests").await;
    scene.goes_on().await;
}
