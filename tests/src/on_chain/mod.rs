//! The kit of the tests on a Bitcoin chain: a node, an exchange that follows it, traders with wallets and agents.
//!
//! Nothing is stood in for: the node is a process with Bitcoin Core's own consensus code (or a bitcoind, where the
//! environment names one), wallets keep their files, agents settle by themselves, and the test is the miner.

mod audit;
mod chain;
mod deal;
mod liar;
mod party;
mod venue;

pub use audit::{Audited, audit};
pub use chain::{Chain, MATURITY, bring_blocks, options};
pub use deal::{CAP, Made, World};
pub use liar::{Forger, Liar, LyingEvidence};
pub use party::{Party, WalletTerms, open_wallet};
pub use venue::{BTC, LOT, MARKET, OTHER_MARKET, Terms, Venue};

use std::time::{Duration, Instant};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often is looked again.
pub const BURST: Duration = Duration::from_millis(25);

/// Looks until there is something.
///
/// # Panics
/// There is nothing in time.
pub async fn within<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < until, "waited too long for {what}");
        tokio::time::sleep(BURST).await;
    }
}
