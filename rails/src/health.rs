//! How it stands with the node, in words for `/readyz` and the API.

use bandex_spv::{Network, shown};
use std::fmt;

/// What a follower knows of its node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Health {
    /// It has not answered yet.
    #[default]
    Connecting,
    /// The exchange has seen all that the node has.
    Ready,
    /// The node is starting.
    WarmingUp {
        /// What it says it does.
        doing: String,
    },
    /// One of both has to catch up: the node with the network or with what the exchange knows, or the exchange with it.
    Behind {
        /// By how many blocks, as far as is known.
        blocks: u32,
    },
    /// No new block for longer than is usual: the node may have lost its peers.
    Stalled {
        /// Since when, in seconds since 1970.
        since_s: u64,
    },
    /// A block that may hold payments is not on the node's disk any more. What follows it is read all the same.
    Pruned {
        /// The first such block's hash.
        block: [u8; 32],
    },
    /// It does not answer, or not with sense.
    Unreachable {
        /// Since when, in seconds since 1970.
        since_s: u64,
        /// What happens.
        error: String,
    },
    /// It is on another network than the exchange.
    WrongNetwork {
        /// The exchange's.
        expected: Network,
        /// What the node calls its own, or the hash its chain begins with.
        found: String,
    },
    /// Its chain is not one that the exchange can follow.
    BadChain {
        /// Why.
        error: String,
    },
}

impl Health {
    /// Whether new payments are seen as they confirm.
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready | Self::Stalled { .. })
    }

    /// One word for it, as the API shows it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Ready => "ready",
            Self::WarmingUp { .. } => "warming_up",
            Self::Behind { .. } => "behind",
            Self::Stalled { .. } => "stalled",
            Self::Pruned { .. } => "pruned",
            Self::Unreachable { .. } => "unreachable",
            Self::WrongNetwork { .. } => "wrong_network",
            Self::BadChain { .. } => "bad_chain",
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => write!(f, "the Bitcoin node has not answered yet"),
            Self::Ready => write!(f, "the Bitcoin node is followed"),
            Self::WarmingUp { doing } => write!(f, "the Bitcoin node is starting: {doing}"),
            Self::Behind { blocks } => write!(f, "{blocks} blocks of Bitcoin are still to come"),
            Self::Stalled { since_s } => write!(f, "the Bitcoin node has no new block since {since_s}"),
            Self::Pruned { block } => write!(f, "the Bitcoin node has pruned block {}", shown(block)),
            Self::Unreachable { since_s, error } => write!(f, "{error} (since {since_s})"),
            Self::WrongNetwork { expected, found } => {
                write!(f, "the Bitcoin node is on {found}, the exchange on {expected}")
            }
            Self::BadChain { error } => write!(f, "the Bitcoin node's chain cannot be followed: {error}"),
        }
    }
}
