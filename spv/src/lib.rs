//! What of Bitcoin can be checked without a node: header chains, payment proofs, scripts.
//!
//! No IO, no clock, no chance: the engine keeps a [`Headers`] among its state and judges with it the evidence that
//! commands bring, and an audit years later comes to the same result from the same bytes. Hashes are 32 bytes in
//! Bitcoin's internal order; [`shown`] and [`read_hash`] turn them into and out of the reversed hex that people read.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod headers;
mod network;
mod proof;
pub mod regtest;
mod rules;
mod script;

pub use headers::{
    BlockAt, Extended, HEADER_BYTES, HeaderError, Headers, REORGANISATION_MAX, hash_of, parent_of,
};
pub use network::{Network, NetworkError, NetworkRules};
pub use proof::{PROOF_BYTES_MAX, Paid, ProofError, Proven, check_proof, prove, strip};
pub use script::{AddressError, address, dust_satoshi, is_payable, script_of};

use bitcoin::BlockHash;
use bitcoin::hashes::Hash as _;

/// A block's or transaction's hash as Bitcoin people write it: hex, last byte first.
pub fn shown(hash: &[u8; 32]) -> String {
    BlockHash::from_byte_array(*hash).to_string()
}

/// Reads what [`shown`] writes. `None` if it is not 64 hex digits.
pub fn read_hash(text: &str) -> Option<[u8; 32]> {
    text.parse::<BlockHash>().ok().map(BlockHash::to_byte_array)
}
