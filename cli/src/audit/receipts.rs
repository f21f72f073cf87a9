//! Receipts beside the journal: what the node signed for somebody must be what the journal holds.

use super::claims::NamedReceipt;
use super::verdict::{Check, Conviction};
use super::walk::OpenBatch;
use bandex_engine::Outcome;
use bandex_tradechain::{Genesis, Record, outcome_digest};
use std::collections::BTreeMap;

/// All receipts, by the record they are about.
pub(super) struct Receipts<'a>(BTreeMap<u64, Vec<&'a NamedReceipt>>);

impl<'a> Receipts<'a> {
    /// Takes in the receipts that the node signed.
    ///
    /// # Errors
    /// It did not sign one of them.
    pub fn new(receipts: &'a [NamedReceipt], genesis: &Genesis) -> Result<Self, Box<Conviction>> {
        let mut by_record: BTreeMap<u64, Vec<&NamedReceipt>> = BTreeMap::new();
        for named in receipts {
            let seq = named.receipt.leaf.seq;
            named.receipt.check(&genesis.node, genesis.network).map_err(|error| {
                Conviction::new(
                    seq,
                    Check::Receipt,
                    format!("{} is no receipt of this node: {error}", named.name),
                )
            })?;
            by_record.entry(seq).or_default().push(named);
        }
        Ok(Self(by_record))
    }

    /// The recorded outcome, if a receipt shows it.
    pub fn outcome(&self, record: &Record) -> Option<Outcome> {
        let about = self.0.get(&record.seq)?;
        let shown = about.iter().find(|it| outcome_digest(&it.receipt.outcome) == record.outcome_digest)?;
        borsh::from_slice(&shown.receipt.outcome).ok()
    }

    /// Whether the receipts about the records of a batch say what the journal says, under the very same batch block.
    /// The batch's root was checked, so the node signed what the journal holds.
    ///
    /// # Errors
    /// One does not: both are signed by the node, so they prove a fraud to anybody.
    pub fn check(&self, batch: &OpenBatch) -> Result<(), Box<Conviction>> {
        for (seq, about) in self.0.range(batch.bound.first_seq..=batch.last_seq()) {
            let leaf = batch.leaves.iter().find(|leaf| leaf.seq == *seq);
            for named in about {
                let receipt = &named.receipt;
                let same_leaf = leaf == Some(&receipt.leaf);
                if same_leaf && receipt.batch.payload == batch.signed.payload {
                    continue;
                }
                let what = if same_leaf { "in another batch" } else { "with another content" };
                let why = format!("fraud: the node signed this record {what} for {}", named.name);
                return Err(Conviction::new(*seq, Check::Receipt, why)
                    .expecting(&receipt.leaf)
                    .finding(&leaf)
                    .contradicted_by(&[&receipt.batch, &batch.signed]));
            }
        }
        Ok(())
    }

    /// Whether a receipt is about a record after the last.
    ///
    /// # Errors
    /// One is: the tail was cut off.
    pub fn check_end(&self, last: u64) -> Result<(), Box<Conviction>> {
        let missing = last.saturating_add(1);
        let Some(named) = self.0.range(missing..).find_map(|(_, about)| about.first()) else { return Ok(()) };
        let seq = named.receipt.leaf.seq;
        let why = format!("the record is missing: by {} the journal once went up to {seq}", named.name);
        let conviction = Conviction::new(missing, Check::Receipt, why).expecting(&named.receipt.leaf);
        Err(conviction.contradicted_by(&[&named.receipt.batch]))
    }
}
