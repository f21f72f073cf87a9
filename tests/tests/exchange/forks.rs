//! Forks: two blocks of one key for one place. Both are kept as proof, the key and its account are frozen, the root
//! key heals what a session key did.

use crate::story::{BWT, LOTS, PRICE, must_place, must_refuse};
use bandex_api::{Balances, BlockReply, OrderPage, StoredBlock};
use bandex_tests::{RawLane, Server, Setup, database};
use bandex_tradechain::{Command, Decoded, ForkProof, SignedBlock};
use bandex_types::{BlockId, Side};
use serde_json::json;

/// Signs two orders for the same place; gives both, the lane standing behind the first.
fn two_orders(lane: &mut RawLane) -> (SignedBlock, SignedBlock) {
    let before = lane.head();
    let (second, _) = lane.limit(Side::Sell, PRICE + 1, LOTS);
    lane.rewind(before);
    let (first, _) = lane.limit(Side::Sell, PRICE, LOTS);
    (first, second)
}

/// The fork proofs in a server's journal.
async fn proofs(server: Server) -> Vec<ForkProof> {
    let folder = server.stop().await;
    let journal = database::journal(folder.path()).await;
    let records = journal.records(1, 1_000).await.unwrap();
    let fork = |command: &Command| match command {
        Command::Fork(proof) => Some(proof.clone()),
        _ => None,
    };
    records
        .iter()
        .filter_map(|record| fork(Decoded::from_bytes(&record.command).unwrap().command()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_key_forks_and_the_root_key_heals() {
    let server = Server::start(Setup::default()).await;
    let mut root = server.register_with(1, 10 * BWT).await;
    let token = server.login(&root).await;
    let (grant, mut session) = root.grant(11, |_| {});
    server.submit(&grant).await.read::<BlockReply>();
    let (resting, by_root) = root.limit(Side::Sell, PRICE + 50, LOTS);
    must_place(server.submit(&resting).await.read(), "open");

    let (first, second) = two_orders(&mut session);
    let reply: BlockReply = server.submit(&first).await.read();
    let problem = server.submit(&second).await.must_be(409, "fork");
    assert_eq!(problem.outcome.as_deref(), Some("rejected"));
    assert_eq!(problem.details, Some(json!({ "seq": reply.seq })), "the record of the block that came first");
    let lane = server.lane(session.key()).await;
    assert_eq!((lane.status.as_str(), lane.head_seq, lane.head_id), ("forked", 1, first.id().to_string()));

    // The account is frozen, and all its orders are off the book.
    assert_eq!(server.balances(&token).await.frozen.as_deref(), Some("session_fork"));
    assert_eq!(server.balances(&token).await.limit, "0");
    assert!(server.book().await.asks.is_empty());
    let page: OrderPage = server.get_as(&token, "/v1/orders?state=all").await.read();
    let of_root = page.orders.iter().find(|order| order.order == by_root.to_string()).unwrap();
    assert_eq!(of_root.reason.as_deref(), Some("account_frozen"));
    let (order, _) = root.limit(Side::Sell, PRICE, LOTS);
    must_refuse(&server.submit(&order).await.read(), "account_frozen");

    // The block that came first keeps its answer; the other is proof, not part of the lane.
    assert_eq!(server.submit(&first).await.read::<BlockReply>(), reply);
    server.submit(&second).await.must_be(409, "fork");
    let stored: StoredBlock = server.get(&format!("/v1/blocks/{}", first.id())).await.read();
    assert_eq!(stored.seq, reply.seq);
    server.get(&format!("/v1/blocks/{}", second.id())).await.must_be(404, "not_found");

    // The forked key can do nothing, not even heal; the root key can.
    let (order, _) = session.limit(Side::Sell, PRICE, LOTS);
    server.submit(&order).await.must_be(422, "key_forked");
    let own = session.heal(session.key(), first.id());
    server.submit(&own).await.must_be(422, "key_forked");
    let wrong = root.heal(root.key(), first.id());
    server.submit(&wrong).await.must_be(422, "nothing_to_heal");
    let heal = root.heal(session.key(), first.id());
    server.submit(&heal).await.read::<BlockReply>();
    assert_eq!(server.balances(&token).await.frozen, None);
    assert_eq!(server.lane(session.key()).await.status, "forked", "the key itself stays ended");
    let (order, _) = root.limit(Side::Sell, PRICE, LOTS);
    must_place(server.submit(&order).await.read(), "open");
    let (grant, mut next) = root.grant(12, |_| {});
    server.submit(&grant).await.read::<BlockReply>();
    let (order, _) = next.limit(Side::Sell, PRICE, LOTS);
    must_place(server.submit(&order).await.read(), "open");

    let (network, key) = (server.network(), session.key());
    let proofs = proofs(server).await;
    assert_eq!(proofs, [ForkProof { first, second }], "once, with both blocks");
    assert_eq!(proofs[0].check(network), Ok((key, 1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_key_forks_for_good() {
    let server = Server::start(Setup::default()).await;
    let mut root = server.register_with(1, 10 * BWT).await;
    let token = server.login(&root).await;
    let (first, second) = two_orders(&mut root);
    must_place(server.submit(&first).await.read(), "open");
    server.submit(&second).await.must_be(409, "fork");
    let lane = server.lane(root.key()).await;
    assert_eq!(lane.status, "forked");
    // The proof is public: both blocks, each with the key's signature.
    let fork = lane.fork.expect("the fork is published");
    assert_eq!(
        [fork.first.payload, fork.second.payload],
        [&first, &second].map(|block| hex::encode(&block.payload))
    );
    // Nobody else could fetch the evidence of its open deals.
    assert_eq!(
        server.get_as(&token, "/v1/balances").await.read::<Balances>().frozen.as_deref(),
        Some("root_fork")
    );
    let heal = root.heal(root.key(), first.id());
    server.submit(&heal).await.must_be(422, "key_forked");
    assert_eq!(proofs(server).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registering_twice_with_one_key_is_a_fork() {
    let server = Server::start(Setup::default()).await;
    let root = server.register(1).await;
    let mut again = RawLane::root(root.keypair().clone(), server.network());
    let second = again.register(server.node());
    assert_ne!(BlockId::new(*root.account().as_bytes()), second.id());
    server.submit(&second).await.must_be(409, "fork");
    assert_eq!(server.lane(root.key()).await.status, "forked");
    assert_eq!(proofs(server).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_that_surfaces_after_revocation_is_evidence_only() {
    let server = Server::start(Setup::default()).await;
    let mut root = server.register_with(1, 10 * BWT).await;
    let token = server.login(&root).await;
    let (grant, mut session) = root.grant(11, |_| {});
    server.submit(&grant).await.read::<BlockReply>();
    let (first, second) = two_orders(&mut session);
    must_place(server.submit(&first).await.read(), "open");
    let revoke = root.revoke(session.key());
    server.submit(&revoke).await.read::<BlockReply>();
    for _ in 0..2 {
        server.submit(&second).await.must_be(409, "fork");
    }
    assert_eq!(server.lane(session.key()).await.status, "revoked");
    assert_eq!(server.balances(&token).await.frozen, None);
    let (order, _) = root.limit(Side::Sell, PRICE, LOTS);
    must_place(server.submit(&order).await.read(), "open");
    assert_eq!(proofs(server).await.len(), 1, "told twice, kept once");
}
