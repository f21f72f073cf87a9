//! Tries blocks without sequencing them.
//!
//! A second engine follows the journal, as the one does that snapshots are taken of; each block is tried on a copy of it.
//! So the writer neither waits nor knows, and nothing that is tried leaves a trace. The engine is made at the first use,
//! and let go when nobody has asked for a while.

use crate::clock;
use crate::exchange::{Switch, stopped};
use crate::recover::{self, RecoverError};
use crate::snapshots::Snapshots;
use crate::writer::Answer;
use bandex_engine::{Outcome, Standing};
use bandex_journal::JournalReader;
use bandex_sequencer::{Replay, Subject};
use bandex_tradechain::{Decoded, Verified};
use bandex_types::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};
use tokio::time::{Instant, interval, timeout};

/// How many blocks are tried at a time: each copies the whole state and keeps a core busy for as long.
const AT_ONCE: usize = 2;
/// How long an answer may take. What is begun goes on behind it, so that the next one finds the engine further on.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the engine is kept when nobody asks.
const IDLE: Duration = Duration::from_secs(300);

/// The room in which blocks are tried.
pub(crate) struct Rehearsal {
    snapshots: Snapshots,
    reader: Arc<dyn JournalReader>,
    permits: Arc<Semaphore>,
    kept: Arc<Mutex<Option<Kept>>>,
}

/// An engine that follows the journal.
struct Kept {
    replay: Replay,
    used: Instant,
}

/// What would come of a block.
pub(crate) enum Rehearsed {
    /// It would be sequenced.
    Sequenced(Box<Tried>),
    /// It would not, and be answered so.
    Answered(Answer),
}

/// The record that a block would become.
pub(crate) struct Tried {
    pub seq: u64,
    pub time: Timestamp,
    /// What its operations are about.
    pub subjects: Vec<Subject>,
    pub outcome: Outcome,
}

/// Why a block was not tried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTried {
    /// Others are being tried, or the engine is not where the journal is yet.
    #[error("other blocks are being tried")]
    Busy,
    #[error(transparent)]
    Recover(#[from] RecoverError),
}

impl Rehearsal {
    pub fn new(snapshots: Snapshots, reader: Arc<dyn JournalReader>) -> Arc<Self> {
        let (permits, kept) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::default());
        Arc::new(Self { snapshots, reader, permits, kept })
    }

    /// What would come of a block if it were submitted now, after everything up to record `up_to` at least.
    pub async fn attempt(self: Arc<Self>, verified: Verified, up_to: u64) -> Result<Rehearsed, NotTried> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| NotTried::Busy)?;
        let runtime = Handle::current();
        // Replaying and copying keep a thread busy for a while: one that serves nobody else.
        let work = tokio::task::spawn_blocking(move || {
            let tried = runtime.block_on(self.work(verified, up_to));
            drop(permit);
            tried
        });
        match timeout(PATIENCE, work).await {
            Ok(Ok(tried)) => tried,
            Ok(Err(_)) | Err(_) => Err(NotTried::Busy),
        }
    }

    async fn work(&self, verified: Verified, up_to: u64) -> Result<Rehearsed, NotTried> {
        let kept = self.follow(up_to).await?;
        let Some(Kept { replay, .. }) = kept.as_ref() else { return Err(NotTried::Busy) };
        let (engine, now) = (replay.engine(), clock::now());
        let answer = match engine.standing(verified.block(), verified.id(), now) {
            Standing::Next => None,
            Standing::Duplicate { record } => Some(Answer::Duplicate { record }),
            Standing::Fork { record } => Some(Answer::Fork { record }),
            Standing::Gap(head) => Some(Answer::Gap(head)),
            Standing::Refused(refusal) => Some(Answer::Refused(refusal)),
        };
        if let Some(answer) = answer {
            return Ok(Rehearsed::Answered(answer));
        }
        let mut engine = engine.stand_in();
        drop(kept);
        let subjects = Subject::all(verified.block());
        let outcome = engine.apply(now, &Decoded::from(verified));
        let (seq, time) = (engine.seq(), engine.time());
        Ok(Rehearsed::Sequenced(Box::new(Tried { seq, time, subjects, outcome })))
    }

    /// Brings the engine to record `up_to` or beyond. One that cannot go on is let go.
    async fn follow(&self, up_to: u64) -> Result<OwnedMutexGuard<Option<Kept>>, RecoverError> {
        let mut kept = Arc::clone(&self.kept).lock_owned().await;
        let mut replay = match kept.take() {
            Some(kept) => kept.replay,
            None => recover::begin(&self.snapshots, self.reader.as_ref(), up_to).await?,
        };
        while replay.next_seq() <= up_to {
            if recover::next(&mut replay, self.reader.as_ref()).await?.is_empty() {
                break;
            }
        }
        *kept = Some(Kept { replay, used: Instant::now() });
        Ok(kept)
    }

    /// Lets the engine go when nobody has asked for a while, until the server stops.
    pub async fn tidy(self: Arc<Self>, switch: Arc<Switch>) {
        let (mut stopping, mut due) = (switch.stopping(), interval(IDLE / 5));
        loop {
            tokio::select! {
                _ = due.tick() => {}
                () = stopped(&mut stopping) => return,
            }
            self.kept.lock().await.take_if(|kept| kept.used.elapsed() >= IDLE);
        }
    }
}
