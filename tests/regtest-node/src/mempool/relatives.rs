//! Who depends on whom in the mempool.

use super::{Entry, Mempool};
use bitcoin::Txid;
use std::collections::BTreeSet;

impl Mempool {
    /// A transaction of the mempool and all that spends its outputs, directly or not.
    #[must_use]
    pub fn descendants(&self, txid: Txid) -> BTreeSet<Txid> {
        self.reach([txid], |entry| &entry.children)
    }

    /// A transaction of the mempool and all whose outputs it spends, directly or not.
    #[must_use]
    pub fn ancestors(&self, txid: Txid) -> BTreeSet<Txid> {
        self.reach([txid], |entry| &entry.parents)
    }

    /// The transactions given and all their ancestors.
    pub(super) fn with_ancestors(&self, txids: &BTreeSet<Txid>) -> BTreeSet<Txid> {
        self.reach(txids.iter().copied(), |entry| &entry.parents)
    }

    fn reach(
        &self,
        from: impl IntoIterator<Item = Txid>,
        next: impl Fn(&Entry) -> &BTreeSet<Txid>,
    ) -> BTreeSet<Txid> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<Txid> = from.into_iter().collect();
        while let Some(txid) = open.pop() {
            let Some(entry) = self.entries.get(&txid) else { continue };
            if reached.insert(txid) {
                open.extend(next(entry));
            }
        }
        reached
    }

    /// The sizes of some transactions together, in virtual bytes.
    pub(crate) fn vsize_of(&self, txids: &BTreeSet<Txid>) -> u64 {
        txids.iter().filter_map(|txid| self.entries.get(txid)).map(|entry| entry.vsize).sum()
    }

    /// The fees of some transactions together as they count for mining, in satoshi.
    pub(crate) fn fees_of(&self, txids: &BTreeSet<Txid>) -> i64 {
        txids.iter().filter_map(|txid| self.entries.get(txid)).map(Entry::modified_fee_sat).sum()
    }

    /// All transactions, parents before their children and otherwise as they came.
    #[must_use]
    pub fn parents_first(&self) -> Vec<&Entry> {
        let mut entries: Vec<_> = self.entries.values().collect();
        entries.sort_by_key(|entry| (self.ancestors(entry.txid).len(), entry.time_s, entry.txid));
        entries
    }
}
