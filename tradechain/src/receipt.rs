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

impl ReceiptError {
    /// The stable code that programs test for.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Batch(_) => "bad_batch",
            Self::Path(_) => "bad_path",
            Self::NotIncluded => "not_included",
            Self::OtherOutcome => "other_outcome",
            Self::OtherBlock => "other_block",
        }
    }

    /// Every code with what it means, for documents.
    pub const CODES: &'static [(&'static str, &'static str)] = &[
        ("bad_batch", "the batch block is not signed by the node's key for this network, or not sound"),
        ("bad_path", "the leaf's seq is outside the batch, or the path has the wrong length for it"),
        ("not_included", "the leaf and its path do not lead to the root that the node signed"),
        ("other_outcome", "the outcome's bytes are not those that the leaf names"),
        ("other_block", "the leaf is about another command"),
    ];
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
