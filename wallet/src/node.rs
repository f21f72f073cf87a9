//! What the wallet asks of a Bitcoin node.

use bdk_wallet::bitcoin::{Block, BlockHash, Network, Transaction, Txid};
use std::future::Future;

/// The node does not answer, or not with sense. Nothing is known to have happened; it may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the Bitcoin node: {0}")]
pub struct NodeError(pub String);

/// What a node says of a transaction it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// It took it, or has it already, waiting or in a block.
    Taken,
    /// It does not want it, and says why.
    Refused(String),
}

/// A node on the wallet's network.
pub trait Node: Send + Sync {
    /// Whether it is one, and of this network.
    ///
    /// # Errors
    /// It is not, or it cannot be reached.
    fn check(&self, network: Network) -> impl Future<Output = Result<(), NodeError>> + Send;

    /// Height and hash of the last block of the active chain.
    ///
    /// # Errors
    /// It cannot be reached.
    fn tip(&self) -> impl Future<Output = Result<(u32, BlockHash), NodeError>> + Send;

    /// The block at a height of the active chain; none above the tip.
    ///
    /// # Errors
    /// It cannot be reached.
    fn hash_at(&self, height: u32) -> impl Future<Output = Result<Option<BlockHash>, NodeError>> + Send;

    /// A block.
    ///
    /// # Errors
    /// It cannot be reached, or does not have the block.
    fn block(&self, hash: BlockHash) -> impl Future<Output = Result<Block, NodeError>> + Send;

    /// Its estimate of a fair fee rate in satoshi per 1,000 vB, if it has one.
    ///
    /// # Errors
    /// It cannot be reached.
    fn fee_rate(&self) -> impl Future<Output = Result<Option<u64>, NodeError>> + Send;

    /// Gives it a transaction.
    ///
    /// # Errors
    /// It cannot be reached. It may have the transaction all the same.
    fn send(&self, transaction: &Transaction) -> impl Future<Output = Result<Sent, NodeError>> + Send;

    /// Whether the transaction waits for a block there.
    ///
    /// # Errors
    /// It cannot be reached.
    fn is_waiting(&self, txid: Txid) -> impl Future<Output = Result<bool, NodeError>> + Send;
}
