//! The accept loop of a listener: caps, TLS, time for the head of a request, an end in order.

use super::address::is_trusted;
use super::caps::{Caps, Full, Place};
use super::impatient::Impatient;
use super::metrics::Metrics;
use crate::exchange::stopped;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// How long open requests and WebSockets may go on once the server stops.
const GRACE: Duration = Duration::from_secs(5);
/// How long the greetings of TLS may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long nobody is let in when the machine has no place for another connection.
const NO_PLACE: Duration = Duration::from_secs(1);
/// The longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// What guards a listener.
pub(crate) struct Door {
    pub tls: Option<TlsAcceptor>,
    pub caps: Arc<Caps>,
    /// Proxies stand for many clients, so they do not count as one.
    pub trusted_proxies: Vec<IpNet>,
    pub header_time: Duration,
    /// How long nothing may be taken of an answer.
    pub write_time: Duration,
    pub metrics: Arc<Metrics>,
}

/// The connection a request came by.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub address: SocketAddr,
    held: Arc<Held>,
}

impl Peer {
    /// Says that the connection becomes a WebSocket, and keeps its place until it ends.
    pub fn becomes_socket(&self, place: Place) {
        *self.held.socket.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }
}

/// Places that are given back when a connection ends.
#[derive(Debug)]
struct Held {
    _connection: Place,
    /// That of a WebSocket, once it is one.
    socket: Mutex<Option<Place>>,
}

impl Held {
    fn is_socket(&self) -> bool {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// Serves until the server stops; then open requests and WebSockets are brought to their end.
pub(crate) async fn serve(
    listener: TcpListener,
    door: Door,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) {
    let door = Arc::new(door);
    let mut connections = JoinSet::new();
    // Each connection has an end of this, also when it has become a WebSocket, so that the last one is seen to close.
    let (open, mut all_closed) = mpsc::channel::<Infallible>(1);
    loop {
        let (stream, address) = tokio::select! {
            () = stopped(&mut stopping) => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener) => accepted,
        };
        let counted = (!is_trusted(address.ip(), &door.trusted_proxies)).then_some(address.ip());
        let place = match door.caps.enter(counted) {
            Ok(place) => place,
            Err(full) => {
                refuse(&door, address, full);
                continue;
            }
        };
        let held = Arc::new(Held { _connection: place, socket: Mutex::default() });
        let peer = Peer { address, held: Arc::clone(&held) };
        let router = router.clone();
        let wire = Wire { stream, held, _open: open.clone() };
        connections.spawn(greet(wire, peer, Arc::clone(&door), router, stopping.clone()));
    }
    drop((listener, open));
    let ended = async {
        while connections.join_next().await.is_some() {}
        let _ = all_closed.recv().await;
    };
    // A request that is never finished must not keep the server from its end.
    if tokio::time::timeout(GRACE, ended).await.is_err() {
        tracing::warn!("open connections were cut off");
    }
}

fn refuse(door: &Door, address: SocketAddr, full: Full) {
    let why = match full {
        Full::InAll => "in_all",
        Full::OfAddress => "of_address",
    };
    tracing::debug!(%address, why, "a connection is one too many");
    door.metrics.connection_refused(why);
}

/// The next connection, however often it takes.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_one_connection(&error) => {}
            // No descriptor or no memory is left: trying again at once would only keep a core busy.
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                tokio::time::sleep(NO_PLACE).await;
            }
        }
    }
}

/// Whether an error says something about the connection that was about to be accepted, and nothing about the next.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Speaks TLS if that is asked for, then HTTP.
async fn greet(
    wire: Wire<TcpStream>,
    peer: Peer,
    door: Arc<Door>,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) {
    // Answers are small and follow one another: waiting to fill a packet would cost each round trip 40 ms.
    if let Err(error) = wire.stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection stays slow");
    }
    let Some(tls) = &door.tls else { return talk(wire, peer, &door, router, stopping).await };
    let Wire { stream, held, _open } = wire;
    let greeted = tokio::select! {
        greeted = tokio::time::timeout(HANDSHAKE, tls.accept(stream)) => greeted,
        () = stopped(&mut stopping) => return,
    };
    match greeted {
        Ok(Ok(stream)) => talk(Wire { stream, held, _open }, peer, &door, router, stopping).await,
        Ok(Err(error)) => tracing::debug!(%error, address = %peer.address, "no TLS"),
        Err(_) => tracing::debug!(address = %peer.address, "TLS takes too long"),
    }
}

/// Serves the requests of a connection, one after the other, until it ends or becomes a WebSocket.
async fn talk<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    wire: Wire<S>,
    peer: Peer,
    door: &Door,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) {
    let address = peer.address;
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer.clone());
        router.clone().oneshot(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(door.header_time).max_header_size(HEAD_BYTES_MAX);
    let held = Arc::clone(&wire.held);
    let wire = Impatient::new(wire, door.write_time, move || !held.is_socket());
    let mut connection = pin!(http.serve_connection(TokioIo::new(wire), service).with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %address, "a connection ended badly");
    }
}

/// A stream with what it holds as long as it is open.
struct Wire<S> {
    stream: S,
    held: Arc<Held>,
    _open: mpsc::Sender<Infallible>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
