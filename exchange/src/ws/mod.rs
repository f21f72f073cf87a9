//! The WebSocket: order entry in the order of arrival, and channels of news.
//!
//! Two tasks serve a connection: the reader takes messages, the sender writes what there is to say. Whoever submits gets
//! two more: the reader starts verifying each block at once, in parallel; the sequencer puts verified blocks into the
//! writer's queue in the order they arrived. Whoever follows channels gets one more. Public channels are made once for
//! all who follow them ([`topics`]). Every queue is bounded, so a slow peer slows itself, or is cut off.

mod document;
mod lists;
mod messages;
mod news;
mod out;
mod private;
mod resume;
mod submit;
mod topics;

pub use document::{asyncapi, asyncapi_yaml};
pub(crate) use topics::Topics;

use crate::edge::{self, Client, Metrics};
use crate::exchange::stopped;
use crate::http::problem::Fault;
use crate::identity::random_bytes;
use crate::presence::Present;
use crate::sessions::{CHALLENGE_US, Who};
use crate::shared::Shared;
use crate::{clock, http};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::{IntoResponse, Response};
use bandex_api as api;
use bandex_types::{Hash, Timestamp};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use messages::{Asked, failed, succeeded, text};
use news::Wish;
use out::{Gone, Messages, Out};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The largest message.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// A longer message is not read to its end.
const READ_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;
/// What a connection reads and writes through: little, since there may be many that say nothing.
const BUFFER_BYTES: usize = 4 * 1024;
/// The most submissions of one connection that are on their way.
const IN_FLIGHT_MAX: usize = 512;
/// The most wishes of one connection that wait for its news task.
const WISHES_MAX: usize = 16;
/// How often a peer is asked whether it is there.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// How long a peer may be silent, answers to those questions included.
const SILENCE: Duration = Duration::from_secs(90);
/// The same two of a peer whose key asked that its orders go when it is gone: it wants that to be noticed soon.
const GUARDED_HEARTBEAT: Duration = Duration::from_secs(5);
const GUARDED_SILENCE: Duration = Duration::from_secs(15);
/// How many bytes a second a peer must be able to take when much is written at once.
const BYTES_A_SECOND: u64 = 64 * 1024;
/// How long replies may still take once the server stops.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// How long connections may take to be closed once the server stops.
const FAREWELL: Duration = Duration::from_secs(3);
/// The most connections, whatever the caps allow.
pub(crate) const SOCKETS_MAX: u32 = 1_000_000;

pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Extension(client): Extension<Client>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Ok(permit) = Arc::clone(&shared.sockets).try_acquire_owned() else {
        return Fault::overloaded().into_response();
    };
    let upgrade = upgrade.max_message_size(READ_BYTES_MAX).max_frame_size(READ_BYTES_MAX);
    upgrade.read_buffer_size(BUFFER_BYTES).write_buffer_size(BUFFER_BYTES).on_upgrade(
        move |socket| async move {
            serve(shared, client, socket).await;
            drop(permit);
        },
    )
}

/// Waits, once the server stops, until every connection was closed, and not for long.
pub(crate) async fn farewell(shared: Arc<Shared>) {
    let mut stopping = shared.switch.stopping();
    stopped(&mut stopping).await;
    if tokio::time::timeout(FAREWELL, shared.sockets.acquire_many(SOCKETS_MAX)).await.is_err() {
        tracing::warn!("open WebSocket connections were cut off");
    }
}

async fn serve(shared: Arc<Shared>, client: Client, socket: WebSocket) {
    let (sink, stream) = socket.split();
    let (out, messages) = out::queue(shared.unread_max);
    let sender = tokio::spawn(send(sink, messages, shared.write_time, Arc::clone(&shared.edge.metrics)));
    let nonce = Some(Nonce::new());
    let connection = Connection {
        shared,
        client,
        who: None,
        nonce,
        out,
        submitting: None,
        following: None,
        present: None,
    };
    let mut stream = connection.read(stream).await;
    // The queues' ends are dropped by now, so the sender finishes what it has and ends. What the peer says meanwhile is
    // read and dropped: bytes that nobody has read turn a close into a reset, which would take the last words with it.
    let mut sender = sender;
    tokio::select! {
        _ = &mut sender => {}
        () = ended(&mut stream) => {
            let _ = sender.await;
            return;
        }
    }
    let _ = tokio::time::timeout(CLOSE_TIME, ended(&mut stream)).await;
}

/// Waits until the peer has nothing more to say.
async fn ended(stream: &mut SplitStream<WebSocket>) {
    while let Some(Ok(_)) = stream.next().await {}
}

/// Writes messages, many in one go where many wait.
async fn send(
    mut sink: SplitSink<WebSocket, Message>,
    mut messages: Messages,
    write_time: Duration,
    metrics: Arc<Metrics>,
) {
    let mut waiting = Vec::new();
    let why = loop {
        match messages.recv_many(&mut waiting, 64).await {
            Ok(0) => break None,
            Ok(_) => {}
            Err(why) => break Some(why),
        }
        let bytes: usize = waiting.iter().map(|queued| text_bytes(&queued.message)).sum();
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let time = write_time.saturating_add(Duration::from_secs(bytes / BYTES_A_SECOND));
        let write = async {
            let mut held = Vec::with_capacity(waiting.len());
            for queued in waiting.drain(..) {
                held.push(queued.held);
                sink.feed(queued.message).await?;
            }
            // What was fed may lie in a buffer: it counts until it has gone.
            sink.flush().await
        };
        let written = tokio::select! {
            written = tokio::time::timeout(time, write) => written,
            why = messages.cut() => break Some(why),
        };
        match written {
            Ok(Ok(())) => metrics.sent(bytes),
            Ok(Err(_)) => return,
            Err(_) => {
                let reason = "too slow: nothing was read for too long; connect again and resume";
                break Some(CloseFrame { code: close_code::POLICY, reason: reason.into() });
            }
        }
        // A queue that was long once does not keep its room.
        waiting.shrink_to(0);
    };
    // What waits is not worth its memory any more. The peer is told why as soon as it takes something again.
    waiting.clear();
    messages.close();
    let close = async {
        if let Some(why) = why {
            metrics.dropped(cause(&why));
            sink.send(Message::Close(Some(why))).await?;
        }
        sink.close().await
    };
    let _ = tokio::time::timeout(write_time, close).await;
}

/// Why a connection is cut off, in one word.
const fn cause(why: &CloseFrame) -> &'static str {
    match why.code {
        close_code::POLICY => "too_slow",
        close_code::SIZE => "message_too_large",
        _ => "store",
    }
}

/// How long a message is, if it is a text.
fn text_bytes(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        _ => 0,
    }
}

/// Something fresh to sign for a login.
struct Nonce {
    nonce: Hash,
    expires: Timestamp,
}

impl Nonce {
    fn new() -> Self {
        Self { nonce: Hash::new(random_bytes()), expires: clock::now().plus(CHALLENGE_US) }
    }
}

/// The reader's side of a connection.
struct Connection {
    shared: Arc<Shared>,
    client: Client,
    /// Who logged in, for the rate limits.
    who: Option<Who>,
    /// What a login must sign; it serves once.
    nonce: Option<Nonce>,
    out: Out,
    /// Once something was submitted.
    submitting: Option<(mpsc::Sender<submit::Submission>, JoinHandle<()>)>,
    /// Once something was followed, or somebody logged in.
    following: Option<mpsc::Sender<Wish>>,
    /// The key that logged in last: it is there as long as the connection is.
    present: Option<Present>,
}

impl Connection {
    async fn read(mut self, mut stream: SplitStream<WebSocket>) -> SplitStream<WebSocket> {
        if self.out.say(self.hello()).await.is_err() {
            return stream;
        }
        let mut stopping = self.shared.switch.stopping();
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        // Whoever has only just come is not asked yet whether it is there.
        heartbeat.reset();
        let (mut heard, mut asked) = (Instant::now(), Instant::now());
        loop {
            // Only keys have guards.
            if self.present.is_some() && heartbeat.period() != GUARDED_HEARTBEAT {
                heartbeat = tokio::time::interval(GUARDED_HEARTBEAT);
                heartbeat.reset();
            }
            let message = tokio::select! {
                message = stream.next() => message,
                // The sender gave up: this peer takes nothing any more.
                () = self.out.closed() => return stream,
                _ = heartbeat.tick() => {
                    let is_guarded = self.is_guarded();
                    // A tick comes a moment before the time is quite over.
                    if is_guarded || asked.elapsed() > HEARTBEAT.saturating_sub(GUARDED_HEARTBEAT / 2) {
                        // A full queue is the sender's business, which has a time limit of its own.
                        self.out.try_say(Message::Ping(Bytes::new()));
                        asked = Instant::now();
                    }
                    if heard.elapsed() > if is_guarded { GUARDED_SILENCE } else { SILENCE } {
                        return stream;
                    }
                    continue;
                }
                () = stopped(&mut stopping) => {
                    self.part().await;
                    return stream;
                }
            };
            heard = Instant::now();
            let done = match message {
                Some(Ok(Message::Text(text))) if text.len() > MESSAGE_BYTES_MAX => {
                    let reason = format!("a message has at most {MESSAGE_BYTES_MAX} bytes");
                    self.out.cut(CloseFrame { code: close_code::SIZE, reason: reason.into() });
                    return stream;
                }
                Some(Ok(Message::Text(text))) => self.request(text.as_str()).await,
                Some(Ok(Message::Binary(_))) => {
                    let fault = Fault::bad_request("messages are JSON texts");
                    self.say(failed(Asked::now(0), edge::unreadable(&self.shared, &self.client, fault))).await
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return stream,
            };
            if done.is_err() {
                return stream;
            }
        }
    }

    /// Whether orders go when this connection is gone.
    fn is_guarded(&self) -> bool {
        self.present.as_ref().is_some_and(Present::is_guarded)
    }

    fn hello(&self) -> Message {
        let nonce = self.nonce.as_ref().map_or(Hash::ZERO, |nonce| nonce.nonce);
        text(&api::Hello {
            channel: "hello".to_owned(),
            network: self.shared.network,
            node: self.shared.node.to_string(),
            nonce: nonce.to_string(),
            time_us: clock::now().as_micros(),
        })
    }

    /// Says that the server stops, lets the replies out that are on their way, and closes the connection.
    async fn part(self) {
        let notice = api::Notice {
            channel: "notice".to_owned(),
            code: "stopping".to_owned(),
            detail: "the server is stopping; connect again in a moment and resume".to_owned(),
            close_in_ms: u64::try_from(CLOSE_TIME.as_millis()).unwrap_or(u64::MAX),
            time_us: clock::now().as_micros(),
        };
        let end = async {
            let _ = self.out.say(text(&notice)).await;
            if let Some((submissions, answering)) = self.submitting {
                drop(submissions);
                let _ = answering.await;
            }
        };
        let _ = tokio::time::timeout(CLOSE_TIME, end).await;
        let reason = "the server is stopping; connect again in a moment".into();
        let close = Message::Close(Some(CloseFrame { code: close_code::RESTART, reason }));
        let _ = self.out.say_now(close);
    }

    async fn say(&self, message: Message) -> Result<(), Gone> {
        self.out.say(message).await
    }

    async fn request(&mut self, text: &str) -> Result<(), Gone> {
        let request: messages::Incoming<'_> = match serde_json::from_str(text) {
            Ok(request) => request,
            Err(error) => {
                let fault = Fault::bad_request(format!("not a request: {error}"));
                let fault = edge::unreadable(&self.shared, &self.client, fault);
                return self.say(failed(Asked::now(0), fault)).await;
            }
        };
        let asked = Asked::now(request.req_id);
        let weight = if request.method == "validate" { edge::Weight::Validate } else { edge::Weight::Read };
        // A block of somebody who is known is paid for when it is known what it holds.
        if (self.who.is_none() || request.method != "submit")
            && let Err(fault) = edge::message(&self.shared, &self.client, self.who, weight)
        {
            return self.say(failed(asked, fault)).await;
        }
        let wish = match request.method {
            "submit" => return self.submit(asked, &request).await,
            "validate" => return self.validate(asked, &request).await,
            "ping" => return self.say(succeeded(asked, &serde_json::json!({}))).await,
            "challenge" => return self.challenge(asked).await,
            "login" => self.login(asked, &request),
            "subscribe" => request.params().map(|subscribe| Wish::Subscribe(asked, subscribe)),
            "unsubscribe" => request.params().map(|subscribe| Wish::Unsubscribe(asked, subscribe)),
            other => Err(Fault::bad_request(format!(
                "there is no method {other:?}; there are submit, validate, challenge, login, subscribe, unsubscribe, \
                 ping"
            ))),
        };
        match wish {
            Ok(wish) => self.following().send(wish).await.map_err(|_| Gone),
            Err(fault) => self.say(failed(asked, fault)).await,
        }
    }

    /// Tries a block without sequencing it, one at a time on a connection.
    async fn validate(&self, asked: Asked, request: &messages::Incoming<'_>) -> Result<(), Gone> {
        let tried = match request.params() {
            Ok(signed) => http::try_out(&self.shared, signed).await,
            Err(fault) => Err(fault),
        };
        match tried {
            Ok(reply) => self.say(succeeded(asked, &api::Validated { dry_run: true, reply })).await,
            Err(fault) => self.say(failed(asked, fault)).await,
        }
    }

    /// The way to the news task, which is started for the first wish.
    fn following(&mut self) -> &mpsc::Sender<Wish> {
        self.following.get_or_insert_with(|| {
            let (wishes, queue) = mpsc::channel(WISHES_MAX);
            tokio::spawn(news::follow(Arc::clone(&self.shared), queue, self.out.clone()));
            wishes
        })
    }

    /// Gives something fresh to sign; what was given before serves no more.
    async fn challenge(&mut self, asked: Asked) -> Result<(), Gone> {
        let new = self.nonce.insert(Nonce::new());
        let challenge = api::Challenge {
            network: self.shared.network,
            node: self.shared.node.to_string(),
            nonce: new.nonce.to_string(),
            expires_us: new.expires.as_micros(),
        };
        self.say(succeeded(asked, &challenge)).await
    }

    fn login(&mut self, asked: Asked, request: &messages::Incoming<'_>) -> Result<Wish, Fault> {
        let login: api::Login = request.params()?;
        let of_this = self.nonce.take_if(|given| given.nonce.to_string() == login.nonce);
        let fresh = of_this.filter(|given| given.expires > clock::now()).ok_or_else(|| {
            let detail = "sign the nonce of this connection's hello within 10 s, or ask for a challenge; it serves once";
            Fault::login_failed(detail)
        })?;
        let who = http::log_in(&self.shared, &login, fresh.nonce)?;
        self.who = Some(who);
        // The one before is let go only behind this one, so that the same key is not gone in between.
        self.present = Some(self.shared.presence.arrive(who.key));
        Ok(Wish::LoggedIn(asked, who))
    }

    /// Starts verifying a block and remembers its place in the order of arrival.
    async fn submit(&mut self, asked: Asked, request: &messages::Incoming<'_>) -> Result<(), Gone> {
        let parsed: Result<messages::Submit, Fault> = request.params();
        let verifying = match parsed {
            Ok(submit) => {
                let shared = Arc::clone(&self.shared);
                let with_receipt = submit.receipt.unwrap_or(true);
                let signed = api::SignedBlock { payload: submit.payload, signature: submit.signature };
                let (client, who) = (self.client.clone(), self.who);
                let verified = tokio::spawn(async move { http::let_in(&shared, &client, who, signed).await });
                submit::Submission { asked, with_receipt, verifying: Ok(verified) }
            }
            Err(fault) => {
                let fault = edge::unreadable(&self.shared, &self.client, fault);
                submit::Submission { asked, with_receipt: false, verifying: Err(fault) }
            }
        };
        let (submissions, _) = self.submitting.get_or_insert_with(|| {
            let (submissions, queue) = mpsc::channel(IN_FLIGHT_MAX);
            let sequencing = submit::sequence(Arc::clone(&self.shared), queue, self.out.clone());
            (submissions, tokio::spawn(sequencing))
        });
        submissions.send(verifying).await.map_err(|_| Gone)
    }
}
