//! Start: the journal is replayed from its first record, and everything else is made from it.

use crate::batcher::Ends;
use crate::publication::{Applied, AppliedBlock};
use bandex_engine::Engine;
use bandex_journal::{JournalReader, ReadError};
use bandex_tradechain::{DecodeError, Decoded, Head, Record, RecordError};
use bandex_types::{BlockId, Hash, Timestamp};

/// How many records are read at a time.
const CHUNK: usize = 4_096;

/// The journal cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A link is broken.
    #[error("record {seq}: {source}; restore the store from a backup, or ask `bandex audit` what is wrong")]
    Link {
        /// The record.
        seq: u64,
        /// What is broken.
        source: RecordError,
    },
    /// A command is none.
    #[error("record {seq}: {source}")]
    Command {
        /// The record.
        seq: u64,
        /// What is wrong.
        source: DecodeError,
    },
    /// The rules give another outcome.
    #[error("record {seq}: the rules give another outcome than the record says; `bandex audit` shows both")]
    Outcome {
        /// The record.
        seq: u64,
    },
}

/// Replays the journal into a new engine; `tell` sees each record, in order.
///
/// # Errors
/// The journal is damaged, or was written under other rules.
pub(crate) async fn replay(
    reader: &dyn JournalReader,
    mut tell: impl FnMut(Applied),
) -> Result<(Engine, Ends), RecoverError> {
    let mut engine = Engine::new();
    let (mut last_time, mut last_hash) = (Timestamp::ZERO, Hash::ZERO);
    loop {
        let records = reader.records(engine.seq() + 1, CHUNK).await?;
        if records.is_empty() {
            break;
        }
        for record in records {
            let seq = record.seq;
            record
                .follows(engine.seq(), last_time, last_hash)
                .map_err(|source| RecoverError::Link { seq, source })?;
            (last_time, last_hash) = (record.time, record.hash());
            tell(again(&mut engine, &record)?);
        }
    }
    let node = node_head(reader, &engine).await?;
    Ok((engine, Ends { record_hash: last_hash, node }))
}

fn again(engine: &mut Engine, record: &Record) -> Result<Applied, RecoverError> {
    let seq = record.seq;
    let decoded =
        Decoded::from_bytes(&record.command).map_err(|source| RecoverError::Command { seq, source })?;
    let outcome = engine.apply(record.time, &decoded);
    let outcome_bytes = outcome.encode();
    if bandex_tradechain::outcome_digest(&outcome_bytes) != record.outcome_digest {
        return Err(RecoverError::Outcome { seq });
    }
    let block = AppliedBlock::of(&decoded, &outcome);
    Ok(Applied { seq, time: record.time, leaf: record.leaf(), block, outcome, outcome_bytes })
}

/// The end of the node's lane: its last batch block, or the genesis before the first.
async fn node_head(reader: &dyn JournalReader, engine: &Engine) -> Result<Head, RecoverError> {
    let genesis = engine.genesis().map_or(BlockId::ZERO, bandex_tradechain::Genesis::id);
    let Some(last) = reader.batch_of(engine.seq()).await? else {
        return Ok(Head { seq: 0, id: genesis });
    };
    let seq = bandex_tradechain::Block::decode(&last.block.payload)
        .map_err(|source| RecoverError::Command { seq: last.first_seq, source })?
        .seq;
    Ok(Head { seq, id: last.block.batch_id() })
}
