//! The way back: the records of a journal are applied again, and each must give what it says.

use crate::Ends;
use crate::applied::{Applied, AppliedBlock, Subject};
use bandex_engine::Engine;
use bandex_tradechain::{DecodeError, Decoded, Record, RecordError, SignedBlock, outcome_digest};
use bandex_types::Hash;

/// The journal cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A link is broken.
    #[error("record {seq}: {source}; restore the store from a backup, or ask `bandex audit` what is wrong")]
    Link {
        /// The record.
        seq: u64,
        /// What is broken.
        source: RecordError,
    },
    /// A command, or the batch block of the last record, is none.
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

/// An engine on its way through a journal.
#[derive(Debug)]
pub struct Replay {
    engine: Engine,
    record_hash: Hash,
}

impl Default for Replay {
    fn default() -> Self {
        Self::new()
    }
}

impl Replay {
    /// From the first record on.
    pub fn new() -> Self {
        Self::after(Engine::new(), Hash::ZERO)
    }

    /// From the record behind the one that `engine` applied last, whose hash is `record_hash`. That record's time is
    /// the engine's.
    pub fn after(engine: Engine, record_hash: Hash) -> Self {
        Self { engine, record_hash }
    }

    /// The engine as far as it has come.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The hash of the record that was applied last, zero before the first.
    pub const fn record_hash(&self) -> Hash {
        self.record_hash
    }

    /// The record that comes next.
    pub const fn next_seq(&self) -> u64 {
        self.engine.seq() + 1
    }

    /// Applies the next record again.
    ///
    /// # Errors
    /// It does not follow the one before, holds no command, or had another outcome. What came of it is lost: the
    /// replay has ended then.
    pub fn again(&mut self, record: &Record) -> Result<Applied, ReplayError> {
        let seq = record.seq;
        record
            .follows(self.engine.seq(), self.engine.time(), self.record_hash)
            .map_err(|source| ReplayError::Link { seq, source })?;
        let decoded =
            Decoded::from_bytes(&record.command).map_err(|source| ReplayError::Command { seq, source })?;
        let outcome = self.engine.apply(record.time, &decoded);
        let outcome_bytes = outcome.encode();
        if outcome_digest(&outcome_bytes) != record.outcome_digest {
            return Err(ReplayError::Outcome { seq });
        }
        self.record_hash = record.hash();
        let block = AppliedBlock::of(&decoded, &outcome);
        let operations = decoded.block().map_or_else(Vec::new, |(block, _)| Subject::all(block));
        let (time, leaf) = (record.time, record.leaf());
        Ok(Applied { seq, time, leaf, block, operations, outcome, outcome_bytes })
    }

    /// Ends behind the last record; `last` is the batch block that binds it, none of an empty journal.
    ///
    /// # Errors
    /// The batch block cannot be read.
    pub fn finish(self, last: Option<&SignedBlock>) -> Result<(Engine, Ends), ReplayError> {
        let seq = self.engine.seq();
        let ends = Ends::of(&self.engine, self.record_hash, last)
            .map_err(|source| ReplayError::Command { seq, source })?;
        Ok((self.engine, ends))
    }
}
