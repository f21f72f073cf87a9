//! Blocks, lanes and receipts on the wire.

use crate::Guard;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A signed block: the exact bytes and the signature, as docs/tradechain.md describes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedBlock {
    /// The canonical bytes, hex; at most 64 KiB of them.
    #[schema(pattern = "^([0-9a-f]{2})*$")]
    pub payload: String,
    /// The signature, hex.
    #[schema(pattern = "^[0-9a-f]{128}$")]
    pub signature: String,
}

/// What a submission may ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SubmitQuery {
    /// Whether the reply carries the receipt; it does unless this is false.
    pub receipt: Option<bool>,
}

/// The answer to a sequenced block. A block that was sent before is answered as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockReply {
    /// The block's id.
    pub block_id: String,
    /// The record that holds it.
    pub seq: u64,
    /// Sequenced time.
    pub time_us: u64,
    /// For orders and configure blocks, what became of each operation, in order.
    pub operations: Vec<OperationReply>,
    /// Proof of all this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

/// What would come of a block if it were submitted now. Nothing of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Validated {
    /// Always true: the block was not sequenced.
    pub dry_run: bool,
    /// The answer that it would get, without a receipt. Of a block that was sequenced before, the answer of then.
    #[serde(flatten)]
    pub reply: BlockReply,
}

/// What became of one operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperationReply {
    /// Which, from 0.
    #[serde(default)]
    pub op_index: u32,
    /// Whether it took effect.
    pub ok: bool,
    /// The stable code of its refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Its refusal in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The numbers that belong to its refusal, as a problem has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
    /// The order it placed or amended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Where that order stands: `open`, `sleeping`, `filled` or `cancelled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Its limit: another than was asked for if it slid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    /// How much of it has traded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filled: Option<String>,
    /// The quotes it placed, in the order in which they were given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quotes: Vec<QuoteReply>,
}

/// A quote that was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuoteReply {
    /// Its reference.
    pub order: String,
    /// Where it rests: at another price than was asked for if it slid.
    pub price: String,
}

/// Proof that a record is under the node's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// The node's batch block.
    pub batch: SignedBlock,
    /// What the batch's tree holds of the record.
    pub leaf: Leaf,
    /// Sibling hashes from the leaf to the root, hex, nearest first.
    pub path: Vec<String>,
    /// The outcome's bytes, hex.
    pub outcome: String,
}

/// A leaf of a batch's tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Leaf {
    /// The record's seq.
    pub seq: u64,
    /// Sequenced time.
    pub time_us: u64,
    /// The version of the rules.
    pub rules: u32,
    /// Hash of the command's bytes, hex.
    pub command_hash: String,
    /// Digest of the outcome's bytes, hex.
    pub outcome_digest: String,
}

/// A block as the node keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StoredBlock {
    /// The block's id.
    pub block_id: String,
    /// The record that holds it.
    pub seq: u64,
    /// Sequenced time.
    pub time_us: u64,
    /// The exact bytes and signature.
    pub signed: SignedBlock,
    /// What they say; the fields of docs/tradechain.md.
    #[schema(value_type = Object)]
    pub block: serde_json::Value,
    /// What came of it.
    #[schema(value_type = Object)]
    pub outcome: serde_json::Value,
    /// Proof of all this.
    pub receipt: Receipt,
}

/// A record with its proof, block or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProvenRecord {
    /// The record's seq.
    pub seq: u64,
    /// Sequenced time.
    pub time_us: u64,
    /// The command's bytes, hex.
    pub command: String,
    /// The block's id, if the command is one.
    pub block_id: Option<String>,
    /// What the block says, if the command is one.
    #[schema(value_type = Option<Object>)]
    pub block: Option<serde_json::Value>,
    /// What came of it.
    #[schema(value_type = Object)]
    pub outcome: serde_json::Value,
    /// Proof of all this.
    pub receipt: Receipt,
}

/// Which part of a lane.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LaneQuery {
    /// The first seq to list, if there is no cursor; 1 if absent.
    #[param(minimum = 1)]
    pub from: Option<u64>,
    /// Where the page before ended: its `next_cursor`, as it is.
    #[param(pattern = "^[A-Za-z0-9_-]+$", max_length = 200)]
    pub cursor: Option<String>,
    /// How many blocks, at most 1000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

/// A lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lane {
    /// The record up to which this is true.
    pub seq: u64,
    /// Whose.
    pub account: String,
    /// The signing key.
    pub key: String,
    /// Whether it is the account's root key.
    pub root: bool,
    /// What it may do: 1 orders, 2 settle, 4 tokens, added up.
    pub scopes: u8,
    /// `active`, `revoked` or `forked`.
    pub status: String,
    /// The seq of the last sequenced block, 0 before the first.
    pub head_seq: u64,
    /// What the next block must name as its previous.
    pub head_id: String,
    /// What becomes of the key's orders when its program falls silent; absent if it has said nothing of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
    /// Block ids, in the lane's order.
    pub blocks: Vec<String>,
    /// Give this as `cursor` for the next page; none after the last.
    pub next_cursor: Option<String>,
    /// The proof, if the key signed two blocks for one seq.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fork: Option<Fork>,
}

/// Two blocks of one lane with one seq: both signatures are all the proof anyone needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fork {
    /// The record that holds the proof.
    pub seq: u64,
    /// The block that was sequenced.
    pub first: SignedBlock,
    /// The block that contradicts it.
    pub second: SignedBlock,
}
