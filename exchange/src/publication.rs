//! What was committed and may be told: records with their outcomes, the batch that proves them, the books after them.

use bandex_engine::{CommandResult, OperationResult, OrderTerms};
use bandex_journal::{Committed, Projected, ProjectedBlock};
pub(crate) use bandex_sequencer::{Applied, AppliedBlock, LevelChange, MarketChange};
use bandex_sequencer::{Sealed, Subject};
use bandex_tradechain::{Receipt, SignedBlock, inclusion_proof};
use bandex_types::{Hash, MarketId, OrderRef};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// What a batch did, once it is durable. Only [`Publication::new`] makes one, and it asks for the proof.
#[derive(Debug)]
pub(crate) struct Publication {
    records: Vec<Applied>,
    batch: SignedBlock,
    leaves: Vec<Hash>,
    levels: Vec<LevelChange>,
    markets: Vec<MarketChange>,
    terms: OnceLock<BTreeMap<OrderRef, OrderTerms>>,
}

impl Publication {
    pub fn new(proof: Committed, sealed: Sealed) -> Arc<Self> {
        let Sealed { batch, leaves, applied, levels, markets } = sealed;
        assert!(applied.iter().all(|record| proof.covers(record.seq)), "only what is durable is published");
        let (batch, terms) = (batch.block, OnceLock::new());
        Arc::new(Self { records: applied, batch, leaves, levels, markets, terms })
    }

    pub fn records(&self) -> &[Applied] {
        &self.records
    }

    pub fn levels(&self) -> &[LevelChange] {
        &self.levels
    }

    pub fn markets(&self) -> &[MarketChange] {
        &self.markets
    }

    /// What it changed of a market, if it touched it.
    pub fn market(&self, market: MarketId) -> Option<&MarketChange> {
        self.markets.iter().find(|change| change.market == market)
    }

    /// Adds the terms of the orders in it that were told earlier: the view knows them. Only the first time counts.
    pub fn add_terms(&self, terms: BTreeMap<OrderRef, OrderTerms>) {
        let _ = self.terms.set(terms);
    }

    /// The terms of an order in it, if it has any.
    pub fn terms(&self, order: &OrderRef) -> Option<OrderTerms> {
        self.terms.get()?.get(order).copied()
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
        amended: amended(applied),
        outcome_bytes: applied.outcome_bytes.clone(),
        outcome: applied.outcome.clone(),
    }
}

/// The orders that a record amended.
fn amended(applied: &Applied) -> Vec<OrderRef> {
    let CommandResult::Done(results) = &applied.outcome.result else { return Vec::new() };
    let done = applied.operations.iter().zip(results).filter_map(|(subject, result)| match subject {
        Subject::Amended(order) if *result == OperationResult::Done => Some(*order),
        _ => None,
    });
    done.collect()
}
