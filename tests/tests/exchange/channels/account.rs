//! What belongs to an account: balances, its limit, the lanes of its keys; live and made up for.

use crate::story::{BWT, PRICE};
use bandex_api::{Balances, BlockReply, LaneNews, Limits, PushKind};
use bandex_tests::{RawLane, Server, Setup, Socket};
use bandex_tradechain::body::Bond;
use bandex_types::{Amount, Side};
use serde_json::{Value, json};

/// What a private channel tells from a record on, until `is_there`; every push follows the one before.
async fn told_from(
    server: &Server,
    lane: &RawLane,
    channel: &str,
    from: u64,
    is_there: impl Fn(&[Value]) -> bool,
) -> Vec<Value> {
    let mut socket = server.socket().await;
    socket.login(server, lane).await;
    socket.resume(channel, from).await;
    until(&mut socket, from, is_there).await
}

async fn until(socket: &mut Socket, from: u64, is_there: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let (mut seq, mut told) = (from, Vec::new());
    while !is_there(&told) {
        let push = socket.push().await;
        assert_eq!((push.kind, push.prev_seq), (PushKind::Update, seq));
        assert!(push.seq > seq);
        seq = push.seq;
        match push.data {
            Value::Array(items) => told.extend(items),
            whole => told.push(whole),
        }
    }
    told
}

async fn submit(server: &Server, signed: &bandex_tradechain::SignedBlock) -> u64 {
    server.submit(signed).await.read::<BlockReply>().seq
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lanes_tell_blocks_and_keys_live_and_long_after() {
    let server = Server::start(Setup::default()).await;
    let mut lane = server.register_with(1, 10 * BWT).await;
    let mut stranger = server.register(2).await;
    let mut socket = server.socket().await;
    socket.login(&server, &lane).await;
    let first = socket.subscribe("lane", None).await;
    let heads: Vec<LaneNews> = serde_json::from_value(first.data).unwrap();
    assert_eq!((heads.len(), heads[0].lane_seq), (1, 1));
    let begun = server.markets().await.node.seq;
    // Blocks of two keys, one that is refused, the grant and the end of a key, and blocks of somebody else between them.
    let (signed, mut session) = lane.grant(3, |_| {});
    submit(&server, &signed).await;
    let mut expected = vec![(lane.key(), Some(signed.id())), (session.key(), None)];
    for _ in 0..3 {
        submit(&server, &stranger.limit(Side::Buy, 1, 1).0).await;
        for key in [&mut lane, &mut session] {
            let (signed, _) = key.limit(Side::Sell, PRICE, 1);
            submit(&server, &signed).await;
            expected.push((key.key(), Some(signed.id())));
        }
    }
    let signed = lane.transfer(lane.account(), 1);
    assert_eq!(server.submit(&signed).await.status, 422, "it is sequenced and refused");
    expected.push((lane.key(), Some(signed.id())));
    let signed = lane.revoke(session.key());
    submit(&server, &signed).await;
    expected.extend([(lane.key(), Some(signed.id())), (session.key(), None)]);
    let expected: Vec<(String, Option<String>)> =
        expected.into_iter().map(|(key, id)| (key.to_string(), id.map(|id| id.to_string()))).collect();
    let all = |told: &[Value]| told.len() >= expected.len();
    let names = |told: &[Value]| -> Vec<(String, Option<String>)> {
        let news = told.iter().map(|item| serde_json::from_value::<LaneNews>(item.clone()).unwrap());
        news.map(|news| (news.key, news.block_id)).collect()
    };
    let live = until(&mut socket, first.seq, all).await;
    assert_eq!(names(&live), expected);
    assert_eq!(live.last().unwrap()["status"], "revoked");
    let server = server.restart(|_| {}).await;
    let again = told_from(&server, &lane, "lane", begun, all).await;
    assert_eq!(names(&again), expected);
    let seqs = |told: &[Value]| told.iter().map(|item| item["seq"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(seqs(&again), seqs(&live));
    let cut = live[4]["seq"].as_u64().unwrap();
    let rest = told_from(&server, &lane, "lane", cut, |told| told.len() >= expected.len() - 5).await;
    assert_eq!(names(&rest), expected[5..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn balances_are_told_as_they_change() {
    let server = Server::start(Setup::default()).await;
    let mut lane = server.register_with(1, 10 * BWT).await;
    let other = server.register(2).await;
    let token = server.login(&lane).await;
    let mut socket = server.socket().await;
    socket.login(&server, &lane).await;
    let first = socket.subscribe("balances", None).await;
    let page: Balances = server.balances(&token).await;
    assert_eq!(first.data[0]["balance"], json!(page.balances[0].balance));
    submit(&server, &lane.transfer(other.account(), BWT)).await;
    submit(&server, &lane.limit(Side::Sell, PRICE, 1_000_000).0).await;
    let live = until(&mut socket, first.seq, |told| told.len() >= 2).await;
    let now: Balances = server.balances(&token).await;
    for (field, value) in [
        ("balance", &now.balances[0].balance),
        ("locked", &now.balances[0].locked),
        ("free", &now.balances[0].free),
    ] {
        assert_eq!(live[1][field], json!(value), "{field}");
    }
    let server = server.restart(|_| {}).await;
    let again = told_from(&server, &lane, "balances", first.seq, |told| told.len() >= 2).await;
    assert_eq!(again, live);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_own_limit_is_told_when_it_changes() {
    let server = Server::start(Setup::default()).await;
    let mut lane = server.register_with(1, 10 * BWT).await;
    let mut socket = server.socket().await;
    socket.login(&server, &lane).await;
    let first = socket.subscribe("limits", None).await;
    let limits: Limits = serde_json::from_value(first.data).unwrap();
    assert_eq!(limits.account, lane.account().to_string());
    server.set_limit(lane.account(), 77_000).await;
    let is = |limit: Limits| {
        move |told: &[Value]| {
            told.last().is_some_and(|told| {
                let told: Limits = serde_json::from_value(told.clone()).unwrap();
                Limits { seq: 0, ..told } == Limits { seq: 0, ..limit.clone() }
            })
        }
    };
    let now = server.limits(lane.account()).await;
    assert_ne!(now.limit, limits.limit);
    until(&mut socket, first.seq, is(now)).await;
    submit(&server, &lane.sign(Bond { amount: Amount::new(BWT) })).await;
    let bonded = server.limits(lane.account()).await;
    assert_eq!(bonded.stake.bond, "1");
    // Whoever was away is told how it stands.
    told_from(&server, &lane, "limits", first.seq, is(bonded.clone())).await;
    let server = server.restart(|_| {}).await;
    told_from(&server, &lane, "limits", first.seq, is(bonded)).await;
}
