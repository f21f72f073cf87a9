//! Moving tokens for any reason other than bandwidth or a deal.

use bandex_types::{AccountId, Amount, AssetId};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// The longest note.
pub const MAX_NOTE_BYTES: usize = 64;

/// Moves free tokens to another account, at once.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Transfer {
    /// The receiver.
    pub to: AccountId,
    /// An asset on the `token` rail.
    pub asset: AssetId,
    /// How much, above 0.
    pub amount: Amount,
    /// A note to the receiver, at most [`MAX_NOTE_BYTES`] bytes; public as all blocks are.
    pub note: String,
}

impl Transfer {
    /// The rules that need no state.
    ///
    /// # Errors
    /// Nothing is moved, or the note is too long or holds control characters.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.amount.is_zero() {
            return Err("a transfer moves at least one unit");
        }
        if self.note.len() > MAX_NOTE_BYTES || super::has_control(&self.note) {
            Err("a note has at most 64 bytes and no control characters")
        } else {
            Ok(())
        }
    }
}
