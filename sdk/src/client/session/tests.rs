//! Conversations with an exchange that is only texts.

mod later;

use super::*;
use crate::OnFull;
use crate::testing::{NETWORK, ORIGIN, keypair, order_block, problem};
use crate::types::BlockId;
use bandex_api::{Channel, PushKind};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::sync::oneshot::error::TryRecvError;

const BOOK: Channel = Channel::Book;
const DEALS: Channel = Channel::Deals;

type Replied<T> = oneshot::Receiver<Result<T, Box<Problem>>>;

fn hello(nonce: u8) -> Hello {
    Hello {
        channel: "hello".to_owned(),
        network: NETWORK,
        node: keypair(9).public().to_string(),
        nonce: Hash::new([nonce; 32]).to_string(),
        time_us: 0,
    }
}

fn session(window: usize) -> Session {
    let node = Node::from_hello(&hello(1), None).unwrap();
    Session::new(node, window, true)
}

fn connected(window: usize) -> Session {
    let mut session = session(window);
    session.connect(&hello(1)).unwrap();
    session
}

/// All that goes out now, as (method, params, request number).
fn sent(session: &mut Session) -> Vec<(String, Value, u64)> {
    let texts = std::iter::from_fn(|| session.next_text());
    let requests = texts.map(|text| serde_json::from_str::<Request>(&text).unwrap());
    requests.map(|request| (request.method, request.params, request.req_id)).collect()
}

fn methods(session: &mut Session) -> Vec<String> {
    sent(session).into_iter().map(|(method, _, _)| method).collect()
}

fn submit(session: &mut Session, seq: u64) -> Replied<BlockReply> {
    let (reply, answer) = oneshot::channel();
    session.ask(Ask::Submit { signed: order_block(seq), reply });
    answer
}

fn subscribe(session: &mut Session, topic: Topic, unread: usize) -> (mpsc::Receiver<Arc<Push>>, Replied<()>) {
    let (sink, pushes) = mpsc::channel(unread);
    let (reply, answer) = oneshot::channel();
    let sink = Sink::new(sink, Mark::default(), OnFull::Resync);
    session.ask(Ask::Subscribe { topic, sink, reply });
    (pushes, answer)
}

fn log_in(session: &mut Session) -> Replied<()> {
    let (reply, answer) = oneshot::channel();
    session.ask(Ask::Login { keypair: keypair(1), reply });
    answer
}

fn accept(session: &mut Session, req_id: u64, id: BlockId) {
    let result = json!({"block_id": id.to_string(), "seq": 5, "time_us": 6, "operations": []});
    session.take(&json!({"req_id": req_id, "ok": true, "result": result}).to_string());
}

/// Gives a nonce to sign, which the login asked for.
fn challenge(session: &mut Session, req_id: u64, nonce: u8) {
    let (node, nonce) = (keypair(9).public(), Hash::new([nonce; 32]));
    let result = json!({"network": NETWORK, "node": node, "nonce": nonce, "expires_us": 1});
    session.take(&json!({"req_id": req_id, "ok": true, "result": result}).to_string());
}

fn grant(session: &mut Session, req_id: u64) {
    session.take(&json!({"req_id": req_id, "ok": true, "result": {}}).to_string());
}

fn refuse(session: &mut Session, req_id: u64, problem: &Problem) {
    session.take(&json!({"req_id": req_id, "ok": false, "error": problem}).to_string());
}

fn push(session: &mut Session, topic: &Topic, kind: PushKind, prev_seq: u64, seq: u64) {
    let Topic { channel, market, depth, interval } = topic.clone();
    let push = Push { channel, market, depth, interval, kind, prev_seq, seq, data: json!([]) };
    session.take(&serde_json::to_string(&push).unwrap());
}

fn seqs(pushes: &mut mpsc::Receiver<Arc<Push>>) -> Vec<u64> {
    std::iter::from_fn(|| pushes.try_recv().ok()).map(|push| push.seq).collect()
}

#[test]
fn at_most_a_window_is_under_way_and_all_of_it_survives_a_break() {
    let mut session = connected(3);
    let mut replies: Vec<_> = (1..=5).map(|seq| submit(&mut session, seq)).collect();
    let first = sent(&mut session);
    let payloads = |sent: &[(String, Value, u64)]| -> Vec<Value> {
        sent.iter().map(|(_, params, _)| params["payload"].clone()).collect()
    };
    let signed: Vec<Value> = (1..=5).map(|seq| hex::encode(order_block(seq).payload).into()).collect();
    assert_eq!(payloads(&first), signed[..3]);
    assert_eq!(first[0].1["receipt"], json!(true));
    // One answer makes room for one more.
    accept(&mut session, first[0].2, order_block(1).id());
    assert_eq!(replies[0].try_recv().unwrap().unwrap().seq, 5);
    assert_eq!(payloads(&sent(&mut session)), signed[3..4]);
    // The socket breaks: what was not answered goes out again, in the same order.
    session.disconnect();
    assert_eq!(session.next_text(), None);
    session.connect(&hello(2)).unwrap();
    let again = sent(&mut session);
    assert_eq!(payloads(&again), signed[1..4]);
    for (at, (_, _, req_id)) in again.iter().enumerate() {
        refuse(&mut session, *req_id, &problem("late", "accepted"));
        assert_eq!(replies[at + 1].try_recv().unwrap().unwrap_err().code, "late");
    }
    assert_eq!(payloads(&sent(&mut session)), signed[4..]);
    assert_eq!(replies[4].try_recv(), Err(TryRecvError::Empty));
    // An answer that cannot be read leaves the outcome open.
    let last = session.last_req_id;
    session.take(&json!({"req_id": last, "ok": true, "result": {"seq": "?"}}).to_string());
    let unread = replies[4].try_recv().unwrap().unwrap_err();
    assert_eq!(unread.outcome.as_deref(), Some("unknown"));
}

#[test]
fn another_node_is_not_talked_to() {
    let other = Hello { node: keypair(8).public().to_string(), ..hello(1) };
    assert!(matches!(session(1).connect(&other), Err(ClientError::OtherNode { .. })));
    let moved = Hello { network: NETWORK + 1, ..hello(1) };
    assert!(matches!(session(1).connect(&moved), Err(ClientError::OtherNetwork { .. })));
    assert!(Node::from_hello(&hello(1), Some(keypair(8).public())).is_err());
}

#[test]
fn a_gap_asks_for_a_new_snapshot_and_hides_what_lies_between() {
    use PushKind::{Snapshot, Update};
    let topic = Topic::of(BOOK, "BWT-BTC");
    let mut session = connected(1);
    let (mut pushes, mut granted) = subscribe(&mut session, topic.clone(), 16);
    let asked = sent(&mut session);
    assert_eq!(asked[0].1, json!({"channel": "book", "market": "BWT-BTC"}));
    grant(&mut session, asked[0].2);
    assert_eq!(granted.try_recv(), Ok(Ok(())));
    push(&mut session, &topic, Update, 1, 2);
    push(&mut session, &topic, Snapshot, 0, 4);
    push(&mut session, &topic, Update, 4, 6);
    assert_eq!(seqs(&mut pushes), [4, 6], "nothing before the snapshot");
    push(&mut session, &topic, Update, 7, 8);
    assert_eq!(methods(&mut session), ["unsubscribe", "subscribe"]);
    push(&mut session, &topic, Update, 8, 9);
    assert_eq!(methods(&mut session), Vec::<String>::new(), "asked once");
    push(&mut session, &topic, Snapshot, 0, 9);
    push(&mut session, &topic, Update, 9, 10);
    assert_eq!(seqs(&mut pushes), [9, 10]);
    // A new socket goes on if the exchange still has what was missed ...
    session.disconnect();
    session.connect(&hello(2)).unwrap();
    push(&mut session, &topic, Update, 10, 11);
    resumes_from(&mut session, 10);
    push(&mut session, &topic, Update, 10, 11);
    assert_eq!(seqs(&mut pushes), [11]);
    // ... and begins with a snapshot if it has not, or does not resume the channel at all.
    session.disconnect();
    session.connect(&hello(3)).unwrap();
    let asked = asked_from(&mut session);
    refuse(&mut session, asked[0].1, &problem("bad_request", "rejected"));
    let asked = asked_from(&mut session);
    assert_eq!(asked[0].0, json!(null));
    grant(&mut session, asked[0].1);
    push(&mut session, &topic, Update, 10, 11);
    push(&mut session, &topic, Snapshot, 0, 12);
    assert_eq!(seqs(&mut pushes), [12]);
    // Nobody listens any more.
    drop(pushes);
    push(&mut session, &topic, Update, 12, 13);
    assert_eq!(methods(&mut session), ["unsubscribe"]);
}

#[test]
fn a_slow_reader_loses_pushes_but_never_order() {
    use PushKind::{Snapshot, Update};
    let topic = Topic::of(BOOK, "BWT-BTC");
    let mut session = connected(1);
    let (mut slow, _granted) = subscribe(&mut session, topic.clone(), 2);
    push(&mut session, &topic, Snapshot, 0, 1);
    (1..4).for_each(|seq| push(&mut session, &topic, Update, seq, seq + 1));
    session.tend();
    assert_eq!(methods(&mut session), ["subscribe", "ping"], "no use while it does not read");
    assert_eq!(seqs(&mut slow), [1, 2]);
    push(&mut session, &topic, Update, 4, 5);
    assert_eq!(seqs(&mut slow), Vec::<u64>::new());
    session.tend();
    assert_eq!(methods(&mut session), ["ping", "unsubscribe", "subscribe"]);
    push(&mut session, &topic, Snapshot, 0, 5);
    assert_eq!(seqs(&mut slow), [5]);
    // A second follower makes the first begin anew with it.
    let (mut second, _granted) = subscribe(&mut session, topic.clone(), 2);
    assert_eq!(methods(&mut session), ["unsubscribe", "subscribe"]);
    push(&mut session, &topic, Snapshot, 0, 6);
    push(&mut session, &topic, Update, 6, 7);
    assert_eq!([seqs(&mut slow), seqs(&mut second)], [[6, 7], [6, 7]]);
}

#[test]
fn private_channels_follow_the_login_on_every_connection() {
    let mut session = connected(1);
    let mut logged_in = log_in(&mut session);
    let (_pushes, mut granted) = subscribe(&mut session, Topic::from(DEALS), 2);
    let asked = sent(&mut session);
    assert_eq!((asked.len(), asked[0].0.as_str()), (1, "challenge"), "the channel waits for the login");
    challenge(&mut session, asked[0].2, 5);
    let asked = sent(&mut session);
    let (method, params, req_id) = &asked[0];
    assert_eq!((method.as_str(), &params["nonce"]), ("login", &json!(Hash::new([5; 32]).to_string())));
    let statement = Login {
        network: NETWORK,
        node: keypair(9).public(),
        key: keypair(1).public(),
        nonce: Hash::new([5; 32]),
    };
    let signature = params["signature"].as_str().unwrap().parse().unwrap();
    assert_eq!(statement.check(&signature), Ok(()));
    grant(&mut session, *req_id);
    assert_eq!(logged_in.try_recv(), Ok(Ok(())));
    // The socket breaks before the channel is granted: both are asked for again, with the new nonce.
    assert_eq!(methods(&mut session), ["subscribe"]);
    session.disconnect();
    session.connect(&hello(2)).unwrap();
    let asked = sent(&mut session);
    assert_eq!((asked.len(), &asked[0].1["nonce"]), (1, &json!(Hash::new([2; 32]).to_string())));
    grant(&mut session, asked[0].2);
    let asked = sent(&mut session);
    assert_eq!(asked[0].0, "subscribe");
    grant(&mut session, asked[0].2);
    assert_eq!(granted.try_recv(), Ok(Ok(())));
}

#[test]
fn refused_logins_and_channels_are_heard_of() {
    let mut session = session(1);
    let mut logged_in = log_in(&mut session);
    let (mut pushes, mut granted) = subscribe(&mut session, Topic::from(DEALS), 2);
    session.connect(&hello(1)).unwrap();
    let asked = sent(&mut session);
    // A channel asked for before the connection waits as well.
    assert_eq!(asked.iter().map(|(method, ..)| method.as_str()).collect::<Vec<_>>(), ["login"]);
    refuse(&mut session, asked[0].2, &problem("unknown_key", "rejected"));
    assert_eq!(logged_in.try_recv().unwrap().unwrap_err().code, "unknown_key");
    let asked = sent(&mut session);
    assert_eq!(asked[0].0, "subscribe");
    refuse(&mut session, asked[0].2, &problem("login_needed", "rejected"));
    assert_eq!(granted.try_recv().unwrap().unwrap_err().code, "login_needed");
    assert!(matches!(pushes.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
}

const NOTICE_TEXT: &str =
    r#"{"channel":"notice","code":"stopping","detail":"it ends","close_in_ms":1000,"time_us":5}"#;

#[test]
fn noise_is_passed_over() {
    let mut session = connected(1);
    let mut reply = submit(&mut session, 1);
    let asked = sent(&mut session);
    for noise in ["", "{", "[]", "{}", r#"{"req_id":99,"ok":true}"#, r#"{"channel":"weather"}"#, NOTICE_TEXT]
    {
        session.take(noise);
    }
    assert_eq!(reply.try_recv(), Err(TryRecvError::Empty));
    accept(&mut session, asked[0].2, ORIGIN.id);
    assert!(reply.try_recv().is_ok());
}

/// The subscriptions that go out now, by where they resume from, with their request numbers.
fn asked_from(session: &mut Session) -> Vec<(Value, u64)> {
    let asked = sent(session).into_iter().filter(|(method, ..)| method == "subscribe");
    asked.map(|(_, params, req_id)| (params["resume_from"].clone(), req_id)).collect()
}

/// The login that goes out now is granted.
fn grant_login(session: &mut Session) {
    let mut asked = sent(session);
    if asked[0].0 == "challenge" {
        challenge(session, asked[0].2, 5);
        asked = sent(session);
    }
    assert_eq!(asked[0].0, "login");
    grant(session, asked[0].2);
}

/// The one subscription that goes out now resumes from here and is granted.
fn resumes_from(session: &mut Session, seq: u64) {
    let asked = asked_from(session);
    assert_eq!(asked.iter().map(|(from, _)| from.clone()).collect::<Vec<_>>(), [json!(seq)]);
    grant(session, asked[0].1);
}

#[test]
fn a_private_channel_goes_on_where_it_was() {
    use PushKind::{Snapshot, Update};
    let topic = Topic::from(DEALS);
    let mut session = connected(1);
    let _answer = log_in(&mut session);
    grant_login(&mut session);
    let (mut pushes, _granted) = subscribe(&mut session, topic.clone(), 16);
    let asked = asked_from(&mut session);
    assert_eq!(asked[0].0, json!(null), "at first there is nothing to go on from");
    grant(&mut session, asked[0].1);
    push(&mut session, &topic, Snapshot, 0, 4);
    push(&mut session, &topic, Update, 4, 6);
    // A new socket.
    session.disconnect();
    session.connect(&hello(2)).unwrap();
    push(&mut session, &topic, Update, 6, 7);
    grant_login(&mut session);
    resumes_from(&mut session, 6);
    push(&mut session, &topic, Update, 6, 7);
    push(&mut session, &topic, Update, 7, 9);
    assert_eq!(seqs(&mut pushes), [4, 6, 7, 9], "what came before the reply is of another subscription");
    // A gap on the same socket.
    push(&mut session, &topic, Update, 11, 12);
    resumes_from(&mut session, 9);
    push(&mut session, &topic, Update, 9, 11);
    push(&mut session, &topic, Update, 11, 12);
    assert_eq!(seqs(&mut pushes), [11, 12]);
    // The exchange does not know the place any more.
    session.disconnect();
    session.connect(&hello(3)).unwrap();
    grant_login(&mut session);
    let asked = asked_from(&mut session);
    refuse(&mut session, asked[0].1, &problem("beyond_head", "rejected"));
    let asked = asked_from(&mut session);
    assert_eq!(asked[0].0, json!(null));
    grant(&mut session, asked[0].1);
    push(&mut session, &topic, Snapshot, 0, 5);
    push(&mut session, &topic, Update, 5, 6);
    assert_eq!(seqs(&mut pushes), [5, 6]);
}

#[test]
fn followers_of_a_private_channel_do_not_disturb_each_other() {
    use PushKind::{Snapshot, Update};
    let topic = Topic::from(DEALS);
    let mut session = connected(1);
    let (mut slow, _granted) = subscribe(&mut session, topic.clone(), 2);
    grant(&mut session, 1);
    push(&mut session, &topic, Snapshot, 0, 1);
    sent(&mut session);
    // A second follower begins with a snapshot; the first is told what lies between as updates.
    let (mut quick, _granted) = subscribe(&mut session, topic.clone(), 16);
    let asked = asked_from(&mut session);
    assert_eq!(asked[0].0, json!(null));
    grant(&mut session, asked[0].1);
    assert_eq!(seqs(&mut slow), [1]);
    push(&mut session, &topic, Snapshot, 0, 5);
    resumes_from(&mut session, 1);
    for (from, to) in [(1, 3), (3, 5), (5, 6)] {
        push(&mut session, &topic, Update, from, to);
    }
    assert_eq!([seqs(&mut slow), seqs(&mut quick)], [vec![3, 5], vec![5, 6]]);
    // The first had no room for the last of these, and is told it as soon as there is.
    session.ask(Ask::Room);
    resumes_from(&mut session, 5);
    for (from, to) in [(5, 6), (6, 8)] {
        push(&mut session, &topic, Update, from, to);
    }
    assert_eq!([seqs(&mut slow), seqs(&mut quick)], [vec![6, 8], vec![8]]);
    session.ask(Ask::Room);
    assert_eq!(asked_from(&mut session), [], "nobody misses anything");
}

#[test]
fn another_account_does_not_go_on_where_the_first_was() {
    let mut session = connected(1);
    let log_in_as = |session: &mut Session, account: &str| {
        let _answer = log_in(session);
        let asked = sent(session).into_iter().find(|(method, ..)| method == "challenge").unwrap();
        // An exchange that gives nothing fresh is given what the greeting said.
        refuse(session, asked.2, &problem("unknown_method", "rejected"));
        let login = sent(session).into_iter().find(|(method, ..)| method == "login").unwrap();
        session.take(&json!({"req_id": login.2, "ok": true, "result": {"account": account}}).to_string());
    };
    log_in_as(&mut session, "a");
    let (_pushes, _granted) = subscribe(&mut session, Topic::from(DEALS), 2);
    let asked = asked_from(&mut session);
    grant(&mut session, asked[0].1);
    push(&mut session, &Topic::from(DEALS), PushKind::Snapshot, 0, 7);
    log_in_as(&mut session, "a");
    assert_eq!(asked_from(&mut session)[0].0, json!(7));
    log_in_as(&mut session, "b");
    assert_eq!(asked_from(&mut session)[0].0, json!(null));
}

#[test]
fn a_program_goes_on_where_it_remembers_it_was() {
    use PushKind::Update;
    let mut session = connected(1);
    let topic = Topic::of(Channel::Trades, "BWT-BTC");
    let (sink, mut pushes) = mpsc::channel(8);
    let (reply, _granted) = oneshot::channel();
    let sink = Sink::new(sink, Mark::default(), OnFull::Resync).told(Some(0));
    session.ask(Ask::Subscribe { topic: topic.clone(), sink, reply });
    resumes_from(&mut session, 0);
    push(&mut session, &topic, Update, 0, 3);
    push(&mut session, &topic, Update, 3, 8);
    assert_eq!(seqs(&mut pushes), [3, 8]);
}

#[test]
fn a_follower_that_mistrusts_what_it_has_is_given_a_snapshot() {
    use PushKind::{Snapshot, Update};
    let mut session = connected(1);
    let topic = Topic::of(BOOK, "BWT-BTC");
    let (sink, mut pushes) = mpsc::channel(8);
    let (reply, _granted) = oneshot::channel();
    let mark = Mark::default();
    session.ask(Ask::Subscribe {
        topic: topic.clone(),
        sink: Sink::new(sink, Arc::clone(&mark), OnFull::Resync),
        reply,
    });
    grant(&mut session, 1);
    push(&mut session, &topic, Snapshot, 0, 3);
    sent(&mut session);
    session.ask(Ask::Refresh { topic: topic.clone(), mark });
    let asked = asked_from(&mut session);
    assert_eq!(asked.iter().map(|(from, _)| from.clone()).collect::<Vec<_>>(), [json!(null)]);
    push(&mut session, &topic, Update, 3, 4);
    grant(&mut session, asked[0].1);
    push(&mut session, &topic, Snapshot, 0, 4);
    assert_eq!(seqs(&mut pushes), [3, 4]);
}

#[test]
fn nothing_more_is_read_while_a_follower_wants_to_be_waited_for() {
    use PushKind::{Snapshot, Update};
    let mut session = connected(1);
    let topic = Topic::of(BOOK, "BWT-BTC");
    let (sink, mut pushes) = mpsc::channel(1);
    let (reply, _granted) = oneshot::channel();
    let sink = Sink::new(sink, Mark::default(), OnFull::Wait);
    session.ask(Ask::Subscribe { topic: topic.clone(), sink, reply });
    grant(&mut session, 1);
    push(&mut session, &topic, Snapshot, 0, 3);
    assert!(!session.is_held_up());
    push(&mut session, &topic, Update, 3, 4);
    assert!(session.is_held_up());
    session.ask(Ask::Room);
    assert!(session.is_held_up(), "it has not read yet");
    assert_eq!(pushes.try_recv().unwrap().seq, 3);
    session.ask(Ask::Room);
    assert!(!session.is_held_up());
    assert_eq!(seqs(&mut pushes), [4]);
}
