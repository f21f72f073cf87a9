//! The crowd: those who follow the book, those who follow less, and those who never read.

use super::pace::now_us;
use super::server::ServerProcess;
use anyhow::{Context, Result, ensure};
use bandex_sdk::api::Push;
use bandex_sdk::{LocalBook, MarketInfo};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// How many connect at a time.
const CONNECTING_MAX: usize = 64;
/// Of how many followers of the book one keeps a book of its own; the others compare what they read with what those
/// that do have read.
const ONE_CHECKS_OF: usize = 50;
/// How long nothing must come before everything has come.
const QUIET_US: u64 = 1_500_000;
/// The buffer of a peer that never reads: the less its system takes for it, the sooner the server must decide.
const DEAF_BUFFER_BYTES: u32 = 4_096;
/// What is followed by those who do not follow the book, in turns.
const LESSER: [&str; 3] = ["bbo", "trades", "ticker"];
/// What those who never read follow, in turns.
const UNREAD: [&str; 4] = ["book", "bbo", "trades", "ticker"];

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It follows the full book and reads.
    Book,
    /// It follows something else and reads.
    Lesser(&'static str),
    /// It follows something and never reads.
    Deaf(&'static str),
}

/// What everybody does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Wait,
    Follow,
    End,
}

/// What one connection heard.
#[derive(Debug)]
pub struct Heard {
    pub part: Part,
    /// The record of each update and when it came, in microseconds since 1970.
    pub arrivals: Vec<(u64, u64)>,
    /// Why it ended before it should have.
    pub ended: Option<String>,
    /// What was wrong in what came.
    pub wrong: Option<String>,
}

/// What all share.
struct Common {
    address: SocketAddr,
    market: Arc<MarketInfo>,
    /// When the last message came to anybody.
    last_us: AtomicU64,
    /// Of each push of the book, by its record: the record before, and a hash of its text.
    pushes: Mutex<BTreeMap<u64, (u64, u64)>>,
}

/// All connections.
pub struct Crowd {
    common: Arc<Common>,
    tasks: JoinSet<Heard>,
    phase: watch::Sender<Phase>,
    following: mpsc::Receiver<()>,
    readers: usize,
}

/// The part of the connection with this number.
fn part(number: usize, books: usize) -> Part {
    let rest = number.saturating_sub(books);
    match number < books {
        true => Part::Book,
        false if rest.is_multiple_of(2) => Part::Lesser(LESSER[rest / 2 % LESSER.len()]),
        false => Part::Deaf(UNREAD[rest / 2 % UNREAD.len()]),
    }
}

impl Crowd {
    /// Opens all connections; nobody follows anything yet.
    pub async fn connect(
        server: &ServerProcess,
        market: &Arc<MarketInfo>,
        connections: usize,
        books: usize,
    ) -> Result<Self> {
        let common = Arc::new(Common {
            address: server.address(),
            market: Arc::clone(market),
            last_us: AtomicU64::new(now_us()),
            pushes: Mutex::default(),
        });
        let (phase, phases) = watch::channel(Phase::Wait);
        let (follows, following) = mpsc::channel(connections.max(1));
        let connecting = Arc::new(Semaphore::new(CONNECTING_MAX));
        let (mut opening, mut tasks) = (JoinSet::new(), JoinSet::new());
        for number in 0..connections {
            let (common, connecting) = (Arc::clone(&common), Arc::clone(&connecting));
            let part = part(number, books);
            opening.spawn(async move {
                let _turn = connecting.acquire().await?;
                Ok::<_, anyhow::Error>((number, part, open(common.address, part).await?))
            });
        }
        while let Some(opened) = opening.join_next().await {
            let (number, part, socket) = opened?.context("a connection")?;
            let checks = part == Part::Book && number.is_multiple_of(ONE_CHECKS_OF);
            let follower = Follower::new(Arc::clone(&common), part, checks);
            tasks.spawn(follower.live(socket, phases.clone(), follows.clone()));
        }
        let readers =
            (0..connections).filter(|number| !matches!(part(*number, books), Part::Deaf(_))).count();
        Ok(Self { common, tasks, phase, following, readers })
    }

    /// Lets all follow what they are there for, and waits until those who read have their snapshots.
    pub async fn follow(&mut self, patience: Duration) -> Result<()> {
        self.phase.send_replace(Phase::Follow);
        let all = async {
            for _ in 0..self.readers {
                self.following.recv().await.context("a follower")?;
            }
            Ok(())
        };
        tokio::time::timeout(patience, all).await.context("waited too long for snapshots")?
    }

    /// Waits until nothing comes any more, and ends all connections.
    pub async fn finish(mut self, patience: Duration) -> Result<Vec<Heard>> {
        let quiet = async {
            while now_us().saturating_sub(self.common.last_us.load(Ordering::Relaxed)) < QUIET_US {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(patience, quiet).await.context("news never end")?;
        self.phase.send_replace(Phase::End);
        let mut heard = Vec::with_capacity(self.tasks.len());
        while let Some(one) = self.tasks.join_next().await {
            heard.push(one?);
        }
        Ok(heard)
    }
}

/// Opens a connection, with buffers of our own that are small, since there are many.
async fn open(address: SocketAddr, part: Part) -> Result<WebSocketStream<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    if matches!(part, Part::Deaf(_)) {
        socket.set_recv_buffer_size(DEAF_BUFFER_BYTES)?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(4_096).write_buffer_size(0);
    let url = format!("ws://{address}/v1/ws");
    let (mut opened, _) = client_async_with_config(url, stream, Some(config)).await?;
    let hello = opened.next().await.context("no greeting")??;
    ensure!(hello.to_text()?.contains("\"hello\""), "greeted with {hello:?}");
    Ok(opened)
}

/// One connection.
struct Follower {
    common: Arc<Common>,
    heard: Heard,
    book: Option<LocalBook>,
    /// The record of the last push.
    at: Option<u64>,
}

/// What is looked at in each message.
#[derive(Deserialize)]
struct Seen<'a> {
    #[serde(borrow)]
    channel: Option<&'a str>,
    kind: Option<&'a str>,
    prev_seq: Option<u64>,
    seq: Option<u64>,
    ok: Option<bool>,
}

impl Follower {
    fn new(common: Arc<Common>, part: Part, checks: bool) -> Self {
        let book = checks.then(|| LocalBook::new(&common.market.symbol, common.market.scale));
        let heard = Heard { part, arrivals: Vec::new(), ended: None, wrong: None };
        Self { common, heard, book, at: None }
    }

    async fn live(
        mut self,
        mut socket: WebSocketStream<TcpStream>,
        mut phases: watch::Receiver<Phase>,
        follows: mpsc::Sender<()>,
    ) -> Heard {
        let (channel, reads) = match self.heard.part {
            Part::Book => ("book", true),
            Part::Lesser(channel) => (channel, true),
            Part::Deaf(channel) => (channel, false),
        };
        let subscribe = json!({
            "method": "subscribe", "req_id": 1,
            "params": { "channel": channel, "market": self.common.market.symbol },
        });
        loop {
            let message = tokio::select! {
                _ = phases.changed() => {
                    let phase = *phases.borrow_and_update();
                    match phase {
                        Phase::Wait => {}
                        Phase::Follow => {
                            let _ = socket.send(Message::text(subscribe.to_string())).await;
                        }
                        Phase::End => return self.heard,
                    }
                    continue;
                }
                message = socket.next(), if reads => message,
            };
            match message {
                Some(Ok(Message::Text(text))) => {
                    let followed = self.at.is_some();
                    if let Err(wrong) = self.hear(text.as_str()) {
                        self.heard.wrong.get_or_insert(wrong.to_string());
                    }
                    if !followed && self.at.is_some() {
                        let _ = follows.send(()).await;
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    self.heard.ended =
                        Some(frame.map_or("closed".to_owned(), |frame| frame.reason.to_string()));
                    return self.heard;
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    self.heard.ended = Some(error.to_string());
                    return self.heard;
                }
                None => {
                    self.heard.ended = Some("the connection ended".to_owned());
                    return self.heard;
                }
            }
        }
    }

    /// Takes a message: its place in the order first, then what it says.
    fn hear(&mut self, text: &str) -> Result<()> {
        let now = now_us();
        let seen: Seen<'_> = serde_json::from_str(text)?;
        let (Some(_), Some(kind), Some(prev_seq), Some(seq)) =
            (seen.channel, seen.kind, seen.prev_seq, seen.seq)
        else {
            ensure!(seen.ok != Some(false), "refused: {text}");
            return Ok(());
        };
        self.common.last_us.fetch_max(now, Ordering::Relaxed);
        if kind == "update" {
            ensure!(self.at == Some(prev_seq), "{prev_seq} does not follow {:?}", self.at);
            self.heard.arrivals.push((seq, now));
            if self.heard.part == Part::Book {
                self.compare(seq, prev_seq, text)?;
            }
        }
        if let Some(book) = &mut self.book {
            book.apply(&serde_json::from_str::<Push>(text)?)?;
        }
        self.at = Some(seq);
        Ok(())
    }

    /// All who follow the book must be told the same.
    fn compare(&self, seq: u64, prev_seq: u64, text: &str) -> Result<()> {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let told = (prev_seq, hasher.finish());
        let mut pushes = self.common.pushes.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(*pushes.entry(seq).or_insert(told) == told, "followers were told different things at {seq}");
        Ok(())
    }
}
