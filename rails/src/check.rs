//! Whether a node is one that an exchange can rely on: the right network, new enough.

use crate::rpc::{Client, RpcError};
use bandex_spv::NetworkRules as _;
use bandex_spv::{Network, shown};

/// The oldest Bitcoin Core whose answers are understood: 28.0.
pub const VERSION_MIN: u32 = 280_000;

/// Why a node will not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// It could not be asked.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// It is on another network.
    #[error("the Bitcoin node is on network {found}, not on {}", expected.chain())]
    WrongNetwork {
        /// The network it should be on.
        expected: Network,
        /// What it calls its own.
        found: String,
    },
    /// Its chain begins with another block, as that of a signet of somebody's own.
    #[error("the Bitcoin node's chain begins with {}, not with that of {expected}", shown(found))]
    WrongGenesis {
        /// The network it should be on.
        expected: Network,
        /// The first block's hash.
        found: [u8; 32],
    },
    /// It is too old.
    #[error("the Bitcoin node has version {found}; at least {VERSION_MIN} is needed")]
    TooOld {
        /// Its version, 280100 for 28.1.
        found: u32,
    },
}

/// Asks a node for its network, first block and version.
///
/// # Errors
/// One of them is wrong, or the node cannot be asked.
pub async fn check(client: &Client, network: Network) -> Result<(), NodeError> {
    let found = client.version().await?;
    if found < VERSION_MIN {
        return Err(NodeError::TooOld { found });
    }
    let found = client.blockchain_info().await?.chain;
    if found != network.chain() {
        return Err(NodeError::WrongNetwork { expected: network, found });
    }
    let found = client.block_hash(0).await?;
    if found != network.genesis_hash() {
        return Err(NodeError::WrongGenesis { expected: network, found });
    }
    Ok(())
}
