//! What the wallet asks of a Bitcoin node.

use bandex_rails::{Client, RpcError};
use bandex_spv::Network;
use bdk_wallet::bitcoin::hashes::Hash as _;
use bdk_wallet::bitcoin::{Block, BlockHash, Transaction, Txid};
use std::future::Future;
use std::sync::Arc;

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

/// How many blocks ahead a fee is estimated for.
const ESTIMATE_BLOCKS: u16 = 6;
/// Bitcoin Core's error codes (rpc/protocol.h): no such block height; unknown block or transaction; refused
/// transactions; outputs that are in the chain already.
const OUT_OF_RANGE: i64 = -8;
const UNKNOWN: i64 = -5;
const UNDECODABLE: i64 = -22;
const REFUSED: [i64; 2] = [-25, -26];
const IN_CHAIN: i64 = -27;
/// What refusals say of a transaction that is in the mempool already.
const KNOWN: [&str; 3] =
    ["txn-already-in-mempool", "txn-already-known", "txn-same-nonwitness-data-in-mempool"];

impl From<RpcError> for NodeError {
    fn from(error: RpcError) -> Self {
        Self(error.to_string())
    }
}

impl Node for Client {
    async fn check(&self, network: Network) -> Result<(), NodeError> {
        bandex_rails::check(self, network).await.map_err(|error| NodeError(error.to_string()))
    }

    async fn tip(&self) -> Result<(u32, BlockHash), NodeError> {
        let info = self.blockchain_info().await?;
        let malformed = |what: &dyn std::fmt::Display| NodeError(format!("getblockchaininfo: {what}"));
        let height = u32::try_from(info.blocks).map_err(|error| malformed(&error))?;
        let hash = info.best_block_hash.parse::<BlockHash>().map_err(|error| malformed(&error))?;
        Ok((height, hash))
    }

    async fn hash_at(&self, height: u32) -> Result<Option<BlockHash>, NodeError> {
        match self.block_hash(height).await {
            Ok(hash) => Ok(Some(BlockHash::from_byte_array(hash))),
            Err(error) if error.code() == Some(OUT_OF_RANGE) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn block(&self, hash: BlockHash) -> Result<Block, NodeError> {
        Ok(Client::block(self, hash.as_byte_array()).await?)
    }

    async fn fee_rate(&self) -> Result<Option<u64>, NodeError> {
        Ok(self.estimate_fee(ESTIMATE_BLOCKS).await?)
    }

    async fn send(&self, transaction: &Transaction) -> Result<Sent, NodeError> {
        let error = match self.send_raw_transaction(transaction).await {
            Ok(_) => return Ok(Sent::Taken),
            Err(error) => error,
        };
        match error {
            RpcError::Rpc { code: IN_CHAIN, .. } => Ok(Sent::Taken),
            RpcError::Rpc { message, .. } if KNOWN.iter().any(|known| message.contains(known)) => {
                Ok(Sent::Taken)
            }
            RpcError::Rpc { code, message } if REFUSED.contains(&code) || code == UNDECODABLE => {
                Ok(Sent::Refused(message))
            }
            other => Err(other.into()),
        }
    }

    async fn is_waiting(&self, txid: Txid) -> Result<bool, NodeError> {
        match self.mempool_entry(txid.as_byte_array()).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some(UNKNOWN) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// A node that others ask too.
impl<N: Node> Node for Arc<N> {
    async fn check(&self, network: Network) -> Result<(), NodeError> {
        N::check(self, network).await
    }

    async fn tip(&self) -> Result<(u32, BlockHash), NodeError> {
        N::tip(self).await
    }

    async fn hash_at(&self, height: u32) -> Result<Option<BlockHash>, NodeError> {
        N::hash_at(self, height).await
    }

    async fn block(&self, hash: BlockHash) -> Result<Block, NodeError> {
        N::block(self, hash).await
    }

    async fn fee_rate(&self) -> Result<Option<u64>, NodeError> {
        N::fee_rate(self).await
    }

    async fn send(&self, transaction: &Transaction) -> Result<Sent, NodeError> {
        N::send(self, transaction).await
    }

    async fn is_waiting(&self, txid: Txid) -> Result<bool, NodeError> {
        N::is_waiting(self, txid).await
    }
}
