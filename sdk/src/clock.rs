//! The wall clock, in the TradeChain's unit.

use bandex_types::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now, by this machine's clock. A clock before 1970 reads as 1970, which the signer then refuses.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
