//! A journal in memory, for tests and for a simulator that breaks it on purpose.
//!
//! [`MemoryStore`] plays the disk: it outlives the writers that open it, so a test can drop a writer as a crash would
//! and open the next one on what was committed.

use crate::port::{AppendError, Committed, Journal, JournalHead, JournalReader, ReadError, StoredBatch};
use crate::tail::Tail;
use async_trait::async_trait;
use bandex_tradechain::{Batch, Record};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The medium. Clones are the same medium.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Medium>>);

#[derive(Debug, Default)]
struct Medium {
    epoch: u64,
    tail: Tail,
    records: Vec<Record>,
    batches: Vec<StoredBatch>,
    fault: Option<Fault>,
}

/// What goes wrong with the next append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is written, and the writer is told so.
    Fail,
    /// Nothing is written, and the writer is not told.
    UnknownLost,
    /// All is written, and the writer is not told.
    UnknownKept,
    /// The first half of the records is written, the last of them cut in two, without the batch block that binds
    /// them; the writer is not told. Whoever opens the medium next cuts off what no batch block binds.
    Torn,
}

impl MemoryStore {
    /// An empty medium.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens it for writing; every earlier writer is fenced off, and what no batch block binds is cut off: it was never
    /// acknowledged.
    pub fn open(&self) -> MemoryJournal {
        let mut medium = self.lock();
        medium.epoch = medium.epoch.saturating_add(1);
        medium.cut_torn_end();
        MemoryJournal { store: self.clone(), epoch: medium.epoch, unsure: false }
    }

    /// A reader of what is committed.
    pub fn reader(&self) -> MemoryReader {
        MemoryReader(self.clone())
    }

    /// Makes the next otherwise good append go wrong.
    pub fn inject(&self, fault: Fault) {
        self.lock().fault = Some(fault);
    }

    /// How many records lie on the medium that no batch block binds: a torn batch that nobody has cut off yet.
    pub fn torn_records(&self) -> usize {
        let medium = self.lock();
        medium.records.len().saturating_sub(medium.bound())
    }

    /// Damages the last committed record, as a medium that decays would. No store survives that; whoever replays it must
    /// say so.
    pub fn decay(&self) {
        let mut medium = self.lock();
        let last = medium.bound().checked_sub(1);
        if let Some(byte) =
            last.and_then(|at| medium.records.get_mut(at)).and_then(|record| record.command.last_mut())
        {
            *byte ^= 1;
        }
    }

    /// A panic elsewhere leaves whole batches behind, since they are added in one step: the lock's poison says nothing.
    fn lock(&self) -> MutexGuard<'_, Medium> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Medium {
    /// How many records batch blocks bind. Only they are committed; seqs count from 1 without gaps.
    fn bound(&self) -> usize {
        let last = self.batches.last().map_or(0, StoredBatch::last_seq);
        usize::try_from(last).unwrap_or(usize::MAX)
    }

    fn cut_torn_end(&mut self) {
        let bound = self.bound();
        self.records.truncate(bound);
    }

    /// Leaves half a batch behind, as a crash in the middle of a write would.
    fn tear(&mut self, batch: &Batch) {
        let half = batch.records.len().div_ceil(2);
        self.records.extend(batch.records.iter().take(half).cloned());
        if let Some(last) = self.records.last_mut() {
            let length = last.command.len();
            last.command.truncate(length.div_euclid(2));
        }
    }
}

/// A writer of a [`MemoryStore`].
#[derive(Debug)]
pub struct MemoryJournal {
    store: MemoryStore,
    epoch: u64,
    unsure: bool,
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append(&mut self, batch: &Batch) -> Result<Committed, AppendError> {
        let mut medium = self.store.lock();
        if medium.epoch != self.epoch {
            return Err(AppendError::Fenced);
        }
        if self.unsure {
            return Err(AppendError::Failed(crate::sqlite::UNSURE.to_owned()));
        }
        let (tail, committed) = medium.tail.with(batch).map_err(AppendError::Failed)?;
        let count = u32::try_from(batch.records.len())
            .map_err(|_| AppendError::Failed("too many records".to_owned()))?;
        let fault = medium.fault.take();
        match fault {
            Some(Fault::Fail) => return Err(AppendError::Failed("injected".to_owned())),
            Some(Fault::UnknownLost) => {
                self.unsure = true;
                return Err(AppendError::Unknown("injected".to_owned()));
            }
            Some(Fault::Torn) => {
                self.unsure = true;
                medium.tear(batch);
                return Err(AppendError::Unknown("injected".to_owned()));
            }
            Some(Fault::UnknownKept) | None => {}
        }
        // From here the batch is written.
        medium.tail = tail;
        medium.records.extend_from_slice(&batch.records);
        let block = batch.block.clone();
        medium.batches.push(StoredBatch { first_seq: committed.first_seq(), count, block });
        if fault.is_some() {
            self.unsure = true;
            return Err(AppendError::Unknown("injected".to_owned()));
        }
        Ok(committed)
    }

    async fn record(&mut self, seq: u64) -> Result<Option<Record>, ReadError> {
        Ok(self.store.reader().records(seq, 1).await?.pop().filter(|record| record.seq == seq))
    }

    fn reader(&self) -> Arc<dyn JournalReader> {
        Arc::new(self.store.reader())
    }

    async fn finish(self: Box<Self>) -> Result<(), ReadError> {
        Ok(())
    }
}

/// A reader of a [`MemoryStore`].
#[derive(Debug, Clone)]
pub struct MemoryReader(MemoryStore);

#[async_trait]
impl JournalReader for MemoryReader {
    async fn head(&self) -> Result<Option<JournalHead>, ReadError> {
        let medium = self.0.lock();
        Ok(medium.records.iter().take(medium.bound()).next_back().map(JournalHead::of))
    }

    async fn records(&self, from_seq: u64, limit: usize) -> Result<Vec<Record>, ReadError> {
        let medium = self.0.lock();
        let from = medium.records.partition_point(|record| record.seq < from_seq);
        let committed = medium.records.iter().take(medium.bound());
        Ok(committed.skip(from).take(limit).cloned().collect())
    }

    async fn batches(&self, from_seq: u64, limit: usize) -> Result<Vec<StoredBatch>, ReadError> {
        let medium = self.0.lock();
        let from = medium.batches.partition_point(|batch| batch.last_seq() < from_seq);
        Ok(medium.batches.iter().skip(from).take(limit).cloned().collect())
    }

    async fn batch_of(&self, seq: u64) -> Result<Option<StoredBatch>, ReadError> {
        let found = self.batches(seq, 1).await?.pop();
        Ok(found.filter(|batch| batch.first_seq <= seq))
    }
}
