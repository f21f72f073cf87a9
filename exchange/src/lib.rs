//! The server: verify, sequence, apply, journal, publish; REST and WebSocket.
//!
//! Data flows one way. Handlers verify in parallel and wait in a bounded queue; one writer sequences, applies and
//! journals; the publisher tells the world only what a store has committed.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic))]

mod bitcoin;
mod clock;
mod config;
mod edge;
mod exchange;
mod http;
mod identity;
mod keep;
mod opening;
mod presence;
mod proof;
mod publication;
mod publisher;
mod rebuild;
mod recover;
mod rehearsal;
mod scorer;
mod sessions;
mod shared;
mod snapshots;
mod snapshotter;
mod view;
mod wire;
mod writer;
mod ws;

pub use bandex_rails::{Auth as BitcoinAuth, FollowerOptions};
pub use bitcoin::BitcoinNode;
pub use config::Config;
pub use edge::{EdgeOptions, Origin, OriginError, Quota, QuotaError, RateLimits, TlsError, TlsFiles};
pub use exchange::{Exchange, StartError};
pub use http::{errors_document, openapi_json};
pub use identity::{Identity, IdentityError, write_secret};
pub use ipnet::IpNet;
pub use keep::{Kept, keep};
pub use opening::Recovery;
pub use rebuild::rebuild_projections;
pub use recover::RecoverError;
pub use ws::{asyncapi, asyncapi_yaml};
