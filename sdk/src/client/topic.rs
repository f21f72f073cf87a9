//! Who follows a channel, and what was seen of it: gaps are noticed here.

use super::Client;
use bandex_api::{Channel, Push, PushKind};
use futures_util::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc::{self, error::TrySendError};

/// What happens on a channel, as a stream of pushes. Dropping it unsubscribes.
#[derive(Debug)]
pub struct Subscription {
    pushes: mpsc::Receiver<Push>,
    /// Keeps the connection open.
    _client: Client,
}

impl Subscription {
    pub(super) const fn new(pushes: mpsc::Receiver<Push>, client: Client) -> Self {
        Self { pushes, _client: client }
    }

    /// The next push; `None` once the exchange refuses the channel.
    pub async fn next(&mut self) -> Option<Push> {
        self.pushes.recv().await
    }
}

impl Stream for Subscription {
    type Item = Push;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Push>> {
        self.pushes.poll_recv(context)
    }
}

/// Channel and market.
pub(super) type TopicName = (Channel, Option<String>);

/// One who follows.
#[derive(Debug)]
struct Sink {
    pushes: mpsc::Sender<Push>,
    /// It has missed something, or all: only a snapshot is of use to it.
    needs_snapshot: bool,
}

/// A channel that somebody follows.
#[derive(Debug, Default)]
pub(super) struct Topic {
    sinks: Vec<Sink>,
    /// The seq of the last push, once a snapshot came on this connection.
    seen: Option<u64>,
    /// Whether a subscription was asked for and its snapshot has not come.
    asked: bool,
}

/// What to do after a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Fine,
    /// Something was missed: ask for a new snapshot.
    Gap,
    /// Nobody listens any more.
    Unheard,
}

impl Topic {
    pub fn add(&mut self, pushes: mpsc::Sender<Push>) {
        self.sinks.push(Sink { pushes, needs_snapshot: true });
    }

    /// A subscription is being asked for: what comes before its snapshot belongs to the one before.
    pub fn ask(&mut self) {
        (self.seen, self.asked) = (None, true);
    }

    /// The connection broke.
    pub fn lose(&mut self) {
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
        let whole = stands_alone || push.kind == PushKind::Snapshot;
        self.sinks.retain_mut(|sink| sink.give(push, whole));
        if self.sinks.is_empty() { Verdict::Unheard } else { Verdict::Fine }
    }

    /// Looks after the followers between pushes.
    pub fn tend(&mut self) -> Verdict {
        self.sinks.retain(|sink| !sink.pushes.is_closed());
        let waits = |sink: &Sink| sink.needs_snapshot && sink.pushes.capacity() > 0;
        match self.sinks.is_empty() {
            true => Verdict::Unheard,
            false if !self.asked && self.seen.is_some() && self.sinks.iter().any(waits) => Verdict::Gap,
            false => Verdict::Fine,
        }
    }
}

impl Sink {
    /// Hands over a push; false once nobody listens.
    fn give(&mut self, push: &Push, whole: bool) -> bool {
        if self.needs_snapshot && !whole {
            return !self.pushes.is_closed();
        }
        let given = self.pushes.try_send(push.clone());
        self.needs_snapshot = given.is_err();
        !matches!(given, Err(TrySendError::Closed(_)))
    }
}
