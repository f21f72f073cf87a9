//! Tells what is committed: the view first, then whoever listens, then the projections.

use crate::publication::{self, Publication};
use crate::view::View;
use bandex_journal::{Projected, ProjectionError, Projections};
use std::sync::{Arc, RwLock};
use tokio::sync::{broadcast, mpsc, watch};

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

/// Writes what was published into the projections, in as few transactions as it can keep up with.
///
/// # Errors
/// The projections cannot be written; they stay behind and are made up for at the next start.
pub(crate) async fn project(
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
