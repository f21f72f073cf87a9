//! Calls that make blocks, take them, or say what a place in one costs.

use super::params::{self, Params};
use super::{
    Answer, DESERIALIZATION, Error, INTERNAL, INVALID_ADDRESS_OR_KEY, INVALID_PARAMETER, MISC, TYPE, VERIFY,
    blocks,
};
use crate::amount;
use crate::chain::{Standing, Verdict};
use crate::node::{MineError, Node};
use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::{Address, Block, Network, ScriptBuf, Txid};
use serde_json::{Value, json};

/// The most blocks that estimatesmartfee looks ahead.
const TARGET_MAX: i64 = 1_008;

fn address(text: &str, network: Network) -> Option<ScriptBuf> {
    let address: Address<_> = text.parse().ok()?;
    Some(address.require_network(network).ok()?.script_pubkey())
}

/// The script of a descriptor that needs no keys worked out: `addr(…)` or `raw(…)`, with a checksum or without.
fn descriptor(text: &str, network: Network) -> Option<ScriptBuf> {
    let bare = text.split_once('#').map_or(text, |(bare, _)| bare);
    let inner = |name: &str| bare.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    let known = text == bare || text == super::render::with_checksum(bare);
    let script = match (inner("addr"), inner("raw")) {
        (Some(text), _) => address(text, network),
        (None, Some(hex)) => ScriptBuf::from_hex(hex).ok(),
        (None, None) => None,
    };
    script.filter(|_| known)
}

fn generate(node: &mut Node, count: i64, script: &ScriptBuf) -> Answer {
    let mut hashes = Vec::new();
    for _ in 0..count {
        hashes.push(Value::from(node.mine(script.clone()).map_err(failed)?.to_string()));
    }
    Ok(Value::Array(hashes))
}

fn failed(error: MineError) -> Error {
    match error {
        MineError::Network => Error::new(MISC, error.to_string()),
        MineError::Refused(reason) => {
            Error::new(INTERNAL, format!("ProcessNewBlock, block not accepted: {reason}"))
        }
        MineError::Chain(error) => error.into(),
    }
}

pub(super) fn generate_to_address(node: &mut Node, params: &Params<'_>) -> Answer {
    let count = params.integer(0)?;
    let script = address(params.string(1)?, node.chain.network());
    let script = script.ok_or_else(|| Error::new(INVALID_ADDRESS_OR_KEY, "Error: Invalid address"))?;
    generate(node, count, &script)
}

pub(super) fn generate_to_descriptor(node: &mut Node, params: &Params<'_>) -> Answer {
    let count = params.integer(0)?;
    let script = descriptor(params.string(1)?, node.chain.network());
    let message = "only the descriptors addr() and raw() are known here";
    let script = script.ok_or_else(|| Error::new(INVALID_ADDRESS_OR_KEY, message))?;
    generate(node, count, &script)
}

pub(super) fn generate_block(node: &mut Node, params: &Params<'_>) -> Answer {
    let (text, network) = (params.string(0)?, node.chain.network());
    let script = descriptor(text, network).or_else(|| address(text, network));
    let script =
        script.ok_or_else(|| Error::new(INVALID_ADDRESS_OR_KEY, "Error: Invalid address or descriptor"))?;
    let mut transactions = Vec::new();
    for value in params.array(1)? {
        let text =
            value.as_str().ok_or_else(|| Error::new(TYPE, "JSON value is not a string as expected"))?;
        let transaction = match text.parse::<Txid>() {
            Ok(txid) => {
                let entry = node.mempool.get(&txid).ok_or_else(|| {
                    Error::new(INVALID_ADDRESS_OR_KEY, format!("Transaction {text} not in mempool."))
                })?;
                bitcoin::Transaction::clone(&entry.transaction)
            }
            Err(_) => params::transaction(text).ok_or_else(|| {
                let message =
                    format!("Transaction decode failed for {text}. Make sure the tx has at least one input.");
                Error::new(DESERIALIZATION, message)
            })?,
        };
        transactions.push(transaction);
    }
    let submit = params.flag(2, true)?;
    let block = node.make(script, transactions, 0).map_err(failed)?;
    let hash = block.block_hash();
    if !submit {
        return Ok(json!({"hash": hash, "hex": serialize_hex(&block)}));
    }
    node.submit_own(block).map_err(|error| match error {
        MineError::Refused(reason) => Error::new(VERIFY, format!("TestBlockValidity failed: {reason}")),
        error => failed(error),
    })?;
    Ok(json!({"hash": hash}))
}

pub(super) fn submit(node: &mut Node, params: &Params<'_>) -> Answer {
    let block: Block =
        deserialize_hex(params.string(0)?).map_err(|_| Error::new(DESERIALIZATION, "Block decode failed"))?;
    let answer = match node.submit(block)? {
        Verdict::Active => return Ok(Value::Null),
        Verdict::Inconclusive => "inconclusive".to_owned(),
        Verdict::Known(Standing::Valid) => "duplicate".to_owned(),
        Verdict::Known(Standing::Invalid) => "duplicate-invalid".to_owned(),
        Verdict::Known(Standing::Unchecked) => "duplicate-inconclusive".to_owned(),
        // The kernel's log has details after the reason, which the answer has not.
        Verdict::Refused(reason) => reason.split(", ").next().unwrap_or("rejected").to_owned(),
    };
    Ok(answer.into())
}

pub(super) fn info(node: &mut Node, _params: &Params<'_>) -> Answer {
    let tip = blocks::known(node, node.chain.tip())?;
    let bits = format!("{:08x}", tip.block.header.bits.to_consensus());
    let target = format!("{:064x}", tip.block.header.target());
    let difficulty = blocks::difficulty_of(tip);
    Ok(json!({
        "blocks": node.chain.height(),
        "bits": bits,
        "difficulty": difficulty,
        "target": target,
        // Nobody mines here but on demand.
        "networkhashps": 0,
        "pooledtx": node.mempool.len(),
        "chain": blocks::chain_name(node.chain.network()),
        "next": {
            "height": node.chain.height().saturating_add(1),
            "bits": bits,
            "difficulty": difficulty,
            "target": target,
        },
        "warnings": [],
    }))
}

/// What was set for the target or the nearest one below it, since who can wait longer need not pay more; with nothing
/// set, what Core says on a chain that has seen too little.
pub(super) fn estimate(node: &mut Node, params: &Params<'_>) -> Answer {
    let target = params.integer(0)?;
    if !(1..=TARGET_MAX).contains(&target) {
        let message = format!("Invalid conf_target, must be between 1 and {TARGET_MAX}");
        return Err(Error::new(INVALID_PARAMETER, message));
    }
    let mode = params.get(1).map(|_| params.string(1)).transpose()?.unwrap_or("economical");
    if !["unset", "economical", "conservative"].contains(&mode.to_lowercase().as_str()) {
        let message =
            "Invalid estimate_mode parameter, must be one of: \"unset\", \"economical\", \"conservative\"";
        return Err(Error::new(INVALID_PARAMETER, message));
    }
    let blocks = u16::try_from(target).unwrap_or(u16::MAX);
    let Some((_, rate)) = node.estimates.range(..=blocks).next_back() else {
        return Ok(json!({"errors": ["Insufficient data or no feerate found"], "blocks": 0}));
    };
    let rate = (*rate).max(node.mempool.min_sat_per_kvb());
    Ok(json!({"feerate": amount::btc_u64(rate), "blocks": target.max(2)}))
}
