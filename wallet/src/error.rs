//! Why the wallet did not do it.

use crate::key::KeyError;
use crate::node::NodeError;
use crate::policy::PolicyError;
use crate::store::StoreError;
use bandex_spv::Network;
use bandex_types::DealId;

/// A wallet cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node, which must be there at the first opening.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The key file belongs to another wallet than the database.
    #[error("wallet.key and wallet.sqlite are not of one wallet: {0}; restore the right file")]
    OtherKey(String),
    /// The wallet was made for another network.
    #[error("the wallet is for {here}, not for {asked}")]
    OtherNetwork {
        /// The wallet's.
        here: Network,
        /// What was asked for.
        asked: Network,
    },
}

/// The chain could not be followed.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key file's words, when the wallet was loaded anew.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The chain moved meanwhile, or the node contradicts itself.
    #[error("the node's chain does not fit together at height {height}: {why}")]
    Broken {
        /// Where.
        height: u32,
        /// How.
        why: String,
    },
}

/// A payment was not made, or not changed. Nothing new was signed.
#[derive(Debug, thiserror::Error)]
pub enum PayError {
    /// A limit stands against it.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The chain could not be followed, or the file not be written.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// The script is of no kind that is paid.
    #[error("the script is of no kind that is paid (P2PKH, P2SH, P2WPKH, P2WSH, P2TR)")]
    NotPayable,
    /// The script is the wallet's own.
    #[error("the script belongs to this wallet")]
    OwnScript,
    /// The script was paid for another deal; a script is used once.
    #[error("the script was paid for the deal {0} already")]
    ScriptUsed(DealId),
    /// The deal was paid to another script.
    #[error("the deal was paid to another script before")]
    OtherScript,
    /// The demand was for another sum before.
    #[error("demand {demand} was for {before} sat in all before, now for {now} sat")]
    OtherSum {
        /// Which demand.
        demand: u32,
        /// The sum that stands.
        before: u64,
        /// The sum that was asked for.
        now: u64,
    },
    /// There is no time left for a transaction to get into a block.
    #[error("the deadline is too near: a payment that confirms late is lost")]
    TooLate,
    /// An earlier payment of the deal is being taken back, and nobody knows yet how that ends.
    #[error("a payment of this deal is being taken back, which is not final yet")]
    Undecided,
    /// There is no such payment, or it is in no state for this.
    #[error("{0}")]
    NotNow(&'static str),
    /// The coins do not suffice.
    #[error(
        "{needed} sat are needed and {available} sat can be spent (coins need {confirmations} confirmations)"
    )]
    Insufficient {
        /// With the fee.
        needed: u64,
        /// What lies deep enough.
        available: u64,
        /// How deep that is.
        confirmations: u32,
    },
    /// No node would relay so small an output.
    #[error("{0} sat are too few: no node relays so small an output")]
    Dust(u64),
    /// The fee is as large as the policy allows.
    #[error("the fee is at its limit: {fee} sat now, {needed} sat needed, {largest} sat allowed")]
    FeeLimit {
        /// What is offered now.
        fee: u64,
        /// What a replacement would cost.
        needed: u64,
        /// What the policy allows.
        largest: u64,
    },
    /// A coin of this transaction was spent further, so that replacing it would undo more than itself.
    #[error("what it pays back to the wallet was spent already; it must confirm as it is")]
    SpentFurther,
    /// The transaction that came out is not the one that was asked for. It was thrown away.
    #[error("the transaction was not built as asked: {0}")]
    Built(String),
    /// A test stopped the wallet here, as a crash would.
    #[cfg(test)]
    #[error("stopped")]
    Stopped,
}

impl From<StoreError> for PayError {
    fn from(error: StoreError) -> Self {
        Self::Sync(SyncError::Store(error))
    }
}

impl From<NodeError> for PayError {
    fn from(error: NodeError) -> Self {
        Self::Sync(SyncError::Node(error))
    }
}

impl From<KeyError> for PayError {
    fn from(error: KeyError) -> Self {
        Self::Sync(SyncError::Key(error))
    }
}
