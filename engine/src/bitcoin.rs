//! What the engine knows of the Bitcoin chain: its headers, the scripts that deals are paid to, and the payments that
//! were proven.
//!
//! Nothing here is believed: headers carry their work, and a payment comes with a Merkle branch to one of them. So a
//! replay checks again all that was ever counted.

mod count;
mod headers;
mod least;
mod payments;
mod terms;

pub use least::least_payment;

use crate::apply::Engine;
use crate::deal_table::DealIndex;
use bandex_spv::Headers;
use bandex_tradechain::body::BitcoinTerms;
use bandex_types::{Amount, Hash};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::{BTreeMap, BTreeSet};

/// An output of a transaction: the transaction's id in the bytes of the chain, and the output's number.
pub(crate) type Outpoint = (Hash, u32);

/// The chain as the engine knows it.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub(crate) struct Bitcoin {
    pub terms: BitcoinTerms,
    pub headers: Headers,
    /// What the node says that a transaction costs, in satoshi for 1,000 virtual bytes.
    pub fee_rate: Option<u64>,
    /// Which deal each script that was ever named is for.
    pub scripts: BTreeMap<Vec<u8>, DealIndex>,
    /// Every output that was proven to pay one of them.
    pub payments: BTreeMap<Outpoint, Found>,
    /// Those that are not final.
    pub live: BTreeSet<Outpoint>,
}

/// A payment that was proven.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Found {
    pub deal: DealIndex,
    /// In the deal's quote units: thousandths of a satoshi.
    pub value: Amount,
    /// The blocks that it was proven to be in, the last one last; at most one of them is in the chain.
    pub blocks: Vec<Hash>,
    pub status: crate::outcome::PaymentStatus,
}

impl Engine {
    /// Whether payments on the Bitcoin chain are served.
    pub(crate) const fn serves_bitcoin(&self) -> bool {
        self.rules >= 4
    }
}
