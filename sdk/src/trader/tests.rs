//! Traders against an exchange that loses connections and turns blocks away, over real sockets.

use super::fate::LaneError;
use super::line::Line;
use super::*;
use crate::lane::{Durability, Entry, FileLane, LaneState, LaneStore, MemoryLane};
use crate::testing::{NETWORK, NOW, ORIGIN, keypair, place, problem};
use crate::wire::signed_from_wire;
use crate::{Options, Signer};
use bandex_api::{Hello, Problem, Reply, Request};
use bandex_tradechain::{Block, LaneAnswer};
use bandex_types::{Hash, PublicKey};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async;

/// What goes wrong with one submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The connection breaks before the block is sequenced.
    BreakBefore,
    /// It breaks after, so that the answer is lost.
    BreakAfter,
    /// No room.
    Overloaded,
    /// Sequenced, but the exchange does not say so.
    Unknown,
    /// Turned away for good.
    TurnedAway,
}

/// Lanes as an exchange keeps them.
#[derive(Default)]
struct Exchange {
    lanes: BTreeMap<PublicKey, Head>,
    sequenced: Vec<(PublicKey, BlockId)>,
    /// By the number of the submission, from 0.
    faults: BTreeMap<usize, Fault>,
    /// Keys that it has no room for at the moment.
    no_room_for: BTreeSet<PublicKey>,
    submissions: usize,
}

impl Exchange {
    fn sequence(&mut self, signed: &bandex_tradechain::SignedBlock) -> Result<u64, Box<Problem>> {
        let block = Block::decode(&signed.payload).unwrap();
        let head = self.lanes.entry(block.author).or_insert(ORIGIN);
        let place = self.sequenced.iter().position(|(_, id)| *id == signed.id());
        match (place, head.judge(block.seq, block.previous)) {
            (Some(place), _) => return Ok(place as u64),
            (None, LaneAnswer::Next) => *head = Head { seq: block.seq, id: signed.id() },
            (None, LaneAnswer::Gap(head)) => {
                let details = json!({"head_seq": head.seq, "head_id": head.id.to_string()});
                return Err(Box::new(Problem { details: Some(details), ..problem("gap", "rejected") }));
            }
            (None, LaneAnswer::Taken) => return Err(Box::new(problem("fork", "rejected"))),
        }
        self.sequenced.push((block.author, signed.id()));
        Ok(self.sequenced.len() as u64 - 1)
    }

    /// The answer to a submission; none if the connection breaks instead.
    fn submit(&mut self, request: &Request) -> Option<Reply> {
        let signed: bandex_api::SignedBlock = serde_json::from_value(request.params.clone()).unwrap();
        let signed = signed_from_wire(&signed).unwrap();
        let author = Block::decode(&signed.payload).unwrap().author;
        let no_room = self.no_room_for.contains(&author).then_some(Fault::Overloaded);
        let fault = no_room.or_else(|| self.faults.get(&self.submissions).copied());
        self.submissions += 1;
        let retry = |code, outcome| Box::new(Problem { retryable: true, ..problem(code, outcome) });
        let answer = match fault {
            Some(Fault::BreakBefore) => return None,
            Some(Fault::Overloaded) => Err(retry("overloaded", "rejected")),
            Some(Fault::TurnedAway) => Err(Box::new(problem("unknown_key", "rejected"))),
            _ => self.sequence(&signed),
        };
        let answer = match fault {
            Some(Fault::BreakAfter) => return None,
            Some(Fault::Unknown) => Err(retry("unknown_outcome", "unknown")),
            _ => answer,
        };
        let id = signed.id().to_string();
        let result =
            |seq: u64| json!({"block_id": id, "seq": seq, "time_us": 1, "operations": [{"ok": true}]});
        let (result, error) = match answer {
            Ok(seq) => (Some(result(seq)), None),
            Err(problem) => (None, Some(*problem)),
        };
        Some(Reply {
            req_id: request.req_id,
            ok: error.is_none(),
            result,
            error,
            time_in_us: 0,
            time_out_us: 0,
        })
    }
}

async fn serve(stream: TcpStream, exchange: Arc<Mutex<Exchange>>) {
    let mut socket = accept_async(stream).await.unwrap();
    let hello = Hello {
        channel: "hello".to_owned(),
        network: NETWORK,
        node: keypair(9).public().to_string(),
        nonce: Hash::ZERO.to_string(),
        time_us: 0,
    };
    socket.send(serde_json::to_string(&hello).unwrap().into()).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        let Ok(text) = message.into_text() else { return };
        let Ok(request) = serde_json::from_str::<Request>(&text) else { continue };
        let Some(reply) = exchange.lock().unwrap().submit(&request) else { return };
        if socket.send(serde_json::to_string(&reply).unwrap().into()).await.is_err() {
            return;
        }
    }
}

async fn start(faults: &[(usize, Fault)]) -> (Arc<Mutex<Exchange>>, Client) {
    let faults = faults.iter().copied().collect();
    let exchange = Arc::new(Mutex::new(Exchange { faults, ..Exchange::default() }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let served = Arc::clone(&exchange);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&served)));
        }
    });
    let first_wait = Duration::from_millis(1);
    let client =
        Client::connect(&url, Options { window: 8, first_wait, ..Options::default() }).await.unwrap();
    (exchange, client)
}

fn trader(client: &Client, number: u8, store: impl LaneStore + 'static) -> Trader {
    let mut store: Box<dyn LaneStore> = Box::new(store);
    let key = keypair(number).public();
    let state = LaneState::from_entries(&store.read().unwrap()).unwrap().unwrap_or_else(|| {
        store.append(&Entry::Start { key, head: ORIGIN }).unwrap();
        LaneState::new(key, ORIGIN)
    });
    let signer = Signer::new(keypair(number), NETWORK, state.head);
    Trader { line: Line::new(client.clone(), signer, state, store), account: AccountId::new([number; 32]) }
}

fn orders(lots: u64) -> Orders {
    Orders { operations: vec![place(lots)] }
}

/// Thirty pipelined blocks of two traders on one connection, each sequenced once and in order whatever happens.
async fn check(faults: &[(usize, Fault)]) {
    let (exchange, client) = start(faults).await;
    let traders = [trader(&client, 1, MemoryLane), trader(&client, 2, MemoryLane)];
    let mut under_way = Vec::new();
    for lots in 1..=15 {
        for trader in &traders {
            under_way.push(trader.submit(orders(lots)).await.unwrap());
        }
    }
    let mut signed: BTreeMap<PublicKey, Vec<BlockId>> = BTreeMap::new();
    for submitted in under_way {
        signed.entry(submitted.key).or_default().push(submitted.id);
        let (id, reply) = (submitted.id, submitted.reply().await.unwrap());
        assert_eq!(reply.block_id, id.to_string(), "{faults:?}");
    }
    let mut sequenced: BTreeMap<PublicKey, Vec<BlockId>> = BTreeMap::new();
    for (key, id) in &exchange.lock().unwrap().sequenced {
        sequenced.entry(*key).or_default().push(*id);
    }
    assert_eq!(sequenced, signed, "{faults:?}");
    assert_eq!(traders.each_ref().map(Trader::pending), [0, 0]);
}

#[tokio::test]
async fn blocks_are_sequenced_once_and_in_order_whatever_happens() {
    use Fault::{BreakAfter, BreakBefore, Overloaded, Unknown};
    check(&[]).await;
    for fault in [BreakAfter, BreakBefore, Overloaded, Unknown] {
        check(&[(0, fault)]).await;
        check(&[(7, fault)]).await;
        check(&[(7, fault), (8, fault), (11, fault), (20, fault)]).await;
        check(&[(29, fault), (30, fault), (31, fault)]).await;
    }
    check(&[(3, Overloaded), (5, BreakBefore), (9, Unknown), (12, BreakAfter), (14, Overloaded)]).await;
}

#[tokio::test]
async fn a_block_turned_away_stops_its_lane_until_resumed() {
    let (exchange, client) = start(&[(1, Fault::TurnedAway)]).await;
    let (stuck, other) = (trader(&client, 1, MemoryLane), trader(&client, 2, MemoryLane));
    assert!(stuck.submit(orders(1)).await.unwrap().reply().await.is_ok());
    let refused = stuck.submit(orders(2)).await.unwrap().reply().await;
    let refused = refused.expect_err("turned away");
    assert!(matches!(refused, TraderError::Lane(LaneError::Stuck { seq: 2, .. })), "{refused:?}");
    assert_eq!(refused.code(), Some("unknown_key"));
    assert!(stuck.submit(orders(3)).await.is_err(), "nothing is signed behind it");
    assert!(other.submit(orders(1)).await.unwrap().reply().await.is_ok(), "other lanes go on");
    stuck.resume().await.unwrap();
    assert_eq!(stuck.pending(), 0);
    assert!(stuck.submit(orders(3)).await.unwrap().reply().await.is_ok());
    assert_eq!(exchange.lock().unwrap().lanes[&stuck.key()].seq, 3);
}

#[tokio::test]
async fn a_second_process_with_the_same_key_is_found_out() {
    let (_exchange, client) = start(&[]).await;
    let (one, two) = (trader(&client, 1, MemoryLane), trader(&client, 1, MemoryLane));
    assert!(one.submit(orders(1)).await.unwrap().reply().await.is_ok());
    let forked = two.submit(orders(2)).await.unwrap().reply().await;
    assert!(matches!(forked, Err(TraderError::Lane(LaneError::Forked))), "{forked:?}");
}

/// The process dies with blocks stored but not sent; the next one sends the very same bytes.
#[tokio::test]
async fn what_was_stored_before_a_crash_is_sent_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lane");
    let mut store = FileLane::open(&path, Durability::Disk).unwrap();
    let mut signer = Signer::new(keypair(1), NETWORK, ORIGIN);
    store.append(&Entry::Start { key: signer.key(), head: ORIGIN }).unwrap();
    let blocks: Vec<_> = (1..4).map(|lots| signer.orders(NOW, vec![place(lots)]).unwrap()).collect();
    for block in &blocks {
        store.append(&Entry::Block(block.signed.clone())).unwrap();
    }
    drop(store);
    let (exchange, client) = start(&[(1, Fault::BreakAfter)]).await;
    let trader = trader(&client, 1, FileLane::open(&path, Durability::Disk).unwrap());
    assert_eq!(trader.pending(), 3);
    trader.resume().await.unwrap();
    assert_eq!(trader.pending(), 0);
    let next = trader.submit(orders(4)).await.unwrap();
    assert_eq!((next.seq, next.order(0).op), (4, 0));
    let last = next.id;
    next.reply().await.unwrap();
    let expected: Vec<BlockId> = blocks.iter().map(|block| block.id).chain([last]).collect();
    let sequenced: Vec<BlockId> = exchange.lock().unwrap().sequenced.iter().map(|(_, id)| *id).collect();
    assert_eq!(sequenced, expected);
    assert!(trader.own_order(&blocks[0].order(0)).is_some(), "its orders are known again");
    drop(trader);
}

#[tokio::test]
async fn a_store_that_fails_signs_nothing() {
    struct Full;
    impl LaneStore for Full {
        fn read(&mut self) -> Result<Vec<Entry>, StoreError> {
            Ok(vec![Entry::Start { key: keypair(1).public(), head: ORIGIN }])
        }
        fn append(&mut self, _: &Entry) -> Result<(), StoreError> {
            Err(std::io::Error::other("the disk is full").into())
        }
    }
    let (exchange, client) = start(&[]).await;
    let trader = trader(&client, 1, Full);
    assert!(matches!(trader.submit(orders(1)).await, Err(TraderError::Store(_))));
    assert_eq!((trader.head(), trader.pending()), (ORIGIN, 0));
    assert_eq!(exchange.lock().unwrap().submissions, 0);
}

/// Nothing that must happen takes as long.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn resuming_a_lane_at_work_takes_nobodys_answer() {
    let (_exchange, client) = start(&[(0, Fault::Overloaded)]).await;
    let trader = trader(&client, 1, MemoryLane);
    let placed = trader.submit(orders(1)).await.unwrap();
    let (reply, one, two) = tokio::join!(placed.reply(), trader.resume(), trader.resume());
    assert_eq!(reply.map(|reply| reply.seq).map_err(|error| error.to_string()), Ok(0));
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
}

/// The first block's answer is lost while the second has its own: nothing is left to be answered for the second.
#[tokio::test]
async fn resuming_waits_for_no_answer_that_was_given() {
    // What is sent again is the first block alone, for a third of a second.
    let faults = [0, 2, 3, 4, 5, 6, 7].map(|submission| (submission, Fault::Unknown));
    let (exchange, client) = start(&faults).await;
    let trader = trader(&client, 1, MemoryLane);
    let (first, second) = (trader.submit(orders(1)).await.unwrap(), trader.submit(orders(2)).await.unwrap());
    second.reply().await.unwrap();
    assert_eq!(trader.pending(), 2, "the first is open, and all behind it");
    tokio::time::timeout(PATIENCE, trader.resume()).await.unwrap().unwrap();
    assert_eq!((trader.pending(), exchange.lock().unwrap().sequenced.len()), (0, 2));
    first.reply().await.unwrap();
}

#[tokio::test]
async fn while_a_lane_recovers_it_takes_no_more_than_there_is_room_for() {
    let (exchange, client) = start(&[]).await;
    let (busy, other) = (trader(&client, 1, MemoryLane), trader(&client, 2, MemoryLane));
    exchange.lock().unwrap().no_room_for.insert(busy.key());
    let mut under_way = Vec::new();
    for lots in 1..=8 {
        under_way.push(busy.submit(orders(lots)).await.unwrap());
    }
    // All of the window came back and waits; the next one is not even signed, while other lanes go on.
    let mut ninth = Box::pin(busy.submit(orders(9)));
    for lots in 1..=20 {
        assert!(futures_util::poll!(&mut ninth).is_pending());
        assert!(other.submit(orders(lots)).await.unwrap().reply().await.is_ok());
    }
    assert_eq!((busy.pending(), busy.head().seq), (8, 8));
    exchange.lock().unwrap().no_room_for.clear();
    under_way.push(tokio::time::timeout(PATIENCE, ninth).await.unwrap().unwrap());
    for submitted in under_way {
        submitted.reply().await.unwrap();
    }
    assert_eq!(exchange.lock().unwrap().lanes[&busy.key()].seq, 9);
}

#[tokio::test]
async fn recovering_ends_while_more_and_more_is_signed() {
    let (_exchange, client) = start(&[(0, Fault::Overloaded)]).await;
    let trader = trader(&client, 1, MemoryLane);
    let mut last = trader.submit(orders(1)).await.unwrap();
    for lots in 2..=200 {
        last = trader.submit(orders(lots)).await.unwrap();
        assert!(trader.pending() <= 8);
    }
    assert!(trader.pending() > 0 && !trader.line.is_recovering());
    last.reply().await.unwrap();
}

/// Whoever gives up opening a lane, or is done with it, can open it again at once.
#[tokio::test]
async fn a_lane_that_nobody_uses_is_closed_though_blocks_are_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lane");
    let open = || FileLane::open(&path, Durability::Process);
    let (exchange, client) = start(&[]).await;
    exchange.lock().unwrap().no_room_for.insert(keypair(1).public());
    let trading = trader(&client, 1, open().unwrap());
    let submitted = trading.submit(orders(1)).await.unwrap();
    drop(trading);
    assert!(matches!(open(), Err(StoreError::InUse)), "somebody waits for the answer");
    drop(submitted);
    let trading = trader(&client, 1, open().unwrap());
    let given_up = tokio::time::timeout(Duration::from_millis(20), trading.resume()).await;
    assert!(given_up.is_err() && trading.pending() == 1);
    drop(trading);
    let trading = trader(&client, 1, open().unwrap());
    exchange.lock().unwrap().no_room_for.clear();
    tokio::time::timeout(PATIENCE, trading.resume()).await.unwrap().unwrap();
    // Whoever waits for an answer has it, though the trader has gone.
    let submitted = trading.submit(orders(2)).await.unwrap();
    drop(trading);
    submitted.reply().await.unwrap();
}

#[tokio::test]
async fn a_prepared_block_is_stored_and_goes_out_with_the_next() {
    let (exchange, client) = start(&[]).await;
    let trader = trader(&client, 1, MemoryLane);
    let markets = Markets::from_wire(&crate::testing::wire_markets()).unwrap();
    let body = Body::from(bandex_tradechain::body::Guard::OFF);
    let block = trader.line.lane().signer.next(clock::now(), None, body.clone()).unwrap();
    let payload = block.encode();
    let preimage = hex::encode(bandex_tradechain::Domain::Block.preimage(&payload));
    let told = serde_json::to_value(&block).unwrap();
    let prepared =
        Prepared { block_id: block.id().to_string(), payload: hex::encode(payload), preimage, block: told };
    let body = Some(serde_json::to_value(&body).unwrap());
    let key = trader.key().to_string();
    let asked = Prepare { key, expiry_us: None, seq: None, previous: None, body, orders: None };
    let own = trader.sign_prepared(&asked, &markets, &prepared).unwrap();
    assert_eq!((own.seq, trader.pending(), trader.head().id), (1, 1, block.id()));
    assert!(exchange.lock().unwrap().sequenced.is_empty());
    let again = trader.sign_prepared(&asked, &markets, &prepared);
    assert!(matches!(again, Err(TraderError::Prepared(_))), "{again:?}");
    trader.submit(orders(1)).await.unwrap().reply().await.unwrap();
    assert_eq!(exchange.lock().unwrap().lanes[&trader.key()].seq, 2);
}
