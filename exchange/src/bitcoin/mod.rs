//! Follows the Bitcoin chain beside the writer: what the operator's node sees reaches the writer as a command with its
//! evidence, and what the engine made of it is what the follower goes on from.
//!
//! Trading does not wait for any of it: while the node is away, payments are only seen later.

mod following;
mod known;
mod state;

pub(crate) use following::Following;
pub(crate) use known::Known;
pub(crate) use state::{NodeHealth, NodeState};

use bandex_rails::{Auth, FollowerOptions, NodeOptions};
use bandex_spv::Network;
use std::time::Duration;

/// The Bitcoin Core node that an exchange follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitcoinNode {
    /// Its JSON-RPC address, as `http://127.0.0.1:8332`.
    pub url: String,
    /// What proves that it may be asked.
    pub auth: Auth,
    /// How long one call may take.
    pub timeout: Duration,
    /// How often it is asked, and when it counts as stalled.
    pub follow: FollowerOptions,
}

impl BitcoinNode {
    /// A node followed as is usual on a public network.
    pub fn new(url: impl Into<String>, auth: Auth) -> Self {
        Self { url: url.into(), auth, timeout: NodeOptions::TIMEOUT, follow: FollowerOptions::default() }
    }

    /// How the node is asked, which has to be on this network.
    pub fn options(&self, network: Network) -> NodeOptions {
        NodeOptions { url: self.url.clone(), auth: self.auth.clone(), network, timeout: self.timeout }
    }
}
