//! Receipts of old records, made from the journal and the projections.

use crate::shared::Shared;
use bandex_journal::ReadError;
use bandex_tradechain::{Receipt, Record, inclusion_proof};

/// A record with its receipt.
pub(crate) struct Proven {
    pub record: Record,
    pub receipt: Receipt,
}

/// Proves the record `seq`; `None` if there is none, or its outcome is not projected yet.
pub(crate) async fn prove(shared: &Shared, seq: u64) -> Result<Option<Proven>, ReadError> {
    let Some(batch) = shared.journal.batch_of(seq).await? else { return Ok(None) };
    let Some(outcome) = shared.projections.outcome(seq).await? else { return Ok(None) };
    let count = usize::try_from(batch.count).unwrap_or(usize::MAX);
    let records = shared.journal.records(batch.first_seq, count).await?;
    let leaves: Vec<_> = records.iter().map(|record| record.leaf().hash()).collect();
    let Some(index) = records.iter().position(|record| record.seq == seq) else { return Ok(None) };
    let Ok(path) = inclusion_proof(&leaves, index) else { return Ok(None) };
    let record = records.into_iter().nth(index);
    Ok(record.map(|record| {
        let receipt = Receipt { batch: batch.block, leaf: record.leaf(), path, outcome: outcome.outcome };
        Proven { record, receipt }
    }))
}
