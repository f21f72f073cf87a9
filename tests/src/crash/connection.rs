//! One connection of a client: a bare WebSocket, or REST with one request at a time.

use bandex_api::{BlockReply, Problem, Reply};
use bandex_sdk::signed_to_wire;
use bandex_tradechain::SignedBlock;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::VecDeque;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// What the exchange said about a block. A block that is sent again must be answered the same.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Sequenced and durable.
    Done(Box<BlockReply>),
    /// Anything else.
    Problem(Box<Problem>),
}

/// How a client talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Many blocks at a time over a WebSocket.
    Socket,
    /// One after the other over HTTP.
    Rest,
}

/// The connection broke: nobody knows what became of what was not answered.
#[derive(Debug, Clone, Copy)]
pub struct Broken;

/// A connection.
pub enum Connection {
    /// See [`Manner::Socket`].
    Socket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
    /// See [`Manner::Rest`].
    Rest {
        /// With its connections.
        http: reqwest::Client,
        /// Of the exchange.
        url: String,
        /// Not yet taken.
        answers: VecDeque<(u64, Answer)>,
    },
}

impl Connection {
    /// Connects.
    pub async fn open(manner: Manner, url: &str) -> Result<Self, Broken> {
        match manner {
            Manner::Socket => {
                let address = format!("ws{}/v1/ws", url.strip_prefix("http").unwrap());
                let opened = tokio_tungstenite::connect_async_with_config(address, None, true).await;
                let (mut stream, _) = opened.map_err(|_| Broken)?;
                // The greeting is the first message.
                stream.next().await.ok_or(Broken)?.map_err(|_| Broken)?;
                Ok(Self::Socket(Box::new(stream)))
            }
            Manner::Rest => {
                let http = reqwest::Client::new();
                Ok(Self::Rest { http, url: url.to_owned(), answers: VecDeque::new() })
            }
        }
    }

    /// Sends a block; over REST also waits for the answer.
    pub async fn send(&mut self, req_id: u64, signed: &SignedBlock) -> Result<(), Broken> {
        let params = signed_to_wire(signed);
        match self {
            Self::Socket(stream) => {
                let text = json!({ "method": "submit", "params": params, "req_id": req_id }).to_string();
                stream.send(Message::text(text)).await.map_err(|_| Broken)
            }
            Self::Rest { http, url, answers } => {
                let sent = http.post(format!("{url}/v1/blocks")).json(&params).send().await;
                let answer = sent.map_err(|_| Broken)?;
                let is_done = answer.status().is_success();
                let body = answer.bytes().await.map_err(|_| Broken)?;
                let answer = if is_done { done(&body) } else { problem(&body) };
                answers.push_back((req_id, answer));
                Ok(())
            }
        }
    }

    /// Waits for the next answer; may be dropped while it waits.
    pub async fn answer(&mut self) -> Result<(u64, Answer), Broken> {
        match self {
            Self::Socket(stream) => loop {
                if let Message::Text(text) = stream.next().await.ok_or(Broken)?.map_err(|_| Broken)? {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    // What belongs to a channel, such as the notice that the server stops, answers nothing.
                    if message.get("channel").is_some() {
                        continue;
                    }
                    let reply: Reply = serde_json::from_value(message).unwrap();
                    return Ok((reply.req_id, of_socket(reply)));
                }
            },
            Self::Rest { answers, .. } => match answers.pop_front() {
                Some(answer) => Ok(answer),
                None => std::future::pending().await,
            },
        }
    }
}

fn of_socket(reply: Reply) -> Answer {
    match (reply.ok, reply.result, reply.error) {
        (true, Some(result), None) => Answer::Done(Box::new(read(result))),
        (false, None, Some(problem)) => Answer::Problem(Box::new(problem)),
        other => panic!("a reply is a result or a problem: {other:?}"),
    }
}

fn read(value: Value) -> BlockReply {
    serde_json::from_value(value).unwrap()
}

fn done(body: &[u8]) -> Answer {
    Answer::Done(serde_json::from_slice(body).unwrap())
}

fn problem(body: &[u8]) -> Answer {
    Answer::Problem(serde_json::from_slice(body).unwrap())
}
