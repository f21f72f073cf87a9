//! What was committed and may be told: records with their outcomes, the batch that proves them, the books after them.

use bandex_journal::{Committed, Projected, ProjectedBlock};
use bandex_sequencer::Sealed;
pub(crate) use bandex_sequencer::{Applied, LevelChange};
use bandex_tradechain::{Receipt, SignedBlock, inclusion_proof};
use bandex_types::Hash;
use std::sync::Arc;

/// What a batch did, once it is durable. Only [`Publication::new`] makes one, and it asks for the proof.
#[derive(Debug)]
pub(crate) struct Publication {
    records: Vec<Applied>,
    batch: SignedBlock,
    leaves: Vec<Hash>,
    levels: Vec<LevelChange>,
}

impl Publication {
    pub fn new(proof: Committed, sealed: Sealed) -> Arc<Self> {
        let Sealed { batch, leaves, applied, levels } = sealed;
        assert!(applied.iter().all(|record| proof.covers(record.seq)), "only what is durable is published");
        Arc::new(Self { records: applied, batch: batch.block, leaves, levels })
    }

    pub fn records(&self) -> &[Applied] {
        &self.records
    }

    pub fn levels(&self) -> &[LevelChange] {
        &self.levels
    }

    pub fn last_seq(&self) -> u64 {
        self.records.last().map_or(0, |record| record.seq)
    }

    /// The receipt of the record at `index`.
    pub fn receipt(&self, index: usize) -> Option<Receipt> {
        let record = self.records.get(index)?;
        let path = inclusion_proof(&self.leaves, index).ok()?;
        let outcome = record.outcome_bytes.clone();
        Some(Receipt { batch: self.batch.clone(), leaf: record.leaf, path, outcome })
    }
}

/// What the projections are told of a record.
pub(crate) fn projected(applied: &Applied) -> Projected {
    Projected {
        seq: applied.seq,
        time: applied.time,
        block: applied.block.map(|block| ProjectedBlock {
            id: block.id,
            author: block.author,
            lane_seq: block.lane_seq,
            deal: block.deal,
        }),
        outcome_bytes: applied.outcome_bytes.clone(),
        outcome: applied.outcome.clone(),
    }
}
