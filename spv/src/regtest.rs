//! Regtest headers and blocks made on the spot, for tests and simulations: each costs two hashes or so.

use bitcoin::block::{Header, Version};
use bitcoin::hashes::Hash as _;
use bitcoin::{
    Amount, Block, BlockHash, CompactTarget, OutPoint, ScriptBuf, Sequence, Target, Transaction, TxIn,
    TxMerkleNode, TxOut, Witness, absolute, transaction,
};

/// The bits of every regtest header.
const BITS: u32 = 0x207f_ffff;

/// A valid regtest header on top of `parent` (its hash), with this Merkle root and time in seconds since 1970.
///
/// The work is real, but little: of the nonces tried, every second one will do. Times have to rise as
/// [`crate::Headers`] wants it.
pub fn mine(parent: [u8; 32], merkle_root: [u8; 32], time: u32) -> [u8; 80] {
    let mut header = Header {
        version: Version::from_consensus(0x2000_0000),
        prev_blockhash: BlockHash::from_byte_array(parent),
        merkle_root: TxMerkleNode::from_byte_array(merkle_root),
        time,
        bits: CompactTarget::from_consensus(BITS),
        nonce: 0,
    };
    solve(&mut header);
    crate::headers::bytes_of(&header)
}

/// A regtest block at `height` on top of `parent` (its hash): a coinbase that pays nobody, then these transactions.
///
/// It proves what it holds, and no more: no node would take its coinbase. Blocks that differ in nothing else differ in
/// `tag`.
pub fn block(parent: [u8; 32], height: u32, time: u32, tag: u32, transactions: Vec<Transaction>) -> Block {
    let mut txdata = vec![coinbase(height, tag)];
    txdata.extend(transactions);
    let header = Header {
        version: Version::from_consensus(0x2000_0000),
        prev_blockhash: BlockHash::from_byte_array(parent),
        merkle_root: TxMerkleNode::all_zeros(),
        time,
        bits: CompactTarget::from_consensus(BITS),
        nonce: 0,
    };
    let mut block = Block { header, txdata };
    block.header.merkle_root = block.compute_merkle_root().unwrap_or_else(TxMerkleNode::all_zeros);
    solve(&mut block.header);
    block
}

/// A transaction that spends an output `spent` of a transaction that never was, and pays these satoshi to these scripts.
pub fn payment(spent: ([u8; 32], u32), outputs: &[(Vec<u8>, u64)]) -> Transaction {
    let (txid, vout) = spent;
    let pays = |(script, satoshi): &(Vec<u8>, u64)| TxOut {
        value: Amount::from_sat(*satoshi),
        script_pubkey: ScriptBuf::from_bytes(script.clone()),
    };
    Transaction {
        version: transaction::Version::TWO,
        lock_time: absolute::LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint { txid: bitcoin::Txid::from_byte_array(txid), vout },
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::new(),
        }],
        output: outputs.iter().map(pays).collect(),
    }
}

fn coinbase(height: u32, tag: u32) -> Transaction {
    let mut script_sig = vec![4];
    script_sig.extend(height.to_le_bytes());
    script_sig.push(4);
    script_sig.extend(tag.to_le_bytes());
    let mut transaction = payment(([0; 32], u32::MAX), &[(vec![0x51], 0)]);
    for input in &mut transaction.input {
        input.script_sig = ScriptBuf::from_bytes(script_sig.clone());
    }
    transaction
}

fn solve(header: &mut Header) {
    let target = Target::from_compact(header.bits);
    while !target.is_met_by(header.block_hash()) {
        header.nonce = header.nonce.wrapping_add(1);
    }
}
