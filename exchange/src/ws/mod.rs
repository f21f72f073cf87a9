//! The WebSocket: order entry in the order of arrival, and channels of news.
//!
//! Four tasks serve a connection. The reader takes messages and starts verifying each block at once, in parallel; the
//! sequencer puts verified blocks into the writer's queue in the order they arrived; the news task follows channels;
//! the sender writes what the others have to say. Every queue between them is bounded, so a slow peer slows itself.

mod channels;
mod messages;
mod news;
mod out;
mod resume;
mod submit;

use crate::edge::{self, Client, Metrics};
use crate::exchange::stopped;
use crate::http::problem::Fault;
use crate::identity::random_bytes;
use crate::sessions::Who;
use crate::shared::Shared;
use crate::{clock, http};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use bandex_api as api;
use bandex_types::Hash;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use messages::{failed, succeeded, text};
use news::Wish;
use out::{Gone, Out, Queued};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The largest message: a hex payload of 64 KiB with its signature.
const MESSAGE_BYTES_MAX: usize = 160 * 1024;
/// The most submissions of one connection that are on their way.
const IN_FLIGHT_MAX: usize = 512;
/// How often a peer is asked whether it is there.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// How long a peer may be silent, answers to those questions included.
const SILENCE: Duration = Duration::from_secs(90);

pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Extension(client): Extension<Client>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
    upgrade.on_upgrade(move |socket| serve(shared, client, socket))
}

async fn serve(shared: Arc<Shared>, client: Client, socket: WebSocket) {
    let (sink, stream) = socket.split();
    let (out, messages) = out::queue();
    let sender = tokio::spawn(send(sink, messages, shared.write_time, Arc::clone(&shared.edge.metrics)));
    let (submissions, sequencer_queue) = mpsc::channel(IN_FLIGHT_MAX);
    let sequencer = tokio::spawn(submit::sequence(Arc::clone(&shared), sequencer_queue, out.clone()));
    let (wishes, news_queue) = mpsc::channel(16);
    let news = tokio::spawn(news::follow(Arc::clone(&shared), news_queue, out.clone()));
    let nonce = Hash::new(random_bytes());
    let connection = Connection { client, who: None, nonce, out, submissions, wishes, shared };
    connection.read(stream).await;
    // The queues' ends are dropped by now, so the others finish what they have and end.
    for task in [sequencer, news, sender] {
        let _ = task.await;
    }
}

/// Writes messages, many in one go where many wait.
async fn send(
    mut sink: SplitSink<WebSocket, Message>,
    mut messages: mpsc::Receiver<Queued>,
    write_time: Duration,
    metrics: Arc<Metrics>,
) {
    let mut waiting = Vec::new();
    while messages.recv_many(&mut waiting, 64).await > 0 {
        let bytes: usize = waiting.iter().map(|queued| text_bytes(&queued.message)).sum();
        let write = async {
            let mut held = Vec::with_capacity(waiting.len());
            for queued in waiting.drain(..) {
                held.push(queued.held);
                sink.feed(queued.message).await?;
            }
            // What was fed may lie in a buffer: it counts until it has gone.
            sink.flush().await
        };
        match tokio::time::timeout(write_time, write).await {
            Ok(Ok(())) => metrics.sent(u64::try_from(bytes).unwrap_or(u64::MAX)),
            Ok(Err(_)) => return,
            // Too slow to be worth the memory: it can connect again and resume.
            Err(_) => return metrics.dropped("slow"),
        }
    }
    let _ = tokio::time::timeout(write_time, sink.close()).await;
}

/// How long a message is, if it is a text.
fn text_bytes(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        _ => 0,
    }
}

/// The reader's side of a connection.
struct Connection {
    shared: Arc<Shared>,
    client: Client,
    /// Who logged in, for the rate limits.
    who: Option<Who>,
    nonce: Hash,
    out: Out,
    submissions: mpsc::Sender<submit::Submission>,
    wishes: mpsc::Sender<Wish>,
}

impl Connection {
    async fn read(mut self, mut stream: SplitStream<WebSocket>) {
        let hello = api::Hello {
            channel: "hello".to_owned(),
            network: self.shared.network,
            node: self.shared.node.to_string(),
            nonce: self.nonce.to_string(),
            time_us: clock::now().as_micros(),
        };
        if self.out.say(text(&hello)).await.is_err() {
            return;
        }
        let mut stopping = self.shared.switch.stopping();
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        let mut heard = Instant::now();
        loop {
            let message = tokio::select! {
                message = stream.next() => message,
                // The sender gave up: this peer takes nothing any more.
                () = self.out.closed() => return,
                _ = heartbeat.tick() => {
                    // A full queue is the sender's business, which has a time limit of its own.
                    self.out.try_say(Message::Ping(Bytes::new()));
                    if heard.elapsed() > SILENCE {
                        return;
                    }
                    continue;
                }
                () = stopped(&mut stopping) => {
                    let reason = "the server is stopping; connect again in a moment".into();
                    let close = Message::Close(Some(CloseFrame { code: close_code::RESTART, reason }));
                    let _ = self.out.say(close).await;
                    return;
                }
            };
            heard = Instant::now();
            let done = match message {
                Some(Ok(Message::Text(text))) => self.request(text.as_str()).await,
                Some(Ok(Message::Binary(_))) => {
                    self.say(failed(0, Fault::bad_request("messages are JSON texts"))).await
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            };
            if done.is_err() {
                return;
            }
        }
    }

    async fn say(&self, message: Message) -> Result<(), Gone> {
        self.out.say(message).await
    }

    async fn request(&mut self, text: &str) -> Result<(), Gone> {
        let request: messages::Incoming<'_> = match serde_json::from_str(text) {
            Ok(request) => request,
            Err(error) => {
                return self.say(failed(0, Fault::bad_request(format!("not a request: {error}")))).await;
            }
        };
        let id = request.req_id;
        // A block of somebody who is known is paid for when it is known what it holds.
        if (self.who.is_none() || request.method != "submit")
            && let Err(fault) = edge::message(&self.shared, &self.client, self.who, edge::Weight::Read)
        {
            return self.say(failed(id, fault)).await;
        }
        let wish = match request.method {
            "submit" => return self.submit(&request).await,
            "ping" => return self.say(succeeded(id, &serde_json::json!({}))).await,
            "login" => self.login(&request),
            "subscribe" => request.params().map(|subscribe| Wish::Subscribe(id, subscribe)),
            "unsubscribe" => request.params().map(|subscribe| Wish::Unsubscribe(id, subscribe)),
            other => Err(Fault::bad_request(format!(
                "there is no method {other:?}; there are submit, login, subscribe, unsubscribe, ping"
            ))),
        };
        match wish {
            Ok(wish) => self.wishes.send(wish).await.map_err(|_| Gone),
            Err(fault) => self.say(failed(id, fault)).await,
        }
    }

    fn login(&mut self, request: &messages::Incoming<'_>) -> Result<Wish, Fault> {
        let login: api::Login = request.params()?;
        if login.nonce != self.nonce.to_string() {
            return Err(Fault::login_failed("sign the nonce of this connection's hello"));
        }
        let who = http::log_in(&self.shared, &login, self.nonce)?;
        self.who = Some(who);
        Ok(Wish::LoggedIn(request.req_id, who))
    }

    /// Starts verifying a block and remembers its place in the order of arrival.
    async fn submit(&self, request: &messages::Incoming<'_>) -> Result<(), Gone> {
        let req_id = request.req_id;
        let parsed: Result<messages::Submit, Fault> = request.params();
        let verifying = match parsed {
            Ok(submit) => {
                let shared = Arc::clone(&self.shared);
                let with_receipt = submit.receipt.unwrap_or(true);
                let signed = api::SignedBlock { payload: submit.payload, signature: submit.signature };
                let (client, who) = (self.client.clone(), self.who);
                let verified = tokio::spawn(async move {
                    let verified = http::verify_in_parallel(&shared, signed).await;
                    edge::judged(&shared, &client, who, verified)
                });
                submit::Submission { req_id, with_receipt, verifying: Ok(verified) }
            }
            Err(fault) => submit::Submission { req_id, with_receipt: false, verifying: Err(fault) },
        };
        self.submissions.send(verifying).await.map_err(|_| Gone)
    }
}
