//! What is known of one block, and of one unspent output.

use bitcoin::{Block, BlockHash, Script, TxOut, Work};
use std::sync::Arc;

/// An output not yet spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coin {
    /// Its amount and script.
    pub output: TxOut,
    /// The height of the block that made it.
    pub height: u32,
    /// Whether a coinbase made it, which must not be spent for 100 blocks.
    pub coinbase: bool,
}

/// What is known of a block's validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The kernel has connected it once.
    Valid,
    /// Its branch never had the most work, so its transactions are not checked.
    Unchecked,
    /// The kernel refused it or it was declared invalid, or one of its ancestors.
    Invalid,
}

/// A block known.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its hash.
    pub hash: BlockHash,
    /// The block.
    pub block: Arc<Block>,
    /// Its height; that of the genesis block is 0.
    pub height: u32,
    /// The work of it and all its ancestors.
    pub work: Work,
    /// What the kernel said of this very block; see [`super::Chain::standing`] for what holds of it.
    pub(super) own_standing: Standing,
}

impl Record {
    pub(super) fn genesis(block: Arc<Block>) -> Self {
        let (hash, work) = (block.block_hash(), block.header.work());
        Self { hash, block, height: 0, work, own_standing: Standing::Valid }
    }

    pub(super) fn after(parent: &Record, block: Arc<Block>) -> Self {
        let work = parent.work + block.header.work();
        let height = parent.height.saturating_add(1);
        Self { hash: block.block_hash(), block, height, work, own_standing: Standing::Unchecked }
    }
}

/// Whether no script can ever spend an output with this script; Core keeps no such output as unspent.
pub(crate) fn is_unspendable(script: &Script) -> bool {
    script.is_op_return() || script.len() > 10_000
}
