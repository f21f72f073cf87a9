//! What is told of the Bitcoin chain and of payments on it.

use bandex_types::{Amount, BlockId, DealId, Hash};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;

/// How far the chain is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct ChainState {
    /// The height of the last block.
    pub height: u32,
    /// Its hash, in the order of the bytes in headers: people write them the other way round.
    pub tip: Hash,
    /// What the node says that a transaction costs, in satoshi for 1,000 virtual bytes.
    pub fee_rate: Option<u64>,
    /// How many blocks a reorganisation has just taken out.
    pub disconnected: u32,
}

/// An output that pays a deal's script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct PaymentState {
    /// The deal.
    pub deal: DealId,
    /// The transaction, in the order of the bytes that are hashed.
    pub txid: Hash,
    /// The number of its output.
    pub output: u32,
    /// How much, in quote units.
    pub value: Amount,
    /// The block that it is or was in.
    pub block: Hash,
    /// That block's height; 0 if the payment was reversed.
    pub height: u32,
    /// Where it stands.
    pub status: PaymentStatus,
    /// Whether the deal had ended by then.
    pub late: bool,
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum PaymentStatus {
    /// In a block.
    Included = 0,
    /// With as many confirmations as make it paid.
    Paid = 1,
    /// With as many as make it final.
    Final = 2,
    /// A reorganisation has taken out its block.
    Reversed = 3,
}

/// Where a deal's payee wants to be paid.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct Payee {
    /// The output script.
    #[serde(serialize_with = "hex::serde::serialize")]
    pub script: Vec<u8>,
    /// The block in which the payee signed it.
    pub block: BlockId,
    /// The height of the chain then.
    pub height: u32,
}
