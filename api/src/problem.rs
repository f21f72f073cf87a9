//! Errors as RFC 9457 has them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A problem document (`application/problem+json`), with a stable `code` for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Names this kind of problem: `urn:bandex:problem:CODE`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This very problem in words: what is wrong and what to do.
    pub detail: String,
    /// The stable code that programs test for.
    pub code: String,
    /// What became of the block: `rejected` (it was not sequenced and may be mended), `accepted` (it was sequenced and
    /// refused as a whole: it stands in the chain and consumed its seq), `unknown` (send the same bytes again).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Whether sending the same again can help.
    pub retryable: bool,
    /// When to try again, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The block that the problem is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_id: Option<String>,
    /// The operation that is at fault, from 0, where one of the block's is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op_index: Option<u32>,
    /// Numbers that belong to the code, such as the lane's head for `gap`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
}
