//! Making the projections anew while no server runs.

use crate::config::Config;
use crate::exchange::StartError;
use crate::opening;
use crate::publication;
use crate::recover::{self, RecoverError};
use bandex_journal::{Projected, Projections};
use bandex_sequencer::Replay;

/// Throws the projections of `config`'s store away and writes them anew from the journal's first record; `progress`
/// hears the last record projected and the journal's last. Gives the latter; 0 if there is no journal yet.
///
/// # Errors
/// A server has the store open, the journal cannot be replayed, or the projections cannot be written. Starting the
/// server, or this once more, makes up for what is missing then.
pub async fn rebuild_projections(
    config: &Config,
    mut progress: impl FnMut(u64, u64),
) -> Result<u64, StartError> {
    // Open for writing, though nothing is written: that keeps servers out.
    let journal = opening::open_journal(config).await?;
    let reader = journal.reader();
    let Some(begun) = opening::begun(reader.as_ref()).await? else { return Ok(0) };
    let end = reader.head().await.map_err(RecoverError::from)?.map_or(0, |head| head.seq);
    let mut projections = Projections::rebuild(&config.projections(), begun.id().as_bytes()).await?;
    let mut replay = Replay::new();
    loop {
        let applied = recover::next(&mut replay, reader.as_ref()).await?;
        if applied.is_empty() {
            break;
        }
        let projected: Vec<Projected> = applied.iter().map(publication::projected).collect();
        projections.apply(&projected).await?;
        progress(projections.checkpoint(), end);
    }
    projections.close().await?;
    journal.finish().await.map_err(RecoverError::from)?;
    Ok(end)
}
