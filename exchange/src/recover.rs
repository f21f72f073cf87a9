//! Replay: from the newest snapshot that fits, or the first record, to the end of the journal.

use crate::snapshots::Snapshots;
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

/// Where a replay begins that is to pass every record behind `up_to`: behind the newest snapshot at or before it that
/// is whole and of this journal, else at the first record. Newer ones that are not are removed.
///
/// # Errors
/// The journal cannot be read.
pub(crate) async fn begin(
    snapshots: &Snapshots,
    reader: &dyn JournalReader,
    up_to: u64,
) -> Result<Replay, RecoverError> {
    for seq in snapshots.seqs().into_iter().filter(|seq| *seq <= up_to) {
        let snapshot = match snapshots.read(seq) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                tracing::warn!(seq, %error, "a snapshot is refused; the journal is replayed instead");
                snapshots.remove(seq);
                continue;
            }
        };
        let records = reader.records(seq, 1).await?;
        if records.first().is_some_and(|record| record.seq == seq && record.hash() == snapshot.record_hash) {
            tracing::info!(seq, "starting from a snapshot");
            return Ok(Replay::after(snapshot.engine, snapshot.record_hash));
        }
        tracing::warn!(seq, "a snapshot is of another journal; this one is replayed instead");
        snapshots.remove(seq);
    }
    Ok(Replay::new())
}

/// Applies the next records of the journal again; none at its end.
///
/// # Errors
/// The journal is damaged, or was written under other rules.
pub(crate) async fn next(
    replay: &mut Replay,
    reader: &dyn JournalReader,
) -> Result<Vec<Applied>, RecoverError> {
    let records = reader.records(replay.next_seq(), CHUNK).await?;
    records.iter().map(|record| replay.again(record).map_err(RecoverError::from)).collect()
}

/// Ends a replay behind the journal's last record.
///
/// # Errors
/// The last batch block cannot be read.
pub(crate) async fn finish(
    replay: Replay,
    reader: &dyn JournalReader,
) -> Result<(Engine, Ends), RecoverError> {
    let last = reader.batch_of(replay.engine().seq()).await?;
    Ok(replay.finish(last.as_ref().map(|batch| &batch.block))?)
}
