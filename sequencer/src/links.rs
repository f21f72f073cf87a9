//! The two chains that a batch continues: that of the records, and the node's lane of batch blocks.

use bandex_engine::{Engine, Outcome};
use bandex_tradechain::body::Batch as BatchBody;
use bandex_tradechain::{
    Batch, Block, Body, DecodeError, Decoded, Genesis, Head, Keypair, Record, SignedBlock, outcome_digest,
    root,
};
use bandex_types::{BlockId, Hash, Timestamp};

/// The ends of the chains that a batch continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// The hash of the last record; zero before the first.
    pub record_hash: Hash,
    /// The node's lane.
    pub node: Head,
}

impl Ends {
    /// The ends of an empty journal. Genesis names what the node's lane begins with.
    pub const EMPTY: Self = Self { record_hash: Hash::ZERO, node: Head { seq: 0, id: BlockId::ZERO } };

    /// The ends behind the record that `engine` applied last, whose hash is `record_hash` and whose batch is `last`.
    ///
    /// # Errors
    /// The batch block cannot be read.
    pub fn of(engine: &Engine, record_hash: Hash, last: Option<&SignedBlock>) -> Result<Self, DecodeError> {
        let node = match last {
            Some(signed) => Head { seq: Block::decode(&signed.payload)?.seq, id: signed.batch_id() },
            None => Head { seq: 0, id: engine.genesis().map_or(BlockId::ZERO, Genesis::id) },
        };
        Ok(Self { record_hash, node })
    }
}

/// The records of a batch, linked.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    records: Vec<Record>,
    leaves: Vec<Hash>,
}

/// A chain under the node's signature.
pub(crate) struct Signed {
    pub batch: Batch,
    pub leaves: Vec<Hash>,
}

impl Chain {
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Adds the record of what was just applied, and moves the end of the records there. Gives it with the outcome's
    /// bytes.
    pub fn push(
        &mut self,
        ends: &mut Ends,
        engine: &Engine,
        rules: u32,
        decoded: &Decoded,
        outcome: &Outcome,
    ) -> (&Record, Vec<u8>) {
        let bytes = outcome.encode();
        let record = Record {
            seq: engine.seq(),
            time: engine.time(),
            rules,
            command: decoded.command().encode(),
            outcome_digest: outcome_digest(&bytes),
            previous: ends.record_hash,
        };
        ends.record_hash = record.hash();
        self.leaves.push(record.leaf().hash());
        (self.records.push_mut(record), bytes)
    }

    /// The record with this seq, if it is one of these.
    pub fn record(&self, seq: u64) -> Option<&Record> {
        self.records.iter().find(|record| record.seq == seq)
    }

    /// Signs the batch block, and moves the end of the node's lane there; `None` if there are no records.
    pub fn sign(self, ends: &mut Ends, node: &Keypair, network: u32, now: Timestamp) -> Option<Signed> {
        let body = BatchBody {
            first_seq: self.records.first()?.seq,
            count: u32::try_from(self.records.len()).ok()?,
            root: root(&self.leaves),
            last_record_hash: ends.record_hash,
        };
        let block = Block {
            network,
            author: node.public(),
            seq: ends.node.seq + 1,
            previous: ends.node.id,
            time: now,
            expiry: None,
            body: Body::Batch(body),
        };
        let signed = block.sign(node);
        ends.node = Head { seq: block.seq, id: signed.batch_id() };
        Some(Signed { batch: Batch { records: self.records, block: signed }, leaves: self.leaves })
    }
}
