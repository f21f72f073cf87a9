//! Where a payee wants to be paid on a chain.

use bandex_types::DealId;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// The longest script that is read: those of all standard outputs are as long or shorter.
pub const MAX_SCRIPT_BYTES: usize = 34;

/// Names the script to which a deal's payments on the Bitcoin chain go. It is the payee's, fresh, and for this deal alone.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Receive {
    /// The deal.
    pub deal: DealId,
    /// The output script, as it stands in a transaction; in JSON as hex.
    #[serde(with = "hex::serde")]
    pub script: Vec<u8>,
}

impl Receive {
    /// The rules that need no state.
    ///
    /// # Errors
    /// The script is empty or too long.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.script.is_empty() || self.script.len() > MAX_SCRIPT_BYTES {
            Err("a script to be paid to has 1 to 34 bytes")
        } else {
            Ok(())
        }
    }
}
