//! What an agent may do without asking its owner.

use bandex_sdk::types::Amount;
use std::time::Duration;

/// Limits of an agent's freedom. What lies beyond is declined: the deal then runs into its deadline unless the owner
/// pays by other means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The largest tranche it pays, in smallest quote units.
    pub largest_tranche: Option<Amount>,
    /// The most a counterparty may owe it in one deal after one of its payments, in smallest quote units.
    pub largest_exposure: Option<Amount>,
    /// After this many payments and acknowledgements it vanishes, to see what becomes of those who stay.
    pub stop_after: Option<u32>,
    /// How much time must be left before a deadline for money to be moved: what is reported too late is lost.
    pub margin: Duration,
    /// How long to wait before a rail is asked again.
    pub recheck: Duration,
}

impl Default for Policy {
    /// No limits; one second of margin, and a second between looks.
    fn default() -> Self {
        Self {
            largest_tranche: None,
            largest_exposure: None,
            stop_after: None,
            margin: Duration::from_secs(1),
            recheck: Duration::from_secs(1),
        }
    }
}

impl Policy {
    /// No limits, but gone after `actions` payments and acknowledgements.
    #[must_use]
    pub fn stop_after(actions: u32) -> Self {
        Self { stop_after: Some(actions), ..Self::default() }
    }
}
