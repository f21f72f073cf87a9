//! What all handlers share: ways in (the queue) and ways to look (view, projections, journal).

use crate::bitcoin::{Known, NodeState};
use crate::clock;
use crate::edge::Edge;
use crate::exchange::Switch;
use crate::presence::Presence;
use crate::publication::Publication;
use crate::rehearsal::Rehearsal;
use crate::scorer::LastEpoch;
use crate::sessions::Sessions;
use crate::view::{MarketInfo, View};
use crate::writer::{Answer, Input};
use crate::ws::Topics;
use bandex_journal::{JournalReader, ProjectionReader};
use bandex_tradechain::{Keypair, Verified};
use bandex_types::{BlockId, MarketId, PublicKey};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard};
use std::time::Duration;
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};

/// How long a read waits for the projections to catch up with what was published when it was asked.
const CATCH_UP: Duration = Duration::from_secs(5);

/// Shared by all handlers.
pub(crate) struct Shared {
    pub network: u32,
    pub node: PublicKey,
    /// Signs what the node says of an account's standing.
    pub node_key: Keypair,
    pub genesis: BlockId,
    pub admin_token: String,
    pub queue: mpsc::Sender<Input>,
    pub view: Arc<RwLock<View>>,
    pub news: broadcast::Sender<Arc<Publication>>,
    pub projections: ProjectionReader,
    pub checkpoint: watch::Receiver<u64>,
    pub published: watch::Receiver<u64>,
    pub journal: Arc<dyn JournalReader>,
    pub sessions: Mutex<Sessions>,
    /// Who may connect, and how much anybody may ask.
    pub edge: Edge,
    pub write_time: Duration,
    /// One permit for each block that is being verified.
    pub verifying: Semaphore,
    /// Who is connected.
    pub presence: Arc<Presence>,
    /// Where blocks are tried without being sequenced.
    pub rehearsal: Arc<Rehearsal>,
    /// The last epoch of the trust graph.
    pub epochs: watch::Receiver<Option<LastEpoch>>,
    /// One permit for each score that is being worked out from somebody's own circle.
    pub looking: Arc<Semaphore>,
    /// What the engine has of the Bitcoin chain.
    pub bitcoin: Arc<Known>,
    /// How it stands with the Bitcoin node.
    pub bitcoin_node: watch::Receiver<NodeState>,
    pub switch: Arc<Switch>,
    /// One permit for each open WebSocket connection.
    pub sockets: Arc<Semaphore>,
    /// What WebSocket connections follow together.
    pub topics: Topics,
    /// How many bytes of pushes may wait for one who follows.
    pub unread_max: usize,
}

/// The queue is full, or the server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Busy {
    Full,
    Stopping,
}

/// The projections have not caught up in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Behind;

impl Shared {
    /// What everybody may see. The lock is held for reading only while one answer is made.
    pub fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub fn market(&self, symbol: &str) -> Option<Arc<MarketInfo>> {
        self.view().market(symbol).map(|book| Arc::clone(&book.market))
    }

    pub fn market_info(&self, id: MarketId) -> Option<Arc<MarketInfo>> {
        self.view().market_info(id)
    }

    /// Whether a key may still read what belongs to its account.
    pub fn may_read(&self, key: &PublicKey) -> bool {
        self.view().key(key).is_some_and(|state| state.may_read(clock::now()))
    }

    /// Puts a verified block into the writer's queue, without waiting.
    pub fn enqueue(&self, verified: Verified) -> Result<oneshot::Receiver<Answer>, Busy> {
        self.send(|reply| Input::Block(Box::new(verified), reply))
    }

    /// Puts an input into the writer's queue, without waiting.
    pub fn send<T>(
        &self,
        input: impl FnOnce(oneshot::Sender<T>) -> Input,
    ) -> Result<oneshot::Receiver<T>, Busy> {
        if self.switch.is_stopping() {
            return Err(Busy::Stopping);
        }
        let permit = self.queue.try_reserve().map_err(|error| match error {
            mpsc::error::TrySendError::Full(()) => Busy::Full,
            mpsc::error::TrySendError::Closed(()) => Busy::Stopping,
        })?;
        let (reply, answer) = oneshot::channel();
        permit.send(input(reply));
        Ok(answer)
    }

    /// Waits until everybody can see the record `seq`: whoever has a reply finds in every later read what it says.
    pub async fn published_up_to(&self, seq: u64) {
        if *self.published.borrow() < seq {
            // An error means that the server is stopping; the record is durable all the same.
            let _ = self.published.clone().wait_for(|at| *at >= seq).await;
        }
    }

    /// Waits until the projections hold what is published now; gives the record they are at.
    ///
    /// # Errors
    /// They stay behind: an answer from them would deny what was published.
    pub async fn caught_up(&self) -> Result<u64, Behind> {
        let published = self.view().seq;
        self.caught_up_to(published).await
    }

    /// Waits until the projections hold the record `seq`; gives the record they are at.
    ///
    /// # Errors
    /// As [`Shared::caught_up`].
    pub async fn caught_up_to(&self, seq: u64) -> Result<u64, Behind> {
        let mut checkpoint = self.checkpoint.clone();
        let waited = tokio::time::timeout(CATCH_UP, checkpoint.wait_for(|at| *at >= seq)).await;
        match waited {
            Ok(Ok(at)) => Ok(*at),
            _ => Err(Behind),
        }
    }
}
