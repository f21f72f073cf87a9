//! Puts the engine away now and then, so that the next start is short.
//!
//! The writer's engine is not touched: a second one, restored from the last snapshot, replays what the journal has got
//! since and is put away. So the writer never waits, and every snapshot is one that a replay has confirmed.

use crate::exchange::{Switch, stopped};
use crate::recover::{self, RecoverError};
use crate::snapshots::Snapshots;
use bandex_journal::JournalReader;
use std::io;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// The journal grows by this share of its length between two snapshots, if that is more than the configured least: so
/// all the replaying together stays in proportion to the journal.
const SHARE: u64 = 8;

/// Why no snapshot was made. The server goes on; only the next start is longer.
#[derive(Debug, thiserror::Error)]
enum NoSnapshot {
    #[error(transparent)]
    Recover(#[from] RecoverError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What it works with.
pub(crate) struct Snapshotter {
    pub snapshots: Snapshots,
    pub reader: Arc<dyn JournalReader>,
    /// The least number of records between two snapshots.
    pub every: u64,
    /// The last record that the projections hold: a start can only begin at or before it.
    pub checkpoint: watch::Receiver<u64>,
    pub switch: Arc<Switch>,
}

impl Snapshotter {
    /// Works until the server stops.
    pub async fn run(self) {
        let this = Arc::new(self);
        let (mut checkpoint, mut stopping) = (this.checkpoint.clone(), this.switch.stopping());
        let mut last = this.snapshots.seqs().first().copied().unwrap_or(0);
        loop {
            let next = last.saturating_add(this.every.max(last / SHARE));
            last = tokio::select! {
                reached = checkpoint.wait_for(|at| *at >= next) => match reached {
                    Ok(at) => *at,
                    Err(_) => return,
                },
                () = stopped(&mut stopping) => return,
            };
            let (taker, runtime) = (Arc::clone(&this), Handle::current());
            // Restoring and replaying keep a thread busy for a while: one that serves nobody else.
            let taken = tokio::task::spawn_blocking(move || runtime.block_on(taker.take(last))).await;
            let failed = match taken {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            tracing::warn!(seq = last, failed, "no snapshot was made; the next start takes longer");
        }
    }

    /// Replays from the newest snapshot to `up_to` or a little beyond, and puts the engine away.
    async fn take(&self, up_to: u64) -> Result<(), NoSnapshot> {
        let mut replay = recover::begin(&self.snapshots, self.reader.as_ref(), up_to).await?;
        while replay.next_seq() <= up_to {
            if self.switch.is_stopping() {
                return Ok(());
            }
            if recover::next(&mut replay, self.reader.as_ref()).await?.is_empty() {
                break;
            }
        }
        Ok(self.snapshots.save(replay.engine(), replay.record_hash())?)
    }
}
