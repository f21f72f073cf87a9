//! The node's signature under a batch of records.

use bandex_types::Hash;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Binds `count` records from `first_seq` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Batch {
    /// The first record's seq.
    pub first_seq: u64,
    /// How many records.
    pub count: u32,
    /// Merkle root (RFC 6962) over the records' leaves.
    pub root: Hash,
    /// The hash of the last record, and through its links of all before it.
    pub last_record_hash: Hash,
}
