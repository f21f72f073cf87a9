//! Gathers applied commands into a batch: links the records and signs the batch block of the node's lane.

use bandex_engine::Outcome;
use bandex_journal::Batch;
use bandex_tradechain::body::Batch as BatchBody;
use bandex_tradechain::{Block, Body, Decoded, Head, Keypair, Record, SignedBlock, outcome_digest, root};
use bandex_types::{Hash, Timestamp};

/// The ends of the chains that a batch continues.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    /// The hash of the last record.
    pub record_hash: Hash,
    /// The node's lane.
    pub node: Head,
}

/// Applied records that wait to be journalled.
pub(crate) struct Batcher<'a> {
    node: &'a Keypair,
    network: u32,
    ends: Ends,
    records: Vec<Record>,
    leaves: Vec<Hash>,
}

/// A batch ready to be journalled.
pub(crate) struct Sealed {
    pub batch: Batch,
    pub leaves: Vec<Hash>,
    pub ends: Ends,
}

impl<'a> Batcher<'a> {
    pub fn new(node: &'a Keypair, network: u32, ends: Ends) -> Self {
        Self { node, network, ends, records: Vec::new(), leaves: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Adds a record; gives the outcome's bytes.
    pub fn push(
        &mut self,
        seq: u64,
        time: Timestamp,
        rules: u32,
        decoded: &Decoded,
        outcome: &Outcome,
    ) -> Vec<u8> {
        let bytes = outcome.encode();
        let record = Record {
            seq,
            time,
            rules,
            command: decoded.command().encode(),
            outcome_digest: outcome_digest(&bytes),
            previous: self.ends.record_hash,
        };
        self.ends.record_hash = record.hash();
        self.leaves.push(record.leaf().hash());
        self.records.push(record);
        bytes
    }

    /// The record with this seq, if it waits here.
    pub fn record(&self, seq: u64) -> Option<&Record> {
        self.records.iter().find(|record| record.seq == seq)
    }

    /// Signs the batch block; `None` if nothing waits.
    pub fn seal(mut self, now: Timestamp) -> Option<Sealed> {
        let first_seq = self.records.first()?.seq;
        let body = BatchBody {
            first_seq,
            count: u32::try_from(self.records.len()).ok()?,
            root: root(&self.leaves),
            last_record_hash: self.ends.record_hash,
        };
        let block = Block {
            network: self.network,
            author: self.node.public(),
            seq: self.ends.node.seq + 1,
            previous: self.ends.node.id,
            time: now,
            expiry: None,
            body: Body::Batch(body),
        };
        let signed: SignedBlock = block.sign(self.node);
        self.ends.node = Head { seq: block.seq, id: signed.batch_id() };
        Some(Sealed {
            batch: Batch { records: self.records, block: signed },
            leaves: self.leaves,
            ends: self.ends,
        })
    }
}
