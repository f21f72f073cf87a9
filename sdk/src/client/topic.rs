//! Who follows a channel, and what was seen of it: gaps are noticed here.
//!
//! Public channels begin anew with a snapshot whenever something was missed. Private ones go on from the last seq that
//! every follower has, so that nobody misses anything; a follower passes over what it has already.

use super::Client;
use super::session::Ask;
use bandex_api::{Channel, Push, PushKind};
use futures_util::Stream;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::sync::mpsc::{self, error::TrySendError};

/// What happens on a channel, as a stream of pushes. Dropping it unsubscribes.
///
/// The first push is a snapshot (of the trades channel it need not be). Of a public channel, so is the first after
/// anything was missed, and the first after somebody else joined. Of a private channel updates follow, each record
/// once, over lost connections and restarts of the exchange, however slowly they are read: the last `seq` that this
/// follower has is where it goes on. Another snapshot comes only if the exchange cannot resume from there, because its
/// journal has lost its end, or after a login as another account.
#[derive(Debug)]
pub struct Subscription {
    pushes: mpsc::Receiver<Push>,
    /// Whether there was no room for a push.
    lost: Arc<AtomicBool>,
    /// Keeps the connection open.
    client: Client,
}

impl Subscription {
    pub(super) const fn new(pushes: mpsc::Receiver<Push>, lost: Arc<AtomicBool>, client: Client) -> Self {
        Self { pushes, lost, client }
    }

    /// The next push; `None` once the exchange refuses the channel.
    pub async fn next(&mut self) -> Option<Push> {
        let push = self.pushes.recv().await;
        self.ask_for_lost();
        push
    }

    /// There is room again: what was lost for want of it can be asked for.
    fn ask_for_lost(&self) {
        if self.pushes.len() <= self.pushes.max_capacity() / 2 && self.lost.swap(false, Ordering::AcqRel) {
            let _ = self.client.asks.send(Ask::Room);
        }
    }
}

impl Stream for Subscription {
    type Item = Push;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Push>> {
        let push = self.pushes.poll_recv(context);
        self.ask_for_lost();
        push
    }
}

/// Channel and market.
pub(super) type TopicName = (Channel, Option<String>);

/// One who follows.
#[derive(Debug)]
struct Sink {
    pushes: mpsc::Sender<Push>,
    /// What it was told up to; none if only a snapshot is of use to it.
    told: Option<u64>,
    lost: Arc<AtomicBool>,
}

/// A channel that somebody follows.
#[derive(Debug)]
pub(super) struct Topic {
    /// Whether it goes on from a seq, as private channels do.
    resumes: bool,
    sinks: Vec<Sink>,
    /// The seq of the last push, once a subscription has begun on this connection.
    seen: Option<u64>,
    /// Whether a subscription was asked for and has not begun.
    asked: bool,
}

/// What to do after a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Fine,
    /// Something was missed: ask for it, or for a new snapshot.
    Gap,
    /// Nobody listens any more.
    Unheard,
}

impl Topic {
    pub const fn new(resumes: bool) -> Self {
        Self { resumes, sinks: Vec::new(), seen: None, asked: false }
    }

    pub const fn resumes(&self) -> bool {
        self.resumes
    }

    pub fn add(&mut self, pushes: mpsc::Sender<Push>, lost: Arc<AtomicBool>) {
        self.sinks.push(Sink { pushes, told: None, lost });
    }

    /// A subscription is being asked for: what comes before it begins belongs to the one before. Gives the seq to
    /// resume from; none if somebody who can take a snapshot needs one.
    pub fn ask(&mut self) -> Option<u64> {
        (self.seen, self.asked) = (None, true);
        if !self.resumes {
            return None;
        }
        // Whoever has no room would be given nothing, and hold up the others; it is asked for when it has read.
        let (able, unable): (Vec<&Sink>, Vec<&Sink>) =
            self.sinks.iter().partition(|sink| sink.has_room(self.resumes));
        unable.iter().for_each(|sink| sink.lost.store(true, Ordering::Release));
        let asking = if able.is_empty() { unable } else { able };
        // Whoever needs a snapshot is the least of all.
        asking.iter().map(|sink| sink.told).min().flatten()
    }

    /// The exchange resumes from here.
    pub fn resumed(&mut self, from: u64) {
        (self.seen, self.asked) = (Some(from), false);
    }

    /// What was told is of no use any more: everybody needs a snapshot.
    pub fn forget(&mut self) {
        self.sinks.iter_mut().for_each(|sink| sink.told = None);
    }

    /// The connection broke.
    pub const fn lose(&mut self) {
        (self.seen, self.asked) = (None, false);
    }

    /// Takes a push and hands it to those it is of use to.
    pub fn take(&mut self, push: &Push) -> Verdict {
        // Trades are news, not changes to a whole: each stands for itself, and none is waited for.
        let stands_alone = push.channel == Channel::Trades;
        if push.kind == PushKind::Update && !stands_alone {
            match self.seen {
                None => return Verdict::Fine,
                Some(seen) if seen != push.prev_seq => return Verdict::Gap,
                Some(_) => {}
            }
        }
        // From here the push is the next one.
        (self.seen, self.asked) = (Some(push.seq), false);
        let (resumes, whole) = (self.resumes, stands_alone || push.kind == PushKind::Snapshot);
        self.sinks.retain_mut(|sink| if resumes { sink.go_on(push) } else { sink.give(push, whole) });
        // A snapshot is for newcomers; the others have yet to be told what lies between.
        let passed_over = resumes && push.kind == PushKind::Snapshot && self.waits();
        match self.sinks.is_empty() {
            true => Verdict::Unheard,
            false if passed_over => Verdict::Gap,
            false => Verdict::Fine,
        }
    }

    /// Whether something can be done for a follower that misses something.
    fn waits(&self) -> bool {
        let misses = |sink: &Sink| sink.told.is_none() || (self.resumes && sink.told < self.seen);
        self.sinks.iter().any(|sink| misses(sink) && sink.has_room(self.resumes))
    }

    /// Looks after the followers between pushes.
    pub fn tend(&mut self) -> Verdict {
        self.sinks.retain(|sink| !sink.pushes.is_closed());
        match self.sinks.is_empty() {
            true => Verdict::Unheard,
            false if !self.asked && self.seen.is_some() && self.waits() => Verdict::Gap,
            false => Verdict::Fine,
        }
    }
}

impl Sink {
    /// Whether it is worth while to ask for what it misses: a snapshot is one push, what is made up for may be many.
    fn has_room(&self, for_many: bool) -> bool {
        let least = if for_many { self.pushes.max_capacity() / 2 } else { 0 };
        self.pushes.capacity() > least || self.pushes.capacity() == self.pushes.max_capacity()
    }

    /// Hands over a push of a public channel; false once nobody listens.
    fn give(&mut self, push: &Push, whole: bool) -> bool {
        if self.told.is_none() && !whole {
            return !self.pushes.is_closed();
        }
        let given = self.pushes.try_send(push.clone());
        self.told = given.is_ok().then_some(push.seq);
        !matches!(given, Err(TrySendError::Closed(_)))
    }

    /// Hands over a push of a private channel if it is the next for this follower; false once nobody listens.
    fn go_on(&mut self, push: &Push) -> bool {
        let is_next = match push.kind {
            PushKind::Snapshot => self.told.is_none(),
            PushKind::Update => self.told.is_some_and(|told| push.prev_seq <= told && told < push.seq),
        };
        if !is_next {
            return !self.pushes.is_closed();
        }
        let given = match self.pushes.try_send(push.clone()) {
            Err(TrySendError::Full(push)) => {
                self.lost.store(true, Ordering::Release);
                // Whoever has read everything before it could see this would wait for ever: then there is room now.
                self.pushes.try_send(push)
            }
            given => given,
        };
        if given.is_ok() {
            self.told = Some(push.seq);
        }
        !matches!(given, Err(TrySendError::Closed(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(kind: PushKind, prev_seq: u64, seq: u64) -> Push {
        let data = serde_json::Value::Null;
        Push { channel: Channel::Deals, market: None, depth: None, interval: None, kind, prev_seq, seq, data }
    }

    fn follow(topic: &mut Topic, unread: usize) -> (mpsc::Receiver<Push>, Arc<AtomicBool>) {
        let (sink, pushes) = mpsc::channel(unread);
        let lost = Arc::default();
        topic.add(sink, Arc::clone(&lost));
        (pushes, lost)
    }

    fn seqs(pushes: &mut mpsc::Receiver<Push>) -> Vec<u64> {
        std::iter::from_fn(|| pushes.try_recv().ok()).map(|push| push.seq).collect()
    }

    #[test]
    fn whoever_has_no_room_holds_nobody_up() {
        use PushKind::{Snapshot, Update};
        let mut topic = Topic::new(true);
        let (mut full, lost) = follow(&mut topic, 1);
        let (mut other, _) = follow(&mut topic, 16);
        assert_eq!(topic.ask(), None);
        assert_eq!(topic.take(&push(Snapshot, 0, 1)), Verdict::Fine);
        // Another login: both need a snapshot, and one cannot take it.
        topic.forget();
        assert_eq!(topic.ask(), None);
        assert_eq!(topic.take(&push(Snapshot, 0, 5)), Verdict::Fine);
        assert!(lost.load(Ordering::Acquire), "it says so when it has read");
        // A new connection: the other goes on, and nothing is asked for again and again.
        topic.lose();
        assert_eq!(topic.ask(), Some(5));
        topic.resumed(5);
        assert_eq!(topic.take(&push(Update, 5, 7)), Verdict::Fine);
        assert_eq!(topic.tend(), Verdict::Fine);
        assert_eq!(seqs(&mut other), [1, 5, 7]);
        // Once it has read, it has its snapshot, and then the other what lies between.
        assert_eq!(seqs(&mut full), [1]);
        assert_eq!(topic.tend(), Verdict::Gap);
        assert_eq!(topic.ask(), None);
        assert_eq!(topic.take(&push(Snapshot, 0, 9)), Verdict::Gap);
        assert_eq!(topic.ask(), Some(7));
        topic.resumed(7);
        assert_eq!(topic.take(&push(Update, 7, 9)), Verdict::Fine);
        assert_eq!([seqs(&mut full), seqs(&mut other)], [vec![9], vec![9]]);
    }
}
