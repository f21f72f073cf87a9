//! Max-flow from the seeds, as BarterCast reckons trust (Meulpolder et al., 2009): what the edges could carry from all
//! seeds to one account. By Dinic's algorithm (1970), exact.

use bandex_reputation::Graph;
use std::collections::VecDeque;

/// No limit on what leaves the seeds.
const UNBOUNDED: u64 = u64::MAX / 4;

/// A graph ready for flows; position 0 is the source, with an edge to each seed.
#[derive(Debug, Clone)]
pub struct Flows {
    /// For each account its edges, as indices; the edge back of edge `e` is `e ^ 1`.
    edges_of: Vec<Vec<u32>>,
    targets: Vec<u32>,
    capacities: Vec<u64>,
}

impl Flows {
    /// Makes a graph with so many positions ready.
    pub fn new(graph: &Graph, seeds: &[u32], accounts: u32) -> Self {
        let mut flows = Self {
            edges_of: vec![Vec::new(); accounts as usize],
            targets: Vec::new(),
            capacities: Vec::new(),
        };
        for seed in seeds {
            flows.add(0, *seed, UNBOUNDED);
        }
        for edge in graph.edges() {
            flows.add(edge.from, edge.to, edge.value);
        }
        flows
    }

    fn add(&mut self, from: u32, to: u32, capacity: u64) {
        let edge = u32::try_from(self.targets.len()).expect("there are fewer edges than 2^32");
        self.targets.extend([to, from]);
        self.capacities.extend([capacity, 0]);
        self.edges_of[from as usize].push(edge);
        self.edges_of[to as usize].push(edge + 1);
    }

    /// The largest flow from the seeds to an account.
    pub fn to(&self, account: u32) -> u64 {
        let mut left = self.capacities.clone();
        let mut flow = 0;
        while let Some(levels) = self.levels(&left, account) {
            let mut next = vec![0; self.edges_of.len()];
            loop {
                let pushed = self.push(&mut left, &levels, &mut next, account);
                if pushed == 0 {
                    break;
                }
                flow += pushed;
            }
        }
        flow
    }

    /// How far each account is from the source along edges with room, if `account` can be reached.
    fn levels(&self, left: &[u64], account: u32) -> Option<Vec<u32>> {
        let mut levels = vec![u32::MAX; self.edges_of.len()];
        levels[0] = 0;
        let mut queue = VecDeque::from([0_u32]);
        while let Some(at) = queue.pop_front() {
            for edge in &self.edges_of[at as usize] {
                let target = self.targets[*edge as usize];
                if left[*edge as usize] > 0 && levels[target as usize] == u32::MAX {
                    levels[target as usize] = levels[at as usize] + 1;
                    queue.push_back(target);
                }
            }
        }
        (levels[account as usize] != u32::MAX).then_some(levels)
    }

    /// Pushes along one path of growing levels, and returns how much; 0 if there is none left.
    fn push(&self, left: &mut [u64], levels: &[u32], next: &mut [usize], account: u32) -> u64 {
        let mut path: Vec<u32> = Vec::new();
        let mut at = 0_u32;
        while at != account {
            let edges = &self.edges_of[at as usize];
            let onward = |edge: u32| {
                let target = self.targets[edge as usize] as usize;
                left[edge as usize] > 0 && levels[target] == levels[at as usize] + 1
            };
            while edges.get(next[at as usize]).is_some_and(|edge| !onward(*edge)) {
                next[at as usize] += 1;
            }
            if let Some(edge) = edges.get(next[at as usize]) {
                path.push(*edge);
                at = self.targets[*edge as usize];
            } else {
                // A dead end: back, and never here again.
                let Some(edge) = path.pop() else { return 0 };
                at = self.targets[edge as usize ^ 1];
                next[at as usize] += 1;
            }
        }
        let pushed = path.iter().map(|edge| left[*edge as usize]).min().unwrap_or(0);
        for edge in path {
            left[edge as usize] -= pushed;
            left[edge as usize ^ 1] += pushed;
        }
        pushed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bandex_reputation::Honoured;

    #[test]
    fn a_flow_is_as_large_as_the_smallest_cut() {
        let check = |edges: &[(u32, u32, u64)], seeds: &[u32], to, expected| {
            let honoured = edges.iter().map(|&(from, to, value)| Honoured { from, to, value }).collect();
            assert_eq!(Flows::new(&Graph::new(honoured), seeds, 9).to(to), expected, "{edges:?}");
        };
        check(&[(1, 2, 5)], &[1], 3, 0);
        check(&[(1, 2, 5), (2, 3, 3)], &[1], 3, 3);
        check(&[(1, 2, 5), (1, 3, 7), (2, 4, 4), (3, 4, 9)], &[1], 4, 11);
        check(&[(1, 3, 5), (2, 3, 5), (3, 4, 8)], &[1, 2], 4, 8);
        // The textbook's case that must take a flow back.
        check(&[(1, 2, 1), (1, 3, 1), (2, 3, 1), (2, 4, 1), (3, 4, 1)], &[1], 4, 2);
    }
}
