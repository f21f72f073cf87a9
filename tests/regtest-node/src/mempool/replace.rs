//! Replacement by fee (BIP 125 rules 2 to 5, and Core's rule that each conflict pays a lower rate); since Core 28
//! every transaction may be replaced, whether or not it signals so.

use super::{Entry, INCREMENTAL_RELAY_SAT_PER_KVB, Mempool};
use crate::policy::{self, Reject};
use bitcoin::Txid;
use std::collections::BTreeSet;

/// The most transactions that one replacement may put out.
const REPLACED_MAX: usize = 100;

impl Mempool {
    /// The transactions that `entry` puts out, given those it conflicts with: these and all their descendants.
    pub(super) fn replaced(
        &self,
        entry: &Entry,
        conflicts: &BTreeSet<Txid>,
    ) -> Result<BTreeSet<Txid>, Reject> {
        if conflicts.is_empty() {
            return Ok(BTreeSet::new());
        }
        let txid = entry.txid;
        for conflict in &self.with_ancestors(&entry.parents) {
            if conflicts.contains(conflict) {
                let details = format!("{txid} spends conflicting transaction {conflict}");
                return Err(Reject::with("bad-txns-spends-conflicting-tx", details));
            }
        }
        self.check_rate(entry, conflicts)?;
        let count: usize = conflicts.iter().map(|conflict| self.descendants(*conflict).len()).sum();
        if count > REPLACED_MAX {
            let details = format!(
                "rejecting replacement {txid}; too many potential replacements ({count} > {REPLACED_MAX})\n"
            );
            return Err(Reject::with("too many potential replacements", details));
        }
        self.check_no_new_parent(entry, conflicts)?;
        let replaced: BTreeSet<Txid> =
            conflicts.iter().flat_map(|conflict| self.descendants(*conflict)).collect();
        self.check_pays(entry, &replaced)?;
        Ok(replaced)
    }

    fn check_rate(&self, entry: &Entry, conflicts: &BTreeSet<Txid>) -> Result<(), Reject> {
        for conflict in conflicts.iter().filter_map(|conflict| self.entries.get(conflict)) {
            // Core 29 compares the rates rounded down to a satoshi per 1000 virtual bytes.
            let new = policy::rate_of(entry.modified_fee_sat(), entry.vsize);
            let old = policy::rate_of(conflict.modified_fee_sat(), conflict.vsize);
            if new <= old {
                let details = format!(
                    "rejecting replacement {}; new feerate {} <= old feerate {}",
                    entry.txid,
                    policy::rate_text(new),
                    policy::rate_text(old)
                );
                return Err(Reject::with("insufficient fee", details));
            }
        }
        Ok(())
    }

    /// A replacement may spend only unconfirmed outputs that what it replaces directly spent.
    fn check_no_new_parent(&self, entry: &Entry, conflicts: &BTreeSet<Txid>) -> Result<(), Reject> {
        let inputs = conflicts.iter().filter_map(|conflict| self.entries.get(conflict));
        let known: BTreeSet<Txid> = inputs
            .flat_map(|conflict| conflict.transaction.input.iter().map(|input| input.previous_output.txid))
            .collect();
        for (index, input) in entry.transaction.input.iter().enumerate() {
            let parent = input.previous_output.txid;
            if self.entries.contains_key(&parent) && !known.contains(&parent) {
                let details = format!("replacement {} adds unconfirmed input, idx {index}", entry.txid);
                return Err(Reject::with("replacement-adds-unconfirmed", details));
            }
        }
        Ok(())
    }

    fn check_pays(&self, entry: &Entry, replaced: &BTreeSet<Txid>) -> Result<(), Reject> {
        let (new, old) = (entry.modified_fee_sat(), self.fees_of(replaced));
        let (txid, money) = (entry.txid, policy::money);
        if new < old {
            let details = format!(
                "rejecting replacement {txid}, less fees than conflicting txs; {} < {}",
                money(new),
                money(old)
            );
            return Err(Reject::with("insufficient fee", details));
        }
        let more = new.saturating_sub(old);
        let relay = policy::fee_at(INCREMENTAL_RELAY_SAT_PER_KVB, entry.vsize);
        let relay = i64::try_from(relay).unwrap_or(i64::MAX);
        if more < relay {
            let details = format!(
                "rejecting replacement {txid}, not enough additional fees to relay; {} < {}",
                money(more),
                money(relay)
            );
            return Err(Reject::with("insufficient fee", details));
        }
        Ok(())
    }
}
