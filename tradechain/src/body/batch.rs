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

impl Batch {
    /// The rules that need no state.
    ///
    /// # Errors
    /// It binds no record, or counts past the last seq.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.first_seq == 0 || self.count == 0 {
            return Err("a batch binds at least one record, and records count from 1");
        }
        let last = self.first_seq.checked_add(u64::from(self.count) - 1);
        last.map(drop).ok_or("a batch ends at or before the last seq that 64 bits hold")
    }
}
