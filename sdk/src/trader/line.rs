//! The line between a lane and the connection: what is under way, who waits for it, and how it recovers.
//!
//! In good times each block is sent as it is signed. Once one comes back unsequenced, all behind it come back with a
//! gap; then one task sends everything pending again, in order, until none is turned away, and what is signed meanwhile
//! joins the queue. In good times and in bad a lane has no more blocks under way than the connection has room for: whoever
//! signs more waits.
//!
//! The tasks behind a line do not keep it: once nobody trades by it or waits for an answer, it and its store are closed.

use super::fate::{Fate, LaneError, judge};
use super::{SubmitError, TraderError};
use crate::client::Slot;
use crate::lane::{Entry, LaneState, LaneStore, StoreError};
use crate::{Client, OwnBlock, SignError, Signer};
use bandex_api::BlockReply;
use bandex_tradechain::Block;
use bandex_types::PublicKey;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::sleep;

type Answer = Result<BlockReply, TraderError>;

/// The first and the longest wait before pending blocks are sent again.
const FIRST_WAIT: Duration = Duration::from_millis(5);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// The most blocks sent again at a time, so that a long queue does not crowd others off the connection.
const MOST_AT_ONCE: usize = 64;

/// What is guarded: signing, storing and queueing are one step.
pub(super) struct Lane {
    pub signer: Signer,
    pub state: LaneState,
    store: Box<dyn LaneStore>,
    waiters: BTreeMap<u64, Waiter>,
    /// Who waits until everything up to a seq is answered.
    resumers: Vec<(u64, oneshot::Sender<Result<(), LaneError>>)>,
    /// Answered out of order, before a predecessor was.
    answered: BTreeSet<u64>,
    recovering: bool,
    broken: Option<LaneError>,
}

/// Who signed a block and waits for its answer.
struct Waiter {
    reply: oneshot::Sender<Answer>,
    /// Keeps the block's room in the lane until it is answered.
    _room: OwnedSemaphorePermit,
}

#[derive(Debug)]
pub(super) struct Line {
    client: Client,
    key: PublicKey,
    /// How many more blocks may be under way in this lane. It is apart from the connection's room, which other lanes
    /// share and need while this one recovers.
    room: Arc<Semaphore>,
    lane: Mutex<Lane>,
}

/// Room for one more block, in the lane and on the connection.
#[derive(Debug)]
pub(super) struct Room {
    of_lane: OwnedSemaphorePermit,
    slot: Slot,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane")
            .field("signer", &self.signer)
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}

impl Lane {
    /// Signs a block and stores it; the lane is as before if either fails.
    pub fn add<E: Into<TraderError>>(
        &mut self,
        sign: impl FnOnce(&mut Signer) -> Result<OwnBlock, E>,
    ) -> Result<OwnBlock, TraderError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone().into());
        }
        let before = self.signer.head();
        let own = sign(&mut self.signer).map_err(Into::into)?;
        let stored = Block::decode(&own.signed.payload)
            .map_err(|error| StoreError::Damaged { line: 0, why: error.to_string() })
            .and_then(|block| self.store.append(&Entry::Block(own.signed.clone())).map(|()| block));
        match stored {
            Ok(block) => {
                // From here the block may be sent, and must be until it is answered.
                self.state.push(own.clone(), &block);
                Ok(own)
            }
            Err(error) => {
                self.signer.rewind(before);
                Err(error.into())
            }
        }
    }

    /// Block `seq` has its answer.
    fn settle(&mut self, seq: u64, answer: Result<BlockReply, SubmitError>) {
        if let Ok(reply) = &answer {
            let refused = reply.operations.iter().zip(0..).filter(|(operation, _)| !operation.ok);
            let refused: Vec<usize> = refused.map(|(_, place)| place).collect();
            if !refused.is_empty() {
                self.state.forget(seq, &refused);
            }
        }
        self.answered.insert(seq);
        let before = self.state.confirmed.seq;
        while let Some(first) = self.state.pending.front().map(|block| block.seq)
            && self.answered.remove(&first)
        {
            self.state.confirm(first);
        }
        let confirmed = self.state.confirmed.seq;
        self.answered.retain(|seq| *seq > confirmed);
        if confirmed > before
            && let Err(error) = self.store.append(&Entry::Confirmed(confirmed))
        {
            // Forgetting an answer costs one needless repetition, which is answered as before.
            tracing::warn!(%error, "an answer could not be noted");
        }
        for (_, resumer) in self.resumers.extract_if(.., |(last, _)| *last <= confirmed) {
            let _ = resumer.send(Ok(()));
        }
        if let Some(waiter) = self.waiters.remove(&seq) {
            let _ = waiter.reply.send(answer.map_err(TraderError::Submit));
        }
    }

    fn break_off(&mut self, error: &LaneError) {
        tracing::warn!(%error, key = %self.state.key, "the lane cannot go on");
        self.broken = Some(error.clone());
        for (_, waiter) in std::mem::take(&mut self.waiters) {
            let _ = waiter.reply.send(Err(error.clone().into()));
        }
        for (_, resumer) in self.resumers.drain(..) {
            let _ = resumer.send(Err(error.clone()));
        }
    }
}

impl Line {
    pub fn new(client: Client, signer: Signer, state: LaneState, store: Box<dyn LaneStore>) -> Arc<Self> {
        let (key, room) = (signer.key(), Arc::new(Semaphore::new(client.window())));
        let (waiters, resumers, answered) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        let lane =
            Lane { signer, state, store, waiters, resumers, answered, recovering: false, broken: None };
        Arc::new(Self { client, key, room, lane: Mutex::new(lane) })
    }

    pub const fn key(&self) -> PublicKey {
        self.key
    }

    pub const fn client(&self) -> &Client {
        &self.client
    }

    pub fn lane(&self) -> MutexGuard<'_, Lane> {
        // Every step under the lock leaves the lane whole, so a panic elsewhere in it changes nothing.
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether blocks that were turned away are sent again.
    #[cfg(test)]
    pub fn is_recovering(&self) -> bool {
        self.lane().recovering
    }

    /// Waits until another block may be under way. First come, first served.
    ///
    /// # Errors
    /// The connection was given up.
    pub async fn room(&self) -> Result<Room, SubmitError> {
        let of_lane = Arc::clone(&self.room).acquire_owned().await.map_err(|_| SubmitError::Closed)?;
        Ok(Room { of_lane, slot: self.client.room().await? })
    }

    /// Signs, stores and sends one block.
    pub fn start(
        self: &Arc<Self>,
        room: Room,
        sign: impl FnOnce(&mut Signer) -> Result<OwnBlock, SignError>,
    ) -> Result<(OwnBlock, oneshot::Receiver<Answer>), TraderError> {
        let mut lane = self.lane();
        let own = lane.add(sign)?;
        let (reply, answer) = oneshot::channel();
        lane.waiters.insert(own.seq, Waiter { reply, _room: room.of_lane });
        if !lane.recovering {
            // Still under the lock, so that blocks go out in the order of their signatures.
            let answer = room.slot.submit(own.signed.clone());
            tokio::spawn(Self::follow(Arc::downgrade(self), own.seq, answer));
        }
        Ok((own, answer))
    }

    async fn follow(
        line: Weak<Self>,
        seq: u64,
        answer: impl Future<Output = Result<BlockReply, SubmitError>> + Send,
    ) {
        let answer = answer.await;
        let Some(here) = line.upgrade() else { return };
        let again = here.heed(seq, answer, false);
        let recovers = again.is_some() && !std::mem::replace(&mut here.lane().recovering, true);
        drop(here);
        if let Some(wait) = again.filter(|_| recovers) {
            Self::recover(line, wait.unwrap_or(FIRST_WAIT)).await;
        }
    }

    /// Carries out what an answer means; how long to wait if everything pending must be sent again.
    fn heed(
        &self,
        seq: u64,
        answer: Result<BlockReply, SubmitError>,
        fresh: bool,
    ) -> Option<Option<Duration>> {
        let mut lane = self.lane();
        match judge(&lane.state, seq, &answer, fresh) {
            Fate::Answered => lane.settle(seq, answer),
            // What comes behind a block that broke the lane says nothing new.
            _ if lane.broken.is_some() => {}
            Fate::Again(wait) => return Some(wait),
            Fate::Broken(error) => lane.break_off(&error),
        }
        None
    }

    /// What to send again, the first `most` of it; nothing, and the end of recovering, once all is answered or the lane
    /// is broken.
    fn unanswered(&self, most: usize) -> Vec<OwnBlock> {
        let mut lane = self.lane();
        let pending = lane.state.pending.iter().filter(|block| !lane.answered.contains(&block.seq));
        let again: Vec<_> = match lane.broken {
            None => pending.take(most).cloned().collect(),
            Some(_) => Vec::new(),
        };
        lane.recovering = !again.is_empty();
        again
    }

    async fn recover(line: Weak<Self>, mut wait: Duration) {
        loop {
            sleep(wait).await;
            let Some(here) = line.upgrade() else { return };
            let again = here.unanswered(MOST_AT_ONCE);
            if again.is_empty() {
                return;
            }
            let client = here.client.clone();
            drop(here);
            let sent: Vec<_> = again.into_iter().map(|own| (own.seq, client.submit(own.signed))).collect();
            let mut asked: Option<Duration> = None;
            let mut stalled = false;
            for (seq, answer) in sent {
                let answer = answer.await;
                let Some(here) = line.upgrade() else { return };
                if let Some(wait) = here.heed(seq, answer, true) {
                    stalled = true;
                    asked = asked.max(wait);
                }
            }
            if !stalled && line.upgrade().is_none_or(|here| here.go_on()) {
                return;
            }
            wait = match stalled {
                true => asked.unwrap_or_default().max(wait.saturating_mul(2)).min(LONGEST_WAIT),
                false => Duration::ZERO,
            };
        }
    }

    /// Ends recovering, since nothing is turned away any more: what is left goes out like blocks that were just signed. A
    /// trader that signs all the time would have no end of it otherwise. False while there is too much left for that.
    fn go_on(self: &Arc<Self>) -> bool {
        let mut lane = self.lane();
        let left = lane.state.pending.iter().filter(|block| !lane.answered.contains(&block.seq));
        let left: Vec<_> = left.cloned().collect();
        if left.len() > self.client.window() {
            return false;
        }
        lane.recovering = false;
        if lane.broken.is_none() {
            // Still under the lock, so that nothing that is signed overtakes them.
            for own in left {
                let answer = self.client.submit(own.signed);
                tokio::spawn(Self::follow(Arc::downgrade(self), own.seq, answer));
            }
        }
        true
    }

    /// Sends again whatever is pending, and waits until it is answered.
    pub async fn resume(self: &Arc<Self>) -> Result<(), TraderError> {
        let (resumer, done) = oneshot::channel();
        {
            let mut lane = self.lane();
            lane.broken = None;
            let Some(last) = lane.state.pending.back().map(|block| block.seq) else { return Ok(()) };
            lane.resumers.push((last, resumer));
            if !std::mem::replace(&mut lane.recovering, true) {
                tokio::spawn(Self::recover(Arc::downgrade(self), Duration::ZERO));
            }
        }
        // However a block was answered, it was: what it meant was its own author's business.
        Ok(done.await.unwrap_or(Err(LaneError::Closed))?)
    }
}
