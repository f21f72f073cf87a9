//! Works out the scores of an epoch of the trust graph beside the writer, and hands them to it as a command.
//!
//! The writer only lends a copy of the graph; nothing waits for the scores, and until they are there the old ones hold.

use crate::exchange::{Switch, stopped};
use crate::writer::Input;
use bandex_engine::{Checkpoint, Engine};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// The last epoch that ended, with its graph.
#[derive(Debug, Clone)]
pub(crate) struct LastEpoch {
    pub checkpoint: Arc<Checkpoint>,
    /// Whether its scores are still to come.
    pub is_due: bool,
}

impl LastEpoch {
    /// As the engine has it; none before the first end of an epoch.
    pub fn of(engine: &Engine) -> Option<Self> {
        let checkpoint = Arc::new(engine.last_checkpoint()?);
        Some(Self { checkpoint, is_due: engine.checkpoint().is_some() })
    }
}

/// Works until the server stops.
pub(crate) async fn score(
    mut epochs: watch::Receiver<Option<LastEpoch>>,
    queue: mpsc::Sender<Input>,
    switch: Arc<Switch>,
) {
    let mut stopping = switch.stopping();
    let mut done = None;
    loop {
        let due = |last: &Option<LastEpoch>| {
            last.as_ref().is_some_and(|last| last.is_due && Some(last.checkpoint.key) != done)
        };
        let checkpoint = tokio::select! {
            ended = epochs.wait_for(due) => match ended {
                Ok(last) => last.clone(),
                Err(_) => return,
            },
            () = stopped(&mut stopping) => return,
        };
        let Some(LastEpoch { checkpoint, .. }) = checkpoint else { continue };
        let (epoch, key) = (checkpoint.epoch, checkpoint.key);
        done = Some(key);
        let begun = std::time::Instant::now();
        // A large graph keeps a thread busy for a while: one that serves nobody else.
        match tokio::task::spawn_blocking(move || checkpoint.scores()).await {
            Ok(scores) => {
                tracing::info!(epoch, scores = scores.scores.len(), took = ?begun.elapsed(), "an epoch is scored");
                tokio::select! {
                    sent = queue.send(Input::Scores(scores)) => if sent.is_err() { return },
                    () = stopped(&mut stopping) => return,
                }
            }
            Err(error) => tracing::error!(%error, epoch, "the scores of an epoch were not worked out"),
        }
    }
}
