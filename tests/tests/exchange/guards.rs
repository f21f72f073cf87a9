//! Guards: orders that go when their key falls silent. Time passes here as it does: what must not have happened by then is
//! held against something else that must.

use crate::story::{LOTS, PRICE, must_place};
use bandex_api::{BlockReply, Order};
use bandex_tests::{RawLane, Server, Setup, Socket, now, until};
use bandex_tradechain::body::Guard;
use bandex_types::{OrderRef, Side};

/// A second in microseconds.
const SECOND: u64 = 1_000_000;
/// Short enough to wait for, long enough to connect again in.
const GRACE: u64 = 3_000_000;

/// A trader with tokens and a token to read with.
struct Trader {
    lane: RawLane,
    token: String,
    order: OrderRef,
}

impl Trader {
    /// With an order that rests, guarded or not.
    async fn resting(server: &Server, seed: u8, guard: Option<Guard>) -> Self {
        let mut lane = server.register_with(seed, 10 * LOTS * 1_000).await;
        let token = server.login(&lane).await;
        if let Some(guard) = guard {
            server.submit(&lane.sign(guard)).await.read::<BlockReply>();
        }
        let (signed, order) = lane.limit(Side::Sell, PRICE, LOTS);
        must_place(server.submit(&signed).await.read(), "open");
        Self { lane, token, order }
    }

    /// The same on a server that has started again, and forgotten who had logged in.
    async fn again(self, server: &Server) -> Self {
        let token = server.login(&self.lane).await;
        Self { token, ..self }
    }

    async fn login(&self, server: &Server) -> Socket {
        let mut socket = server.socket().await;
        socket.login(server, &self.lane).await;
        socket
    }

    async fn order(&self, server: &Server) -> Order {
        server.get_as(&self.token, &format!("/v1/orders/{}", self.order)).await.read()
    }

    async fn status(&self, server: &Server) -> String {
        self.order(server).await.status
    }

    /// Waits until the order is cancelled; gives why and when.
    async fn cancelled(&self, server: &Server) -> (String, u64) {
        let order = until("the order is cancelled", async || {
            Some(self.order(server).await).filter(|order| order.status == "cancelled")
        })
        .await;
        (order.reason.unwrap(), order.time_us)
    }
}

const fn after(cancel_after_us: u64) -> Option<Guard> {
    Some(Guard { cancel_after_us, on_disconnect_us: None })
}

const fn when_gone(grace_us: u64) -> Option<Guard> {
    Some(Guard { cancel_after_us: 0, on_disconnect_us: Some(grace_us) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timer_runs_without_any_connection() {
    let server = Server::start(Setup::default()).await;
    let free = Trader::resting(&server, 1, None).await;
    let mut kept = Trader::resting(&server, 2, after(5 * SECOND)).await;
    let begun = now().as_micros();
    let silent = Trader::resting(&server, 3, after(2 * SECOND)).await;
    let told = server.lane(silent.lane.key()).await.guard.unwrap();
    assert_eq!((told.cancel_after_us, told.on_disconnect_us), (2 * SECOND, None));
    assert!(told.due_us.is_some_and(|due| due >= begun + 2 * SECOND), "{told:?}");
    // One is heard of again, by REST; for the other nobody sends anything.
    let again = kept.lane.sign(Guard { cancel_after_us: 60 * SECOND, on_disconnect_us: None });
    server.submit(&again).await.read::<BlockReply>();
    let (reason, at) = silent.cancelled(&server).await;
    assert_eq!(reason, "timer");
    assert!((begun + 2 * SECOND..begun + 20 * SECOND).contains(&at), "{begun} {at}");
    assert_eq!(server.lane(silent.lane.key()).await.guard.unwrap().due_us, None, "it has run down");
    assert_eq!(server.lane(free.lane.key()).await.guard, None);
    // A second timer tells that the first time of the one that was wound up has passed.
    let later = Trader::resting(&server, 4, after(4 * SECOND)).await;
    later.cancelled(&server).await;
    assert!(now().as_micros() > begun + 5 * SECOND);
    assert_eq!(
        (kept.status(&server).await, free.status(&server).await),
        ("open".to_owned(), "open".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_go_when_the_last_connection_has_been_gone_for_the_grace() {
    let server = Server::start(Setup::default()).await;
    let begun = now().as_micros();
    // None of these has a connection while it places its order: the grace runs from the guard on.
    let absent = Trader::resting(&server, 1, when_gone(GRACE)).await;
    let mut back = Trader::resting(&server, 2, when_gone(GRACE)).await;
    let twice = Trader::resting(&server, 3, when_gone(GRACE)).await;
    let unasked = Trader::resting(&server, 4, None).await;
    let mut stays = back.login(&server).await;
    let (first, second) = (twice.login(&server).await, twice.login(&server).await);
    drop(unasked.login(&server).await);
    drop(first);
    let (reason, at) = absent.cancelled(&server).await;
    assert_eq!(reason, "disconnected");
    assert!(at >= begun + GRACE, "{begun} {at}");
    // Whoever has a connection left, came in time, or never asked, keeps its orders.
    for trader in [&back, &twice, &unasked] {
        assert_eq!(trader.status(&server).await, "open");
    }
    // Gone and back in time, while another is gone for good at the same moment.
    let left = now().as_micros();
    drop(second);
    drop(stays);
    stays = back.login(&server).await;
    let (reason, at) = twice.cancelled(&server).await;
    assert_eq!(reason, "disconnected");
    assert!(at >= left + GRACE, "{left} {at}");
    assert_eq!(back.status(&server).await, "open");
    // The policy stays: what is placed by a key that is gone already is not taken by the same absence.
    let mut twice = twice;
    let (signed, order) = twice.lane.limit(Side::Sell, PRICE, LOTS);
    must_place(server.submit(&signed).await.read(), "open");
    twice.order = order;
    // A key that logs in as another on the same connection is there no more.
    let gone = now().as_micros();
    stays.login(&server, &unasked.lane).await;
    let (_, at) = back.cancelled(&server).await;
    assert!(at >= gone + GRACE, "{gone} {at}");
    assert_eq!(twice.status(&server).await, "open");
    // Asked for anew without a connection, it goes.
    let guard = Guard { cancel_after_us: 0, on_disconnect_us: Some(0) };
    server.submit(&twice.lane.sign(guard)).await.read::<BlockReply>();
    assert_eq!(twice.cancelled(&server).await.0, "disconnected");
    // And with nothing asked for, nothing goes: the other guard's end tells that time has passed.
    server.submit(&back.lane.sign(Guard::OFF)).await.read::<BlockReply>();
    let (signed, order) = back.lane.limit(Side::Sell, PRICE, LOTS);
    must_place(server.submit(&signed).await.read(), "open");
    back.order = order;
    drop(back.login(&server).await);
    let other = Trader::resting(&server, 5, when_gone(SECOND / 2)).await;
    other.cancelled(&server).await;
    assert_eq!(back.status(&server).await, "open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_everybody_is_gone_until_they_come_back() {
    let server = Server::start(Setup::default()).await;
    let gone = Trader::resting(&server, 1, when_gone(2 * GRACE)).await;
    let back = Trader::resting(&server, 2, when_gone(2 * GRACE)).await;
    let timed = Trader::resting(&server, 3, after(SECOND)).await;
    let both = (gone.login(&server).await, back.login(&server).await);
    let server = server.restart(|_| {}).await;
    let begun = now().as_micros();
    drop(both);
    let (gone, back) = (gone.again(&server).await, back.again(&server).await);
    assert_eq!(
        (gone.status(&server).await, back.status(&server).await),
        ("open".to_owned(), "open".to_owned())
    );
    let _stays = back.login(&server).await;
    let (reason, at) = gone.cancelled(&server).await;
    assert_eq!(reason, "disconnected");
    // The server began a moment before it answered.
    assert!(at + SECOND >= begun + 2 * GRACE, "{begun} {at}");
    assert_eq!(back.status(&server).await, "open");
    // The timer ran on, whether the server did or not.
    let timed = timed.again(&server).await;
    assert_eq!(timed.cancelled(&server).await.0, "timer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_vanishes_without_a_word_is_noticed_in_seconds() {
    let server = Server::start(Setup::default()).await;
    let silent = Trader::resting(&server, 1, when_gone(0)).await;
    let listening = Trader::resting(&server, 2, when_gone(0)).await;
    // Whoever is gone already goes at once; these two are held by connections that nobody closes.
    let [mut silent, mut listening] = [silent, listening];
    let vanished = silent.login(&server).await;
    let mut stays = listening.login(&server).await;
    for trader in [&mut silent, &mut listening] {
        let (signed, order) = trader.lane.limit(Side::Sell, PRICE, LOTS);
        must_place(server.submit(&signed).await.read(), "open");
        trader.order = order;
    }
    // One answers the node's pings, as whoever reads does by itself; of the other nothing is heard any more.
    let reading = tokio::spawn(async move { stays.push_or_end().await });
    let begun = now().as_micros();
    let timed = Trader::resting(&server, 3, after(10 * SECOND)).await;
    timed.cancelled(&server).await;
    assert_eq!(silent.status(&server).await, "open", "not yet");
    let (reason, at) = silent.cancelled(&server).await;
    assert_eq!(reason, "disconnected");
    assert!(at < begun + 20 * SECOND, "{begun} {at}");
    assert_eq!(listening.status(&server).await, "open");
    reading.abort();
    drop(vanished);
}
