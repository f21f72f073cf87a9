//! Proofs that transactions are in a block (BIP 37's partial Merkle trees).

use super::params::{self, Params};
use super::transactions::{block_of, with_contents};
use super::{Answer, Error, INVALID_ADDRESS_OR_KEY, INVALID_PARAMETER, blocks};
use crate::node::Node;
use bitcoin::MerkleBlock;
use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) fn prove(node: &mut Node, params: &Params<'_>) -> Answer {
    let given = params.array(0)?;
    if given.is_empty() {
        return Err(Error::new(INVALID_PARAMETER, "Parameter 'txids' cannot be empty"));
    }
    let mut txids = BTreeSet::new();
    for value in given {
        let txid = params::txid(value)?;
        if !txids.insert(txid) {
            return Err(Error::new(INVALID_PARAMETER, format!("Invalid parameter, duplicated txid: {txid}")));
        }
    }
    let record = if params.get(1).is_some() {
        blocks::known(node, params.block_hash(1, "blockhash")?)?
    } else {
        let found = txids.iter().find_map(|txid| block_of(node, *txid));
        found.ok_or_else(|| Error::new(INVALID_ADDRESS_OR_KEY, "Transaction not yet in block"))?
    };
    let block = &with_contents(node, record)?.block;
    let found = block.txdata.iter().filter(|one| txids.contains(&one.compute_txid())).count();
    if found != txids.len() {
        let message = "Not all transactions found in specified or retrieved block";
        return Err(Error::new(INVALID_ADDRESS_OR_KEY, message));
    }
    let proof = MerkleBlock::from_block_with_predicate(block, |txid| txids.contains(txid));
    Ok(serialize_hex(&proof).into())
}

pub(super) fn verify(node: &mut Node, params: &Params<'_>) -> Answer {
    let malformed = |_| Error::new(super::DESERIALIZATION, "proof: not a partial Merkle tree");
    let proof: MerkleBlock = deserialize_hex(params.string(0)?).map_err(malformed)?;
    let (mut matches, mut indexes) = (Vec::new(), Vec::new());
    if proof.extract_matches(&mut matches, &mut indexes).is_err() {
        return Ok(json!([]));
    }
    let hash = proof.header.block_hash();
    let record = node.chain.get(hash).filter(|_| node.chain.is_active(hash));
    let record = record.ok_or_else(|| Error::new(INVALID_ADDRESS_OR_KEY, "Block not found in chain"))?;
    let count = usize::try_from(proof.txn.num_transactions()).unwrap_or(usize::MAX);
    if count != record.block.txdata.len() {
        return Ok(json!([]));
    }
    Ok(matches.iter().map(|txid| Value::from(txid.to_string())).collect())
}
