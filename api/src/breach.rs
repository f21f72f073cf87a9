//! Broken words, for everybody: forks and defaults.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Where the page before ended: its `next_cursor`, as it is.
    #[param(pattern = "^[A-Za-z0-9_-]+$", max_length = 200)]
    pub cursor: Option<String>,
    /// How many, at most 1000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

/// A key that signed two blocks for one place in its lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ForkNotice {
    /// The key.
    pub key: String,
    /// Whose.
    pub account: String,
    /// The place in the lane.
    pub lane_seq: u64,
    /// The id of the block that was sequenced.
    pub first: String,
    /// The id of the block that contradicts it. `GET /v1/lanes/{key}` has both with their signatures.
    pub second: String,
    /// The record that holds the proof.
    pub seq: u64,
    /// When.
    pub time_us: u64,
}

/// Some forks, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ForkPage {
    /// The record up to which the answer is true.
    pub seq: u64,
    /// The forks.
    pub forks: Vec<ForkNotice>,
    /// Give this as `cursor` for the next page; none after the last.
    pub next_cursor: Option<String>,
}

/// A default: somebody did not pay a tranche in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DefaultNotice {
    /// The deal.
    pub deal: String,
    /// Its market.
    pub market: String,
    /// `seller` or `buyer`: who did not pay.
    pub by: String,
    /// The account behind it.
    pub account: String,
    /// Who lost.
    pub victim: String,
    /// How much, in quote, before anything covered it.
    pub loss: String,
    /// How much of it the defaulter's bond has covered, in quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered: Option<String>,
    /// How the deal stands now: `defaulted`, `cured`, `written_off` or `resolved`.
    pub state: String,
    /// The record in which the deadline was found to have passed.
    pub seq: u64,
    /// When.
    pub time_us: u64,
}

/// Some defaults, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DefaultPage {
    /// The record up to which the answer is true.
    pub seq: u64,
    /// The defaults.
    pub defaults: Vec<DefaultNotice>,
    /// Give this as `cursor` for the next page; none after the last.
    pub next_cursor: Option<String>,
}
