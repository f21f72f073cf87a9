//! A bare WebSocket: requests with replies, pushes kept in order, and no help against misbehaviour.

use crate::{RawLane, Server, soon};
use bandex_api::{BlockReply, Challenge, Hello, Notice, Push, PushKind, Reply};
use bandex_tradechain::{Login, SignedBlock};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::VecDeque;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// A connection.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The node's first message.
    pub hello: Hello,
    /// The node's word before it closed the connection, if it came.
    pub notice: Option<Notice>,
    /// The code and the reason with which the node closed the connection, once it did.
    pub close: Option<(u16, String)>,
    /// Every text that was sent or received, if they are to be looked at.
    pub recorded: Option<Vec<Value>>,
    pushes: VecDeque<Push>,
    next_id: u64,
}

impl Socket {
    /// Connects and reads the greeting.
    ///
    /// # Panics
    /// Nobody greets.
    pub async fn connect(url: &str) -> Self {
        let (stream, _) = soon("a connection", tokio_tungstenite::connect_async(url)).await.unwrap();
        Self::greeted(stream).await
    }

    /// The same through buffers so small that whoever does not read is soon felt by the node.
    ///
    /// # Panics
    /// Nobody greets.
    pub async fn connect_narrow(url: &str) -> Self {
        let address = url.trim_start_matches("ws://").split('/').next().unwrap().parse().unwrap();
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let stream = MaybeTlsStream::Plain(soon("a connection", socket.connect(address)).await.unwrap());
        let (stream, _) = soon("a connection", tokio_tungstenite::client_async(url, stream)).await.unwrap();
        Self::greeted(stream).await
    }

    async fn greeted(mut stream: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Self {
        let first = soon("a greeting", stream.next()).await.unwrap().unwrap();
        let hello = serde_json::from_str(first.to_text().unwrap()).unwrap();
        Self { stream, hello, notice: None, close: None, recorded: None, pushes: VecDeque::new(), next_id: 1 }
    }

    /// Sends any text.
    ///
    /// # Panics
    /// The connection is gone.
    pub async fn send_text(&mut self, text: impl Into<String>) {
        self.stream.send(Message::text(text.into())).await.unwrap();
    }

    /// Sends bytes instead of text.
    ///
    /// # Panics
    /// The connection is gone.
    pub async fn send_bytes(&mut self, bytes: Vec<u8>) {
        self.stream.send(Message::binary(bytes)).await.unwrap();
    }

    /// Sends a request without waiting for its reply; gives its id.
    pub async fn send(&mut self, method: &str, params: Value) -> u64 {
        let req_id = self.next_id;
        self.next_id += 1;
        let request = json!({ "method": method, "params": params, "req_id": req_id });
        self.record(&request);
        self.send_text(request.to_string()).await;
        req_id
    }

    /// Submits a block without waiting for the answer.
    pub async fn send_block(&mut self, signed: &SignedBlock) -> u64 {
        let params = json!({ "payload": hex::encode(&signed.payload), "signature": signed.signature });
        self.send("submit", params).await
    }

    fn record(&mut self, message: &Value) {
        if let Some(recorded) = &mut self.recorded {
            recorded.push(message.clone());
        }
    }

    async fn message(&mut self) -> Option<Value> {
        loop {
            match soon("a message", self.stream.next()).await? {
                Ok(Message::Text(text)) => {
                    let message: Value = serde_json::from_str(text.as_str()).unwrap();
                    self.record(&message);
                    if message["channel"] != "notice" {
                        return Some(message);
                    }
                    self.notice = Some(serde_json::from_value(message).unwrap());
                }
                Ok(Message::Close(frame)) => {
                    self.close = frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                    return None;
                }
                Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The next reply; pushes that come first are kept.
    ///
    /// # Panics
    /// The connection ends.
    pub async fn reply(&mut self) -> Reply {
        loop {
            let message = self.message().await.expect("the connection stays open");
            if message.get("req_id").is_some() {
                return serde_json::from_value(message).unwrap();
            }
            self.pushes.push_back(serde_json::from_value(message).unwrap());
        }
    }

    /// The next push.
    ///
    /// # Panics
    /// A reply comes instead, or the connection ends.
    pub async fn push(&mut self) -> Push {
        match self.pushes.pop_front() {
            Some(push) => push,
            None => {
                let message = self.message().await.expect("the connection stays open");
                serde_json::from_value(message).unwrap()
            }
        }
    }

    /// Asks and waits for the reply to this very request.
    ///
    /// # Panics
    /// Another reply comes.
    pub async fn ask(&mut self, method: &str, params: Value) -> Reply {
        let req_id = self.send(method, params).await;
        let reply = self.reply().await;
        assert_eq!(reply.req_id, req_id, "{reply:?}");
        reply
    }

    /// Submits a block and waits for success.
    ///
    /// # Panics
    /// It fails.
    pub async fn submit(&mut self, signed: &SignedBlock) -> BlockReply {
        self.send_block(signed).await;
        done(self.reply().await)
    }

    /// Follows a channel; gives its snapshot.
    ///
    /// # Panics
    /// It is refused, or something else comes first.
    pub async fn subscribe(&mut self, channel: &str, market: Option<&str>) -> Push {
        self.follow(json!({ "channel": channel, "market": market })).await
    }

    /// Follows a topic; gives its snapshot.
    ///
    /// # Panics
    /// It is refused, or something else comes first.
    pub async fn follow(&mut self, topic: Value) -> Push {
        let reply = self.ask("subscribe", topic).await;
        assert!(reply.ok, "{reply:?}");
        let push = self.push().await;
        assert_eq!(reply.result, Some(json!({ "seq": push.seq })), "{push:?}");
        assert_eq!((push.kind, push.prev_seq), (PushKind::Snapshot, 0), "{push:?}");
        push
    }

    /// Follows a private channel from a record on.
    ///
    /// # Panics
    /// It is refused, or begins elsewhere.
    pub async fn resume(&mut self, channel: &str, from: u64) {
        let reply = self.ask("subscribe", json!({ "channel": channel, "resume_from": from })).await;
        assert!(reply.ok, "{reply:?}");
        assert_eq!(reply.result, Some(json!({ "seq": from })));
    }

    /// The next push; `None` once the other side has closed the connection.
    ///
    /// # Panics
    /// A reply comes instead.
    pub async fn push_or_end(&mut self) -> Option<Push> {
        match self.pushes.pop_front() {
            Some(push) => Some(push),
            None => self.message().await.map(|message| serde_json::from_value(message).unwrap()),
        }
    }

    /// Asks for something fresh to sign for a login.
    ///
    /// # Panics
    /// It is refused.
    pub async fn challenge(&mut self) {
        let reply = self.ask("challenge", json!({})).await;
        let challenge: Challenge = serde_json::from_value(reply.result.unwrap()).unwrap();
        self.hello.nonce = challenge.nonce;
    }

    /// The parameters of a login on this connection, with what was last given to sign.
    pub fn signed_login(&self, server: &Server, lane: &RawLane) -> Value {
        let (node, key) = (self.hello.node.parse().unwrap(), lane.key());
        let login = Login { network: server.network(), node, key, nonce: self.hello.nonce.parse().unwrap() };
        json!({ "key": key, "nonce": self.hello.nonce, "signature": login.sign(lane.keypair()) })
    }

    /// Logs the connection in.
    ///
    /// # Panics
    /// It is refused.
    pub async fn login(&mut self, server: &Server, lane: &RawLane) {
        self.challenge().await;
        let params = self.signed_login(server, lane);
        let reply = self.ask("login", params).await;
        assert!(reply.ok, "{reply:?}");
        assert_eq!(reply.result.unwrap()["account"], json!(lane.account()));
    }

    /// Waits until the other side has closed the connection.
    pub async fn closed(&mut self) {
        while self.message().await.is_some() {}
    }
}

/// The answer to a submission that succeeded.
///
/// # Panics
/// It failed.
fn done(reply: Reply) -> BlockReply {
    assert!(reply.ok, "{reply:?}");
    serde_json::from_value(reply.result.unwrap()).unwrap()
}
