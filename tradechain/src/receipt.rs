//! Receipts: the node's signed word that a command was sequenced, when, and what came of it.

use crate::{
    Body, Command, Domain, Leaf, MerkleError, SignedBlock, VerifyError, outcome_digest, root_from_proof,
    verify_batch,
};
use bandex_types::{Hash, PublicKey};
use borsh::{BorshDeserialize, BorshSerialize};

/// Proof that one record is under the node's signature.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Receipt {
    /// The node's batch block.
    pub batch: SignedBlock,
    /// What the batch's tree holds of the record.
    pub leaf: Leaf,
    /// The sibling hashes from the leaf to the root, nearest first.
    pub path: Vec<Hash>,
    /// The outcome's bytes.
    pub outcome: Vec<u8>,
}

/// Why a receipt proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The batch block is not the node's.
    #[error("the batch block: {0}")]
    Batch(#[from] VerifyError),
    /// The path does not fit.
    #[error("the path: {0}")]
    Path(#[from] MerkleError),
    /// The leaf is not under the signed root.
    #[error("the leaf is not under the batch's root")]
    NotIncluded,
    /// The outcome is not the one in the leaf.
    #[error("the outcome is not the one the leaf names")]
    OtherOutcome,
    /// The leaf is about another command.
    #[error("the leaf is about another block")]
    OtherBlock,
}

impl Receipt {
    /// Checks the receipt against the node's key.
    ///
    /// # Errors
    /// Signature, path or outcome do not fit together.
    pub fn check(&self, node: &PublicKey, network: u32) -> Result<(), ReceiptError> {
        let Body::Batch(batch) = verify_batch(&self.batch, node, network)?.body else {
            return Err(ReceiptError::NotIncluded);
        };
        let index = self.leaf.seq.checked_sub(batch.first_seq).ok_or(ReceiptError::NotIncluded)?;
        let root = root_from_proof(self.leaf.hash(), index, u64::from(batch.count), &self.path)?;
        if root != batch.root {
            return Err(ReceiptError::NotIncluded);
        }
        if outcome_digest(&self.outcome) == self.leaf.outcome_digest {
            Ok(())
        } else {
            Err(ReceiptError::OtherOutcome)
        }
    }

    /// As [`Receipt::check`], and that the receipt is about `block`.
    ///
    /// # Errors
    /// As there, or the leaf names another command.
    pub fn check_for(&self, block: &SignedBlock, node: &PublicKey, network: u32) -> Result<(), ReceiptError> {
        if Domain::Command.hash(&Command::Block(block.clone()).encode()) != self.leaf.command_hash {
            return Err(ReceiptError::OtherBlock);
        }
        self.check(node, network)
    }
}
