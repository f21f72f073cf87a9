//! The rows of a journal, the same in both stores: a record, a batch block.

use crate::port::{ReadError, StoredBatch};
use crate::sql::{Row, fixed, time, unsigned};
use bandex_tradechain::{Record, SignedBlock};
use bandex_types::{Hash, SignatureBytes};

/// Reads one row, naming its number in every error.
fn read<T>(row: &Row, number: &str, parse: impl Fn(u64) -> Result<T, String>) -> Result<T, ReadError> {
    let stored = row.number(number).map_err(ReadError::Store)?;
    let seq = unsigned(number, stored).map_err(ReadError::Store)?;
    parse(seq).map_err(|what| ReadError::Damaged { seq, what })
}

/// A row of the table `records`.
///
/// # Errors
/// What it holds is no record.
pub(crate) fn record(row: &Row) -> Result<Record, ReadError> {
    read(row, "seq", |seq| {
        let rules = row.number("rules")?;
        Ok(Record {
            seq,
            time: time("time", row.number("time")?)?,
            rules: u32::try_from(rules).map_err(|_| format!("rules is {rules}"))?,
            command: row.bytes("command")?.to_vec(),
            outcome_digest: Hash::new(fixed("outcome_digest", row.bytes("outcome_digest")?)?),
            previous: Hash::new(fixed("previous", row.bytes("previous")?)?),
        })
    })
}

/// A row of the table `batches`.
///
/// # Errors
/// What it holds is no batch block.
pub(crate) fn batch(row: &Row) -> Result<StoredBatch, ReadError> {
    read(row, "first_seq", |first_seq| {
        let count = row.number("count")?;
        let signature = SignatureBytes::new(fixed("signature", row.bytes("signature")?)?);
        Ok(StoredBatch {
            first_seq,
            count: u32::try_from(count).map_err(|_| format!("count is {count}"))?,
            block: SignedBlock { payload: row.bytes("payload")?.to_vec(), signature },
        })
    })
}
