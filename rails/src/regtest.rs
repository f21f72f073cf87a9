//! Calls that only make sense on regtest: blocks on demand, reorganisations, a clock that can be set. For tests and the
//! demo.

use crate::calls::malformed;
use crate::rpc::{Client, RpcError};
use bandex_spv::{read_hash, shown};
use bitcoin::Transaction;
use bitcoin::consensus::encode::serialize_hex;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Generated {
    hash: String,
}

/// `generatetoaddress`: mines this many blocks whose coinbases pay the address. Gives their hashes.
///
/// # Errors
/// As [`Client::call`]; so for all calls here.
pub async fn generate(client: &Client, blocks: u32, address: &str) -> Result<Vec<[u8; 32]>, RpcError> {
    let method = "generatetoaddress";
    let hashes: Vec<String> = client.call(method, json!([blocks, address])).await?;
    let read = |hash: &String| read_hash(hash).ok_or_else(|| malformed(method, "this is no hash"));
    hashes.iter().map(read).collect()
}

/// `generateblock`: mines one block with exactly these transactions, whatever the mempool holds.
///
/// # Errors
/// As [`Client::call`].
pub async fn generate_block(
    client: &Client,
    address: &str,
    transactions: &[Transaction],
) -> Result<[u8; 32], RpcError> {
    let method = "generateblock";
    let hex: Vec<String> = transactions.iter().map(serialize_hex).collect();
    let Generated { hash } = client.call(method, json!([address, hex])).await?;
    read_hash(&hash).ok_or_else(|| malformed(method, "this is no hash"))
}

/// `invalidateblock`: the node gives up this block and all above it.
///
/// # Errors
/// As [`Client::call`].
pub async fn invalidate_block(client: &Client, hash: &[u8; 32]) -> Result<(), RpcError> {
    client.call::<Value>("invalidateblock", json!([shown(hash)])).await.map(drop)
}

/// `reconsiderblock`: takes [`invalidate_block`] back.
///
/// # Errors
/// As [`Client::call`].
pub async fn reconsider_block(client: &Client, hash: &[u8; 32]) -> Result<(), RpcError> {
    client.call::<Value>("reconsiderblock", json!([shown(hash)])).await.map(drop)
}

/// `setmocktime`: what the node takes for the time, in seconds since 1970; 0 for the true one.
///
/// # Errors
/// As [`Client::call`].
pub async fn set_mock_time(client: &Client, time_s: u64) -> Result<(), RpcError> {
    client.call::<Value>("setmocktime", json!([time_s])).await.map(drop)
}

/// `stop`: the node ends.
///
/// # Errors
/// As [`Client::call`].
pub async fn stop(client: &Client) -> Result<(), RpcError> {
    client.call::<Value>("stop", json!([])).await.map(drop)
}
