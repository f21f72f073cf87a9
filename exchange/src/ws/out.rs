//! The way out of a connection: a queue that is bounded in messages and in bytes.
//!
//! A push may carry the whole outcome of a record, so a count alone does not bound what a peer that reads nothing makes
//! the server hold. Each text takes its length out of the connection's allowance until it was written to the socket.

use axum::extract::ws::Message;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// The most messages that wait for a slow peer.
const MESSAGES_MAX: usize = 1_024;
/// The most bytes of texts that wait for a slow peer. A longer text waits until it is alone.
const BYTES_MAX: u32 = 4 * 1024 * 1024;
/// The bytes that must be free before a peer is told more of what it missed.
const BYTES_OF_PAGE: u32 = BYTES_MAX / 2;

/// A message with its part of the allowance, which is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Queued {
    pub message: Message,
    pub held: Option<OwnedSemaphorePermit>,
}

/// Where the tasks of a connection put what they have to say.
#[derive(Debug, Clone)]
pub(super) struct Out {
    queue: mpsc::Sender<Queued>,
    bytes: Arc<Semaphore>,
}

/// The other end is gone.
#[derive(Debug)]
pub(super) struct Gone;

pub(super) fn queue() -> (Out, mpsc::Receiver<Queued>) {
    let (queue, messages) = mpsc::channel(MESSAGES_MAX);
    (Out { queue, bytes: Arc::new(Semaphore::new(BYTES_MAX as usize)) }, messages)
}

impl Out {
    /// Waits for room and puts the message in.
    ///
    /// # Errors
    /// The sender gave up.
    pub async fn say(&self, message: Message) -> Result<(), Gone> {
        let held = match length(&message) {
            0 => None,
            bytes => {
                let held = Arc::clone(&self.bytes).acquire_many_owned(bytes).await;
                Some(held.map_err(|_| Gone)?)
            }
        };
        self.queue.send(Queued { message, held }).await.map_err(|_| Gone)
    }

    /// Puts in a message of no length worth counting, if there is a place.
    pub fn try_say(&self, message: Message) {
        let _ = self.queue.try_send(Queued { message, held: None });
    }

    /// Waits until the peer has taken most of what waits for it.
    pub async fn drained(&self) {
        // The part is given back at once: who says something next takes what it needs. Nobody closes the semaphore.
        let _ = self.bytes.acquire_many(BYTES_OF_PAGE).await;
    }

    /// Waits until the sender has given up.
    pub async fn closed(&self) {
        self.queue.closed().await;
    }
}

/// What a message takes out of the allowance, in bytes.
fn length(message: &Message) -> u32 {
    match message {
        Message::Text(text) => u32::try_from(text.len()).unwrap_or(BYTES_MAX).min(BYTES_MAX),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn is_ready(future: impl Future) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        matches!(pin!(future).poll(&mut context), Poll::Ready(_))
    }

    /// How many texts of a length a peer that reads nothing gets into the queue.
    fn check(length: usize, taken: usize) {
        let (out, mut messages) = queue();
        let text = || Message::text("x".repeat(length));
        let said = std::iter::repeat_with(|| is_ready(out.say(text()))).take_while(|said| *said).count();
        assert_eq!(said, taken, "texts of {length} bytes");
        assert!(length < 4_096 || !is_ready(out.drained()), "{length} bytes");
        // What is dropped, be it written or not, makes room.
        while messages.try_recv().is_ok() {}
        assert!(is_ready(out.drained()) && is_ready(out.say(text())), "texts of {length} bytes");
    }

    #[test]
    fn a_queue_is_bounded_in_messages_and_in_bytes() {
        check(1, 1_024);
        check(4_096, 1_024);
        check(4_097, 1_023);
        check(1024 * 1024, 4);
        check(4 * 1024 * 1024, 1);
        check(100 * 1024 * 1024, 1);
    }

    #[test]
    fn whoever_waits_for_room_hears_of_a_peer_that_is_gone() {
        let (out, messages) = queue();
        let whole = || Message::text("x".repeat(BYTES_MAX as usize));
        assert!(is_ready(out.say(whole())));
        let mut context = Context::from_waker(Waker::noop());
        let mut waiting = pin!(out.say(whole()));
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        drop(messages);
        assert!(matches!(waiting.poll(&mut context), Poll::Ready(Err(Gone))));
    }
}
