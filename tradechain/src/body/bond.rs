//! Bonds: tokens put at stake to raise one's limit.

use bandex_types::Amount;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Posts tokens as a bond.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Bond {
    /// How much, in bytes.
    pub amount: Amount,
}

/// Asks for a bond back.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Unbond {
    /// How much, in bytes.
    pub amount: Amount,
}
