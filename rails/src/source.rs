//! What a follower asks of a node. The tests have one without a network.

use crate::check::{NodeError, check};
use crate::rpc::{Client, RpcError};
use bandex_spv::Network;
use bitcoin::Block;
use std::future::Future;

/// After how many blocks a payment at the estimated fee rate should be in.
const FEE_BLOCKS: u16 = 6;
/// Bitcoin Core's code for what has no better one; a pruned block is refused with it.
const MISC: i64 = -1;
/// Bitcoin Core's code for a block that is not known.
const NOT_FOUND: i64 = -5;
/// Bitcoin Core's code for a height above the tip.
const OUT_OF_RANGE: i64 = -8;

/// How far a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The height of its active chain's tip.
    pub height: u32,
    /// The tip's hash.
    pub hash: [u8; 32],
    /// The height up to which it has headers, blocks or not.
    pub headers: u32,
}

/// Why a node gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It cannot be used as it is.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// It does not know this block, or nothing at this height (any more).
    #[error("the Bitcoin node has no such block")]
    Missing,
    /// It has thrown this block away.
    #[error("the Bitcoin node has pruned the block")]
    Pruned,
}

impl From<RpcError> for SourceError {
    fn from(error: RpcError) -> Self {
        Self::Node(NodeError::Rpc(error))
    }
}

/// A node as a follower sees it.
pub trait Source: Send + Sync {
    /// Whether it is a node of this network.
    fn check(&self, network: Network) -> impl Future<Output = Result<(), SourceError>> + Send;
    /// How far it is.
    fn position(&self) -> impl Future<Output = Result<Position, SourceError>> + Send;
    /// The hash of its active chain's block at a height, or [`SourceError::Missing`] above its tip.
    fn hash_at(&self, height: u32) -> impl Future<Output = Result<[u8; 32], SourceError>> + Send;
    /// A header by its hash.
    fn header(&self, hash: &[u8; 32]) -> impl Future<Output = Result<[u8; 80], SourceError>> + Send;
    /// A block by its hash, whole: its transactions give the header's Merkle root.
    fn block(&self, hash: &[u8; 32]) -> impl Future<Output = Result<Block, SourceError>> + Send;
    /// The fee rate for the next blocks in satoshi per 1,000 virtual bytes, if the node can tell.
    fn fee_rate(&self) -> impl Future<Output = Result<Option<u64>, SourceError>> + Send;
}

impl Source for Client {
    async fn check(&self, network: Network) -> Result<(), SourceError> {
        Ok(check(self, network).await?)
    }

    async fn position(&self) -> Result<Position, SourceError> {
        let info = self.blockchain_info().await?;
        let malformed = || crate::calls::malformed("getblockchaininfo", "no heights or no hash");
        Ok(Position {
            height: u32::try_from(info.blocks).map_err(|_| malformed())?,
            hash: bandex_spv::read_hash(&info.best_block_hash).ok_or_else(malformed)?,
            headers: u32::try_from(info.headers).unwrap_or(0),
        })
    }

    async fn hash_at(&self, height: u32) -> Result<[u8; 32], SourceError> {
        self.block_hash(height).await.map_err(missing)
    }

    async fn header(&self, hash: &[u8; 32]) -> Result<[u8; 80], SourceError> {
        self.block_header(hash).await.map_err(missing)
    }

    async fn block(&self, hash: &[u8; 32]) -> Result<Block, SourceError> {
        Self::block(self, hash).await.map_err(missing)
    }

    async fn fee_rate(&self) -> Result<Option<u64>, SourceError> {
        Ok(self.estimate_fee(FEE_BLOCKS).await?)
    }
}

/// Tells what is not there from what went wrong.
fn missing(error: RpcError) -> SourceError {
    match &error {
        RpcError::Rpc { code: NOT_FOUND | OUT_OF_RANGE, .. } => SourceError::Missing,
        RpcError::Rpc { code: MISC, message } if message.contains("pruned") => SourceError::Pruned,
        // A header whose block has not come yet.
        RpcError::Rpc { code: MISC, .. } => SourceError::Missing,
        _ => error.into(),
    }
}
