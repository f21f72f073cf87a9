//! Temporary.
use crate::apply::Engine;
use crate::outcome::TrustState;
use bandex_reputation::Graph;
use bandex_tradechain::Scores;
use bandex_tradechain::body::{Fees, TrustTerms};
use bandex_types::{AccountId, AssetId, Hash, MarketId, Ratio};
use std::sync::Arc;
#[derive(Debug, Clone)]
pub struct Checkpoint {
    pub epoch: u64,
    pub key: Hash,
    pub graph: Arc<Graph>,
    pub seeds: Vec<u32>,
    pub accounts: u32,
    pub due: bool,
}
impl Checkpoint {
    pub fn scores(&self) -> Scores {
        let scores = bandex_reputation::scores(&self.graph, &self.seeds, &self.key, self.accounts);
        Scores {
            epoch: self.epoch,
            checkpoint: self.key,
            scores: scores.into_iter().map(|(account, score)| (account, score.ppb())).collect(),
        }
    }
    pub fn is_of(&self, scores: &Scores) -> bool {
        (self.epoch, self.key) == (scores.epoch, scores.checkpoint)
    }
}
pub struct EpochEnd {
    pub epoch: u64,
    pub key: Hash,
    pub edges: u64,
    pub due: bool,
}
impl TrustState {
    pub fn raise(&self, _terms: &TrustTerms) -> String {
        String::new()
    }
}
impl Engine {
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        None
    }
    pub fn last_checkpoint(&self) -> Option<Checkpoint> {
        None
    }
    pub fn last_epoch(&self) -> Option<EpochEnd> {
        None
    }
    pub fn trust_terms(&self) -> &TrustTerms {
        &self.trust.terms
    }
    pub fn rates(&self) -> impl Iterator<Item = (AssetId, Ratio)> + '_ {
        self.trust.rates.iter().map(|(a, r)| (*a, *r))
    }
    pub fn market_fees(&self, _market: MarketId) -> Option<Fees> {
        None
    }
    pub fn trust(&self, id: &AccountId) -> Option<TrustState> {
        self.accounts.find(id).map(|index| self.trust_state(index))
    }
    pub fn account_ids(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.accounts.iter().map(|account| account.id)
    }
}
