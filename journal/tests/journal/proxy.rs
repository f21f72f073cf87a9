//! A proxy before PostgreSQL that loses what comes at the worst moment: at the commit.
//!
//! It follows the frontend's messages (PostgreSQL's manual, "Message Formats"): the first has no type, each later one is
//! a type, a length that counts itself, and a body. A commit is the simple query `COMMIT`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What goes wrong with the next commit. In each case the client's connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The server never hears of the commit, and sees the connection end.
    Before,
    /// The server never hears of the commit, and believes the connection alive.
    Held,
    /// The server has committed and answered; the client does not hear of it.
    BeforeAnswer,
}

/// A running proxy; it ends with the test's runtime.
pub struct Proxy {
    pub port: u16,
    plan: Arc<Plan>,
}

#[derive(Default)]
struct Plan {
    next: Mutex<Option<Cut>>,
    /// Cutting once is cutting for good.
    for_good: AtomicBool,
    gone: AtomicBool,
    /// Connections that only the server believes in.
    held: Mutex<Vec<OwnedWriteHalf>>,
}

impl Proxy {
    /// Before the server on this port.
    pub async fn before(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan = Arc::new(Plan::default());
        let ours = Arc::clone(&plan);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if !plan.gone.load(Ordering::SeqCst) {
                    tokio::spawn(carry(client, server, Arc::clone(&plan)));
                }
            }
        });
        Self { port, plan: ours }
    }

    /// Spoils the next commit.
    pub fn cut_next(&self, cut: Cut) {
        *self.plan.next.lock().unwrap() = Some(cut);
    }

    /// Spoils the next commit and lets nobody through afterwards.
    pub fn cut_next_for_good(&self, cut: Cut) {
        self.plan.for_good.store(true, Ordering::SeqCst);
        self.cut_next(cut);
    }

    /// Whether the commit to spoil has come.
    pub fn has_cut(&self) -> bool {
        self.plan.next.lock().unwrap().is_none()
    }
}

/// Carries one connection until either end closes it, or until the plan cuts it.
async fn carry(client: TcpStream, server: u16, plan: Arc<Plan>) {
    let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let (muted, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
    let answers =
        tokio::spawn(carry_answers(from_server, to_client, Arc::clone(&muted), Arc::clone(&answered)));
    carry_requests(from_client, to_server, &plan, &muted, &answered).await;
    // Both ends close with the halves that are still there.
    answers.abort();
}

/// Carries what the server says; while muted, it only tells that something was said.
async fn carry_answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    muted: Arc<AtomicBool>,
    answered: Arc<Notify>,
) -> Option<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let len = from.read(&mut buffer).await.ok().filter(|len| *len > 0)?;
        if muted.load(Ordering::SeqCst) {
            answered.notify_one();
        } else {
            to.write_all(&buffer[..len]).await.ok()?;
        }
    }
}

/// Carries what the client says, message by message; gives nothing when the connection ends or is cut.
async fn carry_requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    plan: &Plan,
    muted: &AtomicBool,
    answered: &Notify,
) -> Option<()> {
    let startup = message(&mut from, 0).await?;
    to.write_all(&startup).await.ok()?;
    loop {
        let message = message(&mut from, 1).await?;
        let is_commit = message[0] == b'Q' && message[5..].eq_ignore_ascii_case(b"COMMIT\0");
        let cut = if is_commit { plan.next.lock().unwrap().take() } else { None };
        if cut.is_some() && plan.for_good.load(Ordering::SeqCst) {
            plan.gone.store(true, Ordering::SeqCst);
        }
        match cut {
            Some(Cut::Before) => return None,
            Some(Cut::Held) => {
                plan.held.lock().unwrap().push(to);
                return None;
            }
            Some(Cut::BeforeAnswer) => {
                muted.store(true, Ordering::SeqCst);
                to.write_all(&message).await.ok()?;
                answered.notified().await;
                return None;
            }
            None => to.write_all(&message).await.ok()?,
        }
    }
}

/// One whole message; its length stands behind `at` bytes.
async fn message(from: &mut OwnedReadHalf, at: usize) -> Option<Vec<u8>> {
    let mut message = vec![0; at + 4];
    from.read_exact(&mut message).await.ok()?;
    let length = u32::from_be_bytes(message[at..].try_into().unwrap());
    message.resize(at + usize::try_from(length).unwrap(), 0);
    from.read_exact(&mut message[at + 4..]).await.ok()?;
    Some(message)
}
