//! Calls about the node itself, and those that are not Core's.

use super::params::{Params, usage};
use super::{Answer, Error, INVALID_PARAMETER, METHODS};
use crate::amount;
use crate::mempool::{INCREMENTAL_RELAY_SAT_PER_KVB, MIN_RELAY_SAT_PER_KVB};
use crate::node::Node;
use serde_json::{Map, Value, json};

/// The version of Core whose answers these are, as Core counts.
const VERSION: u32 = 290_000;

pub(super) fn network_info(_node: &mut Node, _params: &Params<'_>) -> Answer {
    Ok(json!({
        "version": VERSION,
        "subversion": concat!("/bandex-regtest-node:", env!("CARGO_PKG_VERSION"), "/"),
        "protocolversion": 70_016,
        "localservices": "0000000000000009",
        "localservicesnames": ["NETWORK", "WITNESS"],
        "localrelay": true,
        "timeoffset": 0,
        "networkactive": false,
        "connections": 0,
        "connections_in": 0,
        "connections_out": 0,
        "networks": [],
        "relayfee": amount::btc_u64(MIN_RELAY_SAT_PER_KVB),
        "incrementalfee": amount::btc_u64(INCREMENTAL_RELAY_SAT_PER_KVB),
        "localaddresses": [],
        "warnings": [],
    }))
}

pub(super) fn index_info(node: &mut Node, params: &Params<'_>) -> Answer {
    let wanted = params.get(0).map(|_| params.string(0)).transpose()?;
    let mut answer = Map::new();
    if node.settings.txindex && wanted.is_none_or(|name| name == "txindex") {
        let index = json!({"synced": true, "best_block_height": node.chain.height()});
        answer.insert("txindex".to_owned(), index);
    }
    Ok(Value::Object(answer))
}

pub(super) fn uptime(node: &mut Node, _params: &Params<'_>) -> Answer {
    Ok(node.started.elapsed().as_secs().into())
}

pub(super) fn help(_node: &mut Node, params: &Params<'_>) -> Answer {
    let wanted = params.get(0).map(|_| params.string(0)).transpose()?;
    let mut lines: Vec<String> =
        METHODS.iter().filter(|method| wanted.is_none_or(|name| name == method.name)).map(usage).collect();
    if lines.is_empty() {
        return Ok(format!("help: unknown command: {}", wanted.unwrap_or("")).into());
    }
    lines.sort();
    Ok(lines.join("\n").into())
}

pub(super) fn stop(node: &mut Node, _params: &Params<'_>) -> Answer {
    node.stopping = true;
    Ok("bandex-regtest-node stopping".into())
}

pub(super) fn set_mock_time(node: &mut Node, params: &Params<'_>) -> Answer {
    let time = params.integer(0)?;
    let time = u64::try_from(time).map_err(|_| {
        Error::new(INVALID_PARAMETER, format!("Mocktime must be in the range [0, {}], not {time}.", i64::MAX))
    })?;
    node.set_mock_time(time);
    Ok(Value::Null)
}

/// Not Core's: what estimatesmartfee says from now on, in bitcoin per 1000 virtual bytes; 0 takes it back.
pub(super) fn set_estimate(node: &mut Node, params: &Params<'_>) -> Answer {
    let rate = u64::try_from(params.amount(0, 0)?).unwrap_or(0);
    let target = if params.get(1).is_some() { params.integer(1)? } else { 1 };
    let target = u16::try_from(target)
        .ok()
        .filter(|target| *target > 0)
        .ok_or_else(|| Error::new(INVALID_PARAMETER, "Invalid conf_target"))?;
    if params.get(1).is_none() {
        node.estimates.clear();
    }
    if rate == 0 {
        node.estimates.remove(&target);
    } else {
        node.estimates.insert(target, rate);
    }
    Ok(Value::Null)
}

/// Not Core's: the fee rate below which nothing enters the mempool, in bitcoin per 1000 virtual bytes. What is in it
/// and pays less is put out, as when Core's mempool is full.
pub(super) fn set_mempool_min_fee(node: &mut Node, params: &Params<'_>) -> Answer {
    node.set_mempool_floor(u64::try_from(params.amount(0, 0)?).unwrap_or(0));
    Ok(Value::Null)
}
