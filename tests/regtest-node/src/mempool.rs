//! Transactions waiting for a block: what enters, what gives way, what comes back after a reorganisation.
//!
//! Scripts are checked by the kernel; which inputs are there, who conflicts with whom and who pays enough follows
//! Bitcoin Core 29.

mod accept;
mod relatives;
mod replace;
mod upkeep;

pub use crate::policy::Reject;
pub use accept::Accepted;
pub(crate) use accept::Attempt;
pub use upkeep::GIVEN_BACK_BLOCKS_MAX;

use bitcoin::{OutPoint, Transaction, Txid};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The least fee rate of a transaction, in satoshi per 1000 virtual bytes; Core before 30.
pub const MIN_RELAY_SAT_PER_KVB: u64 = 1_000;
/// What a replacement pays for its own relay, in satoshi per 1000 virtual bytes; Core before 30.
pub const INCREMENTAL_RELAY_SAT_PER_KVB: u64 = 1_000;

/// A transaction of the mempool.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The transaction.
    pub transaction: Arc<Transaction>,
    /// Its id.
    pub txid: Txid,
    /// What it pays, in satoshi.
    pub fee_sat: u64,
    /// What prioritisetransaction adds to the fee for mining and replacing, in satoshi.
    pub delta_sat: i64,
    /// Its size for fees, in virtual bytes; more than its own if it has many signature operations.
    pub vsize: u64,
    /// Its signature operation cost.
    pub sigops_cost: usize,
    /// When it came, in seconds since 1970.
    pub time_s: u64,
    /// The height of the chain when it came.
    pub height: u32,
    /// The transactions of the mempool whose outputs it spends.
    pub parents: BTreeSet<Txid>,
    /// The transactions of the mempool that spend its outputs.
    pub children: BTreeSet<Txid>,
}

impl Entry {
    /// The fee that counts for mining and replacing, in satoshi.
    #[must_use]
    pub fn modified_fee_sat(&self) -> i64 {
        i64::try_from(self.fee_sat).unwrap_or(i64::MAX).saturating_add(self.delta_sat)
    }
}

/// The mempool.
#[derive(Clone, Debug, Default)]
pub struct Mempool {
    entries: BTreeMap<Txid, Entry>,
    spenders: BTreeMap<OutPoint, Txid>,
    /// Set by prioritisetransaction, also for transactions that are yet to come.
    deltas_sat: BTreeMap<Txid, i64>,
    /// A fee rate below which nothing enters, as after the mempool was full; in satoshi per 1000 virtual bytes.
    floor_sat_per_kvb: u64,
    /// Counts what entered and left, as Core's mempool sequence does.
    sequence: u64,
}

impl Mempool {
    /// An empty mempool.
    #[must_use]
    pub fn new() -> Self {
        Self { sequence: 1, ..Self::default() }
    }

    /// A transaction of the mempool.
    #[must_use]
    pub fn get(&self, txid: &Txid) -> Option<&Entry> {
        self.entries.get(txid)
    }

    /// All transactions, by id.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// How many transactions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The transaction that spends an output.
    #[must_use]
    pub fn spender(&self, outpoint: &OutPoint) -> Option<Txid> {
        self.spenders.get(outpoint).copied()
    }

    /// Core's mempool sequence.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The fee rate below which nothing enters, in satoshi per 1000 virtual bytes.
    #[must_use]
    pub fn min_sat_per_kvb(&self) -> u64 {
        self.floor_sat_per_kvb.max(MIN_RELAY_SAT_PER_KVB)
    }

    /// Sets the floor that Core raises when its mempool is full, and puts out what pays less, alone and with its
    /// descendants.
    pub fn set_floor(&mut self, sat_per_kvb: u64) {
        self.floor_sat_per_kvb = sat_per_kvb;
        while let Some(txid) =
            self.entries.values().find(|entry| self.is_below_floor(entry)).map(|one| one.txid)
        {
            self.remove_family(txid);
        }
    }

    fn is_below_floor(&self, entry: &Entry) -> bool {
        let demanded = |vsize: u64| {
            i64::try_from(crate::policy::fee_at(self.floor_sat_per_kvb, vsize)).unwrap_or(i64::MAX)
        };
        let family = self.descendants(entry.txid);
        entry.modified_fee_sat() < demanded(entry.vsize)
            && self.fees_of(&family) < demanded(self.vsize_of(&family))
    }

    /// Adds to the fee by which a transaction is mined, in satoshi.
    pub fn prioritise(&mut self, txid: Txid, delta_sat: i64) {
        let delta = self.deltas_sat.entry(txid).or_default();
        *delta = delta.saturating_add(delta_sat);
        if let Some(entry) = self.entries.get_mut(&txid) {
            entry.delta_sat = *delta;
        }
    }

    fn insert(&mut self, entry: Entry) {
        for input in &entry.transaction.input {
            self.spenders.insert(input.previous_output, entry.txid);
        }
        for parent in &entry.parents {
            if let Some(parent) = self.entries.get_mut(parent) {
                parent.children.insert(entry.txid);
            }
        }
        for child in &entry.children {
            if let Some(child) = self.entries.get_mut(child) {
                child.parents.insert(entry.txid);
            }
        }
        self.sequence += 1;
        self.entries.insert(entry.txid, entry);
    }

    /// Takes one transaction out and leaves its relatives.
    fn remove(&mut self, txid: Txid) {
        let Some(entry) = self.entries.remove(&txid) else { return };
        self.sequence += 1;
        for input in &entry.transaction.input {
            self.spenders.remove(&input.previous_output);
        }
        for parent in &entry.parents {
            if let Some(parent) = self.entries.get_mut(parent) {
                parent.children.remove(&txid);
            }
        }
        for child in &entry.children {
            if let Some(child) = self.entries.get_mut(child) {
                child.parents.remove(&txid);
            }
        }
    }

    /// Takes a transaction and all its descendants out.
    fn remove_family(&mut self, txid: Txid) {
        for one in self.descendants(txid) {
            self.remove(one);
        }
    }
}
