//! A graph as the other schemes walk it: each account's edges with their share of what leaves it.

use bandex_reputation::Graph;

/// A graph in rows, with values as floats: what stands beside ours need not be exact.
#[derive(Debug, Clone)]
pub struct Rows {
    begins: Vec<usize>,
    targets: Vec<u32>,
    values: Vec<f64>,
    /// For each edge the share of all edges of its account up to it, itself included.
    sums: Vec<f64>,
}

impl Rows {
    /// The rows of a graph with so many positions.
    pub fn new(graph: &Graph, accounts: u32) -> Self {
        let mut begins = vec![0_usize; accounts as usize + 1];
        let mut totals = vec![0.0; accounts as usize];
        for edge in graph.edges() {
            begins[edge.from as usize + 1] += 1;
            totals[edge.from as usize] += edge.value as f64;
        }
        for at in 1..begins.len() {
            begins[at] += begins[at - 1];
        }
        let (mut from, mut sum) = (0, 0.0);
        let mut sums = Vec::with_capacity(graph.edge_count());
        for edge in graph.edges() {
            sum = if edge.from == from { sum } else { 0.0 };
            from = edge.from;
            sum += edge.value as f64 / totals[edge.from as usize];
            sums.push(sum);
        }
        let targets = graph.edges().map(|edge| edge.to).collect();
        let values = graph.edges().map(|edge| edge.value as f64).collect();
        Self { begins, targets, values, sums }
    }

    /// How many positions there are.
    pub fn accounts(&self) -> usize {
        self.begins.len() - 1
    }

    /// Where the edges of an account lead, with the value on each.
    pub fn of(&self, account: usize) -> impl ExactSizeIterator<Item = (u32, f64)> + '_ {
        let range = self.begins[account]..self.begins[account + 1];
        self.targets[range.clone()].iter().copied().zip(self.values[range].iter().copied())
    }

    /// The edge that a number from 0 to below 1 falls on.
    pub fn pick(&self, account: usize, unit: f64) -> Option<u32> {
        let range = self.begins[account]..self.begins[account + 1];
        let targets = &self.targets[range.clone()];
        // Rounding may leave the last sum a little below 1.
        let at = self.sums[range].partition_point(|sum| *sum <= unit).min(targets.len().saturating_sub(1));
        targets.get(at).copied()
    }
}
