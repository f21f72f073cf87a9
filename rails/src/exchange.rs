//! What a follower has to know of the exchange, and what it tells it.

use bandex_spv::Headers;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

/// What was seen of Bitcoin, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// Headers in order, the first on one that the exchange knows, at most [`crate::HEADERS_MAX`]; empty if only a fee
    /// rate is told.
    Headers {
        /// Their bytes.
        headers: Vec<[u8; 80]>,
        /// The node's estimate for the next blocks, in satoshi per 1,000 virtual bytes, if it changed noticeably.
        fee_rate: Option<u64>,
    },
    /// A transaction in a block of the active chain that pays a watched script.
    Payment {
        /// As `gettxoutproof` gives it.
        proof: Vec<u8>,
        /// Its consensus bytes without witness.
        transaction: Vec<u8>,
    },
}

/// The exchange did not take an observation: it has no writer at the moment, or its queue is full. It is told again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the exchange does not take it: {0}")]
pub struct SubmitError(pub String);

/// The exchange as its follower sees it.
///
/// The follower keeps no truth of its own: it reads what the engine has, and tells what is missing.
pub trait Exchange: Send + Sync {
    /// Reads the engine's headers, or a copy that is no older than the last [`Exchange::submit`] that came back.
    fn headers<R>(&self, read: impl FnOnce(&Headers) -> R) -> R;

    /// The scripts that payments may come to, each with the lowest height of a block that may hold one: the one above the
    /// engine's tip when the script was named.
    fn watched(&self) -> Arc<BTreeMap<Vec<u8>, u32>>;

    /// No block below is read, whatever a script asks for.
    fn scan_from(&self) -> u32 {
        0
    }

    /// Whether the engine has recorded this transaction in this block, so that it need not be told again after a restart.
    /// To tell twice does no harm.
    fn knows(&self, txid: &[u8; 32], block: &[u8; 32]) -> bool {
        let _ = (txid, block);
        false
    }

    /// Tells the engine, and waits until it is committed. A refusal by the engine's rules is an answer too and no error.
    ///
    /// # Errors
    /// It was not sequenced; it will be told again.
    fn submit(&self, observation: Observation) -> impl Future<Output = Result<(), SubmitError>> + Send;
}

impl<E: Exchange> Exchange for Arc<E> {
    fn headers<R>(&self, read: impl FnOnce(&Headers) -> R) -> R {
        E::headers(self, read)
    }

    fn watched(&self) -> Arc<BTreeMap<Vec<u8>, u32>> {
        E::watched(self)
    }

    fn scan_from(&self) -> u32 {
        E::scan_from(self)
    }

    fn knows(&self, txid: &[u8; 32], block: &[u8; 32]) -> bool {
        E::knows(self, txid, block)
    }

    fn submit(&self, observation: Observation) -> impl Future<Output = Result<(), SubmitError>> + Send {
        E::submit(self, observation)
    }
}
