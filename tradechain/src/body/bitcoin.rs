//! What the operator decides about payments on the Bitcoin chain.

use bandex_types::BitcoinNetwork;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Bytes of a block header.
pub const HEADER_BYTES: usize = 80;

/// Which chain payments are looked for on, and from where on.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BitcoinTerms {
    /// The network.
    pub network: BitcoinNetwork,
    /// The height of the header.
    pub height: u32,
    /// The header that all others build upon, as an auditor can look it up on any node; in JSON as hex.
    #[serde(with = "hex::serde")]
    pub header: [u8; HEADER_BYTES],
}

/// What a market asks of payments on the chain. They hold for deals that are opened from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentTerms {
    /// How many confirmations make a payment paid, as far as the seller's cap covers it; at least 1.
    pub confirmations: u16,
    /// How many make any payment final; at least as many, at most 1,000.
    pub final_confirmations: u16,
    /// The largest share of a payment that its fee may take, in parts per million, above 0: smaller payments are not
    /// asked for.
    pub fee_share_ppm: u32,
}

impl Default for PaymentTerms {
    /// What holds until the operator says otherwise.
    fn default() -> Self {
        Self { confirmations: 2, final_confirmations: 6, fee_share_ppm: 20_000 }
    }
}
