//! The whole exchange under faults, in one thread, from one seed.
//!
//! A [`Story`] is plain data: a world and what happens in it. [`run`] lets it happen with the server's own sequencer,
//! engine and replay, over a journal, a network, clocks and people that fail as the story says, and checks after every
//! step what must always hold. [`shrink`] makes a failing story short. No clock, no thread, no randomness but the seed.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod acts;
mod agent;
mod bank;
mod begin;
mod broken;
mod chain;
mod checks;
mod client;
mod ends;
mod following;
mod from_seed;
mod mischief;
mod network;
mod node;
mod random;
mod run;
mod scenes;
mod schemes;
mod seeded_chain;
mod seeded_guards;
mod seeded_trust;
mod settling;
mod setup;
mod shrink;
mod stakes;
mod stats;
mod story;
mod tell;
mod wallet;
mod watch;
mod words;
mod world;

pub use broken::{Failure, Invariant};
pub use run::run;
pub use setup::{Kind, OnChain, Rules, Setup, Trust};
pub use shrink::{Shrunk, shrink};
pub use stats::Stats;
pub use story::{Act, Action, Decision, DiskFault, Lives, Op, Special, Story, Wakes};
