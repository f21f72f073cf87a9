//! Keys and lanes: what a session key may not, keys that ended, gaps, blocks sent again.

use crate::story::{BWT, LOTS, PRICE, bwt, must_place, must_refuse};
use bandex_api::{Balances, BlockReply, Lane};
use bandex_tests::{MARKET, OTHER_MARKET, RawLane, Server, Setup, amount, now, place};
use bandex_tradechain::Keypair;
use bandex_tradechain::body::{Grant, Operation, Orders, Scopes};
use bandex_types::Side;

/// A root with ten BWT, logged in.
async fn scene() -> (Server, RawLane, String) {
    let server = Server::start(Setup::default()).await;
    let root = server.register_with(1, 10 * BWT).await;
    let token = server.login(&root).await;
    (server, root, token)
}

async fn granted(server: &Server, root: &mut RawLane, seed: u8, change: impl FnOnce(&mut Grant)) -> RawLane {
    let (grant, session) = root.grant(seed, change);
    server.submit(&grant).await.read::<BlockReply>();
    session
}

/// Sends a block that is refused as a whole; it takes its place in the lane all the same.
async fn refused(
    server: &Server,
    token: &str,
    lane: &RawLane,
    signed: bandex_tradechain::SignedBlock,
    code: &str,
) {
    let before = server.state(&[token]).await;
    let problem = server.submit(&signed).await.must_be(422, code);
    assert_eq!(problem.outcome.as_deref(), Some("accepted"), "{problem:?}");
    assert_eq!(server.state(&[token]).await, before, "{code}: something changed");
    let on_node = server.lane(lane.key()).await;
    assert_eq!((on_node.head_seq, on_node.head_id), (lane.head().seq, lane.head().id.to_string()), "{code}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_key_beyond_its_scope() {
    let (server, mut root, token) = scene().await;
    let mut peer = server.register(2).await;
    let mut trading = granted(&server, &mut root, 11, |grant| grant.scopes = Scopes::ORDERS).await;
    let signed = trading.transfer(peer.account(), 1);
    refused(&server, &token, &trading, signed, "out_of_scope").await;
    let mut settling = granted(&server, &mut root, 12, |grant| grant.scopes = Scopes::SETTLE).await;
    let (signed, _) = settling.limit(Side::Sell, PRICE, LOTS);
    refused(&server, &token, &settling, signed, "out_of_scope").await;
    // A countersignature under a bandwidth record spends tokens: settling is not enough for it.
    let served = bandex_tradechain::body::Bandwidth {
        counterparty: root.account(),
        sent_bytes: 1,
        received_bytes: 0,
        payer: bandex_tradechain::body::Payer::Counterparty,
        tokens: amount(BWT),
    };
    let proposed = peer.bandwidth(served);
    server.submit(&proposed).await.read::<BlockReply>();
    let signed = settling.acknowledge(proposed.id());
    refused(&server, &token, &settling, signed, "out_of_scope").await;
    // Only the root key manages keys, whatever the scopes.
    let mut all = granted(&server, &mut root, 13, |_| {}).await;
    let (signed, _) = all.grant(14, |_| {});
    refused(&server, &token, &all, signed, "root_only").await;
    let signed = all.revoke(trading.key());
    refused(&server, &token, &all, signed, "root_only").await;
    let (signed, _) = all.limit(Side::Sell, PRICE, LOTS);
    must_place(server.submit(&signed).await.read(), "open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_key_beyond_its_markets_and_its_largest_order() {
    let (server, mut root, token) = scene().await;
    let mut elsewhere = granted(&server, &mut root, 11, |grant| grant.markets = vec![OTHER_MARKET]).await;
    let before = server.state(&[&token]).await;
    let (signed, _) = elsewhere.limit(Side::Sell, PRICE, LOTS);
    must_refuse(&server.submit(&signed).await.read(), "market_not_granted");
    let mut small =
        granted(&server, &mut root, 12, |grant| grant.largest_notional = Some(amount(39_159))).await;
    let (signed, _) = small.limit(Side::Sell, PRICE, LOTS + 1);
    must_refuse(&server.submit(&signed).await.read(), "above_grant");
    let after = server.state(&[&token]).await;
    assert_eq!(after[0], before[0], "no order reached the book");
    let (signed, _) = small.limit(Side::Sell, PRICE, LOTS);
    must_place(server.submit(&signed).await.read(), "open");
    let operation = place(OTHER_MARKET, Side::Sell, PRICE, LOTS);
    let signed = elsewhere.sign(Orders { operations: vec![operation] });
    must_place(server.submit(&signed).await.read(), "open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_ran_out() {
    let (server, mut root, token) = scene().await;
    let over = now();
    let mut late = granted(&server, &mut root, 11, |grant| grant.expires = Some(over)).await;
    let (signed, _) = late.limit(Side::Sell, PRICE, LOTS);
    refused(&server, &token, &late, signed, "grant_expired").await;
    let hour = now().plus(3_600_000_000);
    let mut good = granted(&server, &mut root, 12, |grant| grant.expires = Some(hour)).await;
    let (signed, _) = good.limit(Side::Sell, PRICE, LOTS);
    must_place(server.submit(&signed).await.read(), "open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key() {
    let (server, mut root, token) = scene().await;
    let mut session = granted(&server, &mut root, 11, |_| {}).await;
    let session_token = server.login(&session).await;
    let (signed, order) = session.limit(Side::Sell, PRICE, LOTS);
    must_place(server.submit(&signed).await.read(), "open");
    let revoke = root.revoke(session.key());
    server.submit(&revoke).await.read::<BlockReply>();
    // Its open orders are gone, and it can sign nothing, nor read on.
    let page: bandex_api::OrderPage = server.get_as(&token, "/v1/orders?state=all").await.read();
    let cancelled = page.orders.iter().find(|found| found.order == order.to_string()).unwrap();
    assert_eq!((cancelled.status.as_str(), cancelled.reason.as_deref()), ("cancelled", Some("key_ended")));
    assert_eq!(bwt(&server, &token).await, ("10".to_owned(), "0".to_owned()));
    let (signed, _) = session.limit(Side::Sell, PRICE, LOTS);
    refused(&server, &token, &session, signed, "key_revoked").await;
    assert_eq!(server.lane(session.key()).await.status, "revoked");
    let login = server.signed_challenge(session.keypair()).await;
    server.post_login(&login).await.must_be(401, "login_failed");
    server.get_as(&session_token, "/v1/balances").await.must_be(401, "not_logged_in");
    let balances: Balances = server.get_as(&token, "/v1/balances").await.read();
    let statuses: Vec<(bool, &str)> =
        balances.keys.iter().map(|key| (key.root, key.status.as_str())).collect();
    assert!(statuses.contains(&(true, "active")) && statuses.contains(&(false, "revoked")), "{statuses:?}");
    let twice = root.revoke(session.key());
    refused(&server, &token, &root, twice, "key_revoked").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_key() {
    let (server, _, token) = scene().await;
    let mut nobody = RawLane::root(Keypair::from_seed(&[99; 32]), server.network());
    let before = (server.markets().await.node.seq, server.state(&[&token]).await);
    let (signed, _) = nobody.limit(Side::Buy, PRICE, LOTS);
    let problem = server.submit(&signed).await.must_be(422, "unknown_key");
    assert_eq!(problem.outcome.as_deref(), Some("rejected"));
    assert_eq!((server.markets().await.node.seq, server.state(&[&token]).await), before);
    server.get(&format!("/v1/lanes/{}", nobody.key())).await.must_be(404, "unknown_key");
    // Nor can it register without work, or at another node.
    let mut other = RawLane::root(Keypair::from_seed(&[98; 32]), server.network());
    let elsewhere = other.register(Keypair::from_seed(&[97; 32]).public());
    assert_eq!(
        server.submit(&elsewhere).await.must_be(422, "other_home").outcome.as_deref(),
        Some("rejected")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_names_the_head() {
    let (server, mut root, token) = scene().await;
    let head = root.head();
    let (first, _) = root.limit(Side::Sell, PRICE, LOTS);
    let (second, _) = root.limit(Side::Sell, PRICE + 1, LOTS);
    let before = (server.markets().await.node.seq, server.state(&[&token]).await);
    let problem = server.submit(&second).await.must_be(409, "gap");
    assert_eq!(problem.outcome.as_deref(), Some("rejected"));
    let details = problem.details.unwrap();
    assert_eq!(
        (details["head_seq"].as_u64(), details["head_id"].as_str()),
        (Some(1), Some(head.id.to_string().as_str()))
    );
    assert_eq!((server.markets().await.node.seq, server.state(&[&token]).await), before);
    // Once the missing one is sent, the same bytes are taken.
    must_place(server.submit(&first).await.read(), "open");
    must_place(server.submit(&second).await.read(), "open");
    let lane: Lane = server.lane(root.key()).await;
    assert_eq!((lane.head_seq, lane.head_id.as_str()), (3, root.head().id.to_string().as_str()));
    // A block with the right seq behind another block is a gap too.
    let mut astray = root.clone();
    astray.rewind(bandex_tradechain::Head { seq: 3, id: head.id });
    let (signed, _) = astray.limit(Side::Sell, PRICE, LOTS);
    server.submit(&signed).await.must_be(409, "gap");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_again() {
    let (server, mut root, token) = scene().await;
    let (signed, order) = root.limit(Side::Sell, PRICE, LOTS);
    let first: BlockReply = server.submit(&signed).await.read();
    let cancel = root.cancel(order);
    let cancelled: BlockReply = server.submit(&cancel).await.read();
    let before = (server.markets().await.node.seq, server.state(&[&token]).await);
    for _ in 0..3 {
        assert_eq!(
            server.submit(&signed).await.read::<BlockReply>(),
            first,
            "as then: same record, time and receipt"
        );
        assert_eq!(server.submit(&cancel).await.read::<BlockReply>(), cancelled);
    }
    assert_eq!((server.markets().await.node.seq, server.state(&[&token]).await), before);
    // A refused block is answered as then too.
    let refused = root.transfer(root.account(), 1);
    let then = server.submit(&refused).await;
    then.must_be(422, "to_self");
    assert_eq!(server.submit(&refused).await, then);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_operations_are_judged_one_by_one() {
    let (server, mut root, token) = scene().await;
    let mut operations: Vec<Operation> =
        (0..98).map(|at| place(MARKET, Side::Sell, PRICE + at, 1_000)).collect();
    operations.push(place(MARKET, Side::Sell, PRICE, 0));
    operations.push(place(MARKET, Side::Sell, PRICE, u64::MAX));
    let signed = root.orders(operations);
    let reply: BlockReply = server.submit(&signed).await.read();
    let good = reply.operations.iter().filter(|operation| operation.ok).count();
    let codes: Vec<Option<&str>> =
        reply.operations[98..].iter().map(|operation| operation.code.as_deref()).collect();
    assert_eq!((good, codes), (98, vec![Some("zero_quantity"), Some("too_large")]));
    assert_eq!(bwt(&server, &token).await, ("10".to_owned(), "0.098".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_sent_many_times_at_once() {
    let (server, mut root, token) = scene().await;
    let (signed, _) = root.limit(Side::Sell, PRICE, LOTS);
    let head = server.markets().await.node.seq;
    let all = futures_util::future::join_all((0..16).map(|_| server.submit(&signed))).await;
    let first: BlockReply = all[0].read();
    assert!(all.iter().all(|answer| answer.read::<BlockReply>() == first));
    assert_eq!(server.markets().await.node.seq, head + 1);
    assert_eq!(bwt(&server, &token).await, ("10".to_owned(), "1".to_owned()));
    // Whoever wants no proof gets none.
    let body = serde_json::json!({ "payload": hex::encode(&signed.payload), "signature": signed.signature });
    let path = "/v1/blocks?receipt=false";
    let answer = server.ask(reqwest::Method::POST, path, None, Some(body.to_string())).await;
    assert_eq!(answer.read::<BlockReply>(), BlockReply { receipt: None, ..first });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_a_reply_finds_it_in_the_next_read() {
    let (server, mut root, token) = scene().await;
    for at in 0..50 {
        let (signed, order) = root.limit(Side::Sell, PRICE + at, 1_000);
        let reply: BlockReply = server.submit(&signed).await.read();
        // The book is read from memory, the others from the projections.
        let book = server.book().await;
        assert!(book.seq >= reply.seq && book.asks.len() as u64 == at + 1, "{book:?}");
        assert_eq!(server.lane(root.key()).await.head_seq, root.head().seq);
        let page: bandex_api::OrderPage = server.get_as(&token, "/v1/orders?limit=1").await.read();
        assert_eq!(page.orders[0].order, order.to_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_after_its_expiry_has_no_effect_and_takes_its_place() {
    let (server, mut root, token) = scene().await;
    let body = Orders { operations: vec![place(MARKET, Side::Sell, PRICE, LOTS)] };
    let mut block = root.block(body);
    block.expiry = Some(bandex_types::Timestamp::from_micros(now().as_micros() - 1_000_000));
    let signed = block.sign(root.keypair());
    root.rewind(bandex_tradechain::Head { seq: 2, id: signed.id() });
    refused(&server, &token, &root, signed, "expired").await;
    let mut block = root.block(Orders { operations: vec![place(MARKET, Side::Sell, PRICE, LOTS)] });
    block.expiry = Some(now().plus(60_000_000));
    let signed = block.sign(root.keypair());
    must_place(server.submit(&signed).await.read(), "open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_key_hands_over_to_another() {
    let (server, mut root, token) = scene().await;
    let (signed, order) = root.limit(Side::Sell, PRICE, LOTS);
    must_place(server.submit(&signed).await.read(), "open");
    let (rotate, mut next) = root.rotate(21);
    server.submit(&rotate).await.read::<BlockReply>();
    // The old key has ended: it neither signs nor reads. What it began goes on under the new one.
    let (signed, _) = root.limit(Side::Sell, PRICE, LOTS);
    server.submit(&signed).await.must_be(422, "key_revoked");
    server.get_as(&token, "/v1/balances").await.must_be(401, "not_logged_in");
    let token = server.login(&next).await;
    assert_eq!(bwt(&server, &token).await, ("10".to_owned(), "1".to_owned()));
    let lane = server.lane(next.key()).await;
    assert_eq!(
        (lane.root, lane.head_seq, lane.head_id.as_str()),
        (true, 0, rotate.id().to_string().as_str())
    );
    let cancel = next.cancel(order);
    let reply: BlockReply = server.submit(&cancel).await.read();
    assert!(reply.operations[0].ok, "{reply:?}");
    // A key is admitted once, by one account.
    let mut other = server.register(2).await;
    let (taken, _) = other.grant(21, |_| {});
    server.submit(&taken).await.must_be(422, "key_taken");
}
