//! The Bitcoin chain on the wire: how far it is followed, what markets ask of payments on it, and how deals stand there.
//!
//! Hashes of blocks and transactions are written as Bitcoin people do: hex, the last byte first.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The Bitcoin chain as the exchange follows it. What is absent is not decided or not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Bitcoin {
    /// The record up to which this is true.
    pub seq: u64,
    /// `mainnet`, `testnet4`, `signet` or `regtest`; absent until the operator has decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The height of the header that all others build upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_height: Option<u32>,
    /// That header, 80 bytes in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_header: Option<String>,
    /// The height of the last block that the exchange knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// That block's hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tip: Option<String>,
    /// What the node says that a transaction costs, in satoshi for 1,000 virtual bytes; absent until it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_rate: Option<u64>,
    /// To how many scripts payments may still come.
    pub scripts: u64,
    /// How it stands with the exchange's own node.
    pub node: BitcoinNode,
}

/// How it stands with the exchange's Bitcoin node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BitcoinNode {
    /// `ready`; `none` if the exchange has no node; `not_set` until the operator has decided which chain is followed;
    /// or `connecting`, `warming_up`, `behind`, `stalled`, `pruned`, `unreachable`, `wrong_network`, `bad_chain`.
    pub state: String,
    /// The same in words.
    pub detail: String,
    /// Since when it is in this state, as far as this start of the server knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_us: Option<u64>,
}

/// What a market asks of payments on the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MarketPayments {
    /// How many confirmations make a payment paid, as far as the seller's cap covers it.
    pub confirmations: u16,
    /// How many make any payment final.
    pub final_confirmations: u16,
    /// The largest share of a payment that its fee may take, in parts per million.
    pub fee_share_ppm: u32,
    /// The smallest payment of deals that are opened now, in quote: it rises with the fees of the chain.
    pub least_payment: String,
}

/// Where the payee of a deal wants to be paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Payee {
    /// The output script, hex. Nothing else of the deal may be paid to any other.
    pub script: String,
    /// The same as an address of the network.
    pub address: String,
    /// The block in which the payee signed it: kind `receive`.
    pub block_id: String,
    /// The height of the chain then: payments are in blocks above it.
    pub height: u32,
}

/// How far the payments of a deal on the chain have come, in quote. Each sum is cumulative, and may be above the total.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DealChain {
    /// What the buyer is asked to have paid in all; 0 until the payee has named its script.
    pub demand: String,
    /// The same in satoshi, rounded up: what the outputs must come to.
    pub demand_satoshi: u64,
    /// The number of that demand, from 1; 0 before the first.
    pub number: u32,
    /// What is in a block of the chain.
    pub included: String,
    /// What has enough confirmations for the buyer to go on.
    pub paid: String,
    /// What is final.
    pub buried: String,
    /// What base was delivered for.
    pub delivered: String,
    /// What has arrived beyond the total: a gift to the payee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surplus: Option<String>,
    /// The smallest payment, as at the opening.
    pub least_payment: String,
    /// How many confirmations make a payment paid.
    pub confirmations: u16,
    /// How many make it final.
    pub final_confirmations: u16,
}

/// An output of a transaction that pays a deal's script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DealPayment {
    /// The transaction.
    pub txid: String,
    /// The number of its output.
    pub output: u32,
    /// How much, in quote.
    pub amount: String,
    /// The same in satoshi.
    pub satoshi: u64,
    /// The block that it is or was in.
    pub block: String,
    /// That block's height; absent if a reorganisation took it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// `included`, `paid`, `final` or `reversed`.
    pub status: String,
    /// Whether the deal had ended by then.
    pub late: bool,
    /// The record that last changed it.
    pub seq: u64,
    /// When.
    pub time_us: u64,
}

/// The payments of a deal, in the order in which they were proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DealPayments {
    /// The deal.
    pub deal: String,
    /// The record up to which this is true.
    pub seq: u64,
    /// The payments.
    pub payments: Vec<DealPayment>,
}
