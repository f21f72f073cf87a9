//! Calls that look transactions and their outputs up.

use super::blocks::check_not_pruned;
use super::params::{self, Params};
use super::{Answer, DESERIALIZATION, Error, INVALID_ADDRESS_OR_KEY, MISC, render};
use crate::amount;
use crate::chain::{MEMPOOL_HEIGHT, Record};
use crate::node::Node;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{OutPoint, Transaction, Txid};
use serde_json::{Map, Value, json};

pub(super) fn raw_transaction(node: &mut Node, params: &Params<'_>) -> Answer {
    let txid = params.txid(0, "parameter 1")?;
    check_not_genesis(node, txid)?;
    let verbosity = params.verbosity(1, 0)?;
    let named = params.get(2).is_some();
    let (record, transaction) = if named { in_block(node, params, txid)? } else { anywhere(node, txid)? };
    if verbosity <= 0 {
        return Ok(serialize_hex(transaction).into());
    }
    let mut answer = Map::new();
    if let Some(record) = record.filter(|_| named) {
        answer.insert("in_active_chain".to_owned(), node.chain.is_active(record.hash).into());
    }
    let spent = record.filter(|_| verbosity > 1).and_then(|record| {
        let index = record.block.txdata.iter().position(|one| one == transaction)?;
        node.chain.spent(record.hash)?.get(index.checked_sub(1)?).map(Vec::as_slice)
    });
    answer.extend(render::transaction(transaction, node.chain.network(), spent, true, true));
    if let Some(record) = record {
        answer.extend(confirmations(node, record));
    }
    Ok(Value::Object(answer))
}

fn check_not_genesis(node: &Node, txid: Txid) -> Result<(), Error> {
    let genesis = node.chain.at_height(0).and_then(|hash| node.chain.get(hash));
    if genesis.is_some_and(|genesis| genesis.block.header.merkle_root.to_raw_hash() == txid.to_raw_hash()) {
        let message =
            "The genesis block coinbase is not considered an ordinary transaction and cannot be retrieved";
        return Err(Error::new(INVALID_ADDRESS_OR_KEY, message));
    }
    Ok(())
}

fn in_block<'a>(
    node: &'a Node,
    params: &Params<'_>,
    txid: Txid,
) -> Result<(Option<&'a Record>, &'a Transaction), Error> {
    let hash = params.block_hash(2, "parameter 3")?;
    let record =
        node.chain.get(hash).ok_or_else(|| Error::new(INVALID_ADDRESS_OR_KEY, "Block hash not found"))?;
    if node.chain.is_pruned(record) {
        return Err(Error::new(MISC, "Block not available"));
    }
    let transaction = record.block.txdata.iter().find(|one| one.compute_txid() == txid);
    transaction.map(|transaction| (Some(record), transaction)).ok_or_else(|| {
        let message =
            "No such transaction found in the provided block. Use gettransaction for wallet transactions.";
        Error::new(INVALID_ADDRESS_OR_KEY, message)
    })
}

fn anywhere(node: &Node, txid: Txid) -> Result<(Option<&Record>, &Transaction), Error> {
    if let Some(entry) = node.mempool.get(&txid) {
        return Ok((None, &entry.transaction));
    }
    let index = node.chain.place(&txid).filter(|_| node.settings.txindex);
    let place = index.map(|(record, transaction)| (Some(record), transaction));
    place.ok_or_else(|| {
        let message = if node.settings.txindex {
            "No such mempool or blockchain transaction. Use gettransaction for wallet transactions."
        } else {
            "No such mempool transaction. Use -txindex or provide a block hash to enable blockchain transaction \
             queries. Use gettransaction for wallet transactions."
        };
        Error::new(INVALID_ADDRESS_OR_KEY, message)
    })
}

fn confirmations(node: &Node, record: &Record) -> Map<String, Value> {
    let mut answer = Map::new();
    answer.insert("blockhash".to_owned(), record.hash.to_string().into());
    if node.chain.is_active(record.hash) {
        let confirmations = node.chain.height().saturating_sub(record.height).saturating_add(1);
        answer.insert("confirmations".to_owned(), confirmations.into());
        answer.insert("time".to_owned(), record.block.header.time.into());
        answer.insert("blocktime".to_owned(), record.block.header.time.into());
    } else {
        answer.insert("confirmations".to_owned(), 0.into());
    }
    answer
}

pub(super) fn decode(node: &mut Node, params: &Params<'_>) -> Answer {
    let failed = || Error::new(DESERIALIZATION, "TX decode failed");
    let transaction = params::transaction(params.string(0)?).ok_or_else(failed)?;
    Ok(Value::Object(render::transaction(&transaction, node.chain.network(), None, false, false)))
}

pub(super) fn tx_out(node: &mut Node, params: &Params<'_>) -> Answer {
    let txid = params.txid(0, "txid")?;
    let vout =
        u32::try_from(params.integer(1)?).map_err(|_| Error::new(MISC, "JSON integer out of range"))?;
    let outpoint = OutPoint { txid, vout };
    let coin = if params.flag(2, true)? {
        let spent = node.mempool.spender(&outpoint).is_some();
        node.mempool.coin(&node.chain, &outpoint).filter(|_| !spent)
    } else {
        node.chain.coin(&outpoint).cloned()
    };
    let Some(coin) = coin else { return Ok(Value::Null) };
    let confirmations = if coin.height == MEMPOOL_HEIGHT {
        0
    } else {
        node.chain.height().saturating_sub(coin.height).saturating_add(1)
    };
    Ok(json!({
        "bestblock": node.chain.tip(),
        "confirmations": confirmations,
        "value": amount::btc_u64(coin.output.value.to_sat()),
        "scriptPubKey": render::script(&coin.output.script_pubkey, node.chain.network()),
        "coinbase": coin.coinbase,
    }))
}

/// The block that holds a transaction, for a proof: by the index, or by an output not yet spent.
pub(super) fn block_of(node: &Node, txid: Txid) -> Option<&Record> {
    let (record, transaction) = node.chain.place(&txid)?;
    let unspent = (0_u32..)
        .zip(&transaction.output)
        .any(|(vout, _)| node.chain.coin(&OutPoint { txid, vout }).is_some());
    (node.settings.txindex || unspent).then_some(record)
}

/// The block with its contents, unless it is pruned.
pub(super) fn with_contents<'a>(node: &'a Node, record: &'a Record) -> Result<&'a Record, Error> {
    check_not_pruned(&node.chain, record)?;
    Ok(record)
}
