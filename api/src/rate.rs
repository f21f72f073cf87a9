//! Rate limits: how much may be asked in what time, and what is left of it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A rate limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RatePolicy {
    /// `address`: whatever is asked without a login; `account`: whatever an account asks or signs; `cancels`: blocks of
    /// an account that only cancel; `registrations`: new accounts from an address.
    pub name: String,
    /// How much may be spent at once; it comes back evenly within the window.
    pub quota: u64,
    /// The window, in seconds.
    pub window_s: u64,
    /// What each kind of request takes. A block takes `block`, and `ten_operations` for each ten operations in it.
    pub weights: BTreeMap<String, u64>,
}

/// What is left of a rate limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RateUse {
    /// The policy's name.
    pub policy: String,
    /// How much may be spent now.
    pub remaining: u64,
    /// When the whole quota will be there again, in milliseconds.
    pub reset_ms: u64,
}

/// The rate limits, and how much is left of the asker's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RateLimits {
    /// All rate limits.
    pub policies: Vec<RatePolicy>,
    /// Those of the account that is logged in, or else of the address.
    #[serde(rename = "use")]
    pub used: Vec<RateUse>,
}
