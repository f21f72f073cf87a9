//! The sockets under a session: opened, greeted, pumped, and opened again.

use super::session::{Ask, Session};
use super::{ClientError, Options};
use crate::tls::Tls;
use bandex_api::Hello;
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long a connection may take to open and be greeted.
const PATIENCE: Duration = Duration::from_secs(10);
/// Heartbeats in silence after which the other side counts as gone.
const SILENT_BEATS: u32 = 3;

/// Opens a socket and waits for the exchange's greeting.
pub(super) async fn greet(url: &str, tls: Option<&Tls>) -> Result<(Socket, Hello), ClientError> {
    let opened = timeout(PATIENCE, open(url, tls)).await;
    opened.map_err(|_| ClientError::Connect("nobody answered in time".to_owned()))?
}

async fn open(url: &str, tls: Option<&Tls>) -> Result<(Socket, Hello), ClientError> {
    // Small messages that wait for each other would add milliseconds to every order.
    let no_delay = true;
    let connector = tls.map(|tls| Connector::Rustls(tls.config()));
    let opened = connect_async_tls_with_config(url, None, no_delay, connector).await;
    let (mut socket, _) = opened.map_err(|error| ClientError::Connect(error.to_string()))?;
    loop {
        let message = socket.next().await.ok_or_else(|| ClientError::Greeting("silence".to_owned()))?;
        match message.map_err(|error| ClientError::Connect(error.to_string()))? {
            Message::Text(text) => {
                let hello = serde_json::from_str(&text);
                return Ok((socket, hello.map_err(|error| ClientError::Greeting(error.to_string()))?));
            }
            Message::Close(_) => return Err(ClientError::Greeting("goodbye".to_owned())),
            _ => {}
        }
    }
}

/// Keeps a session on sockets until nobody uses it any more.
pub(super) async fn run(
    url: String,
    options: Options,
    mut session: Session,
    mut asks: mpsc::UnboundedReceiver<Ask>,
    socket: Socket,
    hello: Hello,
) {
    let mut opened = Some((socket, hello));
    let mut wait = options.first_wait;
    loop {
        let greeted = match opened.take() {
            Some(opened) => Ok(opened),
            None => greet(&url, options.tls.as_ref()).await,
        };
        let connected = greeted.and_then(|(socket, hello)| session.connect(&hello).map(|()| socket));
        match connected {
            Ok(socket) => {
                wait = options.first_wait;
                let unused = pump(socket, &mut session, &mut asks, options.heartbeat).await;
                session.disconnect();
                if unused {
                    return;
                }
            }
            Err(error) => tracing::warn!(%error, url, "no connection to the exchange"),
        }
        if pause(wait, &mut session, &mut asks).await {
            return;
        }
        wait = wait.saturating_mul(2).min(options.longest_wait);
    }
}

/// Waits before the next attempt, taking in what is asked for meanwhile; true once nobody uses the session.
async fn pause(wait: Duration, session: &mut Session, asks: &mut mpsc::UnboundedReceiver<Ask>) -> bool {
    let over = sleep(wait);
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => return false,
            ask = asks.recv() => match ask {
                Some(ask) => session.ask(ask),
                None => return true,
            },
        }
    }
}

/// Pumps one socket until it breaks (false) or nobody uses the session any more (true).
async fn pump(
    socket: Socket,
    session: &mut Session,
    asks: &mut mpsc::UnboundedReceiver<Ask>,
    heartbeat: Duration,
) -> bool {
    let (mut sink, mut stream) = socket.split();
    let (out, mut texts) = mpsc::unbounded_channel::<String>();
    // Writing has a task of its own: two sides that both wait to write before they read would wait for ever.
    let writer = tokio::spawn(async move {
        while let Some(text) = texts.recv().await {
            let more = !texts.is_empty();
            let written = if more { sink.feed(text.into()).await } else { sink.send(text.into()).await };
            if written.is_err() {
                return;
            }
        }
        let _ = sink.close().await;
    });
    let mut beat = interval(heartbeat.max(Duration::from_millis(1)));
    beat.reset();
    let mut heard = Instant::now();
    let mut again: Option<Instant> = None;
    let unused = loop {
        while let Some(text) = session.next_text() {
            // A writer that has ended shows as a broken stream below.
            let _ = out.send(text);
        }
        if let Some(wait) = session.take_wait() {
            again = again.max(Instant::now().checked_add(wait));
        }
        tokio::select! {
            () = sleep_until(again.unwrap_or(heard)), if again.is_some() => {
                again = None;
                session.ask_again();
            }
            ask = asks.recv() => match ask {
                Some(ask) => session.ask(ask),
                None => break true,
            },
            message = stream.next(), if !session.is_held_up() => {
                heard = Instant::now();
                match message {
                    Some(Ok(Message::Text(text))) => session.take(&text),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break false,
                    Some(Ok(_)) => {}
                }
            }
            _ = beat.tick() => {
                // While a follower lets the exchange wait, silence says nothing.
                if session.is_held_up() {
                    heard = Instant::now();
                }
                if heard.elapsed() > heartbeat.saturating_mul(SILENT_BEATS) {
                    break false;
                }
                session.tend();
            }
        }
    };
    drop(out);
    if !unused {
        writer.abort();
    }
    unused
}

#[cfg(test)]
mod tests;
