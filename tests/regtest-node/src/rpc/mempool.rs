//! Calls about the mempool, and the one that sends a transaction into it.

use super::params::{self, Params};
use super::{
    ALREADY_IN_UTXO_SET, Answer, DESERIALIZATION, Error, INVALID_ADDRESS_OR_KEY, INVALID_PARAMETER, TYPE,
    VERIFY, VERIFY_REJECTED,
};
use crate::amount;
use crate::mempool::{Entry, INCREMENTAL_RELAY_SAT_PER_KVB, MIN_RELAY_SAT_PER_KVB, Mempool};
use crate::node::Node;
use crate::policy::{self, Reject};
use bitcoin::{OutPoint, Transaction, Txid};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The greatest fee rate of a transaction unless the caller says otherwise, in satoshi per 1000 virtual bytes.
const MAX_RATE_SAT_PER_KVB: i64 = 10_000_000;
/// The most transactions that testmempoolaccept takes.
const PACKAGE_COUNT_MAX: usize = 25;

pub(super) fn raw(node: &mut Node, params: &Params<'_>) -> Answer {
    let (verbose, with_sequence) = (params.flag(0, false)?, params.flag(1, false)?);
    if verbose && with_sequence {
        return Err(Error::new(INVALID_PARAMETER, "Verbose results cannot contain mempool sequence values."));
    }
    let entries = node.mempool.parents_first();
    if verbose {
        let entries = entries.iter().map(|entry| (entry.txid.to_string(), describe(node, entry)));
        return Ok(Value::Object(entries.collect()));
    }
    let txids: Value = entries.iter().map(|entry| Value::from(entry.txid.to_string())).collect();
    if with_sequence {
        return Ok(json!({"txids": txids, "mempool_sequence": node.mempool.sequence()}));
    }
    Ok(txids)
}

pub(super) fn entry(node: &mut Node, params: &Params<'_>) -> Answer {
    Ok(describe(node, in_mempool(&node.mempool, params.txid(0, "txid")?)?))
}

fn in_mempool(mempool: &Mempool, txid: Txid) -> Result<&Entry, Error> {
    mempool.get(&txid).ok_or_else(|| Error::new(INVALID_ADDRESS_OR_KEY, "Transaction not in mempool"))
}

pub(super) fn ancestors(node: &mut Node, params: &Params<'_>) -> Answer {
    relatives(node, params, Mempool::ancestors)
}

pub(super) fn descendants(node: &mut Node, params: &Params<'_>) -> Answer {
    relatives(node, params, Mempool::descendants)
}

fn relatives(node: &Node, params: &Params<'_>, of: fn(&Mempool, Txid) -> BTreeSet<Txid>) -> Answer {
    let txid = in_mempool(&node.mempool, params.txid(0, "txid")?)?.txid;
    let mut relatives = of(&node.mempool, txid);
    relatives.remove(&txid);
    if params.flag(1, false)? {
        let entries = relatives.iter().filter_map(|txid| node.mempool.get(txid));
        return Ok(Value::Object(entries.map(|one| (one.txid.to_string(), describe(node, one))).collect()));
    }
    Ok(relatives.iter().map(|txid| Value::from(txid.to_string())).collect())
}

fn describe(node: &Node, entry: &Entry) -> Value {
    let mempool = &node.mempool;
    let (ancestors, descendants) = (mempool.ancestors(entry.txid), mempool.descendants(entry.txid));
    // BIP 125: a transaction says that it may be replaced, or one of those it depends on does.
    let signals = ancestors
        .iter()
        .filter_map(|txid| mempool.get(txid))
        .any(|one| one.transaction.input.iter().any(|input| input.sequence.is_rbf()));
    json!({
        "vsize": entry.vsize,
        "weight": entry.transaction.weight().to_wu(),
        "time": entry.time_s,
        "height": entry.height,
        "descendantcount": descendants.len(),
        "descendantsize": mempool.vsize_of(&descendants),
        "ancestorcount": ancestors.len(),
        "ancestorsize": mempool.vsize_of(&ancestors),
        "wtxid": entry.transaction.compute_wtxid(),
        "fees": {
            "base": amount::btc_u64(entry.fee_sat),
            "modified": amount::btc(entry.modified_fee_sat()),
            "ancestor": amount::btc(mempool.fees_of(&ancestors)),
            "descendant": amount::btc(mempool.fees_of(&descendants)),
        },
        "depends": entry.parents,
        "spentby": entry.children,
        "bip125-replaceable": signals,
        "unbroadcast": node.unbroadcast.contains(&entry.txid),
    })
}

pub(super) fn info(node: &mut Node, _params: &Params<'_>) -> Answer {
    let mempool = &node.mempool;
    let bytes: u64 = mempool.entries().map(|entry| entry.vsize).sum();
    let usage: usize = mempool.entries().map(|entry| entry.transaction.total_size()).sum();
    let fees: u64 = mempool.entries().map(|entry| entry.fee_sat).sum();
    Ok(json!({
        "loaded": true,
        "size": mempool.len(),
        "bytes": bytes,
        "usage": usage,
        "total_fee": amount::btc_u64(fees),
        "maxmempool": 300_000_000,
        "mempoolminfee": amount::btc_u64(mempool.min_sat_per_kvb()),
        "minrelaytxfee": amount::btc_u64(MIN_RELAY_SAT_PER_KVB),
        "incrementalrelayfee": amount::btc_u64(INCREMENTAL_RELAY_SAT_PER_KVB),
        "unbroadcastcount": node.unbroadcast.len(),
        "fullrbf": true,
    }))
}

pub(super) fn prioritise(node: &mut Node, params: &Params<'_>) -> Answer {
    let txid = params.txid(0, "txid")?;
    // An argument of old that must be zero.
    if params.get(1).is_some_and(|dummy| dummy.as_f64() != Some(0.0)) {
        let message = "Priority is no longer supported, dummy argument to prioritisetransaction must be 0.";
        return Err(Error::new(INVALID_PARAMETER, message));
    }
    node.mempool.prioritise(txid, params.integer(2)?);
    Ok(true.into())
}

/// The greatest fee of a transaction at the rate the caller takes, in satoshi; none if any will do.
fn max_fee_sat(params: &Params<'_>, index: usize, vsize: u64) -> Result<Option<u64>, Error> {
    let rate = params.amount(index, MAX_RATE_SAT_PER_KVB)?;
    if rate >= 100_000_000 {
        return Err(Error::new(
            INVALID_PARAMETER,
            "Fee rates larger than or equal to 1BTC/kvB are not accepted",
        ));
    }
    let rate = u64::try_from(rate).unwrap_or(0);
    Ok((rate > 0).then(|| policy::fee_at(rate, vsize)))
}

fn vsize(transaction: &Transaction) -> u64 {
    transaction.weight().to_vbytes_ceil()
}

pub(super) fn test_accept(node: &mut Node, params: &Params<'_>) -> Answer {
    let given = params.array(0)?;
    if given.is_empty() || given.len() > PACKAGE_COUNT_MAX {
        let message = format!("Array must contain between 1 and {PACKAGE_COUNT_MAX} transactions.");
        return Err(Error::new(INVALID_PARAMETER, message));
    }
    let mut transactions = Vec::with_capacity(given.len());
    for value in given {
        let hex = value.as_str().ok_or_else(|| Error::new(TYPE, "JSON value is not a string as expected"))?;
        let failed = || {
            let message = format!("TX decode failed: {hex} Make sure the tx has at least one input.");
            Error::new(DESERIALIZATION, message)
        };
        transactions.push(params::transaction(hex).ok_or_else(failed)?);
    }
    // Several transactions are tried one after the other on a copy of the mempool, since later may spend earlier; as
    // in Core they may then replace nothing, and after a refusal the rest is left open.
    let mut mempool = node.mempool.clone();
    let attempt = crate::mempool::Attempt {
        time_s: node.time_s(),
        from_block: false,
        may_replace: transactions.len() == 1,
    };
    let (mut answers, mut ended) = (Vec::new(), false);
    for transaction in &transactions {
        let mut answer = render_ids(transaction);
        if !ended {
            let outcome = mempool.attempt(&node.chain, transaction, attempt);
            let max_fee = max_fee_sat(params, 1, vsize(transaction))?;
            match outcome {
                Ok(accepted) if max_fee.is_some_and(|max| accepted.entry.fee_sat > max) => {
                    answer.insert("allowed".to_owned(), false.into());
                    answer.insert("reject-reason".to_owned(), "max-fee-exceeded".into());
                    ended = true;
                }
                Ok(accepted) => {
                    answer.extend(allowed(&accepted.entry));
                    mempool.enter(&accepted);
                }
                Err(reject) => {
                    answer.extend(refused(&reject));
                    ended = true;
                }
            }
        }
        answers.push(Value::Object(answer));
    }
    Ok(Value::Array(answers))
}

fn render_ids(transaction: &Transaction) -> Map<String, Value> {
    let mut answer = Map::new();
    answer.insert("txid".to_owned(), transaction.compute_txid().to_string().into());
    answer.insert("wtxid".to_owned(), transaction.compute_wtxid().to_string().into());
    answer
}

fn allowed(entry: &Entry) -> Map<String, Value> {
    super::render::object(json!({
        "allowed": true,
        "vsize": entry.vsize,
        "fees": {
            "base": amount::btc_u64(entry.fee_sat),
            "effective-feerate": amount::btc(policy::rate_of(entry.modified_fee_sat(), entry.vsize)),
            "effective-includes": [entry.transaction.compute_wtxid()],
        },
    }))
}

fn refused(reject: &Reject) -> Map<String, Value> {
    if reject.missing_inputs {
        return super::render::object(json!({"allowed": false, "reject-reason": "missing-inputs"}));
    }
    super::render::object(json!({
        "allowed": false,
        "reject-reason": reject.reason,
        "reject-details": reject.to_string(),
    }))
}

pub(super) fn send(node: &mut Node, params: &Params<'_>) -> Answer {
    let max_burn_sat = u64::try_from(params.amount(2, 0)?).unwrap_or(0);
    let transaction = params::sent_transaction(params.string(0)?)?;
    let burns = |output: &bitcoin::TxOut| {
        crate::chain::is_unspendable(&output.script_pubkey) && output.value.to_sat() > max_burn_sat
    };
    if transaction.output.iter().any(burns) {
        let message = "Unspendable output exceeds maximum configured by user (maxburnamount)";
        return Err(Error::new(VERIFY, message));
    }
    let max_fee = max_fee_sat(params, 1, vsize(&transaction))?;
    let txid = transaction.compute_txid();
    let confirmed = (0_u32..)
        .zip(&transaction.output)
        .any(|(vout, _)| node.chain.coin(&OutPoint { txid, vout }).is_some());
    if confirmed {
        return Err(Error::new(ALREADY_IN_UTXO_SET, "Transaction outputs already in utxo set"));
    }
    // One that is there already counts as sent.
    if node.mempool.get(&txid).is_some() {
        return Ok(txid.to_string().into());
    }
    let checked = node.mempool.check(&node.chain, &transaction, node.time_s()).map_err(rejected)?;
    if max_fee.is_some_and(|max| checked.entry.fee_sat > max) {
        let message = "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)";
        return Err(Error::new(VERIFY, message));
    }
    node.send(&transaction).map_err(rejected)?;
    Ok(txid.to_string().into())
}

#[allow(clippy::needless_pass_by_value, reason = "it maps an error")]
fn rejected(reject: Reject) -> Error {
    if reject.missing_inputs {
        return Error::new(VERIFY, reject.to_string());
    }
    Error::new(VERIFY_REJECTED, reject.to_string())
}
