//! The end of a journal as its writer remembers it, and the judgement whether a batch continues it.
//!
//! Shared by all stores, so that each refuses the same batches in the same words.

use crate::port::{Committed, JournalHead, StoredBatch};
use bandex_tradechain::{Batch, Block, Body, Head, LaneAnswer, SignedBlock, root};
use bandex_types::{BlockId, Hash, Timestamp};

/// Head of the records and head of the node's lane. Both are none in an empty journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tail(Option<(JournalHead, Head)>);

impl Tail {
    /// The tail of a stored journal.
    ///
    /// # Errors
    /// The last batch block and the last record do not belong together, in words.
    pub(crate) fn of(head: Option<JournalHead>, last: Option<&StoredBatch>) -> Result<Self, String> {
        let (head, last) = match (head, last) {
            (None, None) => return Ok(Self(None)),
            (Some(head), Some(last)) => (head, last),
            (None, Some(last)) => return Err(format!("batch {} has no records", last.first_seq)),
            (Some(head), None) => return Err(format!("record {} has no batch block", head.seq)),
        };
        if last.last_seq() != head.seq {
            return Err(format!("the last batch ends at {}, the records at {}", last.last_seq(), head.seq));
        }
        let block = Block::decode(&last.block.payload).map_err(|error| error.to_string())?;
        Ok(Self(Some((head, Head { seq: block.seq, id: last.block.batch_id() }))))
    }

    /// Judges a batch: the tail with it, and the proof to hand out once it is durable.
    ///
    /// # Errors
    /// Why the batch does not continue the journal, in words.
    pub(crate) fn with(&self, batch: &Batch) -> Result<(Self, Committed), String> {
        let first = batch.records.first().ok_or("the batch holds no records")?;
        let (mut seq, mut time, mut hash) = match self.0 {
            Some((head, _)) => (head.seq, head.time, head.hash),
            None => (0, Timestamp::ZERO, Hash::ZERO),
        };
        let mut leaves = Vec::with_capacity(batch.records.len());
        for record in &batch.records {
            record.follows(seq, time, hash).map_err(|error| error.to_string())?;
            (seq, time, hash) = (record.seq, record.time, record.hash());
            leaves.push(record.leaf().hash());
        }
        // The first block of the node's lane points at genesis, whose id is the hash of the first record's command.
        let origin = || Head { seq: 0, id: BlockId::new(*first.leaf().command_hash.as_bytes()) };
        let lane = self.0.map_or_else(origin, |(_, lane)| lane);
        let lane = check_block(&batch.block, lane, first.seq, &leaves, hash)?;
        Ok((Self(Some((JournalHead { seq, time, hash }, lane))), Committed::new(first.seq, seq)))
    }
}

/// Checks that a batch block binds these records and continues the node's lane; gives the lane's new head.
fn check_block(
    signed: &SignedBlock,
    lane: Head,
    first_seq: u64,
    leaves: &[Hash],
    last_record_hash: Hash,
) -> Result<Head, String> {
    let block = Block::decode(&signed.payload).map_err(|error| format!("the batch block: {error}"))?;
    let Body::Batch(bound) = block.body else {
        return Err("the block is no batch block".to_owned());
    };
    if bound.first_seq != first_seq || usize::try_from(bound.count) != Ok(leaves.len()) {
        return Err("the batch block binds other records".to_owned());
    }
    if bound.last_record_hash != last_record_hash || bound.root != root(leaves) {
        return Err("the batch block does not bind these records' hashes".to_owned());
    }
    if lane.judge(block.seq, block.previous) != LaneAnswer::Next {
        return Err(format!("the batch block does not continue the node's lane after {}", lane.seq));
    }
    Ok(Head { seq: block.seq, id: signed.batch_id() })
}
