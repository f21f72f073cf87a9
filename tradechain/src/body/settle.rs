//! Settlement: pay a tranche, countersign a proposal.

use bandex_types::{Amount, BlockId, DealId};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// The longest reference to an outside payment.
pub const MAX_REFERENCE_BYTES: usize = 256;

/// Pays one tranche of a deal. On the `token` rail it moves locked tokens at once; on the `attested` rail it proposes
/// that the payment was made, and counts when the payee acknowledges it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Pay {
    /// The deal.
    pub deal: DealId,
    /// The tranche that is due, from 1.
    pub tranche: u32,
    /// What the payer has paid in all after this tranche, in units of its own leg; exactly what is due.
    pub cumulative: Amount,
    /// Where the payment can be seen outside, as the rail has it; may be empty.
    pub reference: String,
}

/// Countersigns a proposal. It names the proposal by id, so it cannot change what was proposed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Acknowledge {
    /// The id of the `pay` or `bandwidth` block.
    pub proposal: BlockId,
}

impl Pay {
    /// The rules that need no state.
    ///
    /// # Errors
    /// The reference is too long or holds control characters.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.reference.len() > MAX_REFERENCE_BYTES || super::has_control(&self.reference) {
            Err("the reference has at most 256 bytes and no control characters")
        } else {
            Ok(())
        }
    }
}
