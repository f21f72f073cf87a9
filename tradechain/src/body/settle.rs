//! Settlement: pay a tranche, countersign a proposal; and the ends of a deal that went wrong.

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

/// Proposes to end a deal that is in dispute, in default or written off, as both agree; it counts when the other side
/// acknowledges it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Resolve {
    /// The deal.
    pub deal: DealId,
    /// How much of what is still locked for the deal is delivered, in units of the locked leg; the rest returns.
    pub deliver: Amount,
}

/// Gives up what the counterparty of a deal in dispute or in default owes.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct WriteOff {
    /// The deal.
    pub deal: DealId,
}

/// Pays what is still owed after a default. On the `token` rail the tokens move at once; on the `attested` rail it
/// proposes that the payment was made, and counts when the victim acknowledges it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Cure {
    /// The deal.
    pub deal: DealId,
    /// Where the payment can be seen outside, as the rail has it; may be empty.
    pub reference: String,
}

fn check_reference(reference: &str) -> Result<(), &'static str> {
    if reference.len() > MAX_REFERENCE_BYTES || super::has_control(reference) {
        Err("the reference has at most 256 bytes and no control characters")
    } else {
        Ok(())
    }
}

impl Cure {
    /// The rules that need no state.
    ///
    /// # Errors
    /// The reference is too long or holds control characters.
    pub fn check(&self) -> Result<(), &'static str> {
        check_reference(&self.reference)
    }
}

impl Pay {
    /// The rules that need no state.
    ///
    /// # Errors
    /// The reference is too long or holds control characters.
    pub fn check(&self) -> Result<(), &'static str> {
        check_reference(&self.reference)
    }
}
