//! The node over HTTP, as Core serves it: POST, basic authentication with a cookie file, one call at a time.

use crate::node::Node;
use crate::rpc;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The greatest body of a request, Core's own.
const BODY_BYTES_MAX: usize = 0x0200_0000;

/// How long requests under way may hold up the end.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// A node, who may call it, and the end of it.
#[derive(Clone)]
pub struct Server {
    node: Arc<Mutex<Node>>,
    credentials: Arc<str>,
    ending: watch::Sender<bool>,
}

impl Server {
    /// A server of `node` to whoever says `credentials`, a user and a password with a colon between.
    #[must_use]
    pub fn new(node: Node, credentials: &str) -> Self {
        let ending = watch::Sender::new(false);
        Self { node: Arc::new(Mutex::new(node)), credentials: credentials.into(), ending }
    }

    /// Ends [`Server::run`].
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Serves until [`Server::end`] or the call `stop`, then keeps the mempool.
    ///
    /// # Errors
    /// The socket or the node's folder fails.
    pub async fn run(self, listener: TcpListener) -> anyhow::Result<()> {
        let app = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(self.clone());
        let (mut asked, mut overdue) = (self.ending.subscribe(), self.ending.subscribe());
        // Requests under way are answered; a client that never finishes one does not hold up the end for long.
        let server = axum::serve(listener, app).with_graceful_shutdown(async move {
            let _ = asked.wait_for(|ending| *ending).await;
        });
        tokio::select! {
            ended = server.into_future() => ended?,
            () = async {
                let _ = overdue.wait_for(|ending| *ending).await;
                tokio::time::sleep(END_PATIENCE).await;
            } => {}
        }
        self.node.lock().unwrap_or_else(PoisonError::into_inner).close()?;
        Ok(())
    }

    fn is_authorized(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let encoded = given.and_then(|value| value.strip_prefix("Basic "));
        let decoded = encoded.and_then(|value| STANDARD.decode(value.trim()).ok());
        decoded.is_some_and(|decoded| decoded == self.credentials.as_bytes())
    }
}

async fn answer(State(server): State<Server>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    if method != Method::POST {
        return (StatusCode::METHOD_NOT_ALLOWED, "JSONRPC server handles only POST requests").into_response();
    }
    if !server.is_authorized(&headers) {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=\"jsonrpc\"")])
            .into_response();
    }
    // The kernel works on the thread that calls it, which must not be one that serves sockets.
    let node = Arc::clone(&server.node);
    let work = tokio::task::spawn_blocking(move || {
        let mut node = node.lock().unwrap_or_else(PoisonError::into_inner);
        let reply = rpc::answer(&mut node, &body);
        (reply, node.stopping)
    });
    let Ok((reply, stopping)) = work.await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if stopping {
        server.end();
    }
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match reply.body {
        Some(body) => {
            (status, [(header::CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
        }
        None => status.into_response(),
    }
}

/// Writes a cookie file with fresh credentials into `folder`, readable by its owner alone; the path and what is in it.
///
/// # Errors
/// The folder cannot be written, or the machine gives no randomness.
pub fn write_cookie(folder: &Path) -> io::Result<(PathBuf, String)> {
    let mut password = [0_u8; 32];
    getrandom::fill(&mut password).map_err(io::Error::other)?;
    let credentials = format!("__cookie__:{}", hex::encode(password));
    let (path, new) = (folder.join(".cookie"), folder.join(".cookie.new"));
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(credentials.as_bytes())?;
    fs::rename(new, &path)?;
    Ok((path, credentials))
}
