//! What stands beside our scores: plain personalised PageRank, MeritRank, max-flow.

pub mod maxflow;
pub mod meritrank;
pub mod pagerank;
pub mod rows;

use bandex_reputation::{Graph, checkpoint_key, scores};
use bandex_types::Hash;
use rows::Rows;
use serde::Serialize;

/// How trust is reckoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// The score of bandex-reputation.
    Ours,
    /// Personalised PageRank that goes on with 0.5: our walks without scale, first visits and damping.
    Pagerank50,
    /// Personalised PageRank with the usual 0.85.
    Pagerank85,
    /// Walks with MeritRank's decays.
    Meritrank,
}

impl Scheme {
    /// All of them, ours first.
    pub const ALL: [Self; 4] = [Self::Ours, Self::Pagerank50, Self::Pagerank85, Self::Meritrank];

    /// What it is called in tables and plots.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Pagerank50 => "PageRank ½",
            Self::Pagerank85 => "PageRank 0.85",
            Self::Meritrank => "MeritRank",
        }
    }

    /// The scores of all accounts on a graph with so many positions.
    pub fn scores(self, graph: &Graph, seeds: &[u32], accounts: u32, epoch: u64) -> Vec<f64> {
        match self {
            Self::Ours => ours(graph, seeds, accounts, epoch),
            Self::Pagerank50 => pagerank::pagerank(&Rows::new(graph, accounts), seeds, 0.5),
            Self::Pagerank85 => pagerank::pagerank(&Rows::new(graph, accounts), seeds, 0.85),
            Self::Meritrank => meritrank::meritrank(&Rows::new(graph, accounts), seeds, epoch),
        }
    }
}

fn ours(graph: &Graph, seeds: &[u32], accounts: u32, epoch: u64) -> Vec<f64> {
    let key = checkpoint_key(&Hash::ZERO, epoch, graph, seeds);
    let mut all = vec![0.0; accounts as usize];
    for (account, score) in scores(graph, seeds, &key, accounts) {
        all[account as usize] = f64::from(score.ppb()) / 1e9;
    }
    all
}
