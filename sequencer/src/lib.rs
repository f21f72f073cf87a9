//! Turns what arrives into batches: sequence, apply, link, sign; and replays them. Pure, so that the server and the
//! simulator run the same steps.
//!
//! Whoever drives a [`Sequencer`] brings the time, the journal and the network: it opens a batch
//! ([`Sequencer::batch`]), submits what waits, seals it, has the journal make it durable, and only then lets anything
//! go. A sealed batch that was not committed leaves the sequencer ahead of the journal: throw it away, and make another
//! by [`Replay`].

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod applied;
mod links;
mod making;
mod replay;
mod sequencer;

pub use applied::{Applied, AppliedBlock, LevelChange, MarketChange, Subject};
pub use links::Ends;
pub use making::{Known, Making, Observation, Sealed, Submitted};
pub use replay::{Replay, ReplayError};
pub use sequencer::Sequencer;
