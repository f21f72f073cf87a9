//! The graph made ready for walks: where each account's edges begin, and their values summed up along the way.

use crate::Graph;
use crate::key::Draws;

/// Sums of value stop here, so that twice two of them still fit 64 bits: 46 million bitcoin in millisatoshi.
const MOST_VALUE: u64 = (1 << 62) - 1;

/// A graph ready for walks, in compressed sparse rows. It keeps what it needs of the graph and may outlive it.
#[derive(Debug, Clone)]
pub struct Network {
    /// At an account's position, where its edges begin; one more at the end.
    begins: Vec<u32>,
    /// Where each edge leads.
    targets: Vec<u32>,
    /// For each edge the value of all edges of the same account up to it, itself included.
    sums: Vec<u64>,
}

impl Network {
    /// Makes `graph` ready, with room for the accounts from 0 to `accounts` − 1 and for all that the graph names.
    pub fn new(graph: &Graph, accounts: u32) -> Self {
        let edges = graph.as_slice();
        let mut begins = Vec::with_capacity(usize::try_from(accounts).unwrap_or(0).saturating_add(1));
        let mut targets = Vec::with_capacity(edges.len());
        let mut sums = Vec::with_capacity(edges.len());
        let (mut sum, mut highest) = (0_u64, 0);
        let here = |targets: &Vec<u32>| u32::try_from(targets.len()).unwrap_or(u32::MAX);
        begins.push(0);
        for edge in edges {
            while begins.len() <= position(edge.from) {
                begins.push(here(&targets));
                sum = 0;
            }
            sum = sum.saturating_add(edge.value).min(MOST_VALUE);
            targets.push(edge.to);
            sums.push(sum);
            highest = highest.max(edge.to).max(edge.from);
        }
        let accounts = position(accounts).max(position(highest).saturating_add(1));
        let end = here(&targets);
        begins.resize(accounts.saturating_add(1), end);
        Self { begins, targets, sums }
    }

    /// How many positions there are: each account of the graph has a lower one.
    pub const fn accounts(&self) -> usize {
        self.begins.len().saturating_sub(1)
    }

    /// The value of all edges that leave an account, in millisatoshi, at most 2⁶² − 1.
    pub fn out_value(&self, account: u32) -> u64 {
        self.row(account).and_then(|(_, sums)| sums.last()).copied().unwrap_or(0)
    }

    /// Where a walk goes from `at`: on with probability ½·Σw ⁄ (W₀ + Σw), then along an edge in proportion to its value.
    /// `None`: it ends here.
    ///
    /// One number decides both. `scale` is W₀.
    pub(crate) fn step(&self, at: u32, scale: u64, draws: &mut Draws) -> Option<u32> {
        let (targets, sums) = self.row(at)?;
        let whole = *sums.last()?;
        let bound = scale.min(MOST_VALUE).saturating_add(whole).saturating_mul(2);
        let drawn = draws.below(bound);
        if drawn >= whole {
            return None;
        }
        targets.get(sums.partition_point(|sum| *sum <= drawn)).copied()
    }

    fn row(&self, account: u32) -> Option<(&[u32], &[u64])> {
        let at = position(account);
        let (from, to) = (position(*self.begins.get(at)?), position(*self.begins.get(at.saturating_add(1))?));
        Some((self.targets.get(from..to)?, self.sums.get(from..to)?))
    }
}

/// An account's number as an index.
pub fn position(account: u32) -> usize {
    usize::try_from(account).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Honoured;
    use crate::key::words;
    use bandex_types::Hash;

    fn network(list: &[(u32, u32, u64)], accounts: u32) -> Network {
        let honoured = list.iter().map(|&(from, to, value)| Honoured { from, to, value }).collect();
        Network::new(&Graph::new(honoured), accounts)
    }

    #[test]
    fn rows_are_those_of_the_graph() {
        let check = |list: &[(u32, u32, u64)], accounts, room: usize, values: &[u64]| {
            let network = network(list, accounts);
            assert_eq!(network.accounts(), room, "{list:?}");
            let found: Vec<u64> = (0..).take(values.len()).map(|at| network.out_value(at)).collect();
            assert_eq!(found, values, "{list:?}");
        };
        check(&[], 0, 1, &[0, 0]);
        check(&[], 3, 3, &[0, 0, 0, 0]);
        check(&[(1, 2, 5), (1, 4, 6), (3, 1, 7)], 3, 5, &[0, 11, 0, 7, 0, 0]);
        check(&[(4, 1, 5)], 9, 9, &[0, 0, 0, 0, 5, 0]);
        check(&[(1, 2, u64::MAX), (1, 3, 1), (2, 3, 1)], 3, 4, &[0, MOST_VALUE, 1, 0]);
    }

    #[test]
    fn a_step_follows_the_values() {
        let network = network(&[(1, 2, 300), (1, 3, 100)], 4);
        let key = words(&Hash::new([3; 32]));
        let mut counts = [0_u32; 4];
        let steps = 80_000;
        for number in 0..steps {
            let next = network.step(1, 400, &mut Draws::of_walk(&key, number));
            counts[position(next.unwrap_or(0))] += 1;
        }
        // It goes on with ½·400 ⁄ 800 = ¼; three in four of those go to 2. Four standard deviations are below 500.
        let [stopped, _, second, third] = counts;
        assert!(stopped.abs_diff(60_000) < 500, "{counts:?}");
        assert!(second.abs_diff(15_000) < 500, "{counts:?}");
        assert!(third.abs_diff(5_000) < 500, "{counts:?}");
        assert_eq!(network.step(2, 400, &mut Draws::of_walk(&key, 1)), None);
        assert_eq!(network.step(77, 400, &mut Draws::of_walk(&key, 1)), None);
    }

    #[test]
    fn the_largest_values_do_not_overflow() {
        let network = network(&[(1, 2, u64::MAX), (1, 3, u64::MAX)], 4);
        let key = words(&Hash::new([3; 32]));
        let went = |scale| {
            (0..1_000).filter(|n| network.step(1, scale, &mut Draws::of_walk(&key, *n)).is_some()).count()
        };
        assert!(went(u64::MAX).abs_diff(250) < 60);
        assert!(went(1).abs_diff(500) < 70);
    }
}
