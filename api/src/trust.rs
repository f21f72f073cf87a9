//! Trust on the wire: how limits follow, what an account has at stake, scores, standing.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How strangers are let in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Admission {
    /// `work` (in the register block), `fee` or `certificate`.
    pub by: String,
    /// How much must be paid in all, in BWT; of `fee` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
}

/// How limits follow from what accounts have at stake, paid and honoured, as the operator set it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrustTerms {
    /// How long an epoch of the trust graph lasts; 0: there are none, and no scores.
    pub epoch_us: u64,
    /// What edges of the graph and fees keep from one epoch to the next, in parts per million.
    pub keep_ppm: u32,
    /// The most that anybody earns, dust aside, in BTC.
    pub largest_limit: String,
    /// What all scores together may be worth, in BTC.
    pub loss_budget: String,
    /// How much of the loss budget a score of one whole would be given, in parts per million.
    pub score_ppm: u32,
    /// How much of a bond's value counts, in parts per million.
    pub bond_ppm: u32,
    /// How much of the value of paid fees the score may be worth at most, in parts per million.
    pub fee_ppm: u32,
    /// How strangers are let in.
    pub admission: Admission,
    /// Tokens that an account may claim once, in BWT; 0: none.
    pub first_grant: String,
    /// Zero bits that the id of a claim must begin with.
    pub grant_work_bits: u8,
    /// A balance below this is refused service by seeders and relays, in BWT.
    pub standing_threshold: String,
}

/// What an asset is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rate {
    /// The asset.
    pub asset: String,
    /// A smallest unit is worth num ⁄ den millisatoshi.
    pub num: u64,
    /// See `num`.
    pub den: u64,
}

/// What a market's trading costs, in parts per million of the tokens delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fees {
    /// For the maker.
    pub maker_ppm: u32,
    /// For the taker.
    pub taker_ppm: u32,
}

/// The end of an epoch of the trust graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Epoch {
    /// Its number: epochs of this length since 1970.
    pub epoch: u64,
    /// What the walks are drawn with, hex: a hash over the graph, the seeds, the epoch and the genesis.
    pub checkpoint: String,
    /// How many edges the graph has.
    pub edges: u64,
    /// Whether its scores are in force; they come a moment after its end.
    pub scored: bool,
}

/// What everybody's trust is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trust {
    /// The record up to which the answer is true.
    pub seq: u64,
    /// How limits follow.
    pub terms: TrustTerms,
    /// The limit of an admitted stranger, in BTC.
    pub dust: String,
    /// What assets are worth.
    pub rates: Vec<Rate>,
    /// The accounts at which walks of the trust graph begin.
    pub seeds: Vec<String>,
    /// The accounts whose certificates admit.
    pub registrars: Vec<String>,
    /// The last epoch that ended; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
}

/// Where a limit comes from, all in BTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LimitParts {
    /// What the operator set; then nothing else counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// For the bond.
    pub bond: String,
    /// What the score would be worth.
    pub reputation: String,
    /// What paid fees let it be worth.
    pub fees: String,
    /// The bond's part and the lesser of those two, at most the largest limit.
    pub earned: String,
    /// A stranger's allowance; 0 if it is not admitted.
    pub dust: String,
}

/// A registrar's word for an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Certificate {
    /// The registrar.
    pub by: String,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_us: Option<u64>,
}

/// What an account has at stake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stake {
    /// Its bond, in BWT, without what leaves.
    pub bond: String,
    /// What was asked back and is still at stake, in BWT.
    pub leaving: String,
    /// Fees paid, decayed, in BWT.
    pub fees: String,
    /// Its score: the share of all walks, from `0` to `1`.
    pub score: String,
    /// Its certificate, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// Whether it has had the first grant.
    pub granted: bool,
    /// Whether walks of the trust graph begin here.
    pub seed: bool,
    /// Whether its certificates admit.
    pub registrar: bool,
    /// The most that any one counterparty may owe it, in BTC; absent: no bound of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_exposure: Option<String>,
    /// The least score of a counterparty, in parts per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_score: Option<u32>,
}

/// How much others may let an account owe, why, and what would raise it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// The record up to which the answer is true.
    pub seq: u64,
    /// Whose.
    pub account: String,
    /// The limit, in BTC; 0 after a default or fork.
    pub limit: String,
    /// Where it comes from.
    pub parts: LimitParts,
    /// What open deals reserve of it, in BTC.
    pub reserved: String,
    /// What deals that were written off hold of it, in BTC.
    pub burden: String,
    /// What is left, in BTC.
    pub free: String,
    /// Whether it may order, as far as admission goes.
    pub admitted: bool,
    /// Why it may not order, if it is frozen: `default`, `session_fork`, `root_fork` or `operator`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<String>,
    /// What it has at stake.
    pub stake: Stake,
    /// The limit in words, as a refusal has them; amounts are in millisatoshi there.
    pub why: String,
    /// What would raise it, as a refusal has it.
    pub raise: String,
}

/// What the node says of an account, under its signature, for seeders and relays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// The network.
    pub network: u32,
    /// The node that says so: its key, hex. Compare it with the one that you trust.
    pub node: String,
    /// Whose standing.
    pub account: String,
    /// The last record that it takes into account.
    pub seq: u64,
    /// The time of that record.
    pub time_us: u64,
    /// Its tokens, in smallest units; below zero is credit taken.
    pub balance: String,
    /// The balance from which on it is served, in smallest units.
    pub threshold: String,
    /// Whether it is served.
    pub served: bool,
    /// How many more tokens would get it served, in smallest units; 0 if it is, or if tokens do not help.
    pub cure: String,
    /// The bytes that are signed, hex; they say all of the above.
    pub payload: String,
    /// The node's signature under them, hex.
    pub signature: String,
}

/// As whom one looks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReputationQuery {
    /// The account from whose own circle the score is seen; absent: from the seeds.
    #[param(pattern = "^[0-9a-f]{64}$")]
    pub from: Option<String>,
}

/// An account's score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reputation {
    /// Whose.
    pub account: String,
    /// From whose circle it is seen; absent: from the seeds, which is the score that limits follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The share of walks, from `0` to `1`.
    pub score: String,
    /// The epoch whose end it is of.
    pub epoch: u64,
    /// What the walks are drawn with, hex.
    pub checkpoint: String,
}
