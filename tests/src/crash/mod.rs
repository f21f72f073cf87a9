//! The kill harness: a real server process under load, killed without warning, and everything it ever promised held
//! against its journal.
//!
//! A [`Rig`] is one server with its clients and a witness. The clients keep the rules of docs/api.md: what was not
//! answered is sent again byte for byte. The witness replays the journal from its first record with an engine of its
//! own, never from a snapshot. [`run()`] kills a server many times; the tests of faults use the same parts.

mod client;
mod connection;
mod node;
mod place;
mod process;
mod random;
mod report;
mod rig;
mod run;
mod traffic;
mod witness;
mod world;

pub use client::Mode;
pub use node::Node;
pub use place::{Place, Store};
pub use random::Random;
pub use report::Report;
pub use rig::{Driving, Rig};
pub use run::{Plan, run};
pub use world::Tally;
