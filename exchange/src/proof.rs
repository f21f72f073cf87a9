//! Receipts of old records, made from the journal and the projections.

use crate::shared::Shared;
use bandex_journal::ReadError;
use bandex_tradechain::{Leaf, Receipt, Record, SignedBlock, inclusion_proof};
use bandex_types::Hash;

/// A record with its receipt.
pub(crate) struct Proven {
    pub record: Record,
    pub receipt: Receipt,
}

/// Proves the record `seq`; `None` if there is none, or its outcome is not projected yet.
pub(crate) async fn prove(shared: &Shared, seq: u64) -> Result<Option<Proven>, ReadError> {
    let Some((batch, records)) = read(shared, seq).await? else { return Ok(None) };
    let Some(outcome) = shared.projections.outcome(seq).await? else { return Ok(None) };
    let Some(receipt) = batch.receipt(seq, outcome.outcome) else { return Ok(None) };
    let record = records.into_iter().find(|record| record.seq == seq);
    Ok(record.map(|record| Proven { record, receipt }))
}

/// A batch as far as receipts of its records need it, for whoever needs several of them.
pub(crate) struct ProvenBatch {
    block: SignedBlock,
    leaves: Vec<Leaf>,
    hashes: Vec<Hash>,
}

impl ProvenBatch {
    /// The batch of the record `seq`; `None` if there is none.
    pub async fn of(shared: &Shared, seq: u64) -> Result<Option<Self>, ReadError> {
        Ok(read(shared, seq).await?.map(|(batch, _)| batch))
    }

    pub fn holds(&self, seq: u64) -> bool {
        self.leaves.iter().any(|leaf| leaf.seq == seq)
    }

    /// The receipt of the record `seq` with this outcome; `None` if the record is of another batch.
    pub fn receipt(&self, seq: u64, outcome: Vec<u8>) -> Option<Receipt> {
        let index = self.leaves.iter().position(|leaf| leaf.seq == seq)?;
        let path = inclusion_proof(&self.hashes, index).ok()?;
        Some(Receipt { batch: self.block.clone(), leaf: *self.leaves.get(index)?, path, outcome })
    }
}

/// The batch of the record `seq` with all its records.
async fn read(shared: &Shared, seq: u64) -> Result<Option<(ProvenBatch, Vec<Record>)>, ReadError> {
    let Some(batch) = shared.journal.batch_of(seq).await? else { return Ok(None) };
    let count = usize::try_from(batch.count).unwrap_or(usize::MAX);
    let records = shared.journal.records(batch.first_seq, count).await?;
    let leaves: Vec<Leaf> = records.iter().map(Record::leaf).collect();
    let hashes = leaves.iter().map(Leaf::hash).collect();
    Ok(Some((ProvenBatch { block: batch.block, leaves, hashes }, records)))
}
