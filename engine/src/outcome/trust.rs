//! What is told of trust: what accounts have at stake, where their limits come from, what a bond paid, what was netted.

use bandex_tradechain::body::Prefer;
use bandex_types::{AccountId, Amount, DealId, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;
use std::fmt;

/// What an account has at stake, and what follows for its limit.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct TrustState {
    /// Whose.
    pub account: AccountId,
    /// Its bond, in bytes, without what leaves.
    pub bond: Amount,
    /// The part of the bond that was asked back and is still at stake, in bytes.
    pub leaving: Amount,
    /// Fees paid, decayed, in bytes.
    pub fees: Amount,
    /// Its reputation, in parts per billion.
    pub score_ppb: u32,
    /// What deals that were written off hold of its limit, in the unit of account.
    pub burden: Amount,
    /// Whether it may order, as far as admission goes.
    pub admitted: bool,
    /// Its certificate, if a registrar gave it one that is not taken back.
    pub certificate: Option<Certificate>,
    /// Whether it has had the first grant.
    pub granted: bool,
    /// Whether walks of the trust graph begin here.
    pub seed: bool,
    /// Whether its certificates admit.
    pub registrar: bool,
    /// Whom it trades with.
    pub preference: Prefer,
    /// Its limit and the parts of it.
    pub limit: LimitParts,
}

/// A registrar's word for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct Certificate {
    /// The registrar.
    pub by: AccountId,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
}

/// Where a limit comes from, all in the unit of account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct LimitParts {
    /// What the operator set; then nothing else counts.
    pub operator: Option<Amount>,
    /// For the bond.
    pub bond: Amount,
    /// What the score would be worth.
    pub reputation: Amount,
    /// What paid fees let it be worth.
    pub fees: Amount,
    /// The bond's part and the lesser of those two, at most the largest limit.
    pub earned: Amount,
    /// A stranger's allowance; 0 if it is not admitted.
    pub dust: Amount,
    /// The limit; 0 after a default or fork.
    pub total: Amount,
}

impl fmt::Display for LimitParts {
    /// The same words wherever a limit is explained.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operator, bond, reputation, fees, dust, total, .. } = self;
        write!(f, "the limit is {total}")?;
        match operator {
            Some(_) => f.write_str(", set by the operator"),
            None => write!(
                f,
                ", of which {bond} for the bond, {} for the score (worth {reputation}, bounded by {fees} for fees paid), \
                 {dust} for admission",
                reputation.min(fees)
            ),
        }
    }
}

/// A bond paid for a default.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct Slash {
    /// The deal.
    pub deal: DealId,
    /// Whose bond.
    pub from: AccountId,
    /// Who was paid.
    pub to: AccountId,
    /// How many tokens, in bytes.
    pub tokens: Amount,
    /// How much of the loss that covers, in quote units.
    pub covered: Amount,
}

/// Two deals between the same accounts on one market, replaced by one.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct Netted {
    /// The deal that goes on; none if nothing was left of the two.
    pub deal: Option<DealId>,
    /// The two, the older first.
    pub replaced: [DealId; 2],
    /// The base that nobody has to deliver any more, in smallest units: so much of either.
    pub base: Amount,
    /// Quote that nobody has to pay any more, in smallest units: so much of either.
    pub quote: Amount,
}
