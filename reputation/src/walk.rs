//! The walks themselves: from the seeds outwards, each account counted once.

use crate::Network;
use crate::key::{Draws, words};
use bandex_types::Hash;

/// A walk is cut after so many steps; with a chance of ½ a step at most, one in four thousand million is.
const MOST_STEPS: u32 = 32;

/// What many walks visited, one walk after the other.
pub struct Walks {
    /// The accounts of all walks, each once a walk, in the order of their first visits.
    visits: Vec<u32>,
    /// Where each walk ends in `visits`.
    ends: Vec<u32>,
}

impl Walks {
    /// Takes `count` walks, from each seed in turn. There are none without seeds.
    ///
    /// The chance to go on depends on W₀, the median value that leaves a seed: see [`scale`].
    pub fn take(network: &Network, seeds: &[u32], key: &Hash, count: u32) -> Self {
        let scale = scale(network, seeds);
        let key = words(key);
        let room = usize::try_from(count).unwrap_or(0);
        let mut walks =
            Self { visits: Vec::with_capacity(room.saturating_mul(2)), ends: Vec::with_capacity(room) };
        let every = u32::try_from(seeds.len()).unwrap_or(u32::MAX);
        for (first, seed) in (0..count).zip(seeds) {
            // All walks of one seed one after the other, while its edges are at hand; their numbers are those of turns.
            let mut number = Some(first);
            while let Some(turn) = number.filter(|turn| *turn < count) {
                walks.walk(network, *seed, scale, Draws::of_walk(&key, u64::from(turn)));
                number = turn.checked_add(every);
            }
        }
        walks
    }

    fn walk(&mut self, network: &Network, seed: u32, scale: u64, mut draws: Draws) {
        let begin = self.visits.len();
        let mut at = seed;
        self.visits.push(at);
        for _ in 0..MOST_STEPS {
            let Some(next) = network.step(at, scale, &mut draws) else { break };
            at = next;
            if !self.visits.get(begin..).is_some_and(|walk| walk.contains(&at)) {
                self.visits.push(at);
            }
        }
        // 2²⁵ walks of 33 accounts would not fit 32 bits; no caller takes as many.
        self.ends.push(u32::try_from(self.visits.len()).unwrap_or(u32::MAX));
    }

    /// These walks and no others.
    #[cfg(test)]
    pub fn of(walks: &[&[u32]]) -> Self {
        let ends = walks.iter().scan(0, |end, walk| {
            *end += u32::try_from(walk.len()).unwrap();
            Some(*end)
        });
        Self { visits: walks.concat(), ends: ends.collect() }
    }

    /// How many walks there are.
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// The accounts of each walk.
    pub fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let ends = self.ends.iter().map(|end| usize::try_from(*end).unwrap_or(usize::MAX));
        ends.scan(0, |begin, end| {
            let walk = self.visits.get(*begin..end);
            *begin = end;
            walk
        })
    }

    /// The accounts of all walks, one walk after the other.
    pub fn visits(&self) -> &[u32] {
        &self.visits
    }
}

/// W₀: the median of the values that leave the seeds which have any, the lower of two, and at least 1.
///
/// A median over all accounts could be moved by whoever makes many; the seeds are chosen.
fn scale(network: &Network, seeds: &[u32]) -> u64 {
    let mut values: Vec<u64> =
        seeds.iter().map(|seed| network.out_value(*seed)).filter(|value| *value > 0).collect();
    values.sort_unstable();
    let middle = values.len().saturating_sub(1) / 2;
    values.get(middle).copied().unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Graph, Honoured};

    fn network(list: &[(u32, u32, u64)]) -> Network {
        let honoured = list.iter().map(|&(from, to, value)| Honoured { from, to, value }).collect();
        Network::new(&Graph::new(honoured), 10)
    }

    #[test]
    fn the_scale_is_the_median_of_seeds_with_any_value() {
        let network = network(&[(1, 2, 10), (2, 3, 1), (3, 4, 30), (4, 5, 20), (9, 8, 1_000_000)]);
        let check = |seeds: &[u32], expected| assert_eq!(scale(&network, seeds), expected, "{seeds:?}");
        check(&[], 1);
        check(&[7], 1);
        check(&[1], 10);
        check(&[1, 7], 10);
        check(&[1, 3], 10);
        check(&[1, 3, 4], 20);
        check(&[1, 2, 3, 4], 10);
    }

    #[test]
    fn walks_are_connected_and_count_an_account_once() {
        let edges = [(1, 2, 9), (2, 1, 9), (2, 3, 9), (3, 1, 9), (3, 2, 1), (5, 1, 7)];
        let network = network(&edges);
        let walks = Walks::take(&network, &[1, 5], &Hash::new([1; 32]), 20_000);
        assert_eq!(walks.len(), 20_000);
        let mut longest = 0;
        for (number, walk) in walks.iter().enumerate() {
            assert_eq!(walk[0], if number < 10_000 { 1 } else { 5 });
            longest = longest.max(walk.len());
            for (at, account) in walk.iter().enumerate() {
                assert!(!walk[..at].contains(account), "{walk:?}");
                let reached = at == 0
                    || walk[..at].iter().any(|from| edges.iter().any(|e| (e.0, e.1) == (*from, *account)));
                assert!(reached, "{walk:?}");
            }
        }
        assert_eq!(longest, 4);
        assert_eq!(walks.iter().map(<[u32]>::len).sum::<usize>(), walks.visits().len());
    }

    #[test]
    fn a_walk_does_not_depend_on_the_others() {
        let network = network(&[(1, 2, 9), (2, 3, 9), (3, 1, 9)]);
        let take = |count| Walks::take(&network, &[1, 2], &Hash::new([1; 32]), count);
        let (few, many) = (take(100), take(1_000));
        // Each seed in turn begins half of them.
        assert!(few.iter().take(50).eq(many.iter().take(50)));
        assert!(few.iter().skip(50).eq(many.iter().skip(500).take(50)));
        assert_eq!(take(101).len(), 101);
        assert_eq!(take(1).len(), 1);
        assert_eq!(Walks::take(&network, &[], &Hash::new([1; 32]), 100).len(), 0);
    }
}
