//! Blocks made of the mempool: the packages that pay the highest rate with their ancestors come first.

use crate::chain::Chain;
use crate::mempool::Mempool;
use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version};
use bitcoin::hashes::Hash as _;
use bitcoin::opcodes::all::OP_RETURN;
use bitcoin::script::{Builder, PushBytesBuf};
use bitcoin::transaction;
use bitcoin::{
    Amount, Block, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode, TxOut,
    Txid, Witness, WitnessCommitment, WitnessMerkleNode,
};
use std::collections::BTreeSet;

/// The greatest weight of the transactions of a block that are not the coinbase, as Core leaves room by default.
const TRANSACTIONS_WEIGHT_MAX: u64 = 3_992_000;
/// The greatest signature operation cost of them.
const SIGOPS_COST_MAX: usize = 79_600;
/// The least rate that a block takes, in satoshi per 1000 virtual bytes; Core before 30.
const BLOCK_MIN_SAT_PER_KVB: u64 = 1_000;
/// On regtest the subsidy halves so often (a consensus rule).
const HALVING_BLOCKS: u32 = 150;
/// The difficulty of regtest, which never changes.
const REGTEST_BITS: u32 = 0x207f_ffff;

/// Picks transactions of the mempool for the next block, parents before children; with what they pay, in satoshi.
pub(crate) fn pick(mempool: &Mempool) -> (Vec<Transaction>, u64) {
    let (mut weight, mut sigops, mut fees) = (0_u64, 0_usize, 0_u64);
    let mut picked: Vec<Transaction> = Vec::new();
    let mut done: BTreeSet<Txid> = BTreeSet::new();
    loop {
        let mut best: Option<(i64, u64, BTreeSet<Txid>)> = None;
        for entry in mempool.entries().filter(|entry| !done.contains(&entry.txid)) {
            let package: BTreeSet<Txid> = mempool.ancestors(entry.txid).difference(&done).copied().collect();
            let (fee, vsize) = (mempool.fees_of(&package), mempool.vsize_of(&package));
            let better = best.as_ref().is_none_or(|(best_fee, best_vsize, _)| {
                i128::from(fee) * i128::from(*best_vsize) > i128::from(*best_fee) * i128::from(vsize)
            });
            if better && fits(mempool, &package, weight, sigops) {
                best = Some((fee, vsize, package));
            }
        }
        let Some((fee, vsize, package)) = best else { break };
        let least = i64::try_from(crate::policy::fee_at(BLOCK_MIN_SAT_PER_KVB, vsize)).unwrap_or(i64::MAX);
        if fee < least {
            break;
        }
        let mut package: Vec<_> = package.iter().filter_map(|txid| mempool.get(txid)).collect();
        package.sort_by_key(|entry| (mempool.ancestors(entry.txid).len(), entry.txid));
        for entry in package {
            done.insert(entry.txid);
            weight += entry.transaction.weight().to_wu();
            sigops += entry.sigops_cost;
            fees = fees.saturating_add(entry.fee_sat);
            picked.push(Transaction::clone(&entry.transaction));
        }
    }
    (picked, fees)
}

fn fits(mempool: &Mempool, package: &BTreeSet<Txid>, weight: u64, sigops: usize) -> bool {
    let entries = || package.iter().filter_map(|txid| mempool.get(txid));
    let more_weight: u64 = entries().map(|entry| entry.transaction.weight().to_wu()).sum();
    let more_sigops: usize = entries().map(|entry| entry.sigops_cost).sum();
    weight + more_weight <= TRANSACTIONS_WEIGHT_MAX && sigops + more_sigops <= SIGOPS_COST_MAX
}

/// Makes the next block with `transactions`, which pay `fees_sat` to `script`, and finds its proof of work.
///
/// The coinbase carries `extra`, so that two blocks on the same parent in the same second are never the same block:
/// a block mined again after invalidateblock would else be the invalid one.
pub(crate) fn assemble(
    chain: &Chain,
    script: ScriptBuf,
    transactions: Vec<Transaction>,
    fees_sat: u64,
    time_s: u64,
    extra: u64,
) -> Block {
    let height = chain.height().saturating_add(1);
    let least_time = chain.median_time(chain.tip()).saturating_add(1);
    let time = u32::try_from(time_s).unwrap_or(u32::MAX).max(least_time);
    let coinbase = coinbase(height, script, subsidy_sat(height).saturating_add(fees_sat), extra);
    let mut txdata = vec![coinbase];
    txdata.extend(transactions);
    let mut block = Block {
        header: Header {
            version: Version::from_consensus(0x2000_0000),
            prev_blockhash: chain.tip(),
            merkle_root: TxMerkleNode::all_zeros(),
            time,
            bits: CompactTarget::from_consensus(REGTEST_BITS),
            nonce: 0,
        },
        txdata,
    };
    commit_and_solve(&mut block);
    block
}

/// Sets the witness commitment and the Merkle root of a block to its transactions, and finds its proof of work.
pub fn commit_and_solve(block: &mut Block) {
    let commitment = witness_commitment(block);
    if let Some(coinbase) = block.txdata.first_mut() {
        coinbase.output.truncate(1);
        coinbase.output.push(TxOut { value: Amount::ZERO, script_pubkey: commitment });
    }
    if let Some(root) = block.compute_merkle_root() {
        block.header.merkle_root = root;
    }
    let target = block.header.target();
    while !target.is_met_by(block.header.block_hash()) {
        block.header.nonce = block.header.nonce.wrapping_add(1);
    }
}

fn witness_commitment(block: &Block) -> ScriptBuf {
    let leaves = block.txdata.iter().enumerate().map(|(index, transaction)| {
        // The coinbase counts as zero here, since it holds the commitment itself (BIP 141).
        if index == 0 {
            WitnessMerkleNode::all_zeros()
        } else {
            transaction.compute_wtxid().to_raw_hash().into()
        }
    });
    let root = bitcoin::merkle_tree::calculate_root(leaves).unwrap_or_else(WitnessMerkleNode::all_zeros);
    let commitment: WitnessCommitment = Block::compute_witness_commitment(&root, &[0; 32]);
    let mut bytes = vec![0xaa, 0x21, 0xa9, 0xed];
    bytes.extend_from_slice(commitment.as_byte_array());
    let push = PushBytesBuf::try_from(bytes).unwrap_or_default();
    Builder::new().push_opcode(OP_RETURN).push_slice(push).into_script()
}

fn coinbase(height: u32, script: ScriptBuf, value_sat: u64, extra: u64) -> Transaction {
    let height = Builder::new().push_int(i64::from(height));
    let script_sig = height.push_slice(extra.to_le_bytes()).into_script();
    let input = TxIn {
        previous_output: OutPoint::null(),
        script_sig,
        sequence: Sequence::MAX,
        witness: Witness::from_slice(&[[0_u8; 32]]),
    };
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![input],
        output: vec![TxOut { value: Amount::from_sat(value_sat), script_pubkey: script }],
    }
}

/// What a block may create on regtest, in satoshi.
pub(crate) fn subsidy_sat(height: u32) -> u64 {
    let halvings = height / HALVING_BLOCKS;
    5_000_000_000_u64.checked_shr(halvings).unwrap_or(0)
}
