//! What the operator decides about trust: how limits follow from bonds, fees and scores, who is admitted, what trading
//! costs.

use bandex_types::Amount;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// How an account comes to the limit of a stranger, the dust, and may order at all.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case", tag = "by", deny_unknown_fields)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Admission {
    /// By the work in its register block.
    #[default]
    Work = 0,
    /// By fees paid; they count for its limit too.
    Fee {
        /// At least so much in all, in bytes.
        amount: Amount,
    } = 1,
    /// By a registrar's certificate, as long as it holds.
    Certificate = 2,
}

/// How limits follow from what accounts have put at stake, paid and honoured.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustTerms {
    /// How long an epoch of the trust graph lasts, in microseconds; 0: there are none, and no scores.
    pub epoch_us: u64,
    /// What edges of the graph and fees keep from one epoch to the next, in parts per million.
    pub keep_ppm: u32,
    /// The most that anybody earns, dust aside, in the unit of account (the design's G_max).
    pub largest_limit: Amount,
    /// What all scores together may be worth, in the unit of account (the design's B).
    pub loss_budget: Amount,
    /// How much of the loss budget a score of one whole would be given, in parts per million (the design's κ).
    pub score_ppm: u32,
    /// How much of a bond's value counts, in parts per million (φ_b).
    pub bond_ppm: u32,
    /// How much of the value of paid fees the score may be worth at most, in parts per million (φ_f).
    pub fee_ppm: u32,
    /// How strangers are let in.
    pub admission: Admission,
    /// Tokens that an account may claim once, in bytes; 0: none.
    pub first_grant: Amount,
    /// Zero bits that the id of a claim must begin with.
    pub grant_work_bits: u8,
    /// A balance below this is refused service by seeders and relays, in bytes.
    pub standing_threshold: i64,
}

impl Default for TrustTerms {
    /// What holds until the operator says otherwise: nobody earns more than the dust.
    fn default() -> Self {
        Self {
            epoch_us: 0,
            keep_ppm: 980_000,
            largest_limit: Amount::ZERO,
            loss_budget: Amount::ZERO,
            score_ppm: 1_000_000,
            bond_ppm: 500_000,
            fee_ppm: 500_000,
            admission: Admission::Work,
            first_grant: Amount::ZERO,
            grant_work_bits: 24,
            standing_threshold: 0,
        }
    }
}

/// What a market's trading costs, taken in tokens out of what is delivered.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Fees {
    /// For the maker, in parts per million of the tokens delivered.
    pub maker_ppm: u32,
    /// For the taker, likewise.
    pub taker_ppm: u32,
}
