//! Calls about blocks and the chain.

use super::params::Params;
use super::{Answer, Error, INVALID_ADDRESS_OR_KEY, INVALID_PARAMETER, MISC, render};
use crate::chain::{Chain, Record, Standing};
use crate::node::Node;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::{BlockHash, Network};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The height from which on Core prunes on regtest, when started for tests (`-fastprune`).
const PRUNE_AFTER_HEIGHT: u32 = 100;

pub(super) fn block_count(node: &mut Node, _params: &Params<'_>) -> Answer {
    Ok(node.chain.height().into())
}

pub(super) fn best_block_hash(node: &mut Node, _params: &Params<'_>) -> Answer {
    Ok(node.chain.tip().to_string().into())
}

pub(super) fn block_hash(node: &mut Node, params: &Params<'_>) -> Answer {
    let height = u32::try_from(params.integer(0)?).ok();
    let hash = height.and_then(|height| node.chain.at_height(height));
    hash.map(|hash| hash.to_string().into())
        .ok_or_else(|| Error::new(INVALID_PARAMETER, "Block height out of range"))
}

pub(super) fn block_header(node: &mut Node, params: &Params<'_>) -> Answer {
    let record = known(node, params.block_hash(0, "hash")?)?;
    if !params.flag(1, true)? {
        return Ok(serialize_hex(&record.block.header).into());
    }
    Ok(Value::Object(header(&node.chain, record)))
}

pub(super) fn block(node: &mut Node, params: &Params<'_>) -> Answer {
    let record = known(node, params.block_hash(0, "blockhash")?)?;
    let verbosity = params.verbosity(1, 1)?;
    check_not_pruned(&node.chain, record)?;
    if verbosity <= 0 {
        return Ok(serialize_hex(&*record.block).into());
    }
    let mut answer = header(&node.chain, record);
    let block = &record.block;
    answer.insert("strippedsize".to_owned(), stripped_bytes(record).into());
    answer.insert("size".to_owned(), block.total_size().into());
    answer.insert("weight".to_owned(), block.weight().to_wu().into());
    let spent = node.chain.spent(record.hash);
    let transactions = block.txdata.iter().enumerate().map(|(index, transaction)| {
        if verbosity == 1 {
            return transaction.compute_txid().to_string().into();
        }
        // The coinbase spends nothing, so that what was spent begins with the transaction after it.
        let spent = index.checked_sub(1).and_then(|index| spent?.get(index)).map(Vec::as_slice);
        Value::Object(render::transaction(transaction, node.chain.network(), spent, verbosity > 2, true))
    });
    answer.insert("tx".to_owned(), transactions.collect());
    Ok(Value::Object(answer))
}

/// The size of a block without its witnesses: 4 times it and the witnesses make the weight.
fn stripped_bytes(record: &Record) -> u64 {
    let total = u64::try_from(record.block.total_size()).unwrap_or(u64::MAX);
    record.block.weight().to_wu().saturating_sub(total) / 3
}

pub(super) fn known(node: &Node, hash: BlockHash) -> Result<&Record, Error> {
    node.chain.get(hash).ok_or_else(|| Error::new(INVALID_ADDRESS_OR_KEY, "Block not found"))
}

pub(super) fn check_not_pruned(chain: &Chain, record: &Record) -> Result<(), Error> {
    if chain.is_pruned(record) {
        return Err(Error::new(MISC, "Block not available (pruned data)"));
    }
    Ok(())
}

fn header(chain: &Chain, record: &Record) -> Map<String, Value> {
    let header = &record.block.header;
    let active = chain.is_active(record.hash);
    let confirmations = if active { i64::from(chain.height()) - i64::from(record.height) + 1 } else { -1 };
    let mut answer = render::object(json!({
        "hash": record.hash,
        "confirmations": confirmations,
        "height": record.height,
        "version": header.version.to_consensus(),
        "versionHex": format!("{:08x}", header.version.to_consensus()),
        "merkleroot": header.merkle_root,
        "time": header.time,
        "mediantime": chain.median_time(record.hash),
        "nonce": header.nonce,
        "bits": format!("{:08x}", header.bits.to_consensus()),
        "target": format!("{:064x}", header.target()),
        "difficulty": difficulty_of(record),
        "chainwork": format!("{:064x}", record.work),
        "nTx": record.block.txdata.len(),
    }));
    if record.height > 0 {
        answer.insert("previousblockhash".to_owned(), header.prev_blockhash.to_string().into());
    }
    let next = chain.at_height(record.height.saturating_add(1)).filter(|_| active);
    if let Some(next) = next {
        answer.insert("nextblockhash".to_owned(), next.to_string().into());
    }
    answer
}

/// How hard a block was to find, where 1 is the least on the main network.
pub(super) fn difficulty_of(record: &Record) -> f64 {
    let bits = record.block.header.bits.to_consensus();
    let exponent = i32::try_from(bits >> 24).unwrap_or(0);
    f64::from(0xffff_u32) / f64::from(bits & 0x00ff_ffff) * 256_f64.powi(29 - exponent)
}

pub(super) fn difficulty(node: &mut Node, _params: &Params<'_>) -> Answer {
    Ok(difficulty_of(known(node, node.chain.tip())?).into())
}

pub(super) fn chain_name(network: Network) -> &'static str {
    network.to_core_arg()
}

pub(super) fn blockchain_info(node: &mut Node, _params: &Params<'_>) -> Answer {
    let chain = &node.chain;
    let tip = known(node, chain.tip())?;
    let best = chain.records().filter(|record| chain.standing(record) != Standing::Invalid);
    let headers = best.max_by_key(|record| record.work).map_or(0, |record| record.height);
    let bytes: usize =
        chain.records().filter(|one| !chain.is_pruned(one)).map(|one| one.block.total_size()).sum();
    let mut answer = render::object(json!({
        "chain": chain_name(chain.network()),
        "blocks": chain.height(),
        "headers": headers,
        "bestblockhash": tip.hash,
        "bits": format!("{:08x}", tip.block.header.bits.to_consensus()),
        "target": format!("{:064x}", tip.block.header.target()),
        "difficulty": difficulty_of(tip),
        "time": tip.block.header.time,
        "mediantime": chain.median_time(tip.hash),
        "verificationprogress": 1,
        "initialblockdownload": !node.downloaded,
        "chainwork": format!("{:064x}", tip.work),
        "size_on_disk": bytes,
        "pruned": node.settings.prune,
    }));
    if node.settings.prune {
        let height = chain.pruned_height().map_or(0, |height| height.saturating_add(1));
        answer.insert("pruneheight".to_owned(), height.into());
        answer.insert("automatic_pruning".to_owned(), false.into());
    }
    answer.insert("warnings".to_owned(), json!([]));
    Ok(Value::Object(answer))
}

pub(super) fn chain_tips(node: &mut Node, _params: &Params<'_>) -> Answer {
    let chain = &node.chain;
    let parents: BTreeSet<BlockHash> = chain
        .records()
        .filter(|record| !chain.is_active(record.hash))
        .map(|record| record.block.header.prev_blockhash)
        .collect();
    let is_tip = |record: &&Record| {
        record.hash == chain.tip() || (!chain.is_active(record.hash) && !parents.contains(&record.hash))
    };
    let mut tips: Vec<&Record> = chain.records().filter(is_tip).collect();
    tips.sort_by_key(|record| std::cmp::Reverse((record.height, record.hash)));
    let answer = tips.into_iter().map(|record| {
        let status = match chain.standing(record) {
            _ if chain.is_active(record.hash) => "active",
            Standing::Invalid => "invalid",
            Standing::Valid => "valid-fork",
            Standing::Unchecked => "valid-headers",
        };
        let branch = record.height - fork_height(chain, record);
        json!({"height": record.height, "hash": record.hash, "branchlen": branch, "status": status})
    });
    Ok(answer.collect())
}

fn fork_height(chain: &Chain, record: &Record) -> u32 {
    let mut at = Some(record);
    while let Some(record) = at.filter(|record| !chain.is_active(record.hash)) {
        at = chain.get(record.block.header.prev_blockhash);
    }
    at.map_or(0, |record| record.height)
}

pub(super) fn invalidate(node: &mut Node, params: &Params<'_>) -> Answer {
    let record = known(node, params.block_hash(0, "blockhash")?)?;
    let (hash, height) = (record.hash, record.height);
    if height == 0 {
        return Err(Error::new(-20, "the genesis block cannot be invalid"));
    }
    node.invalidate(hash)?;
    Ok(Value::Null)
}

pub(super) fn reconsider(node: &mut Node, params: &Params<'_>) -> Answer {
    let hash = known(node, params.block_hash(0, "blockhash")?)?.hash;
    node.reconsider(hash)?;
    Ok(Value::Null)
}

pub(super) fn prune(node: &mut Node, params: &Params<'_>) -> Answer {
    if !node.settings.prune {
        return Err(Error::new(MISC, "Cannot prune blocks because node is not in prune mode."));
    }
    let height = params.integer(0)?;
    let invalid = |message| Error::new(INVALID_PARAMETER, message);
    let height = u32::try_from(height).map_err(|_| invalid("Negative block height."))?;
    let tip = node.chain.height();
    if tip < PRUNE_AFTER_HEIGHT {
        return Err(Error::new(MISC, "Blockchain is too short for pruning."));
    }
    if height > tip {
        return Err(invalid("Blockchain is shorter than the attempted prune height."));
    }
    let height = tip.checked_sub(node.settings.prune_keep_blocks).map(|last| height.min(last));
    if let Some(height) = height {
        node.chain.prune(height)?;
    }
    Ok(node.chain.pruned_height().map_or(json!(-1), Value::from))
}
