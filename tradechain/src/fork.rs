//! A fork: two blocks of one lane with one seq. The two signatures are all the proof anyone needs.

use crate::{Block, SignedBlock, VerifyError, verify};
use bandex_types::PublicKey;
use borsh::{BorshDeserialize, BorshSerialize};

/// Two different blocks with the same author and seq.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ForkProof {
    /// The block that was sequenced first.
    pub first: SignedBlock,
    /// The block that contradicts it.
    pub second: SignedBlock,
}

/// Why two blocks prove no fork.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForkError {
    /// One of them is not a good block at all.
    #[error("one block of the proof is not valid: {0}")]
    Invalid(#[from] VerifyError),
    /// They do not contradict each other.
    #[error("the blocks do not share author and seq, or are the same")]
    NoContradiction,
}

impl ForkProof {
    /// Checks both signatures and the contradiction, and gives the key that forked and the seq.
    ///
    /// # Errors
    /// A block is not valid, or the two do not contradict each other.
    pub fn check(&self, network: u32) -> Result<(PublicKey, u64), ForkError> {
        let first = verify(self.first.clone(), network)?;
        let second = verify(self.second.clone(), network)?;
        contradiction(first.block(), second.block())
    }
}

fn contradiction(first: &Block, second: &Block) -> Result<(PublicKey, u64), ForkError> {
    if first.author == second.author && first.seq == second.seq && first != second {
        Ok((first.author, first.seq))
    } else {
        Err(ForkError::NoContradiction)
    }
}
