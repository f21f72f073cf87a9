//! One follower's end of a channel.

use super::session::Ask;
use super::{Client, Topic};
use bandex_api::Push;
use futures_util::Stream;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// What happens when a follower leaves more pushes unread than it has room for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFull {
    /// What finds no room is dropped. Once there is room again, a new snapshot comes of channels that tell of a state,
    /// and of channels that tell of records everything that was dropped, each record once.
    #[default]
    Resync,
    /// Nothing more is read from the connection until there is room, so that the exchange has to wait. Replies to
    /// submissions and pushes to other followers of the same [`Client`] wait as well; an exchange that waits too long
    /// ends the connection, and the next one goes on where this one stood.
    Wait,
}

/// What happens on a topic, as a stream of pushes. Dropping it unsubscribes.
///
/// The first push is a snapshot. Channels that tell of records (trades, auctions and all that belong to an account)
/// go on with updates, each record once, over lost connections and restarts of the exchange, however slowly they are
/// read: the last `seq` that this follower has is where it goes on. Another snapshot comes only if the exchange cannot
/// resume from there, because its journal has lost its end, or after a login as another account.
///
/// Channels that tell of a state (all others) go on after a break if the exchange still has what was missed; otherwise,
/// after pushes were dropped for want of room, and when somebody else joins, another snapshot comes, which replaces
/// everything.
#[derive(Debug)]
pub struct Subscription {
    topic: Topic,
    pushes: mpsc::Receiver<Arc<Push>>,
    mark: Mark,
    /// Keeps the connection open.
    client: Client,
}

/// Whether there was no room for a push: shared by both ends, and by it a follower is told from others.
pub(super) type Mark = Arc<AtomicBool>;

impl Subscription {
    pub(super) const fn new(
        topic: Topic,
        pushes: mpsc::Receiver<Arc<Push>>,
        mark: Mark,
        client: Client,
    ) -> Self {
        Self { topic, pushes, mark, client }
    }

    /// What it is about.
    pub const fn topic(&self) -> &Topic {
        &self.topic
    }

    /// The next push; `None` once the exchange refuses the channel.
    pub async fn next(&mut self) -> Option<Push> {
        let push = self.pushes.recv().await;
        self.say_room();
        push.map(Arc::unwrap_or_clone)
    }

    /// Asks for a new snapshot, for a follower that does not believe what it has. What comes before it is older.
    pub fn refresh(&self) {
        self.refresher().refresh();
    }

    /// The same for later, where the subscription itself is out of reach because it is one of several in a stream.
    pub fn refresher(&self) -> Refresher {
        let (topic, mark, asks) = (self.topic.clone(), Arc::clone(&self.mark), self.client.asks.downgrade());
        Refresher { topic, mark, asks }
    }

    /// There is room again: what waits, or was dropped for want of it, can be asked for.
    fn say_room(&self) {
        if self.pushes.len() <= self.pushes.max_capacity() / 2 && self.mark.swap(false, Ordering::AcqRel) {
            self.say(Ask::Room);
        }
    }

    fn say(&self, ask: Ask) {
        // A connection that is given up has nothing more to say, which shows in the stream.
        let _ = self.client.asks.send(ask);
    }
}

/// Asks for a new snapshot on behalf of one [`Subscription`]. Does not keep the connection open.
#[derive(Debug, Clone)]
pub struct Refresher {
    topic: Topic,
    mark: Mark,
    asks: mpsc::WeakUnboundedSender<Ask>,
}

impl Refresher {
    /// See [`Subscription::refresh`].
    pub fn refresh(&self) {
        let ask = Ask::Refresh { topic: self.topic.clone(), mark: Arc::clone(&self.mark) };
        if let Some(asks) = self.asks.upgrade() {
            // A connection that is given up has nothing more to say.
            let _ = asks.send(ask);
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // The connection may be waiting for this follower to read, and shall not wait for nobody.
        self.pushes.close();
        self.say(Ask::Room);
    }
}

impl Stream for Subscription {
    type Item = Push;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Push>> {
        let push = self.pushes.poll_recv(context);
        self.say_room();
        push.map(|push| push.map(Arc::unwrap_or_clone))
    }
}
