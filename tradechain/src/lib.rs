//! Signed, hash-linked blocks: the bytes, ids and rules of a lane.
//!
//! Everything here is stateless or a small value: what a block is, how its bytes are judged, how a lane grows, how
//! records and batches bind what the exchange did. What a block *does* is the engine's business.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod block;
pub mod body;
mod command;
mod deal;
mod domain;
mod fork;
mod http_request;
mod key;
mod lane;
mod login;
mod merkle;
mod receipt;
mod record;
mod standing;
mod verify;

pub use block::{Block, Body, DecodeError, Kind, MAX_PAYLOAD_BYTES, PROTOCOL_VERSION, SignedBlock};
pub use command::{Command, Decoded, Disconnected, Genesis, Headers, MAX_HEADERS, Payment, Scores};
pub use deal::{deal_id, netted_id};
pub use domain::Domain;
pub use fork::{ForkError, ForkProof};
pub use http_request::HttpRequest;
pub use key::{KeyError, Keypair};
pub use lane::{Head, LaneAnswer};
pub use login::Login;
pub use merkle::{MerkleError, inclusion_proof, inclusion_proofs, root, root_from_proof};
pub use receipt::{Receipt, ReceiptError};
pub use record::{Batch, Leaf, Record, RecordError, outcome_digest};
pub use standing::StandingStatement;
pub use verify::{Verified, VerifyError, check_unsigned, verify, verify_batch};
