//! Private channels go on where they ended, whatever broke in between: nothing missed, nothing told twice.

use crate::story::{Dice, PRICE, Pair};
use bandex_api::{BlockReply, Channel, DealPage, Push, PushKind};
use bandex_sdk::{Client, Options};
use bandex_tests::{MARKET, PATIENCE, RawLane, Server, Setup, Socket, now, place, soon};
use bandex_tradechain::SignedBlock;
use bandex_tradechain::body::Operation;
use bandex_types::{OrderRef, Side};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const CHANNELS: [&str; 3] = ["orders", "fills", "deals"];

/// The name of a private channel.
fn name(channel: Channel) -> &'static str {
    match channel {
        Channel::Orders => "orders",
        Channel::Fills => "fills",
        Channel::Deals => "deals",
        other => panic!("nobody asked for {other:?}"),
    }
}

/// What somebody heard on the private channels, over any number of connections.
#[derive(Debug, Default, Clone, PartialEq)]
struct Heard {
    /// What each channel was told up to.
    seqs: BTreeMap<&'static str, u64>,
    items: BTreeMap<&'static str, Vec<Value>>,
}

impl Heard {
    /// Takes an update, which must follow the one before it.
    fn take(&mut self, push: Push) {
        let channel = name(push.channel);
        let told = self.seqs.insert(channel, push.seq).unwrap_or(0);
        assert_eq!((push.kind, push.prev_seq), (PushKind::Update, told), "{channel}");
        assert!(push.seq > push.prev_seq, "{channel}: {} after {}", push.seq, push.prev_seq);
        for item in push.data.as_array().unwrap() {
            let seq = item["seq"].as_u64().unwrap();
            assert!(push.prev_seq < seq && seq <= push.seq, "{channel}: an item of {seq}");
            self.items.entry(channel).or_default().push(item.clone());
        }
    }

    fn seq(&self, channel: &str) -> u64 {
        self.seqs.get(channel).copied().unwrap_or(0)
    }

    /// Listens until every channel was told up to a record that changed them all.
    async fn up_to(&mut self, socket: &mut Socket, seq: u64) {
        while CHANNELS.iter().any(|channel| self.seq(channel) < seq) {
            self.take(socket.push().await);
        }
    }

    /// A new connection that goes on where the last one ended.
    async fn again(&self, server: &Server, lane: &RawLane) -> Socket {
        let mut socket = server.socket().await;
        socket.login(server, lane).await;
        for channel in CHANNELS {
            socket.resume(channel, self.seq(channel)).await;
        }
        socket
    }

    /// A new connection that begins with snapshots, of which only the place is kept.
    async fn anew(&mut self, server: &Server, lane: &RawLane) -> Socket {
        let mut socket = server.socket().await;
        socket.login(server, lane).await;
        for channel in CHANNELS {
            let seq = socket.subscribe(channel, None).await.seq;
            self.seqs.insert(channel, seq);
        }
        socket
    }

    fn count(&self) -> usize {
        self.items.values().map(Vec::len).sum()
    }

    /// The same items in the same order, whatever pushes brought them.
    fn must_equal(&self, other: &Self) {
        for channel in CHANNELS {
            let (mine, theirs) = (self.items.get(channel), other.items.get(channel));
            let seqs = |items: Option<&Vec<Value>>| -> Vec<u64> {
                items.into_iter().flatten().map(|item| item["seq"].as_u64().unwrap()).collect()
            };
            assert_eq!(seqs(mine), seqs(theirs), "{channel}");
            assert!(mine == theirs, "{channel}: same records, other items");
        }
    }
}

/// Two traders who do a bit of everything, several blocks at a time.
struct Bustle {
    seller: RawLane,
    buyer: RawLane,
    buyer_token: String,
    socket: Socket,
    dice: Dice,
    resting: Vec<OrderRef>,
}

/// What one order is for: a hundredth of a BWT.
const LOTS: u64 = 10_000;

impl Bustle {
    async fn begin(seed: u64, setup: Setup) -> (Server, Self) {
        let Pair { server, seller, buyer, .. } = Pair::meet(Server::start(setup).await).await;
        for lane in [&seller, &buyer] {
            server.set_limit(lane.account(), 1_000_000_000).await;
        }
        let socket = server.socket().await;
        let buyer_token = server.login(&buyer).await;
        (server, Self { seller, buyer, buyer_token, socket, dice: Dice(seed), resting: Vec::new() })
    }

    /// Goes on at a server that was started again.
    async fn move_to(&mut self, server: &Server) {
        (self.socket, self.buyer_token) = (server.socket().await, server.login(&self.buyer).await);
    }

    async fn submit(&mut self, blocks: &[SignedBlock]) -> u64 {
        for block in blocks {
            self.socket.send_block(block).await;
        }
        let mut seq = 0;
        for _ in blocks {
            let reply = self.socket.reply().await;
            assert!(reply.ok, "{reply:?}");
            seq = serde_json::from_value::<BlockReply>(reply.result.unwrap()).unwrap().seq;
        }
        seq
    }

    fn sell(&mut self, prices: std::ops::Range<u64>) -> SignedBlock {
        let asks: Vec<Operation> =
            prices.map(|above| place(MARKET, Side::Sell, PRICE + above, LOTS)).collect();
        let signed = self.seller.orders(asks.clone());
        self.resting.extend((0..).zip(&asks).map(|(op, _)| self.seller.last_order(op)));
        signed
    }

    /// Orders, fills, cancels and payments, some in one batch.
    async fn step(&mut self, server: &Server) {
        let asks = 1 + self.dice.roll(4);
        let mut blocks = vec![self.sell(0..asks)];
        for _ in 0..self.dice.roll(3) {
            blocks.push(self.buyer.limit(Side::Buy, PRICE + self.dice.roll(5), LOTS * 3 / 2).0);
        }
        if self.dice.roll(2) == 0 && !self.resting.is_empty() {
            let at = usize::try_from(self.dice.roll(self.resting.len() as u64)).unwrap();
            let order = self.resting.swap_remove(at);
            blocks.push(self.seller.cancel(order));
        }
        self.submit(&blocks).await;
        if self.dice.roll(3) == 0 {
            self.settle(server).await;
        }
    }

    /// Moves some deals on by a step.
    async fn settle(&mut self, server: &Server) {
        let page: DealPage = server.get_as(&self.buyer_token, "/v1/deals?limit=4").await.read();
        let mut blocks = Vec::new();
        for deal in page.deals {
            let id = deal.deal.parse().unwrap();
            match (deal.due, deal.in_flight) {
                (Some(due), _) => {
                    let payer = if due.party == "seller" { &mut self.seller } else { &mut self.buyer };
                    blocks.push(payer.pay(id, due.tranche, due.cumulative_units.parse().unwrap()));
                }
                (None, Some(paid)) => blocks.push(self.seller.acknowledge(paid.proposal.parse().unwrap())),
                (None, None) => {}
            }
        }
        self.submit(&blocks).await;
    }

    /// A trade: the record changes every channel of both sides.
    async fn finish(&mut self) -> u64 {
        let blocks = [self.sell(0..1), self.buyer.limit(Side::Buy, PRICE + 9, LOTS).0];
        self.submit(&blocks).await
    }

    async fn run(&mut self, server: &Server, steps: usize) -> u64 {
        for _ in 0..steps {
            self.step(server).await;
        }
        self.finish().await
    }
}

/// Listens in pieces, until `end` has come: how much is heard of each connection is chance.
async fn in_pieces(
    server: &Server,
    lane: &RawLane,
    dice: &mut Dice,
    mut end: tokio::sync::oneshot::Receiver<u64>,
) -> (Heard, usize) {
    let (mut heard, mut cuts) = (Heard::default(), 0);
    loop {
        let mut socket = heard.again(server, lane).await;
        for _ in 0..dice.roll(40) {
            tokio::select! {
                biased;
                seq = &mut end => {
                    heard.up_to(&mut socket, seq.unwrap()).await;
                    return (heard, cuts);
                }
                push = socket.push() => heard.take(push),
            }
        }
        cuts += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_drops_hears_what_those_who_stay_hear() {
    let (server, mut bustle) = Bustle::begin(7, Setup::default()).await;
    let (seller, buyer) = (bustle.seller.clone(), bustle.buyer.clone());
    let mut steady = [Heard::default(), Heard::default()];
    let mut sockets = [steady[0].again(&server, &seller).await, steady[1].again(&server, &buyer).await];
    let (mut one, mut other) = (Dice(1), Dice(2));
    let (tell_one, one_ends) = tokio::sync::oneshot::channel();
    let (tell_other, other_ends) = tokio::sync::oneshot::channel();
    let trade = async {
        let end = bustle.run(&server, 120).await;
        tell_one.send(end).unwrap();
        tell_other.send(end).unwrap();
        end
    };
    let (end, pieces, others) = tokio::join!(
        trade,
        in_pieces(&server, &seller, &mut one, one_ends),
        in_pieces(&server, &buyer, &mut other, other_ends)
    );
    for ((steady, socket), (heard, cuts)) in steady.iter_mut().zip(&mut sockets).zip([pieces, others]) {
        steady.up_to(socket, end).await;
        assert!(steady.count() > 400 && cuts > 5, "{} items in {cuts} cuts", steady.count());
        heard.must_equal(steady);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_place_is_one_to_go_on_from() {
    let (server, mut bustle) = Bustle::begin(11, Setup::default()).await;
    let lane = bustle.seller.clone();
    let mut steady = Heard::default();
    let mut socket = steady.anew(&server, &lane).await;
    // The snapshots were empty: nothing had happened to the account.
    let begun = steady.clone();
    let end = bustle.run(&server, 100).await;
    steady.up_to(&mut socket, end).await;
    // From the beginning.
    let mut all = Heard::default();
    let mut socket = all.again(&server, &lane).await;
    all.up_to(&mut socket, end).await;
    all.must_equal(&steady);
    // From anywhere, in the middle of a batch too.
    let mut dice = Dice(5);
    for _ in 0..30 {
        let cut = dice.roll(end);
        let mut heard = Heard::default();
        for channel in CHANNELS {
            heard.seqs.insert(channel, cut);
        }
        let mut socket = heard.again(&server, &lane).await;
        heard.up_to(&mut socket, end).await;
        let mut rest = steady.clone();
        for items in rest.items.values_mut() {
            items.retain(|item| item["seq"].as_u64().unwrap() > cut);
        }
        heard.must_equal(&rest);
    }
    // And from the end on there is only what comes.
    let mut late = Heard { items: BTreeMap::new(), ..steady };
    let mut socket = late.again(&server, &lane).await;
    let next = bustle.finish().await;
    late.up_to(&mut socket, next).await;
    assert!(late.items.values().flatten().all(|item| item["seq"].as_u64().unwrap() > end));
    assert!(begun.seqs.values().all(|seq| *seq < end) && begun.items.is_empty());
}

async fn over_a_restart(setup: Setup, between: impl FnOnce(&std::path::Path)) {
    let (server, mut bustle) = Bustle::begin(13, setup).await;
    let lane = bustle.seller.clone();
    let (mut steady, mut dropped) = (Heard::default(), Heard::default());
    let mut socket = steady.again(&server, &lane).await;
    let mut cut = dropped.again(&server, &lane).await;
    let middle = bustle.run(&server, 20).await;
    dropped.up_to(&mut cut, middle).await;
    let end = bustle.run(&server, 20).await;
    steady.up_to(&mut socket, end).await;
    assert!(steady.count() > dropped.count());
    let server = server.restart(between).await;
    let mut socket = steady.anew(&server, &lane).await;
    bustle.move_to(&server).await;
    let end = bustle.run(&server, 20).await;
    steady.up_to(&mut socket, end).await;
    let mut cut = dropped.again(&server, &lane).await;
    dropped.up_to(&mut cut, end).await;
    dropped.must_equal(&steady);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_is_only_a_long_break() {
    over_a_restart(Setup::default(), |_| {}).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projections_made_anew_tell_the_same() {
    // It reaches into the files of SQLite.
    over_a_restart(Setup { embedded: true, ..Setup::default() }, |folder| {
        let mut removed = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("projections") {
                std::fs::remove_file(&path).unwrap();
                removed += 1;
            }
        }
        assert!(removed > 0, "there was a file of projections");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_resumed_is_refused() {
    let (server, bustle) = Bustle::begin(17, Setup::default()).await;
    let head = server.markets().await.node.seq;
    let mut socket = server.socket().await;
    let ask = async |socket: &mut Socket, params: Value| {
        let reply = socket.ask("subscribe", params).await;
        reply.error.map(|error| (error.code, error.detail))
    };
    let private = |from: Value| json!({ "channel": "fills", "resume_from": from });
    let (code, _) = ask(&mut socket, private(json!(0))).await.expect("login comes first");
    assert_eq!(code, "not_logged_in");
    socket.login(&server, &bustle.seller).await;
    for from in [json!(head + 1), json!(u64::MAX)] {
        let (code, detail) = ask(&mut socket, private(from)).await.expect("nobody knows the future");
        assert_eq!(code, "beyond_head", "{detail}");
    }
    for garbage in [json!(-1), json!(1.5), json!("7"), json!([])] {
        let (code, _) = ask(&mut socket, private(garbage)).await.expect("that is no seq");
        assert_eq!(code, "bad_request");
    }
    for channel in ["book", "trades"] {
        let params = json!({ "channel": channel, "market": "BWT-BTC", "resume_from": head + 1 });
        let (code, detail) = ask(&mut socket, params).await.expect("nobody knows the future");
        assert_eq!(code, "beyond_head", "{detail}");
    }
    for channel in CHANNELS {
        for from in [json!(null), json!(0)] {
            let params = json!({ "channel": channel, "market": "BWT-BTC", "resume_from": from });
            let (code, detail) = ask(&mut socket, params).await.expect("private channels are of all markets");
            assert_eq!(code, "bad_request");
            assert!(detail.contains("leave the market out"), "{detail}");
        }
    }
    // Nothing of this is in the way of what can be had.
    assert_eq!(ask(&mut socket, private(json!(head))).await, None);
}

/// Longer than any test leaves a peer waiting, however busy the machine is.
const PATIENT: Duration = Duration::from_secs(600);
/// How many big and small blocks fill the buffers between two programs, and the queue of a connection before them.
const BIG: usize = 150;
const SMALL: usize = 1_500;

/// Block number `at` of these: orders that are placed and cancelled at once.
fn churn(lane: &mut RawLane, at: usize) -> SignedBlock {
    let orders = if at < BIG { 50 } else { 1 };
    let next = OrderRef { key: lane.key(), seq: lane.head().seq + 1, op: 0 };
    let places = (0..orders).map(|_| place(MARKET, Side::Buy, 1, 1));
    let cancels = (0..orders).map(|op| Operation::Cancel { order: OrderRef { op, ..next } });
    lane.orders(places.chain(cancels).collect())
}

/// Does so much that nobody can be told it all without listening.
async fn long_past(server: &Server, lane: &mut RawLane, records: usize) -> u64 {
    let mut socket = server.socket().await;
    let mut seq = 0;
    assert_eq!(records % 50, 0, "all are answered");
    for at in 0..records {
        let signed = churn(lane, at);
        socket.send_block(&signed).await;
        if at % 50 == 49 {
            for _ in 0..50 {
                let reply = socket.reply().await;
                assert!(reply.ok, "{reply:?}");
                seq = reply.result.unwrap()["seq"].as_u64().unwrap();
            }
        }
    }
    seq
}

/// Listens to the orders until `end`; gives the seqs of the records that were told.
async fn orders_up_to(socket: &mut Socket, from: u64, end: u64) -> Vec<u64> {
    let (mut told, mut seqs) = (from, Vec::new());
    while told < end {
        let push = socket.push().await;
        assert_eq!((push.channel, push.kind, push.prev_seq), (Channel::Orders, PushKind::Update, told));
        told = push.seq;
        let mut of_push: Vec<u64> =
            push.data.as_array().unwrap().iter().map(|item| item["seq"].as_u64().unwrap()).collect();
        of_push.dedup();
        seqs.extend(of_push);
    }
    seqs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_resume_holds_nobody_up_and_outlasts_the_news() {
    let server = Server::start(Setup { news_kept: 16, write_time: PATIENT, ..Setup::default() }).await;
    let mut lane = server.register(1).await;
    // More than is kept anywhere but in the store, had nothing been asked to keep less.
    let records = 4_500;
    let end = long_past(&server, &mut lane, records).await;
    let mut socket = server.socket().await;
    socket.login(&server, &lane).await;
    socket.resume("orders", 0).await;
    // While it runs, and this side does not read it, other requests are answered, and more happens than is kept.
    let ping = socket.send("ping", json!({})).await;
    let mut last = end;
    for _ in 0..60 {
        let (signed, _) = lane.limit(Side::Buy, 1, 1);
        last = server.submit(&signed).await.read::<BlockReply>().seq;
    }
    let reply = socket.reply().await;
    assert_eq!((reply.req_id, reply.ok), (ping, true));
    let seqs = orders_up_to(&mut socket, 0, last).await;
    // The register block comes before, the blocks of the lane follow each other: each record once.
    let expected: Vec<u64> = (end + 1 - records as u64..=last).collect();
    assert_eq!(seqs, expected);
    let (signed, _) = lane.limit(Side::Buy, 1, 1);
    let live = server.submit(&signed).await.read::<BlockReply>().seq;
    assert_eq!(orders_up_to(&mut socket, last, live).await, [live]);
}

/// How often one asks for everything without reading any of it: together far more than may wait for it.
const ASKED: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_again_and_again_is_told_it_all_once_it_reads() {
    let server = Server::start(Setup::default()).await;
    let mut lane = server.register(1).await;
    let end = long_past(&server, &mut lane, BIG).await;
    let mut socket = server.socket().await;
    socket.login(&server, &lane).await;
    for _ in 0..ASKED {
        socket.send("subscribe", json!({ "channel": "orders", "resume_from": 0 })).await;
    }
    for _ in 0..ASKED {
        let reply = socket.reply().await;
        assert!(reply.ok, "{reply:?}");
    }
    // Each answer begins a chain anew, and only the last is told to its end.
    let (mut told, mut pushes) = (0, 0);
    while told < end {
        let push = socket.push().await;
        assert!(push.prev_seq == told || push.prev_seq == 0, "{} after {told}", push.prev_seq);
        (told, pushes) = (push.seq, pushes + 1);
    }
    assert!(pushes < ASKED * BIG / 2, "{pushes} pushes: replaced subscriptions were told to their ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_whose_time_is_over_hears_no_more_news() {
    let server = Server::start(Setup::default()).await;
    let mut lane = server.register(1).await;
    let over = now().plus(5_000_000);
    let (signed, session) = lane.grant(2, |grant| grant.expires = Some(over));
    server.submit(&signed).await.read::<BlockReply>();
    let mut socket = server.socket().await;
    socket.login(&server, &session).await;
    let from = socket.subscribe("orders", None).await.seq;
    let (signed, _) = lane.limit(Side::Buy, 1, 1);
    let seq = server.submit(&signed).await.read::<BlockReply>().seq;
    assert_eq!(orders_up_to(&mut socket, from, seq).await, [seq]);
    // The date is what is waited for.
    while now() <= over {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (signed, _) = lane.limit(Side::Buy, 1, 1);
    server.submit(&signed).await.read::<BlockReply>();
    assert_eq!(socket.push_or_end().await, None, "the connection is closed instead");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_is_caught_up() {
    let server = Server::start(Setup { news_kept: 16, write_time: PATIENT, ..Setup::default() }).await;
    let mut lane = server.register(1).await;
    let mut sockets = Vec::new();
    for public in [false, true] {
        let mut socket = server.socket().await;
        socket.login(&server, &lane).await;
        let from = socket.subscribe("orders", None).await.seq;
        if public {
            socket.subscribe("trades", Some("BWT-BTC")).await;
        }
        sockets.push((socket, from));
    }
    // One by one, so that each is news of its own, and nobody reads.
    let mut last = 0;
    for at in 0..(BIG + SMALL) {
        let signed = churn(&mut lane, at);
        last = server.submit(&signed).await.read::<BlockReply>().seq;
    }
    // It makes no difference whether something public is followed beside it.
    for (mut socket, from) in sockets {
        let seqs = orders_up_to(&mut socket, from, last).await;
        assert_eq!(seqs, (last + 1 - (BIG + SMALL) as u64..=last).collect::<Vec<_>>());
    }
}

/// A session key is revoked while it is told what happened, and does not read: it is not told all of it, whether it
/// hears of its end as news (many are kept) or the news are lost too (few are kept, and more follow).
async fn revoked(news_kept: usize) {
    let server = Server::start(Setup { news_kept, write_time: PATIENT, ..Setup::default() }).await;
    let mut lane = server.register(1).await;
    let (signed, session) = lane.grant(2, |_| {});
    server.submit(&signed).await.read::<BlockReply>();
    let end = long_past(&server, &mut lane, BIG + SMALL).await;
    let mut socket = server.socket().await;
    socket.login(&server, &session).await;
    socket.resume("orders", 0).await;
    let first = socket.push().await;
    // By and by all buffers are full, and news wait behind the past.
    for at in 0..200 {
        let signed = if at == 150 { lane.revoke(session.key()) } else { lane.limit(Side::Buy, 1, 1).0 };
        server.submit(&signed).await.read::<BlockReply>();
    }
    let mut told = first.seq;
    while let Some(push) = socket.push_or_end().await {
        told = push.seq;
    }
    assert!(told < end, "with {news_kept} kept it was told all of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_hears_no_more_of_the_past() {
    revoked(4_096).await;
    revoked(16).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_hears_each_fill_once_over_restarts() {
    let (mut server, mut bustle) = Bustle::begin(19, Setup::default()).await;
    // So few may wait unread that some are lost on this side too, and asked for again at once, not at a heartbeat.
    let options = Options { unread: 4, heartbeat: PATIENCE * 3, ..Options::default() };
    let client = Client::connect(&server.socket_url(), options).await.unwrap();
    client.login(bustle.seller.keypair()).await.unwrap();
    let mut fills = client.subscribe(Channel::Fills).await.unwrap();
    let first = soon("a snapshot", fills.next()).await.unwrap();
    assert_eq!((first.kind, &first.data), (PushKind::Snapshot, &json!([])));
    let (mut heard, mut end) = (Heard::default(), 0);
    heard.seqs.insert("fills", first.seq);
    for _ in 0..3 {
        end = bustle.run(&server, 8).await;
        // Some of it is read now, the rest when the server is another.
        for _ in 0..2 {
            heard.take(soon("a fill", fills.next()).await.unwrap());
        }
        (server, ()) = server.restart_in_place(async {}).await;
        bustle.move_to(&server).await;
    }
    while heard.seq("fills") < end {
        heard.take(soon("a fill", fills.next()).await.unwrap());
    }
    // A bare connection that asks for all there is says the same.
    let mut all = Heard::default();
    let mut socket = all.again(&server, &bustle.seller).await;
    all.up_to(&mut socket, end).await;
    assert!(all.items["fills"].len() > 20);
    assert_eq!(heard.items["fills"], all.items["fills"]);
}
