//! The Bitcoin chain outside: blocks, what waits for one, who paid what; whatever anybody says of it.

use bandex_spv::NetworkRules as _;
use bandex_spv::{Network, hash_of, regtest};
use bandex_types::DealId;
use bitcoin::hashes::Hash as _;
use bitcoin::{Block, BlockHash, Transaction, Txid};
use std::collections::{BTreeMap, BTreeSet};

/// When the blocks begin, in seconds since 1970, and how far they are apart.
const BLOCKS_BEGIN: u32 = 1_700_000_000;
const BLOCK_S: u32 = 600;

/// The chain as miners have it, and all wallets.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    /// The blocks above the first one, from the lowest up.
    blocks: Vec<Block>,
    waiting: Vec<Transaction>,
    /// Counts blocks and transactions, so that no two are the same.
    made: u32,
    /// What each script has got in blocks, in satoshi.
    got: BTreeMap<Vec<u8>, u64>,
    /// Transactions whose owner would rather have another in their place.
    conflicts: BTreeMap<Txid, Transaction>,
    /// What each client has paid for each deal, in satoshi, whatever became of it.
    wallets: BTreeMap<(usize, DealId), u64>,
    /// Scripts that lost blocks that were as deep as final.
    spoiled: BTreeSet<Vec<u8>>,
    /// What a transaction costs, in satoshi for 1,000 virtual bytes.
    pub fee_rate: Option<u64>,
}

impl Chain {
    /// The blocks above the first one, but for so many of the last.
    pub fn view(&self, behind: u8) -> &[Block] {
        let known = self.blocks.len().saturating_sub(usize::from(behind));
        self.blocks.get(..known).unwrap_or_default()
    }

    /// Whether anything waits for a block.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What a script has really got, in satoshi.
    pub fn got(&self, script: &[u8]) -> u64 {
        self.got.get(script).copied().unwrap_or(0)
    }

    /// Whether a script lost what was as deep as final.
    pub fn is_spoiled(&self, script: &[u8]) -> bool {
        self.spoiled.contains(script)
    }

    /// What a client has paid for a deal, in satoshi, whatever became of it.
    pub fn paid_by(&self, client: usize, deal: &DealId) -> u64 {
        self.wallets.get(&(client, *deal)).copied().unwrap_or(0)
    }

    fn spent(&mut self) -> ([u8; 32], u32) {
        self.made = self.made.saturating_add(1);
        let mut txid = [7; 32];
        for (to, from) in txid.iter_mut().zip(self.made.to_le_bytes()) {
            *to = from;
        }
        (txid, 0)
    }

    /// A client pays deals: script and satoshi for each, all in one transaction. `twice`: it has another that spends the
    /// same.
    pub fn pay(&mut self, client: usize, deals: &[(DealId, Vec<u8>, u64)], twice: bool) {
        let outputs: Vec<(Vec<u8>, u64)> =
            deals.iter().map(|(_, script, satoshi)| (script.clone(), *satoshi)).collect();
        if outputs.is_empty() {
            return;
        }
        let spent = self.spent();
        let transaction = regtest::payment(spent, &outputs);
        if twice {
            let other = regtest::payment(spent, &[(vec![0x51], 1)]);
            self.conflicts.insert(transaction.compute_txid(), other);
        }
        for (deal, _, satoshi) in deals {
            let paid = self.wallets.entry((client, *deal)).or_default();
            *paid = paid.saturating_add(*satoshi);
        }
        self.waiting.push(transaction);
    }

    fn tip(&self) -> [u8; 32] {
        self.blocks
            .last()
            .map_or_else(|| Network::Regtest.genesis_hash(), |block| block.block_hash().to_byte_array())
    }

    /// A block with all that waits, or with nothing. `replaced`: instead of what was to be spent twice, the other.
    pub fn mine(&mut self, empty: bool, replaced: bool) {
        let waiting = if empty { Vec::new() } else { std::mem::take(&mut self.waiting) };
        let spent_twice = |transaction: &Transaction| {
            self.conflicts.get(&transaction.compute_txid()).filter(|_| replaced).cloned()
        };
        let held = waiting.into_iter().map(|transaction| spent_twice(&transaction).unwrap_or(transaction));
        let held = held.collect();
        self.made = self.made.saturating_add(1);
        let height = u32::try_from(self.blocks.len()).unwrap_or(u32::MAX).saturating_add(1);
        let time = BLOCKS_BEGIN.saturating_add(height.saturating_mul(BLOCK_S));
        let block = regtest::block(self.tip(), height, time, self.made, held);
        self.count(&block, u64::saturating_add);
        self.blocks.push(block);
    }

    /// Replaces the last blocks by one more than they are; what they held comes back in the first of those, or later.
    /// Gives how many were replaced.
    pub fn reorganise(&mut self, depth: u8, later: bool, replaced: bool, final_depth: u16) -> usize {
        let depth = usize::from(depth).min(self.blocks.len());
        let removed = self.blocks.split_off(self.blocks.len().saturating_sub(depth));
        let mut back = Vec::new();
        for block in removed {
            self.count(&block, u64::saturating_sub);
            let transactions = block.txdata.into_iter().skip(1);
            for transaction in transactions {
                if depth >= usize::from(final_depth) {
                    let scripts = transaction.output.iter().map(|output| output.script_pubkey.to_bytes());
                    self.spoiled.extend(scripts);
                }
                let others = self.conflicts.values().any(|other| *other == transaction);
                back.extend((!others).then_some(transaction));
            }
        }
        back.append(&mut self.waiting);
        self.waiting = back;
        for at in 0..=depth {
            self.mine(later || at > 0, replaced);
        }
        depth
    }

    /// Adds what a block pays to what scripts have got, or takes it off.
    fn count(&mut self, block: &Block, change: fn(u64, u64) -> u64) {
        for output in block.txdata.iter().skip(1).flat_map(|transaction| &transaction.output) {
            let got = self.got.entry(output.script_pubkey.to_bytes()).or_default();
            *got = change(*got, output.value.to_sat());
        }
    }
}

/// The bytes of a block's header.
pub(crate) fn header_of(block: &Block) -> [u8; 80] {
    let mut header = [0; 80];
    for (to, from) in header.iter_mut().zip(bitcoin::consensus::serialize(&block.header)) {
        *to = from;
    }
    header
}

/// The hash of the block at a height of a view, from the first block on.
pub(crate) fn hash_at(view: &[Block], height: u32) -> Option<[u8; 32]> {
    match usize::try_from(height).ok()?.checked_sub(1) {
        None => Some(Network::Regtest.genesis_hash()),
        Some(at) => view.get(at).map(|block| hash_of(&header_of(block))),
    }
}

/// A script that nobody else names: one of a witness key.
pub(crate) fn script_of(salt: [u8; 20]) -> Vec<u8> {
    let mut script = vec![0, 20];
    script.extend(salt);
    script
}

/// What is told of a transaction in a block.
pub(crate) type Told = (Txid, BlockHash);
