//! Where a node is and how it knows its master.

use bandex_spv::Network;
use std::path::PathBuf;
use std::time::Duration;

/// How a node is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeOptions {
    /// Its JSON-RPC address, as `http://127.0.0.1:8332`. Plain HTTP: the node is on this machine or in a private network.
    pub url: String,
    /// What proves that it may be asked.
    pub auth: Auth,
    /// The network it has to be on.
    pub network: Network,
    /// How long one call may take, connecting included.
    pub timeout: Duration,
}

/// What a node wants to see. Secrets come from files, never from a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// The file `.cookie` that the node writes anew at each start.
    Cookie(PathBuf),
    /// A user of the node's `rpcauth`, and a file with the password.
    Password {
        /// The user's name.
        user: String,
        /// The file that holds the password and nothing else; a line end after it does not count.
        file: PathBuf,
    },
}

impl NodeOptions {
    /// How long a call may take if nothing else is said.
    pub const TIMEOUT: Duration = Duration::from_secs(30);
}
