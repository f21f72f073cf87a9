//! Honest journals that somebody altered afterwards: every column of every row, removals, swaps, cuts.

use super::forge::{Forge, Rows, convicted, flipped, judge};
use crate::audit::verdict::Check;
use crate::audit::{Claims, Verdict};
use bandex_journal::StoredBatch;
use bandex_tradechain::Record;
use bandex_types::{Hash, SignatureBytes, Timestamp};

/// Alters each record in turn; the verdict must name it.
async fn each_record(name: &str, alter: impl Fn(&mut Record)) {
    let honest = Forge::with_all().rows;
    for index in 0..honest.records.len() {
        let mut rows = honest.clone();
        alter(&mut rows.records[index]);
        let conviction = convicted(&rows).await;
        assert_eq!(conviction.record, index as u64 + 1, "{name}: {}", conviction.why);
    }
}

fn hash_flipped(hash: Hash, at: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[at] ^= 0x10;
    Hash::new(bytes)
}

#[tokio::test]
async fn a_flipped_bit_in_any_column_names_its_record() {
    let moved = |record: &Record, by: u64| Timestamp::from_micros(record.time.as_micros() ^ by);
    each_record("time", |record| record.time = moved(record, 1)).await;
    each_record("time, far", |record| record.time = moved(record, 1 << 40)).await;
    each_record("rules", |record| record.rules ^= 1).await;
    each_record("digest", |record| record.outcome_digest = hash_flipped(record.outcome_digest, 0)).await;
    each_record("previous", |record| record.previous = hash_flipped(record.previous, 31)).await;
    each_record("seq", |record| record.seq += 1_000).await;
    each_record("command, shorter", |record| {
        record.command.pop();
    })
    .await;
    each_record("command, longer", |record| record.command.push(0)).await;
}

#[tokio::test]
async fn a_flipped_bit_in_any_byte_of_a_command_names_its_record() {
    let honest = Forge::with_all().rows;
    for index in 0..honest.records.len() {
        // Every byte of some, and a few of each.
        let step = if index % 5 == 0 { 1 } else { 41 };
        for at in (0..honest.records[index].command.len()).step_by(step) {
            let mut rows = honest.clone();
            rows.records[index].command[at] ^= 1;
            let conviction = convicted(&rows).await;
            assert_eq!(conviction.record, index as u64 + 1, "byte {at}: {}", conviction.why);
        }
    }
}

#[tokio::test]
async fn an_altered_batch_names_its_first_record() {
    let honest = Forge::with_all().rows;
    let check = async |alter: &dyn Fn(&mut StoredBatch)| {
        for index in 0..honest.batches.len() {
            let mut rows = honest.clone();
            alter(&mut rows.batches[index]);
            let conviction = convicted(&rows).await;
            assert_eq!(conviction.record, honest.batches[index].first_seq, "{}", conviction.why);
            assert_eq!(conviction.check, Check::Batch);
        }
    };
    for at in [0, 1, 5, 40, 100, 120] {
        check(&|batch| batch.block = flipped(&batch.block, at)).await;
    }
    check(&|batch| batch.count += 1).await;
    check(&|batch| batch.first_seq += 1_000).await;
    check(&|batch| {
        let mut bytes = *batch.block.signature.as_bytes();
        bytes[9] ^= 4;
        batch.block.signature = SignatureBytes::new(bytes);
    })
    .await;
}

#[tokio::test]
async fn a_removed_record_is_missed() {
    let honest = Forge::with_all().rows;
    for index in 0..honest.records.len() {
        let mut rows = honest.clone();
        rows.records.remove(index);
        let missing = index as u64 + 1;
        assert_eq!(convicted(&rows).await.record, missing);
        // And with the gap closed.
        for record in &mut rows.records[index..] {
            record.seq -= 1;
        }
        assert_eq!(convicted(&rows).await.record, missing, "renumbered");
    }
    for index in 0..honest.batches.len() {
        let mut rows = honest.clone();
        let removed = rows.batches.remove(index);
        let conviction = convicted(&rows).await;
        assert_eq!((conviction.record, conviction.check), (removed.first_seq, Check::Batch));
    }
}

#[tokio::test]
async fn swapped_records_are_named_by_the_first() {
    let honest = Forge::with_all().rows;
    let count = honest.records.len();
    for one in 0..count {
        for other in [one + 1, one + 2, count - 1] {
            if other >= count || other <= one {
                continue;
            }
            let mut rows = honest.clone();
            rows.records.swap(one, other);
            rows.records[one].seq = one as u64 + 1;
            rows.records[other].seq = other as u64 + 1;
            let conviction = convicted(&rows).await;
            assert_eq!(conviction.record, one as u64 + 1, "{other}: {}", conviction.why);
            // Their commands alone.
            let mut rows = honest.clone();
            let command = std::mem::take(&mut rows.records[one].command);
            rows.records[one].command = std::mem::replace(&mut rows.records[other].command, command);
            let conviction = convicted(&rows).await;
            assert_eq!(conviction.record, one as u64 + 1, "{other}: {}", conviction.why);
        }
    }
}

/// The first `count` records, and the batches that hold only those.
pub fn cut(rows: &Rows, count: u64) -> Rows {
    let mut rows = rows.clone();
    rows.records.retain(|record| record.seq <= count);
    rows.batches.retain(|batch| batch.last_seq() <= count);
    rows
}

#[tokio::test]
async fn a_cut_within_a_batch_shows_and_one_between_batches_does_not() {
    let honest = Forge::with_all().rows;
    let ends: Vec<u64> = honest.batches.iter().map(StoredBatch::last_seq).collect();
    for count in 1..honest.records.len() as u64 {
        let tail_cut = cut(&honest, count);
        if ends.contains(&count) {
            assert!(matches!(judge(&tail_cut, &Claims::default()).await, Verdict::Pass(_)));
            // With the batches left behind it shows.
            let rows = Rows { batches: honest.batches.clone(), ..tail_cut };
            assert_eq!(convicted(&rows).await.record, count + 1);
        } else {
            // The batch is gone with its end, so its first record is not covered.
            let batch = honest.batches.iter().find(|batch| batch.last_seq() > count).unwrap();
            assert_eq!(convicted(&tail_cut).await.record, batch.first_seq);
            let rows = Rows { batches: honest.batches.clone(), ..tail_cut };
            assert_eq!(convicted(&rows).await.record, count + 1);
        }
    }
}
