//! Bandwidth given and taken, and the tokens agreed for it.

use bandex_types::{AccountId, Amount};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Proposes the record of a transfer of data between two peers. The counterparty's acknowledgement makes it count:
/// only then are balances checked and tokens moved.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Bandwidth {
    /// The other peer.
    pub counterparty: AccountId,
    /// Bytes the author sent to the counterparty.
    pub sent_bytes: u64,
    /// Bytes the counterparty sent to the author.
    pub received_bytes: u64,
    /// Who pays the tokens.
    pub payer: Payer,
    /// The tokens they agreed, in bytes at par; may be 0.
    pub tokens: Amount,
}

/// One of the two peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Payer {
    /// Who proposed.
    Author = 0,
    /// Who acknowledges.
    Counterparty = 1,
}

impl Bandwidth {
    /// The rules that need no state.
    ///
    /// # Errors
    /// It records nothing.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.sent_bytes == 0 && self.received_bytes == 0 {
            Err("a bandwidth record names at least one byte sent or received")
        } else {
            Ok(())
        }
    }
}
