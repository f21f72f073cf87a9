//! What a server is started with. What the exchange decides by is not here: that is in the journal.

use bandex_tradechain::body::Change;
use bandex_types::Amount;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Where the journal lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// A folder with SQLite files.
    Folder(PathBuf),
}

/// How to start a server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the journal lives; keys and projections lie in the same folder.
    pub store: Store,
    /// Where traders connect; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Where the operator connects; keep it away from traders.
    pub admin_listen: SocketAddr,
    /// The network of a new journal; an existing one has its own.
    pub network: u32,
    /// The issuance cap of a new journal, in bytes.
    pub issuance_cap: Amount,
    /// What the operator configures first on a new journal.
    pub first_changes: Vec<Change>,
    /// The most blocks in one transaction.
    pub batch_max: usize,
    /// The most verified blocks that wait for the writer; a full queue answers 503.
    pub queue_max: usize,
    /// The most WebSocket connections.
    pub connections_max: usize,
}

impl Config {
    /// A server on loopback at free ports with everything else as operators usually want it.
    pub fn new(store: Store) -> Self {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            store,
            listen: loopback,
            admin_listen: loopback,
            network: 1,
            issuance_cap: Amount::new(1_000_000_000_000_000),
            first_changes: Vec::new(),
            batch_max: 1_024,
            queue_max: 8_192,
            connections_max: 1_024,
        }
    }
}
