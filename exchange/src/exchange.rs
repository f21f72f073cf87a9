//! Starts the rooms in order, and closes them in order.

use crate::bitcoin::{Following, NodeHealth, NodeState};
use crate::config::Config;
use crate::edge::{self, Door, Edge, QuotaError, TlsError};
use crate::http;
use crate::identity::{Identity, IdentityError};
use crate::opening::{self, Opened, Recovery};
use crate::publisher;
use crate::recover::RecoverError;
use crate::rehearsal::Rehearsal;
use crate::scorer;
use crate::sessions::Sessions;
use crate::shared::Shared;
use crate::snapshots::Snapshots;
use crate::snapshotter::Snapshotter;
use crate::writer::{Input, Writer};
use crate::ws::{self, Topics};
use bandex_journal::{Journal, OpenError, ProjectionError};
use bandex_tradechain::Genesis;
use bandex_types::PublicKey;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, RwLock};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, broadcast, mpsc, watch};
use tokio::task::JoinSet;

/// How many blocks are verified at a time: few enough not to starve the writer, enough to fill its batches.
const VERIFYING_MAX: usize = 32;
/// How many scores are worked out at a time from somebody's own circle: each keeps a core busy for a while.
const LOOKING_MAX: usize = 2;
/// How many batches the projections may fall behind before the writer waits for them.
const PROJECTOR_QUEUE: usize = 1_024;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The key files.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The store.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The journal.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The projections.
    #[error(transparent)]
    Project(#[from] ProjectionError),
    /// The projections know more than the journal holds.
    #[error(
        "the journal ends at record {journal}, but record {projected} was published: its end is missing. Restore it; if \
         it is gone for good, `bandex projections rebuild` lets the exchange go on without it"
    )]
    Cut {
        /// The journal's last record.
        journal: u64,
        /// The last record that the projections hold.
        projected: u64,
    },
    /// The journal did not take its first batch.
    #[error("the journal cannot be begun: {0}")]
    Begin(String),
    /// An address is taken or not ours.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Certificate and key of the traders' listener.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The rate limits.
    #[error("rate limits: {0}")]
    Limits(#[from] QuotaError),
}

impl StartError {
    /// Whether the same start may succeed later without anybody mending the store: it is away, full, or held by a server
    /// that is about to end.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Open(_) | Self::Project(_) | Self::Begin(_) | Self::Listen { .. } => true,
            Self::Identity(error) => matches!(error, IdentityError::File { .. }),
            Self::Recover(error) => matches!(error, RecoverError::Read(_)),
            Self::Cut { .. } | Self::Tls(_) | Self::Limits(_) => false,
        }
    }
}

/// A running server.
pub struct Exchange {
    address: SocketAddr,
    admin_address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    tls: bool,
    admin_token: String,
    node: PublicKey,
    genesis: Genesis,
    recovery: Recovery,
    switch: Arc<Switch>,
    rooms: JoinSet<()>,
    journal: LeftJournal,
}

/// Where the server listens, and what guards the traders' door.
struct Listeners {
    door: Door,
    public: (TcpListener, SocketAddr),
    admin: (TcpListener, SocketAddr),
    metrics: Option<(TcpListener, SocketAddr)>,
}

/// The journal, once the writer is done with it; whoever waits for the end closes it behind the last reader.
type LeftJournal = Arc<Mutex<Option<Box<dyn Journal>>>>;

/// Stops every room, and remembers why if it was not asked to.
pub(crate) struct Switch {
    stop: watch::Sender<bool>,
    failure: Mutex<Option<String>>,
}

impl Switch {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { stop: watch::channel(false).0, failure: Mutex::new(None) })
    }

    /// Turns true when everything stops.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    pub fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    fn fail(&self, why: String) {
        tracing::error!(why, "the server stops");
        self.failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(why);
        self.stop.send_replace(true);
    }
}

/// Waits until everything stops.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the switch itself is gone, which is a stop too.
    let _ = stopping.wait_for(|stop| *stop).await;
}

impl Exchange {
    /// Opens the store, replays it, and serves.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let identity = Identity::load_or_create(&config.folder)?;
        config.edge.rate_limits.check()?;
        let edge = Edge::new(&config.edge);
        let listeners = Listeners {
            door: edge.door(&config.edge, config.write_time)?,
            public: listen(config.listen).await?,
            admin: listen(config.admin_listen).await?,
            metrics: match config.edge.metrics_listen {
                Some(address) => Some(listen(address).await?),
                None => None,
            },
        };
        let opened = opening::open(&config, &identity, Arc::clone(&edge.metrics)).await?;
        Ok(Self::serve(config, identity, edge, listeners, opened).await)
    }

    async fn serve(
        config: Config,
        identity: Identity,
        edge: Edge,
        listeners: Listeners,
        opened: Opened,
    ) -> Self {
        let head = opened.writer.sequencer.engine().seq();
        let begun = opened.writer.sequencer.engine().genesis();
        let genesis = begun.expect("a journal that was opened has been begun").clone();
        let (queue, inputs) = mpsc::channel(config.queue_max);
        let (news, _) = broadcast::channel(config.news_kept.max(1));
        let (checkpoint_sender, checkpoint) = watch::channel(opened.projections.checkpoint());
        let (published_sender, published) = watch::channel(opened.view.seq);
        let switch = Switch::new();
        let node = if config.bitcoin.is_some() { NodeHealth::NotSet } else { NodeHealth::None };
        let (bitcoin_state, bitcoin_node) = watch::channel(NodeState::now(node));
        let bitcoin = Arc::clone(&opened.writer.bitcoin);
        let (projector, projector_queue) = mpsc::channel(PROJECTOR_QUEUE);
        let view = Arc::new(RwLock::new(opened.view));
        let presence = Arc::clone(&opened.writer.presence);
        let rehearsal = Rehearsal::new(Snapshots::of(&config.folder), Arc::clone(&opened.reader));
        let shared = Arc::new(Shared {
            network: genesis.network,
            node: identity.node.public(),
            node_key: identity.node.clone(),
            genesis: genesis.id(),
            admin_token: identity.admin_token.clone(),
            queue: queue.clone(),
            view: Arc::clone(&view),
            news: news.clone(),
            projections: opened.projections.reader(),
            checkpoint: checkpoint.clone(),
            published,
            journal: Arc::clone(&opened.reader),
            sessions: Mutex::new(Sessions::new()),
            edge,
            write_time: config.write_time,
            verifying: Semaphore::new(VERIFYING_MAX),
            presence: Arc::clone(&presence),
            rehearsal: Arc::clone(&rehearsal),
            epochs: opened.writer.epochs.subscribe(),
            looking: Arc::new(Semaphore::new(LOOKING_MAX)),
            bitcoin: Arc::clone(&bitcoin),
            bitcoin_node,
            switch: Arc::clone(&switch),
            sockets: Arc::new(Semaphore::new(ws::SOCKETS_MAX as usize)),
            topics: Topics::default(),
            unread_max: config.unread_max,
        });
        let projected =
            publisher::project(opened.projections, projector_queue, checkpoint_sender, switch.stopping());
        let projecting = Arc::clone(&switch);
        let snapshotter = Snapshotter {
            snapshots: Snapshots::of(&config.folder),
            reader: Arc::clone(&opened.reader),
            every: config.snapshot_every,
            checkpoint,
            switch: Arc::clone(&switch),
        };
        let mut rooms = JoinSet::new();
        let journal = LeftJournal::default();
        if let Some(node) = config.bitcoin {
            let (queue, switch) = (queue.clone(), Arc::clone(&switch));
            rooms.spawn(Following { node, known: bitcoin, queue, state: bitcoin_state, switch }.run());
        }
        rooms.spawn(presence.watch(queue.clone(), Arc::clone(&switch)));
        rooms.spawn(scorer::score(opened.writer.epochs.subscribe(), queue, Arc::clone(&switch)));
        rooms.spawn(write(opened.writer, inputs, Arc::clone(&switch), Arc::clone(&journal)));
        rooms.spawn(publisher::publish(opened.publications, view, news, published_sender, projector));
        rooms.spawn(async move {
            if let Err(error) = projected.await {
                projecting.fail(format!("the projections: {error}"));
            }
        });
        rooms.spawn(snapshotter.run());
        rooms.spawn(rehearsal.tidy(Arc::clone(&switch)));
        // Whoever connects finds what a new journal was begun with.
        shared.published_up_to(head).await;
        let Listeners { door, public, admin, metrics } = listeners;
        let serve = |listener, door: Door, router| edge::serve(listener, door, router, switch.stopping());
        let back_door = || shared.edge.back_door(&config.edge, config.write_time);
        let (metrics_listener, metrics_address) = metrics.unzip();
        if let Some(listener) = metrics_listener {
            rooms.spawn(serve(listener, back_door(), http::metrics(Arc::clone(&shared))));
        }
        rooms.spawn(serve(public.0, door, http::public(Arc::clone(&shared))));
        rooms.spawn(ws::farewell(Arc::clone(&shared)));
        rooms.spawn(serve(admin.0, back_door(), http::admin(Arc::clone(&shared))));
        Self {
            address: public.1,
            admin_address: admin.1,
            metrics_address,
            tls: config.edge.tls.is_some(),
            admin_token: identity.admin_token,
            node: identity.node.public(),
            genesis,
            recovery: opened.recovery,
            switch,
            rooms,
            journal,
        }
    }

    /// Where traders connect.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the operator connects.
    pub const fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Where metrics are served without a token, if they are.
    pub const fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// Whether traders connect by TLS.
    pub const fn speaks_tls(&self) -> bool {
        self.tls
    }

    /// What the admin listener asks for.
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// The node's key.
    pub const fn node(&self) -> PublicKey {
        self.node
    }

    /// The root of trust: what record 1 says.
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// How the start came to its state.
    pub const fn recovery(&self) -> Recovery {
        self.recovery
    }

    /// Stops taking commands, journals what waits, and closes everything.
    pub async fn stop(self) {
        self.switch.stop.send_replace(true);
        self.ended().await;
    }

    /// Waits until everything is closed. Gives why, if the server could not go on: its memory is gone then, and
    /// starting again rebuilds it from the journal.
    pub async fn ended(mut self) -> Option<String> {
        while let Some(room) = self.rooms.join_next().await {
            if let Err(error) = room {
                self.switch.fail(format!("a room of the server ended badly: {error}"));
            }
        }
        let journal = self.journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(journal) = journal
            && let Err(error) = journal.finish().await
        {
            tracing::warn!(%error, "the journal was not closed in order; nothing is lost");
        }
        self.switch.failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }

    /// Something that stops the server, for whoever waits for a signal while another waits for its end.
    pub fn stopper(&self) -> impl FnOnce() + Send + 'static {
        let switch = Arc::clone(&self.switch);
        move || {
            switch.stop.send_replace(true);
        }
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Runs the writer until it is told to stop, or cannot go on.
async fn write(
    mut writer: Writer,
    mut inputs: mpsc::Receiver<Input>,
    switch: Arc<Switch>,
    left: LeftJournal,
) {
    if let Err(error) = writer.run(&mut inputs, switch.stopping()).await {
        switch.fail(format!("the journal did not take a batch: {error}"));
    }
    left.lock().unwrap_or_else(std::sync::PoisonError::into_inner).replace(writer.journal);
}
