//! Brings records and batches from the store, judged as far as they can be judged alone: in parallel, a part at a time,
//! so that memory stays bounded however long the journal is.

use super::verdict::{Check, Conviction};
use super::walk::Stop;
use bandex_journal::{JournalReader, ReadError, StoredBatch};
use bandex_tradechain::body::Batch;
use bandex_tradechain::{Block, Body, Command, Decoded, Genesis, Record, VerifyError, verify, verify_batch};
use bandex_types::Hash;
use std::collections::VecDeque;
use std::num::NonZero;
use std::thread;

/// How many rows are read at once. A record has at most some 128 KiB (a fork proof), most have a few hundred bytes.
const ROWS: usize = 1_024;
/// Fewer than these are not worth a thread.
const WORTH_A_THREAD: usize = 64;

/// A record with everything that can be told without the ones before it.
#[derive(Debug)]
pub struct JudgedRecord {
    pub record: Record,
    pub hash: Hash,
    /// What it holds, and how many signatures were verified for that.
    pub command: Result<(Decoded, u64), (Check, String)>,
}

/// A batch block likewise.
#[derive(Debug)]
pub struct JudgedBatch {
    pub stored: StoredBatch,
    /// What the node signed: the block, and what it binds.
    pub block: Result<(Block, Batch), String>,
}

/// The two streams of a journal.
pub struct Feed<'a> {
    reader: &'a dyn JournalReader,
    genesis: Genesis,
    records: VecDeque<JudgedRecord>,
    /// From where the next records are read; none after the last.
    records_from: Option<u64>,
    batches: VecDeque<JudgedBatch>,
    batches_from: Option<u64>,
}

impl<'a> Feed<'a> {
    /// A feed of the journal that begins with `genesis`.
    pub fn new(reader: &'a dyn JournalReader, genesis: Genesis) -> Self {
        let (records, batches) = (VecDeque::new(), VecDeque::new());
        Self { reader, genesis, records, records_from: Some(1), batches, batches_from: Some(1) }
    }

    /// The next record; none after the last.
    pub async fn next_record(&mut self) -> Result<Option<JudgedRecord>, Stop> {
        self.fill_records().await?;
        Ok(self.records.pop_front())
    }

    /// The record that the next call gives, without taking it.
    pub async fn peek(&mut self) -> Result<Option<&Record>, Stop> {
        self.fill_records().await?;
        Ok(self.records.front().map(|judged| &judged.record))
    }

    async fn fill_records(&mut self) -> Result<(), Stop> {
        while self.records.is_empty()
            && let Some(from) = self.records_from
        {
            let rows = match self.reader.records(from, ROWS).await {
                Ok(rows) => rows,
                Err(error) => return Err(self.unreadable_record(from, error).await),
            };
            // A store out of order could otherwise give the same rows again and again.
            let next = rows.last().map(|record| record.seq.max(from).saturating_add(1));
            self.records_from = next.filter(|_| rows.len() == ROWS);
            let network = self.genesis.network;
            self.records.extend(in_parallel(&rows, |record| judge_record(record, network)));
        }
        Ok(())
    }

    /// The next batch; none after the last.
    pub async fn next_batch(&mut self) -> Result<Option<JudgedBatch>, Stop> {
        while self.batches.is_empty()
            && let Some(from) = self.batches_from
        {
            let rows = match self.reader.batches(from, ROWS).await {
                Ok(rows) => rows,
                Err(error) => return Err(self.unreadable_batch(from, error).await),
            };
            let next = rows.last().map(|batch| batch.last_seq().max(from).saturating_add(1));
            self.batches_from = next.filter(|_| rows.len() == ROWS);
            let genesis = &self.genesis;
            self.batches.extend(in_parallel(&rows, |batch| judge_batch(batch, genesis)));
        }
        Ok(self.batches.pop_front())
    }

    /// Finds the record at which the store stops being readable.
    async fn unreadable_record(&self, from: u64, error: ReadError) -> Stop {
        let (mut seq, mut last) = (from, error);
        loop {
            if let ReadError::Damaged { seq, what } = last {
                return Conviction::new(seq, Check::Row, damaged("record", &what)).into();
            }
            match self.reader.records(seq, 1).await.map(|mut rows| rows.pop()) {
                Ok(Some(record)) => seq = record.seq.max(seq).saturating_add(1),
                // Each row by itself can be read: whatever went wrong, it is not the journal's fault.
                Ok(None) => return Stop::Unreadable(last.into()),
                Err(ReadError::Store(what)) => {
                    return Conviction::new(seq, Check::Row, damaged("record", &what)).into();
                }
                Err(damaged) => last = damaged,
            }
        }
    }

    /// Finds the first record whose batch cannot be read.
    async fn unreadable_batch(&self, from: u64, error: ReadError) -> Stop {
        let (mut seq, mut last) = (from, error);
        loop {
            if let ReadError::Damaged { seq, what } = last {
                return Conviction::new(seq, Check::Batch, damaged("batch", &what)).into();
            }
            match self.reader.batches(seq, 1).await.map(|mut rows| rows.pop()) {
                Ok(Some(batch)) => seq = batch.last_seq().max(seq).saturating_add(1),
                Ok(None) => return Stop::Unreadable(last.into()),
                Err(ReadError::Store(what)) => {
                    return Conviction::new(seq, Check::Batch, damaged("batch", &what)).into();
                }
                Err(damaged) => last = damaged,
            }
        }
    }
}

fn damaged(row: &str, what: &str) -> String {
    format!("the row of this {row} cannot be read: {what}")
}

fn judge_record(record: &Record, network: u32) -> JudgedRecord {
    let command = judge_command(&record.command, network);
    JudgedRecord { record: record.clone(), hash: record.hash(), command }
}

/// Reads a command, and checks the signatures in it.
fn judge_command(bytes: &[u8], network: u32) -> Result<(Decoded, u64), (Check, String)> {
    let command = borsh::from_slice::<Command>(bytes)
        .map_err(|error| (Check::Command, format!("its bytes are no command: {error}")))?;
    if command.encode() != bytes {
        return Err((Check::Command, "its command is not in canonical bytes".to_owned()));
    }
    match command {
        Command::Block(signed) => match verify(signed, network) {
            Ok(verified) => Ok((Decoded::from(verified), 1)),
            Err(error @ VerifyError::Key(_)) => {
                Err((Check::Signature, format!("its author did not sign this block: {error}")))
            }
            Err(error) => Err((Check::Signature, format!("its block is not sound: {error}"))),
        },
        Command::Fork(proof) => {
            proof.check(network).map_err(|error| (Check::Fork, error.to_string()))?;
            Decoded::new(Command::Fork(proof))
                .map(|it| (it, 2))
                .map_err(|error| (Check::Fork, error.to_string()))
        }
        other => Decoded::new(other).map(|it| (it, 0)).map_err(|error| (Check::Command, error.to_string())),
    }
}

fn judge_batch(stored: &StoredBatch, genesis: &Genesis) -> JudgedBatch {
    let block = verify_batch(&stored.block, &genesis.node, genesis.network)
        .map_err(|error| format!("the node did not sign this batch block: {error}"))
        .and_then(|block| match block.body {
            Body::Batch(batch) => Ok((block, batch)),
            _ => Err("the block is no batch block".to_owned()),
        });
    JudgedBatch { stored: stored.clone(), block }
}

/// Applies `judge` to all items, on as many threads as the machine has cores; keeps their order.
fn in_parallel<T: Sync, R: Send>(items: &[T], judge: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    if threads == 1 || items.len() < WORTH_A_THREAD {
        return items.iter().map(judge).collect();
    }
    let part = items.len().div_ceil(threads);
    let judge = &judge;
    thread::scope(|scope| {
        let spawn = |part| scope.spawn(move || <[T]>::iter(part).map(judge).collect::<Vec<R>>());
        let threads: Vec<_> = items.chunks(part).map(spawn).collect();
        // A panic over there goes on here.
        let done = |thread: thread::ScopedJoinHandle<'_, Vec<R>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().flat_map(done).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parallel_work_keeps_its_order() {
        for size in [0, 1, 63, 64, 65, 1_000] {
            let items: Vec<usize> = (0..size).collect();
            let doubled: Vec<usize> = items.iter().map(|item| item * 2).collect();
            assert_eq!(in_parallel(&items, |item| item * 2), doubled);
        }
    }
}
