//! Adapters of outside assets: a Bitcoin Core node, asked and followed.
//!
//! [`Client`] asks a node over JSON-RPC. [`Follower`] watches it for an exchange and turns what it sees into
//! [`Observation`]s: headers and payments with their evidence, in an order that the engine can check. Nothing here is
//! believed by the engine; it checks every byte again, as an audit does years later.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod calls;
mod check;
mod exchange;
mod follower;
mod health;
mod options;
pub mod regtest;
mod rpc;
mod scan;
mod source;

pub use calls::{MempoolEntry, OutPoint};
pub use check::{NodeError, VERSION_MIN, check};
pub use exchange::{Exchange, Observation, SubmitError};
pub use follower::{Follower, FollowerOptions, HEADERS_MAX};
pub use health::Health;
pub use options::{Auth, NodeOptions};
pub use rpc::{Client, RpcError};
pub use source::{Position, Source, SourceError};
