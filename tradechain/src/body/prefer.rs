//! Whom an account trades with, and how far it trusts one counterparty.

use bandex_types::Amount;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Replaces the account's preferences. They hold for matches from now on, beside those of each order: the smaller
/// cap and the higher score win.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Prefer {
    /// The most that any one counterparty may owe the account over all their deals, in the unit of account.
    pub largest_exposure: Option<Amount>,
    /// The least reputation score of a counterparty, in parts per million.
    pub least_score: Option<u32>,
}
