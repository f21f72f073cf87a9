//! The proof that a block of the active chain holds a transaction.

use crate::Headers;
use bitcoin::consensus::{deserialize, serialize};
use bitcoin::hashes::Hash as _;
use bitcoin::{Block, MerkleBlock, Transaction, Txid};

/// More bytes than the longest proof of one transaction has: 80 of the header, 18 hashes, counts and flags.
pub const PROOF_BYTES_MAX: usize = 1024;

/// How many bytes a transaction may not have, because two hashes of a Merkle tree have as many.
const INNER_NODE_BYTES: usize = 64;

/// What a valid proof shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The block's hash, in internal byte order.
    pub block: [u8; 32],
    /// Its height on the active chain.
    pub height: u32,
    /// The transaction's id, in internal byte order.
    pub txid: [u8; 32],
    /// What it pays, all of its outputs in their order.
    pub outputs: Vec<Paid>,
}

/// One output of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// Which output, from 0.
    pub output: u32,
    /// To whom.
    pub script: Vec<u8>,
    /// How much, at most 21 million bitcoin.
    pub satoshi: u64,
}

/// Why a proof shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The proof is no Merkle block in its one canonical form.
    #[error("the proof is no Merkle block in canonical form: {0}")]
    Malformed(String),
    /// The hashes do not lead to the root in the header.
    #[error("the proof's hashes do not lead to the root in its header: {0}")]
    Root(String),
    /// The block is not on the active chain: never seen, or reorganised out.
    #[error("block {} is not on the active chain", crate::shown(.0))]
    Inactive([u8; 32]),
    /// The proof is not about exactly one transaction.
    #[error("the proof is about {0} transactions, not one")]
    Matches(usize),
    /// The proof is about another transaction.
    #[error("the proof is about transaction {}, not {}", crate::shown(proof), crate::shown(transaction))]
    OtherTransaction {
        /// The one of the proof.
        proof: [u8; 32],
        /// The one given.
        transaction: [u8; 32],
    },
    /// The transaction's bytes are not its canonical ones without witness.
    #[error("the transaction is not in canonical form without witness: {0}")]
    Transaction(String),
    /// The transaction has 64 bytes, as two hashes side by side have, so that the one could pass for the other.
    #[error("a transaction of 64 bytes cannot be told from a pair of hashes (CVE-2017-12842)")]
    InnerNode,
    /// An output holds more than there is.
    #[error("output {0} holds more than 21 million bitcoin")]
    Value(u32),
}

/// Checks that a block of the active chain holds a transaction, and says what it pays.
///
/// `proof` is what Bitcoin Core's `gettxoutproof` gives for this one transaction, `transaction` its consensus bytes
/// without witness. A transaction of 64 bytes is refused, so no pair of inner hashes passes for one. The other way
/// round remains: whoever gets a real transaction of 64 bytes mined, after some 2^60 hashes to shape it and the
/// work of a real block, can show a child of it that never was. The exchange takes proofs from its own node only,
/// so this touches an audit's strength and nobody's money.
///
/// # Errors
/// Says what of the proof does not hold.
pub fn check_proof(headers: &Headers, proof: &[u8], transaction: &[u8]) -> Result<Proven, ProofError> {
    if proof.len() > PROOF_BYTES_MAX {
        return Err(ProofError::Malformed(format!("{} bytes, of {PROOF_BYTES_MAX} at most", proof.len())));
    }
    let merkle: MerkleBlock = deserialize(proof).map_err(|error| ProofError::Malformed(error.to_string()))?;
    let (transaction, txid) = read_transaction(transaction)?;
    let block = merkle.header.block_hash().to_byte_array();
    let Some(height) = headers.height_of(&block) else { return Err(ProofError::Inactive(block)) };
    let shown = only_match(&merkle)?;
    if shown != txid {
        let (proof, transaction) = (shown.to_byte_array(), txid.to_byte_array());
        return Err(ProofError::OtherTransaction { proof, transaction });
    }
    let outputs = outputs_of(&transaction)?;
    Ok(Proven { block, height, txid: txid.to_byte_array(), outputs })
}

/// The one transaction that a Merkle block is about.
fn only_match(merkle: &MerkleBlock) -> Result<Txid, ProofError> {
    let (mut matches, mut positions) = (Vec::new(), Vec::new());
    merkle
        .extract_matches(&mut matches, &mut positions)
        .map_err(|error| ProofError::Root(error.to_string()))?;
    let [txid] = matches.as_slice() else { return Err(ProofError::Matches(matches.len())) };
    // One way leads from the root down to the transaction, a node on each floor. The library looks neither at the
    // padding behind the last flag nor for ways that lead nowhere: any other flag set would be another form.
    let floors = merkle.txn.num_transactions().checked_next_power_of_two().unwrap_or(0).trailing_zeros();
    let on_way = usize::try_from(floors).unwrap_or(usize::MAX).saturating_add(1);
    if merkle.txn.bits().iter().filter(|bit| **bit).count() != on_way {
        return Err(ProofError::Malformed(
            "more flags are set than the way to the transaction has".to_owned(),
        ));
    }
    Ok(*txid)
}

/// A transaction from its only bytes, and its id.
fn read_transaction(bytes: &[u8]) -> Result<(Transaction, Txid), ProofError> {
    if bytes.len() == INNER_NODE_BYTES {
        return Err(ProofError::InnerNode);
    }
    let transaction: Transaction =
        deserialize(bytes).map_err(|error| ProofError::Transaction(error.to_string()))?;
    if transaction.input.is_empty() {
        return Err(ProofError::Transaction("it has no inputs".to_owned()));
    }
    if strip(&transaction) != bytes {
        return Err(ProofError::Transaction("it has other bytes".to_owned()));
    }
    let txid = transaction.compute_txid();
    Ok((transaction, txid))
}

fn outputs_of(transaction: &Transaction) -> Result<Vec<Paid>, ProofError> {
    let mut outputs = Vec::with_capacity(transaction.output.len());
    for (output, paid) in (0_u32..).zip(&transaction.output) {
        if paid.value > bitcoin::Amount::MAX_MONEY {
            return Err(ProofError::Value(output));
        }
        let script = paid.script_pubkey.to_bytes();
        outputs.push(Paid { output, script, satoshi: paid.value.to_sat() });
    }
    Ok(outputs)
}

/// The proof that `block` holds its transaction at `position`, byte for byte what `gettxoutproof` gives. `None` if
/// there is no such transaction, or another one with the same id.
pub fn prove(block: &Block, position: usize) -> Option<Vec<u8>> {
    let txids: Vec<Txid> = block.txdata.iter().map(Transaction::compute_txid).collect();
    let wanted = *txids.get(position)?;
    if txids.iter().filter(|txid| **txid == wanted).count() != 1 {
        return None;
    }
    let merkle = MerkleBlock::from_header_txids_with_predicate(&block.header, &txids, |txid| *txid == wanted);
    Some(serialize(&merkle))
}

/// The consensus bytes of a transaction without its witness: what its id is a hash of.
pub fn strip(transaction: &Transaction) -> Vec<u8> {
    let mut bare = transaction.clone();
    for input in &mut bare.input {
        input.witness.clear();
    }
    serialize(&bare)
}

#[cfg(test)]
mod tests;
