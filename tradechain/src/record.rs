//! Records: what the journal keeps of each command, linked by hashes.

use crate::{Domain, SignedBlock, merkle};
use bandex_types::{Hash, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// One line of the journal. Its hash covers all of it and the hash before.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Record {
    /// Position in the journal, from 1 without gaps.
    pub seq: u64,
    /// Sequenced time; never runs backwards.
    pub time: Timestamp,
    /// The version of the rules that were applied.
    pub rules: u32,
    /// The command's bytes.
    pub command: Vec<u8>,
    /// Digest of the outcome's bytes.
    pub outcome_digest: Hash,
    /// The hash of the record before it, zero for the first.
    pub previous: Hash,
}

/// What a batch's Merkle tree holds of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Leaf {
    /// Position in the journal.
    pub seq: u64,
    /// Sequenced time.
    pub time: Timestamp,
    /// The version of the rules.
    pub rules: u32,
    /// Hash of the command's bytes.
    pub command_hash: Hash,
    /// Digest of the outcome's bytes.
    pub outcome_digest: Hash,
}

/// Why a record does not follow another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A record is missing, doubled or out of order.
    #[error("record {expected} is missing: record {found} stands in its place")]
    Sequence {
        /// The seq that is due.
        expected: u64,
        /// The seq that came.
        found: u64,
    },
    /// The hash link is broken.
    #[error("the record does not name the hash of the record before it")]
    Link,
    /// Sequenced time ran backwards.
    #[error("sequenced time runs backwards")]
    Time,
}

/// The digest of an outcome's bytes.
pub fn outcome_digest(outcome: &[u8]) -> Hash {
    Domain::Receipt.hash(outcome)
}

impl Record {
    /// What the batch's tree holds of it.
    pub fn leaf(&self) -> Leaf {
        Leaf {
            seq: self.seq,
            time: self.time,
            rules: self.rules,
            command_hash: Domain::Command.hash(&self.command),
            outcome_digest: self.outcome_digest,
        }
    }

    /// The record's hash: over its leaf and the hash before it.
    pub fn hash(&self) -> Hash {
        let mut bytes = self.leaf().bytes();
        bytes.extend_from_slice(self.previous.as_bytes());
        Domain::Record.hash(&bytes)
    }

    /// Checks that it follows a record with `seq`, `time` and `hash`; the first follows seq 0, time 0, hash zero.
    ///
    /// # Errors
    /// A gap, a broken link, or time running backwards.
    pub fn follows(&self, seq: u64, time: Timestamp, hash: Hash) -> Result<(), RecordError> {
        let expected = seq.saturating_add(1);
        if self.seq != expected {
            return Err(RecordError::Sequence { expected, found: self.seq });
        }
        if self.previous != hash {
            return Err(RecordError::Link);
        }
        if self.time < time { Err(RecordError::Time) } else { Ok(()) }
    }
}

/// Everything one transaction of a journal writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The records, in order; at least one.
    pub records: Vec<Record>,
    /// The node's signed batch block over exactly them.
    pub block: SignedBlock,
}

impl Leaf {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        let written = BorshSerialize::serialize(self, &mut bytes);
        debug_assert!(written.is_ok(), "fixed-size fields always fit a Vec");
        bytes
    }

    /// Its hash as a leaf of the batch's tree.
    pub fn hash(&self) -> Hash {
        merkle::leaf_hash(&self.bytes())
    }
}
