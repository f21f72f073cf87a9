//! What was committed and may be told: records with their outcomes, the batch that proves them, the books after them.

use bandex_engine::{CommandResult, Event, LevelView, Outcome};
use bandex_journal::{Committed, Projected, ProjectedBlock};
use bandex_tradechain::body::Pay;
use bandex_tradechain::{Body, Decoded, Leaf, Receipt, SignedBlock, inclusion_proof};
use bandex_types::{BlockId, DealId, Hash, MarketId, Price, PublicKey, Side, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A record that was applied and waits for its commit. It cannot be told to anybody yet.
#[derive(Debug)]
pub(crate) struct Applied {
    pub seq: u64,
    pub time: Timestamp,
    pub leaf: Leaf,
    pub block: Option<AppliedBlock>,
    pub outcome: Outcome,
    pub outcome_bytes: Vec<u8>,
}

/// What is kept of a record's block for lookups.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppliedBlock {
    pub id: BlockId,
    pub author: PublicKey,
    pub lane_seq: u64,
    pub deal: Option<DealId>,
}

/// What a batch did, once it is durable. Only [`Publication::new`] makes one, and it asks for the proof.
#[derive(Debug)]
pub(crate) struct Publication {
    records: Vec<Applied>,
    batch: SignedBlock,
    leaves: Vec<Hash>,
    levels: Vec<LevelChange>,
}

/// A level of a book after the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LevelChange {
    pub market: MarketId,
    pub side: Side,
    pub price: Price,
    /// None: the level is gone.
    pub level: Option<LevelView>,
}

impl Publication {
    pub fn new(
        proof: Committed,
        records: Vec<Applied>,
        batch: SignedBlock,
        leaves: Vec<Hash>,
        levels: Vec<LevelChange>,
    ) -> Arc<Self> {
        assert!(records.iter().all(|record| proof.covers(record.seq)), "only what is durable is published");
        Arc::new(Self { records, batch, leaves, levels })
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

impl Applied {
    /// What the projections are told of it.
    pub fn projected(&self, account_of: impl Fn(&PublicKey) -> Option<bandex_types::AccountId>) -> Projected {
        Projected {
            seq: self.seq,
            time: self.time,
            block: self.block.map(|block| ProjectedBlock {
                id: block.id,
                author: block.author,
                lane_seq: block.lane_seq,
                account: account_of(&block.author),
                deal: block.deal,
            }),
            outcome_bytes: self.outcome_bytes.clone(),
            outcome: self.outcome.clone(),
        }
    }
}

impl AppliedBlock {
    pub fn of(decoded: &Decoded, outcome: &Outcome) -> Option<Self> {
        let (block, id) = decoded.block()?;
        // A refused register has no account and so no lane to stand in.
        if matches!((&block.body, &outcome.result), (Body::Register(_), CommandResult::Refused(_))) {
            return None;
        }
        let deal = match &block.body {
            Body::Pay(Pay { deal, .. }) => Some(*deal),
            Body::Acknowledge(_) => outcome.events.iter().find_map(|event| match event {
                Event::Proposal(proposal) => proposal.deal,
                _ => None,
            }),
            _ => None,
        };
        Some(Self { id: *id, author: block.author, lane_seq: block.seq, deal })
    }
}

/// The levels that an outcome may have changed.
pub(crate) fn touched_levels(outcome: &Outcome, touched: &mut BTreeSet<(MarketId, Side, Price)>) {
    for event in &outcome.events {
        if let Event::Order(order) = event {
            touched.insert((order.market, order.side, order.price));
        }
    }
}
