//! What the operator's listener answers.

use serde::{Deserialize, Serialize};

/// What the engine's whole state hashes to: the same on every replay of the same journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateDigest {
    /// The record after which it is so; everything up to it is durable.
    pub seq: u64,
    /// SHA-256, hex.
    pub digest: String,
}
