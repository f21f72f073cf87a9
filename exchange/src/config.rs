//! What a server is started with. What the exchange decides by is not here: that is in the journal.

use crate::bitcoin::BitcoinNode;
use crate::edge::EdgeOptions;
use bandex_journal::DatabaseUrl;
use bandex_tradechain::body::Change;
use bandex_types::Amount;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// How to start a server.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data folder: keys, snapshots, and, without a `database`, journal and projections in SQLite files.
    pub folder: PathBuf,
    /// The PostgreSQL database that holds journal and projections, if any does.
    pub database: Option<DatabaseUrl>,
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
    /// How the traders' listener meets the world.
    pub edge: EdgeOptions,
    /// How many batches whoever follows channels may fall behind in the news. Private channels are made up for from the
    /// projections then; who follows public ones too must subscribe again.
    pub news_kept: usize,
    /// How many bytes of pushes of public channels may wait for one WebSocket peer, each counted as a kilobyte at least;
    /// whoever has more of them unread is cut off, and can resume.
    pub unread_max: usize,
    /// How long one write to a WebSocket peer may take, and how long any other may take nothing of an answer, before it
    /// is cut off.
    pub write_time: Duration,
    /// The Bitcoin node to follow, if payments on its chain are to be seen.
    pub bitcoin: Option<BitcoinNode>,
    /// The least number of records between two snapshots of the engine. A long journal is put away less often: after
    /// an eighth of its length.
    pub snapshot_every: u64,
}

impl Config {
    /// A server on loopback at free ports, with SQLite files in `folder`, and everything else as operators usually
    /// want it.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            folder: folder.into(),
            database: None,
            listen: loopback,
            admin_listen: loopback,
            network: 1,
            issuance_cap: Amount::new(1_000_000_000_000_000),
            first_changes: Vec::new(),
            batch_max: 1_024,
            queue_max: 8_192,
            edge: EdgeOptions::default(),
            news_kept: 4_096,
            unread_max: 16 * 1024 * 1024,
            write_time: Duration::from_secs(20),
            bitcoin: None,
            snapshot_every: 50_000,
        }
    }
}
