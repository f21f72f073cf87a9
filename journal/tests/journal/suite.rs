//! The suite: generic over the store.

use crate::chain::Chain;
use crate::database::Database;
use bandex_journal::{
    AppendError, Batch, Fault, Journal, JournalHead, JournalReader, MemoryStore, PostgresJournal,
    SqliteJournal,
};
use std::sync::Arc;
use tempfile::TempDir;

/// A medium that outlives its writers.
pub trait Medium {
    async fn new() -> Self;
    /// A writer; the one before was dropped.
    async fn open(&self) -> Box<dyn Journal>;
    /// A writer while another one lives.
    async fn take_over(&self) -> Box<dyn Journal>;
}

impl Medium for MemoryStore {
    async fn new() -> Self {
        Self::default()
    }

    async fn open(&self) -> Box<dyn Journal> {
        Box::new(MemoryStore::open(self))
    }

    async fn take_over(&self) -> Box<dyn Journal> {
        Box::new(MemoryStore::open(self))
    }
}

impl Medium for TempDir {
    async fn new() -> Self {
        tempfile::tempdir().unwrap()
    }

    async fn open(&self) -> Box<dyn Journal> {
        Box::new(SqliteJournal::open(self.path()).await.unwrap())
    }

    async fn take_over(&self) -> Box<dyn Journal> {
        // A lock whose file is gone keeps nobody out: what remains is the epoch.
        std::fs::remove_file(self.path().join("lock")).unwrap();
        self.open().await
    }
}

impl Medium for Database {
    async fn new() -> Self {
        Database::new().await
    }

    async fn open(&self) -> Box<dyn Journal> {
        Box::new(PostgresJournal::open(&self.url()).await.unwrap())
    }

    async fn take_over(&self) -> Box<dyn Journal> {
        // A server whose connection is cut has no lock any more.
        self.cut_writer().await;
        self.open().await
    }
}

/// Everything a reader tells.
pub async fn content(reader: &dyn JournalReader) -> (Option<JournalHead>, Vec<Batch>) {
    let mut batches = Vec::new();
    for batch in reader.batches(1, usize::MAX).await.unwrap() {
        let count = usize::try_from(batch.count).unwrap();
        let records = reader.records(batch.first_seq, count).await.unwrap();
        batches.push(Batch { records, block: batch.block });
    }
    (reader.head().await.unwrap(), batches)
}

async fn committed_is_read_back_and_survives_the_writer<M: Medium>() {
    let (medium, mut chain) = (M::new().await, Chain::new());
    let mut journal = medium.open().await;
    assert_eq!(content(&*journal.reader()).await, (None, vec![]));
    let mut written = Vec::new();
    let mut first = 1;
    for count in [1_u64, 3, 1203, 2] {
        let batch = chain.batch(usize::try_from(count).unwrap());
        let committed = journal.append(&batch).await.unwrap();
        assert_eq!((committed.first_seq(), committed.last_seq()), (first, first + count - 1));
        assert!(committed.covers(first) && !committed.covers(first + count));
        first += count;
        written.push(batch);
    }
    let head = written.last().and_then(|batch| batch.records.last()).map(JournalHead::of);
    assert_eq!(content(&*journal.reader()).await, (head, written.clone()));
    drop(journal);
    let mut journal = medium.open().await;
    assert_eq!(content(&*journal.reader()).await, (head, written.clone()));
    written.push(chain.batch(2));
    journal.append(written.last().unwrap()).await.unwrap();
    assert_eq!(content(&*journal.reader()).await.1, written);
}

async fn ranges_are_what_they_say<M: Medium>() {
    let (medium, mut chain) = (M::new().await, Chain::new());
    let mut journal = medium.open().await;
    for count in [2, 3, 1] {
        journal.append(&chain.batch(count)).await.unwrap();
    }
    let reader = journal.reader();
    let check = async |from, limit, records: &[u64], batches: &[u64]| {
        let found = reader.records(from, limit).await.unwrap();
        assert_eq!(found.iter().map(|record| record.seq).collect::<Vec<_>>(), records, "{from}+{limit}");
        let found = reader.batches(from, limit).await.unwrap();
        assert_eq!(found.iter().map(|batch| batch.first_seq).collect::<Vec<_>>(), batches, "{from}+{limit}");
    };
    check(0, 10, &[1, 2, 3, 4, 5, 6], &[1, 3, 6]).await;
    check(1, 2, &[1, 2], &[1, 3]).await;
    check(2, 10, &[2, 3, 4, 5, 6], &[1, 3, 6]).await;
    check(3, 1, &[3], &[3]).await;
    check(5, 10, &[5, 6], &[3, 6]).await;
    check(6, 10, &[6], &[6]).await;
    check(7, 10, &[], &[]).await;
    check(u64::MAX, 10, &[], &[]).await;
    check(1, 0, &[], &[]).await;
    for (seq, first) in [(0, None), (1, Some(1)), (2, Some(1)), (5, Some(3)), (6, Some(6)), (7, None)] {
        let found = reader.batch_of(seq).await.unwrap();
        assert_eq!(found.map(|batch| batch.first_seq), first, "batch of {seq}");
    }
}

async fn what_does_not_continue_is_refused_and_writes_nothing<M: Medium>() {
    let (medium, mut chain) = (M::new().await, Chain::new());
    let mut journal = medium.open().await;
    let before_all = chain.clone().batch(1);
    journal.append(&before_all).await.unwrap();
    chain.batch(1);
    let good = chain.clone().batch(3);
    let mut check = async |name: &str, part: &str, change: &dyn Fn(&mut Batch)| {
        let before = content(&*journal.reader()).await;
        let mut bad = good.clone();
        change(&mut bad);
        match journal.append(&bad).await {
            Err(AppendError::Failed(text)) => assert!(text.contains(part), "{name}: {text}"),
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(content(&*journal.reader()).await, before, "{name}");
    };
    let later = {
        let mut ahead = chain.clone();
        ahead.batch(1);
        ahead.batch(1)
    };
    check("empty", "no records", &|bad| bad.records.clear()).await;
    check("again", "record 2 is missing: record 1", &|bad| *bad = before_all.clone()).await;
    check("a gap before", "record 2 is missing: record 3", &|bad| *bad = later.clone()).await;
    check("a gap within", "record 3 is missing", &|bad| drop(bad.records.remove(1))).await;
    check("another past", "hash of the record before", &|bad| {
        bad.records[0].previous = bandex_types::Hash::ZERO;
    })
    .await;
    check("a broken link within", "hash of the record before", &|bad| bad.records[1].rules = 9).await;
    check("time backwards", "time", &|bad| bad.records[0].time = bandex_types::Timestamp::ZERO).await;
    check("fewer than bound", "binds other records", &|bad| drop(bad.records.pop())).await;
    check("another last record", "hashes", &|bad| bad.records[2].rules = 9).await;
    check("another batch's block", "binds other records", &|bad| bad.block = later.block.clone()).await;
    check("no block", "batch block", &|bad| bad.block.payload.clear()).await;
    check("another lane", "does not continue the node's lane", &|bad| {
        // A node that seals record 1 and these records with its first block.
        let mut other = Chain::new();
        let all = other.batch(4);
        bad.block = reseal(&all.records[1..], &bad.block);
    })
    .await;
    journal.append(&good).await.unwrap();
}

/// A block over `records` at the lane's first place, otherwise like `like`.
fn reseal(
    records: &[bandex_tradechain::Record],
    like: &bandex_tradechain::SignedBlock,
) -> bandex_tradechain::SignedBlock {
    let mut block = bandex_tradechain::Block::decode(&like.payload).unwrap();
    assert_eq!(records.len(), 3);
    block.seq = 1;
    block.sign(&bandex_tradechain::Keypair::from_seed(&[7; 32]))
}

async fn an_earlier_writer_is_fenced_off<M: Medium>() {
    let (medium, mut chain) = (M::new().await, Chain::new());
    let mut old = medium.open().await;
    old.append(&chain.batch(1)).await.unwrap();
    let mut new = medium.take_over().await;
    let next = chain.batch(2);
    let before = content(&*new.reader()).await;
    assert_eq!(old.append(&next).await, Err(AppendError::Fenced));
    assert_eq!(content(&*new.reader()).await, before);
    new.append(&next).await.unwrap();
    assert_eq!(old.append(&next).await, Err(AppendError::Fenced));
    assert_eq!(content(&*old.reader()).await, content(&*new.reader()).await);
}

async fn readers_see_whole_batches_while_one_writes<M: Medium>() {
    let (medium, mut chain) = (M::new().await, Chain::new());
    let mut journal = medium.open().await;
    journal.append(&chain.batch(5)).await.unwrap();
    let reader: Arc<dyn JournalReader> = journal.reader();
    let reading = tokio::spawn(async move {
        let mut last = 0;
        while last < 100 {
            let head = reader.head().await.unwrap().unwrap();
            assert!(head.seq >= last && head.seq.is_multiple_of(5), "{}", head.seq);
            last = head.seq;
            tokio::task::yield_now().await;
        }
    });
    for _ in 1..20 {
        journal.append(&chain.batch(5)).await.unwrap();
        tokio::task::yield_now().await;
    }
    reading.await.unwrap();
}

macro_rules! suite {
    ($store:ident, $medium:ty, $($test:ident),+ $(,)?) => {
        mod $store {
            use super::*;
            $(#[tokio::test]
            async fn $test() {
                super::$test::<$medium>().await;
            })+
        }
    };
}

macro_rules! over_all_stores {
    ($($tests:tt)+) => {
        suite!(memory, MemoryStore, $($tests)+);
        suite!(sqlite, TempDir, $($tests)+);
        suite!(postgres, Database, $($tests)+);
    };
}

over_all_stores!(
    committed_is_read_back_and_survives_the_writer,
    ranges_are_what_they_say,
    what_does_not_continue_is_refused_and_writes_nothing,
    an_earlier_writer_is_fenced_off,
    readers_see_whole_batches_while_one_writes,
);

#[tokio::test]
async fn injected_faults_leave_what_they_say() {
    for (fault, kept) in
        [(Fault::Fail, false), (Fault::UnknownLost, false), (Fault::UnknownKept, true), (Fault::Torn, false)]
    {
        let (store, mut chain) = (MemoryStore::new(), Chain::new());
        let mut journal = MemoryStore::open(&store);
        journal.append(&chain.batch(2)).await.unwrap();
        let next = chain.batch(3);
        store.inject(fault);
        let unknown = match journal.append(&next).await {
            Err(AppendError::Failed(_)) => false,
            Err(AppendError::Unknown(_)) => true,
            other => panic!("{fault:?}: {other:?}"),
        };
        assert_eq!(unknown, fault != Fault::Fail);
        let head = store.reader().head().await.unwrap().unwrap();
        assert_eq!(head.seq, if kept { 5 } else { 2 }, "{fault:?}");
        assert_eq!(store.torn_records(), if fault == Fault::Torn { 2 } else { 0 });
        let (_, batches) = content(&store.reader()).await;
        assert_eq!(batches.iter().map(|batch| batch.records.len()).sum::<usize>() as u64, head.seq);
        // A writer that lost track refuses everything; the next one goes on.
        assert_eq!(journal.append(&next).await.is_ok(), fault == Fault::Fail);
        let mut journal = MemoryStore::open(&store);
        assert_eq!(store.torn_records(), 0, "what was torn is cut off");
        let more = if unknown && !kept { next } else { chain.batch(1) };
        journal.append(&more).await.unwrap();
    }
}

#[tokio::test]
async fn what_decays_no_longer_follows() {
    let (store, mut chain) = (MemoryStore::new(), Chain::new());
    store.decay();
    let mut journal = MemoryStore::open(&store);
    let batch = chain.batch(2);
    journal.append(&batch).await.unwrap();
    store.decay();
    let records = store.reader().records(1, 10).await.unwrap();
    assert_eq!(records[0], batch.records[0]);
    assert_ne!(records[1].hash(), batch.records[1].hash());
}
