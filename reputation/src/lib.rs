//! Who has earned trust, and how much may therefore be owed: a graph of honoured exposure, scores by seeded random walks
//! over it, and the limit that follows from bond, fees and score.
//!
//! Accounts are positions (`u32`), as the engine numbers them; 0 is the issuance account, which is never scored. All is
//! integers, and every score follows bit for bit from the graph, the seeds and a key, so that anyone who holds the
//! chain can compute it again. `docs/trust.md` says what the scores bound and what they do not.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod damping;
mod graph;
mod key;
mod limit;
mod network;
mod score;
mod walk;

pub use graph::{Edge, Graph, Honoured, decayed};
pub use key::checkpoint_key;
pub use limit::{Binding, LimitParts, LimitTerms, Stake, binding, limit};
pub use network::Network;
pub use score::{Score, personal, scores, walks_for};
