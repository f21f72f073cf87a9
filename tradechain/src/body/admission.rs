//! How an account is let in beyond the work in its register block, and what it is given once.

use bandex_types::{AccountId, Amount, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Pays tokens into the issuance account: for admission, or to let a limit grow.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Fee {
    /// How much, in bytes; above 0.
    pub amount: Amount,
}

/// Asks for the first grant of tokens, which an account gets once. The block's id must begin with as many zero bits as
/// the node asks for.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Claim {
    /// Searched until the block's id has enough zero bits.
    pub nonce: u64,
}

/// A registrar vouches for an account; this block is the certificate.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Certify {
    /// For whom.
    pub account: AccountId,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
}

/// The registrar takes its certificate back.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Decertify {
    /// From whom.
    pub account: AccountId,
}

impl Fee {
    /// The rules that need no state.
    ///
    /// # Errors
    /// Nothing is paid.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.amount.is_zero() { Err("a fee pays at least one unit") } else { Ok(()) }
    }
}
