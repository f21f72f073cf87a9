//! Tells what is committed: the view first, then whoever listens, then the projections.

use crate::exchange::stopped;
use crate::publication::{self, Publication};
use crate::view::View;
use bandex_journal::{Projected, ProjectionError, Projections};
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};

/// How long the projections may still write when everything stops: long enough for what waits, unless their database
/// does not answer.
const GRACE: Duration = Duration::from_secs(5);

/// Passes publications on, in order, until the writer is gone.
pub(crate) async fn publish(
    mut publications: mpsc::Receiver<Arc<Publication>>,
    view: Arc<RwLock<View>>,
    news: broadcast::Sender<Arc<Publication>>,
    published: watch::Sender<u64>,
    projector: mpsc::Sender<Arc<Publication>>,
) {
    while let Some(publication) = publications.recv().await {
        // The lock keeps snapshot and news together: whoever reads the view before this has yet to hear of it.
        {
            let mut view = view.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            view.publish(&publication);
            let _ = news.send(Arc::clone(&publication));
        }
        published.send_replace(publication.last_seq());
        if projector.send(publication).await.is_err() {
            return;
        }
    }
}

/// Writes what was published into the projections until the publisher is gone, and not for long after everything stops.
///
/// # Errors
/// The projections cannot be written; they stay behind and are made up for at the next start.
pub(crate) async fn project(
    projections: Projections,
    publications: mpsc::Receiver<Arc<Publication>>,
    checkpoint: watch::Sender<u64>,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), ProjectionError> {
    let grace = async {
        stopped(&mut stopping).await;
        tokio::time::sleep(GRACE).await;
    };
    // Dropping a write half-way does no harm: the checkpoint is in the same transaction as the rows, so the store holds
    // all of it or nothing, and the next start reads which and makes up for the rest from the journal.
    tokio::select! {
        written = keep_up(projections, publications, checkpoint) => written,
        () = grace => {
            tracing::warn!("the projections were not written to the end; the next start makes up for it");
            Ok(())
        }
    }
}

/// As few transactions as it can keep up with.
async fn keep_up(
    mut projections: Projections,
    mut publications: mpsc::Receiver<Arc<Publication>>,
    checkpoint: watch::Sender<u64>,
) -> Result<(), ProjectionError> {
    let mut waiting = Vec::new();
    while publications.recv_many(&mut waiting, 64).await > 0 {
        let records = waiting.drain(..);
        let projected: Vec<Projected> = records
            .flat_map(|publication| {
                publication.records().iter().map(publication::projected).collect::<Vec<_>>()
            })
            .collect();
        projections.apply(&projected).await?;
        checkpoint.send_replace(projections.checkpoint());
    }
    Ok(())
}
