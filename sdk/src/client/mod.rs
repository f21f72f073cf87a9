//! One WebSocket connection that outlives its sockets: submissions in order, each answered once, and subscriptions
//! that go on, or begin again, by themselves.

mod follow;
mod news;
mod session;
mod socket;
mod subscription;
mod topic;

pub use news::News;
pub use subscription::{OnFull, Refresher, Subscription};
pub use topic::Topic;

use crate::tls::{Tls, TlsError};
use crate::wire::{ReplyError, WireError, check_reply};
use bandex_api::{BlockReply, Problem};
use bandex_tradechain::{Keypair, SignedBlock};
use bandex_types::PublicKey;
use follow::Sink;
use session::{Ask, Node, Session};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use subscription::Mark;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// How a connection behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many submissions may be unanswered at a time, above 0.
    pub window: usize,
    /// Whether replies shall carry receipts, which are then checked.
    pub receipts: bool,
    /// The node it must be; without it the first node that answers is the one.
    pub node: Option<PublicKey>,
    /// How long to wait before the first attempt to connect again; doubles with every failure.
    pub first_wait: Duration,
    /// The longest wait before another attempt.
    pub longest_wait: Duration,
    /// How often to ask whether the other side is there; after three of these in silence it counts as gone.
    pub heartbeat: Duration,
    /// How many pushes a subscription may leave unread.
    pub unread: usize,
    /// What becomes of what comes beyond.
    pub on_full: OnFull,
    /// Which authorities to trust where the URL begins with `wss`; without it those that the machine trusts.
    pub tls: Option<Tls>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            window: 256,
            receipts: true,
            node: None,
            first_wait: Duration::from_millis(50),
            longest_wait: Duration::from_secs(5),
            heartbeat: Duration::from_secs(10),
            unread: 1024,
            on_full: OnFull::Resync,
            tls: None,
        }
    }
}

/// Why the exchange did not do what a submission asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// It was sequenced and refused: its seq is consumed.
    #[error("{}: {}", .0.code, .0.detail)]
    Refused(Box<Problem>),
    /// It was not sequenced; the same bytes may be sent again.
    #[error("not sequenced: {}", .0.detail)]
    Rejected(Box<Problem>),
    /// Nobody knows: the same bytes must be sent again.
    #[error("unknown: {}", .0.detail)]
    Unknown(Box<Problem>),
    /// The answer proves nothing about the block.
    #[error("the answer cannot be trusted: {0}")]
    Answer(#[from] ReplyError),
    /// The connection was given up before the answer.
    #[error("the connection was closed before an answer came")]
    Closed,
}

/// Why a connection, a login or a subscription failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// Something other than an exchange answered.
    #[error("the other side does not greet as an exchange does: {0}")]
    Greeting(String),
    /// Another node answered.
    #[error("node {found} answered, not {expected}")]
    OtherNode {
        /// The node that was asked for.
        expected: PublicKey,
        /// The node that answered.
        found: PublicKey,
    },
    /// Another network answered.
    #[error("the node serves network {found} now; it was {expected}")]
    OtherNetwork {
        /// The network of the first connection.
        expected: u32,
        /// The network now.
        found: u32,
    },
    /// The exchange says why not.
    #[error("{}: {}", .0.code, .0.detail)]
    Problem(Box<Problem>),
    /// TLS cannot be spoken.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A text cannot be read.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The connection was given up.
    #[error("the connection was closed")]
    Closed,
}

impl SubmitError {
    pub(crate) fn from_problem(problem: Box<Problem>) -> Self {
        match problem.outcome.as_deref() {
            Some("accepted") => Self::Refused(problem),
            Some("unknown") => Self::Unknown(problem),
            _ => Self::Rejected(problem),
        }
    }

    /// The exchange's problem document.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) | Self::Rejected(problem) | Self::Unknown(problem) => Some(problem),
            Self::Answer(_) | Self::Closed => None,
        }
    }

    /// The stable code of the exchange's problem.
    pub fn code(&self) -> Option<&str> {
        self.problem().map(|problem| problem.code.as_str())
    }
}

/// A connection to an exchange. Clones share it; it closes when the last clone and subscription is gone.
///
/// ```no_run
/// # async fn example(first: bandex_sdk::OwnBlock, second: bandex_sdk::OwnBlock) -> Result<(), Box<dyn std::error::Error>> {
/// use bandex_sdk::{Client, Options, Topic, api::Channel};
/// let client = Client::connect("ws://localhost:8080/v1/ws", Options::default()).await?;
/// // Sent in this order, answered in this order; neither waits for the other.
/// let (one, two) = (client.submit(first.signed), client.submit(second.signed));
/// println!("{:?} {:?}", one.await?.seq, two.await?.seq);
/// let mut book = client.subscribe(Topic::of(Channel::Book, "BWT-BTC")).await?;
/// while let Some(push) = book.next().await {
///     println!("{:?} at {}", push.kind, push.seq);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    asks: mpsc::UnboundedSender<Ask>,
    slots: Arc<Semaphore>,
    node: Node,
    window: usize,
    unread: usize,
    on_full: OnFull,
}

/// Room for one submission, so that a block need not be signed before it can be sent.
#[derive(Debug)]
pub struct Slot {
    client: Client,
    permit: OwnedSemaphorePermit,
}

impl Client {
    /// Connects. From then on the connection is made anew whenever it breaks, and whatever was not answered is sent
    /// again byte for byte: the exchange answers a block it knows as it did then.
    ///
    /// # Errors
    /// Nobody answers at first, or it is not the expected exchange.
    pub async fn connect(url: &str, mut options: Options) -> Result<Self, ClientError> {
        if options.tls.is_none() && url.starts_with("wss:") {
            options.tls = Some(Tls::system()?);
        }
        let (socket, hello) = socket::greet(url, options.tls.as_ref()).await?;
        let node = Node::from_hello(&hello, options.node)?;
        let (asks, asked) = mpsc::unbounded_channel();
        let window = options.window.max(1);
        let session = Session::new(node, window, options.receipts);
        let (slots, unread) = (Arc::new(Semaphore::new(window)), options.unread.max(1));
        let client = Self { asks, slots, node, window, unread, on_full: options.on_full };
        tokio::spawn(socket::run(url.to_owned(), options, session, asked, socket, hello));
        Ok(client)
    }

    /// The network.
    pub const fn network(&self) -> u32 {
        self.node.network
    }

    /// The node's key.
    pub const fn node(&self) -> PublicKey {
        self.node.key
    }

    /// How many submissions may be unanswered at a time.
    pub(crate) const fn window(&self) -> usize {
        self.window
    }

    /// Submits a block. It is sent in the order of these calls, whether or not the answer is awaited; receipts are
    /// checked. At most [`Options::window`] submissions are under way, the others wait here without bound: whoever
    /// submits without awaiting answers should ask for [`Client::room`] first.
    pub fn submit(
        &self,
        signed: SignedBlock,
    ) -> impl Future<Output = Result<BlockReply, SubmitError>> + Send + use<> {
        self.send(signed, None)
    }

    /// Waits until another submission may be under way. First come, first served.
    ///
    /// # Errors
    /// The connection was given up.
    pub async fn room(&self) -> Result<Slot, SubmitError> {
        let permit = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| SubmitError::Closed)?;
        Ok(Slot { client: self.clone(), permit })
    }

    fn send(
        &self,
        signed: SignedBlock,
        slot: Option<OwnedSemaphorePermit>,
    ) -> impl Future<Output = Result<BlockReply, SubmitError>> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        let asked = self.asks.send(Ask::Submit { signed: signed.clone(), reply });
        // The client is held until the answer, lest the connection close for want of users.
        let client = self.clone();
        async move {
            asked.map_err(|_| SubmitError::Closed)?;
            let answer = answer.await.map_err(|_| SubmitError::Closed)?;
            drop(slot);
            let reply = answer.map_err(SubmitError::from_problem)?;
            check_reply(&reply, &signed, &client.node.key, client.node.network)?;
            Ok(reply)
        }
    }

    /// Logs this connection in, for the private channels of the key's account; again by itself after every break.
    /// A connection serves one account at a time. A refusal that passes, such as `rate_limited`, is waited for.
    ///
    /// # Errors
    /// The exchange does not know the key, or the connection was given up.
    pub async fn login(&self, keypair: &Keypair) -> Result<(), ClientError> {
        let (reply, answer) = oneshot::channel();
        let ask = Ask::Login { keypair: keypair.clone(), reply };
        self.asks.send(ask).map_err(|_| ClientError::Closed)?;
        answer.await.map_err(|_| ClientError::Closed)?.map_err(ClientError::Problem)
    }

    /// Follows a topic. What comes when is said at [`Subscription`]. A refusal that passes is waited for.
    ///
    /// # Errors
    /// The exchange refuses, or the connection was given up.
    pub async fn subscribe(&self, topic: impl Into<Topic>) -> Result<Subscription, ClientError> {
        self.subscribe_with(topic, self.on_full).await
    }

    /// As [`Client::subscribe`], with another choice than [`Options::on_full`].
    ///
    /// # Errors
    /// As there.
    pub async fn subscribe_with(
        &self,
        topic: impl Into<Topic>,
        on_full: OnFull,
    ) -> Result<Subscription, ClientError> {
        self.follow(topic.into(), on_full, None).await
    }

    /// Goes on behind record `seq`, for a program that remembers where it was, or that wants everything there is: 0 of
    /// a channel that tells of records is from the first on. A snapshot comes only if that cannot be done.
    ///
    /// # Errors
    /// As [`Client::subscribe`].
    pub async fn subscribe_from(
        &self,
        topic: impl Into<Topic>,
        seq: u64,
    ) -> Result<Subscription, ClientError> {
        self.follow(topic.into(), self.on_full, Some(seq)).await
    }

    async fn follow(
        &self,
        topic: Topic,
        on_full: OnFull,
        from: Option<u64>,
    ) -> Result<Subscription, ClientError> {
        let (pushes, unread) = mpsc::channel(self.unread);
        let (reply, answer) = oneshot::channel();
        let mark = Mark::default();
        let sink = Sink::new(pushes, Arc::clone(&mark), on_full).told(from);
        let ask = Ask::Subscribe { topic: topic.clone(), sink, reply };
        self.asks.send(ask).map_err(|_| ClientError::Closed)?;
        answer.await.map_err(|_| ClientError::Closed)?.map_err(ClientError::Problem)?;
        Ok(Subscription::new(topic, unread, mark, self.clone()))
    }
}

impl Slot {
    /// As [`Client::submit`], in the room that was kept.
    pub fn submit(
        self,
        signed: SignedBlock,
    ) -> impl Future<Output = Result<BlockReply, SubmitError>> + Send + use<> {
        self.client.send(signed, Some(self.permit))
    }
}
