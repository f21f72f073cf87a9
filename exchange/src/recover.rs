//! Start: the journal is replayed from its first record, and everything else is made from it.

use bandex_engine::Engine;
use bandex_journal::{JournalReader, ReadError};
use bandex_sequencer::{Applied, Ends, Replay, ReplayError};

/// How many records are read at a time.
const CHUNK: usize = 4_096;

/// The journal cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is damaged, or was written under other rules.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// Replays the journal into a new engine; `tell` sees each record, in order.
///
/// # Errors
/// The journal is damaged, or was written under other rules.
pub(crate) async fn replay(
    reader: &dyn JournalReader,
    tell: impl FnMut(Applied),
) -> Result<(Engine, Ends), RecoverError> {
    replay_from(Replay::new(), reader, tell).await
}

/// As [`replay`], from wherever `replay` stands.
///
/// # Errors
/// As there.
pub(crate) async fn replay_from(
    mut replay: Replay,
    reader: &dyn JournalReader,
    mut tell: impl FnMut(Applied),
) -> Result<(Engine, Ends), RecoverError> {
    loop {
        let records = reader.records(replay.next_seq(), CHUNK).await?;
        if records.is_empty() {
            break;
        }
        for record in records {
            tell(replay.again(&record)?);
        }
    }
    let last = reader.batch_of(replay.engine().seq()).await?;
    Ok(replay.finish(last.as_ref().map(|batch| &batch.block))?)
}
