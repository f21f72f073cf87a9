//! The way out of a connection: one queue, bounded in messages and in bytes.
//!
//! Whoever answers or makes up for the past waits for room ([`Out::say`]), so a peer that reads nothing slows itself.
//! Pushes of public topics wait for nobody ([`Out::push`]): the same text goes to many, and one of them must not hold
//! up the others. A follower that has more of them unread than its allowance is cut off and told so. A connection that
//! says nothing costs next to nothing: the queue grows and shrinks with what waits in it.

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Notify, Semaphore, mpsc};

/// The most messages that wait for a slow peer, pushes of public topics aside.
const MESSAGES_MAX: usize = 1_024;
/// The most bytes of texts that wait for a slow peer, pushes of public topics aside. A longer text waits until it is
/// alone.
const BYTES_MAX: u32 = 4 * 1024 * 1024;
/// The bytes that must be free before a peer is told more of what it asked for.
const BYTES_OF_PAGE: u32 = BYTES_MAX / 2;
/// A push counts as so many bytes at least: small ones take room in the queue too.
const PUSH_BYTES_LEAST: usize = 1_024;

/// A message, with what it takes up until this is dropped.
#[derive(Debug)]
pub(super) struct Queued {
    pub message: Message,
    pub held: Held,
}

/// The part of an allowance that a message takes up.
#[derive(Debug)]
pub(super) struct Held {
    out: Arc<Inner>,
    of: Part,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    /// Of those who wait for room.
    Said { bytes: u32 },
    /// Of pushes.
    Pushed { bytes: usize },
}

#[derive(Debug)]
struct Inner {
    /// Free places and bytes for those who wait for room.
    messages: Semaphore,
    bytes: Semaphore,
    /// Bytes of pushes that wait, and how many may.
    pushed: AtomicUsize,
    pushed_max: usize,
    /// Why the connection is cut off, once it is.
    why: OnceLock<CloseFrame>,
    cut: Notify,
}

/// Where the tasks of a connection, and the topics that it follows, put what they have to say.
#[derive(Debug, Clone)]
pub(super) struct Out {
    queue: mpsc::UnboundedSender<Queued>,
    inner: Arc<Inner>,
}

/// The sender's end.
#[derive(Debug)]
pub(super) struct Messages {
    queue: mpsc::UnboundedReceiver<Queued>,
    inner: Arc<Inner>,
}

/// The other end is gone.
#[derive(Debug)]
pub(super) struct Gone;

/// Why a push was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotPushed {
    /// The connection is gone.
    Gone,
    /// Too much waits already.
    Full,
}

/// A queue in which at most `pushed_max` bytes of pushes may wait.
pub(super) fn queue(pushed_max: usize) -> (Out, Messages) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let inner = Arc::new(Inner {
        messages: Semaphore::new(MESSAGES_MAX),
        bytes: Semaphore::new(BYTES_MAX as usize),
        pushed: AtomicUsize::new(0),
        pushed_max,
        why: OnceLock::new(),
        cut: Notify::new(),
    });
    (Out { queue: sender, inner: Arc::clone(&inner) }, Messages { queue: receiver, inner })
}

impl Out {
    /// Waits for room and puts the message in.
    ///
    /// # Errors
    /// The sender gave up.
    pub async fn say(&self, message: Message) -> Result<(), Gone> {
        let bytes = length(&message);
        let taking = async {
            self.inner.messages.acquire().await.map_err(|_| Gone)?.forget();
            let mut held = self.held(Part::Said { bytes: 0 });
            self.inner.bytes.acquire_many(bytes).await.map_err(|_| Gone)?.forget();
            held.of = Part::Said { bytes };
            Ok(held)
        };
        let held = tokio::select! {
            held = taking => held?,
            () = self.closed() => return Err(Gone),
        };
        self.queue.send(Queued { message, held }).map_err(|_| Gone)
    }

    /// Puts in a message that was asked for and waits for nobody; whoever asks for many of them waits for
    /// [`Out::drained`] in between.
    ///
    /// # Errors
    /// The sender gave up.
    pub fn say_now(&self, message: Message) -> Result<(), Gone> {
        // What is not free now is not taken: there is one such message at a time.
        let bytes = length(&message).min(BYTES_OF_PAGE);
        let of = match self.inner.messages.try_acquire() {
            Err(_) => Part::Pushed { bytes: 0 },
            Ok(place) => {
                place.forget();
                let taken = self.inner.bytes.try_acquire_many(bytes).map(|permit| permit.forget());
                Part::Said { bytes: taken.map_or(0, |()| bytes) }
            }
        };
        let held = self.held(of);
        self.queue.send(Queued { message, held }).map_err(|_| Gone)
    }

    /// Puts in a message of no length worth counting, if there is a place.
    pub fn try_say(&self, message: Message) {
        if let Ok(place) = self.inner.messages.try_acquire() {
            place.forget();
            let held = self.held(Part::Said { bytes: 0 });
            let _ = self.queue.send(Queued { message, held });
        }
    }

    /// Puts in a push, unless too many wait. A push that is larger than the whole allowance is taken if it is alone.
    ///
    /// # Errors
    /// See [`NotPushed`].
    pub fn push(&self, text: &Utf8Bytes) -> Result<(), NotPushed> {
        let bytes = text.len().max(PUSH_BYTES_LEAST);
        let before = self.inner.pushed.fetch_add(bytes, Ordering::AcqRel);
        let held = self.held(Part::Pushed { bytes });
        if before > 0 && before.saturating_add(bytes) > self.inner.pushed_max {
            return Err(NotPushed::Full);
        }
        let message = Message::Text(text.clone());
        self.queue.send(Queued { message, held }).map_err(|_| NotPushed::Gone)
    }

    /// Ends the connection at once; what waits is not sent any more. Only the first reason counts.
    pub fn cut(&self, why: CloseFrame) {
        let _ = self.inner.why.set(why);
        self.inner.cut.notify_waiters();
        self.inner.cut.notify_one();
    }

    /// Waits until the peer has taken most of what waits for it.
    pub async fn drained(&self) {
        // The part is given back at once: who says something next takes what it needs. Nobody closes the semaphore.
        tokio::select! {
            _ = self.inner.bytes.acquire_many(BYTES_OF_PAGE) => {}
            () = self.closed() => {}
        }
    }

    /// Waits until the sender has given up.
    pub async fn closed(&self) {
        self.queue.closed().await;
    }

    fn held(&self, of: Part) -> Held {
        Held { out: Arc::clone(&self.inner), of }
    }
}

impl Messages {
    /// Takes what waits, at least one message and at most `limit`; 0 once nobody can say anything any more.
    ///
    /// # Errors
    /// Why the connection is cut off.
    pub async fn recv_many(&mut self, messages: &mut Vec<Queued>, limit: usize) -> Result<usize, CloseFrame> {
        tokio::select! {
            biased;
            why = self.inner.is_cut() => Err(why),
            count = self.queue.recv_many(messages, limit) => Ok(count),
        }
    }

    /// Waits until the connection is cut off; gives why.
    pub async fn cut(&self) -> CloseFrame {
        self.inner.is_cut().await
    }

    /// Throws away what waits, and takes no more.
    pub fn close(&mut self) {
        self.queue.close();
        while self.queue.try_recv().is_ok() {}
    }
}

impl Inner {
    async fn is_cut(&self) -> CloseFrame {
        loop {
            let cut = self.cut.notified();
            if let Some(why) = self.why.get() {
                return why.clone();
            }
            cut.await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        match self.of {
            Part::Said { bytes } => {
                self.out.messages.add_permits(1);
                self.out.bytes.add_permits(bytes as usize);
            }
            Part::Pushed { bytes } => {
                self.out.pushed.fetch_sub(bytes, Ordering::AcqRel);
            }
        }
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
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    const PUSHED_MAX: usize = 10 * PUSH_BYTES_LEAST;

    fn is_ready<T>(future: impl Future<Output = T>) -> bool {
        pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// So many texts of a length can be said before somebody must wait, and again once the first is gone.
    fn check(length: usize, count: usize) {
        let (out, mut messages) = queue(PUSHED_MAX);
        let text = || Message::text("x".repeat(length));
        for _ in 0..count {
            assert!(is_ready(out.say(text())), "{count} texts of {length} bytes");
        }
        assert!(!is_ready(out.say(text())), "{count} texts of {length} bytes");
        let half_free = count.saturating_mul(length) <= BYTES_OF_PAGE as usize;
        assert_eq!(is_ready(out.drained()), half_free, "{count} texts of {length} bytes");
        let mut taken = Vec::new();
        assert!(is_ready(messages.recv_many(&mut taken, 1)));
        assert!(!is_ready(out.say(text())), "it counts until it is written");
        taken.clear();
        assert!(is_ready(out.say(text())), "texts of {length} bytes");
        while is_ready(messages.recv_many(&mut taken, count)) {
            taken.clear();
        }
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
        let (out, messages) = queue(PUSHED_MAX);
        let whole = || Message::text("x".repeat(BYTES_MAX as usize));
        assert!(is_ready(out.say(whole())));
        let mut context = Context::from_waker(Waker::noop());
        let mut waiting = pin!(out.say(whole()));
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        drop(messages);
        assert!(matches!(waiting.poll(&mut context), Poll::Ready(Err(Gone))));
    }

    #[test]
    fn pushes_wait_for_nobody_and_are_bounded() {
        let (out, mut messages) = queue(PUSHED_MAX);
        let text = |length: usize| Utf8Bytes::from("x".repeat(length));
        // Small ones count as a kilobyte.
        for _ in 0..10 {
            assert_eq!(out.push(&text(1)), Ok(()));
        }
        assert_eq!(out.push(&text(1)), Err(NotPushed::Full));
        assert!(is_ready(out.say(Message::text("a reply"))), "they have an allowance of their own");
        let mut taken = Vec::new();
        assert!(is_ready(messages.recv_many(&mut taken, 1)));
        assert_eq!(out.push(&text(1)), Err(NotPushed::Full), "it counts until it is written");
        taken.clear();
        assert_eq!(out.push(&text(1)), Ok(()));
        // A large one is taken if it is alone.
        assert!(is_ready(messages.recv_many(&mut taken, 100)));
        taken.clear();
        assert_eq!(out.push(&text(2 * PUSHED_MAX)), Ok(()));
        assert_eq!(out.push(&text(1)), Err(NotPushed::Full));
        drop(messages);
        assert_eq!(out.push(&text(1)), Err(NotPushed::Gone));
    }

    #[test]
    fn what_was_asked_for_is_taken_however_full_it_is() {
        let (out, mut messages) = queue(PUSHED_MAX);
        for _ in 0..3 {
            assert!(out.say_now(Message::text("x".repeat(BYTES_MAX as usize))).is_ok());
        }
        assert!(!is_ready(out.drained()), "the next one waits");
        let mut taken = Vec::new();
        assert!(is_ready(messages.recv_many(&mut taken, 3)));
        taken.clear();
        assert!(is_ready(out.drained()));
        out.cut(CloseFrame { code: 1008, reason: "why".into() });
        assert!(is_ready(messages.cut()));
        messages.close();
        assert!(out.say_now(Message::text("more")).is_err());
    }
}
