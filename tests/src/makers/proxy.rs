//! A bad line: hands bytes on between clients and a server, and cuts connections at random moments.

use crate::crash::Random;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

/// A connection lives at least so long, and at most twice that.
const LIFE: Duration = Duration::from_millis(1_500);

/// How a request for the WebSocket begins.
const SOCKET: &[u8] = b"GET /v1/ws";

/// What became of connections.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// How many there were.
    pub connections: u64,
    /// How many of them were cut.
    pub cuts: u64,
    /// How many of these were WebSockets.
    pub socket_cuts: u64,
}

/// A proxy on loopback. It ends with this value.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct State {
    cuts: AtomicBool,
    accepted: AtomicU64,
    cut: AtomicU64,
    sockets_cut: AtomicU64,
}

impl Proxy {
    /// Hands on to `server`, cutting nothing at first.
    ///
    /// # Panics
    /// There is no free port.
    pub async fn start(server: SocketAddr, random: Random) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<State>::default();
        let task = tokio::spawn(accept(listener, server, random, Arc::clone(&state))).abort_handle();
        Self { address, state, task }
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Begins to cut connections, or ends it.
    pub fn cut(&self, cuts: bool) {
        self.state.cuts.store(cuts, Ordering::SeqCst);
    }

    /// What became of its connections so far.
    pub fn counts(&self) -> Counts {
        let State { accepted, cut, sockets_cut, .. } = &*self.state;
        Counts {
            connections: accepted.load(Ordering::SeqCst),
            cuts: cut.load(Ordering::SeqCst),
            socket_cuts: sockets_cut.load(Ordering::SeqCst),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, mut random: Random, state: Arc<State>) {
    // They end with this task.
    let mut carried = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        state.accepted.fetch_add(1, Ordering::SeqCst);
        let span = u64::try_from(LIFE.as_millis()).unwrap();
        let life = LIFE + Duration::from_millis(random.below(span));
        carried.spawn(carry(client, server, life, Arc::clone(&state)));
        while carried.try_join_next().is_some() {}
    }
}

/// Hands bytes on until one side ends, or the line is cut.
async fn carry(mut client: TcpStream, server: SocketAddr, life: Duration, state: Arc<State>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let mut is_socket = false;
    let carried = async {
        is_socket = asks_for_socket(&client).await;
        copy_bidirectional(&mut client, &mut server).await
    };
    tokio::select! {
        _ = carried => {}
        () = doom(life, &state) => {
            state.cut.fetch_add(1, Ordering::SeqCst);
            state.sockets_cut.fetch_add(u64::from(is_socket), Ordering::SeqCst);
        }
    }
}

/// Whether the client's first words ask for the WebSocket. They are left for the server.
async fn asks_for_socket(client: &TcpStream) -> bool {
    let mut words = [0; SOCKET.len()];
    client.peek(&mut words).await.is_ok() && words == SOCKET
}

/// Waits for the moment of the cut; for ever while nothing is cut.
async fn doom(life: Duration, state: &State) {
    loop {
        sleep(life).await;
        if state.cuts.load(Ordering::SeqCst) {
            return;
        }
    }
}
