//! What becomes of a key's orders when its program falls silent.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// The shortest time after which a key's orders may go by themselves: one second.
pub const MIN_CANCEL_AFTER_US: u64 = 1_000_000;
/// The longest time and the longest grace: a day.
pub const MAX_GUARD_US: u64 = 24 * 3_600 * 1_000_000;

/// Has the orders of the signing key cancelled when its program falls silent, and replaces what was said before. Both parts
/// are the key's own: orders that other keys of the account placed stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Guard {
    /// So many microseconds after this block was sequenced all open orders of the key are cancelled, unless another guard
    /// block of the key came in between; 0, or from one second to a day. 0: no timer runs.
    pub cancel_after_us: u64,
    /// So many microseconds after the key's last connection ended the node may cancel all open orders of the key; at
    /// most a day. None: it may not.
    pub on_disconnect_us: Option<u64>,
}

impl Guard {
    /// Ends timer and permission.
    pub const OFF: Self = Self { cancel_after_us: 0, on_disconnect_us: None };

    /// The rules that need no state.
    ///
    /// # Errors
    /// A time is out of its range.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.cancel_after_us != 0 && !(MIN_CANCEL_AFTER_US..=MAX_GUARD_US).contains(&self.cancel_after_us)
        {
            return Err("cancel_after_us is 0 or from one second to 24 hours");
        }
        if self.on_disconnect_us.is_some_and(|grace_us| grace_us > MAX_GUARD_US) {
            return Err("on_disconnect_us is at most 24 hours");
        }
        Ok(())
    }
}
