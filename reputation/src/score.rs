//! What an account's score is: the damped share of walks from the seeds that visit it.

use crate::damping::{Damping, VALUE_BITS, WHOLE, through};
use crate::walk::Walks;
use crate::{Graph, Network};
use bandex_types::Hash;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use std::fmt;

/// All walks, in parts per billion.
const WHOLE_PPB: u32 = 1_000_000_000;
/// So many walks are taken from one account's own point of view.
const PERSONAL_WALKS: u32 = 1 << 16;

/// A share of walks, in parts per billion: 0 to 1,000,000,000.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
pub struct Score(u32);

impl Score {
    /// No walk at all.
    pub const ZERO: Self = Self(0);
    /// Every walk.
    pub const MAX: Self = Self(WHOLE_PPB);

    /// A share in parts per billion; more than a whole counts as a whole.
    pub const fn from_ppb(ppb: u32) -> Self {
        if ppb > WHOLE_PPB { Self::MAX } else { Self(ppb) }
    }

    /// A share in parts per million; more than a whole counts as a whole.
    pub const fn from_ppm(ppm: u32) -> Self {
        Self::from_ppb(ppm.saturating_mul(1_000))
    }

    /// The share in parts per billion.
    pub const fn ppb(self) -> u32 {
        self.0
    }
}

/// In per cent, with all its places: `1.2345678%`.
impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PERCENT: u32 = WHOLE_PPB / 100;
        write!(f, "{}.{:07}%", self.0 / PERCENT, self.0 % PERCENT)
    }
}

/// How many walks the scores of so many accounts are taken from: 2²⁰ and 5 for each account, at most 3·2²⁰.
///
/// As many as a recomputation has time for; a score's error falls with the root of them.
pub const fn walks_for(accounts: u32) -> u32 {
    const LEAST: u32 = 1 << 20;
    const MOST: u32 = 3 << 20;
    let some = LEAST.saturating_add(accounts.saturating_mul(5));
    if some < MOST { some } else { MOST }
}

/// The scores of all accounts that have one, by account, as seen from `seeds`.
///
/// `accounts` is how many positions there are, with that of the issuance account; it settles how many walks are taken.
/// Seeds that are no such account, or that account itself, count for nothing; without any seed nobody has a score.
/// The same arguments give the same scores, bit for bit, everywhere.
///
/// After personalised PageRank by random walks (Avrachenkov et al., "Monte Carlo methods in PageRank computation", 2007)
/// with each account counted once a walk, which is the hitting probability of Liu, Parkes and Seuken ("Personalized
/// hitting time for informative trust mechanisms despite Sybils", AAMAS 2016), damped as `damping.rs` says.
pub fn scores(graph: &Graph, seeds: &[u32], key: &Hash, accounts: u32) -> Vec<(u32, Score)> {
    Network::new(graph, accounts).scores(seeds, key, accounts)
}

/// The scores as seen from one account's own circle: as [`scores`] with `from` as the only seed, and fewer walks.
pub fn personal(graph: &Graph, from: u32, key: &Hash) -> Vec<(u32, Score)> {
    Network::new(graph, from.saturating_add(1)).personal(from, key)
}

impl Network {
    /// As [`scores()`], on a graph that has been made ready before.
    pub fn scores(&self, seeds: &[u32], key: &Hash, accounts: u32) -> Vec<(u32, Score)> {
        let mut seeds: Vec<u32> =
            seeds.iter().copied().filter(|seed| *seed > 0 && *seed < accounts).collect();
        seeds.sort_unstable();
        seeds.dedup();
        self.damped(&seeds, key, walks_for(accounts))
    }

    /// As [`personal()`], on a graph that has been made ready before.
    pub fn personal(&self, from: u32, key: &Hash) -> Vec<(u32, Score)> {
        let seeds = if from == 0 { &[][..] } else { &[from][..] };
        self.damped(seeds, key, PERSONAL_WALKS)
    }

    fn damped(&self, seeds: &[u32], key: &Hash, count: u32) -> Vec<(u32, Score)> {
        let walks = Walks::take(self, seeds, key, count);
        let damping = Damping::measure(&walks, seeds, self.accounts());
        let mut sums = vec![0_u64; self.accounts()];
        for walk in walks.iter() {
            let mut value = WHOLE;
            for account in walk {
                value = through(value, damping.factor(*account));
                if let Some(sum) = sums.get_mut(crate::network::position(*account)) {
                    *sum = sum.saturating_add(value);
                }
            }
        }
        let taken = u128::try_from(walks.len()).unwrap_or(u128::MAX) << VALUE_BITS;
        let share = |sum: u64| {
            let ppb = u128::from(sum).saturating_mul(u128::from(WHOLE_PPB)).checked_div(taken).unwrap_or(0);
            Score::from_ppb(u32::try_from(ppb).unwrap_or(WHOLE_PPB))
        };
        let all = (0..).zip(sums.into_iter().map(share));
        all.filter(|(_, score)| *score > Score::ZERO).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Honoured;
    use proptest::prelude::*;
    use proptest::test_runner::Config;

    const KEY: Hash = Hash::new([9; 32]);
    const BIG: u64 = 1_000_000_000;

    fn graph(list: &[(u32, u32, u64)]) -> Graph {
        Graph::new(list.iter().map(|&(from, to, value)| Honoured { from, to, value }).collect())
    }

    /// Checks scores in per cent, each to within `off` hundredths of a per cent.
    fn check_scores(edges: &[(u32, u32, u64)], seeds: &[u32], expected: &[(u32, f64)], off: f64) {
        let found = scores(&graph(edges), seeds, &KEY, 20);
        let found: Vec<(u32, f64)> =
            found.iter().map(|(at, score)| (*at, f64::from(score.ppb()) / 1e7)).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((account, share), (other, near)) in found.iter().zip(expected) {
            assert!(account == other && (share - near).abs() <= off, "{found:?} {expected:?}");
        }
    }

    #[test]
    fn scores_are_the_damped_shares_of_walks() {
        check_scores(&[(1, 2, 5)], &[], &[], 0.0);
        check_scores(&[(1, 2, 5)], &[0, 20, 99], &[], 0.0);
        check_scores(&[], &[3, 4], &[(3, 50.0), (4, 50.0)], 0.0);
        // W₀ is 100: the walk goes on with ½·100 ⁄ 200.
        check_scores(&[(1, 2, 75), (1, 3, 25)], &[1], &[(1, 100.0), (2, 18.75), (3, 6.25)], 0.4);
        check_scores(&[(1, 2, 75), (1, 3, 25)], &[1, 1, 0, 77], &[(1, 100.0), (2, 18.75), (3, 6.25)], 0.4);
        // An account behind a single other counts a tenth, the next behind it a hundredth; 2 and 3 have much to give.
        let chain = [(1, 2, 100), (2, 3, BIG), (3, 4, BIG)];
        check_scores(&chain, &[1], &[(1, 100.0), (2, 25.0), (3, 1.25), (4, 0.062_5)], 0.2);
        // Behind two: half. Behind three: all.
        let two = [(1, 2, 50), (1, 3, 50), (2, 5, BIG), (3, 5, BIG)];
        check_scores(&two, &[1], &[(1, 100.0), (2, 12.5), (3, 12.5), (5, 6.25)], 0.4);
        let three = [(1, 2, 50), (1, 3, 50), (1, 4, 50), (2, 5, BIG), (3, 5, BIG), (4, 5, BIG)];
        check_scores(&three, &[1], &[(1, 100.0), (2, 8.33), (3, 8.33), (4, 8.33), (5, 12.5)], 0.4);
        // A seed is no carrier.
        check_scores(&[(1, 2, 100), (2, 3, 100)], &[1, 2], &[(1, 50.0), (2, 62.5), (3, 15.625)], 0.4);
    }

    #[test]
    fn two_sybils_that_feed_each_other_hide_nobody() {
        let fed = [(1, 2, 100), (2, 3, BIG), (2, 4, BIG), (3, 4, BIG), (4, 3, BIG)];
        // Each is reached over 2 alone, though each other carries half: ¼·½·½ in value and a tenth of it, and through
        // the other a hundredth.
        check_scores(&fed, &[1], &[(1, 100.0), (2, 25.0), (3, 0.655), (4, 0.655)], 0.1);
    }

    /// One circle, as seen by one of it, and by a stranger to it.
    #[test]
    fn a_personal_view_has_one_seed() {
        let graph = graph(&[(1, 2, 10), (2, 3, 10), (5, 6, 10)]);
        let views = |from| personal(&graph, from, &KEY).into_iter().map(|(at, _)| at).collect::<Vec<_>>();
        assert_eq!(views(0), []);
        assert_eq!(views(1), [1, 2, 3]);
        assert_eq!(views(5), [5, 6]);
        assert_eq!(views(70), [70]);
        let network = Network::new(&graph, 71);
        assert_eq!(network.personal(1, &KEY), personal(&graph, 1, &KEY));
    }

    #[test]
    fn a_score_is_shown_in_per_cent() {
        let check = |ppb, shown: &str| assert_eq!(Score::from_ppb(ppb).to_string(), shown);
        check(0, "0.0000000%");
        check(12_345_678, "1.2345678%");
        check(1_000_000_000, "100.0000000%");
        check(u32::MAX, "100.0000000%");
        assert_eq!(Score::from_ppm(u32::MAX), Score::MAX);
        assert_eq!(Score::from_ppm(1_234), Score::from_ppb(1_234_000));
    }

    /// Honest accounts are 1 to 9, attackers 10 and 11, Sybils 12 to 19. Anybody trusts anybody, but no honest account
    /// a Sybil.
    fn attack() -> impl Strategy<Value = Vec<(u32, u32, u64)>> {
        let honest = prop::collection::vec((1_u32..10, 1_u32..12, 1_u64..1_000), 5..30);
        let own = prop::collection::vec((10_u32..20, 1_u32..20, 1_u64..1_000_000_000), 0..40);
        (honest, own).prop_map(|(honest, own)| [honest, own].concat())
    }

    fn sum(found: &[(u32, Score)], accounts: std::ops::Range<u32>) -> u64 {
        found.iter().filter(|(at, _)| accounts.contains(at)).map(|(_, score)| u64::from(score.ppb())).sum()
    }

    proptest! {
        #![proptest_config(Config::with_cases(20_000))]

        /// One attacker's Sybils together have a ninth of its own score at most: on these very walks, not on average.
        #[test]
        fn sybils_of_one_have_a_ninth_of_its_score(edges in attack(), seeds in 1_u32..4, word: u8) {
            let edges: Vec<_> = edges.into_iter().filter(|(from, to, _)| *from != 11 && *to != 11).collect();
            let seeds: Vec<u32> = (1..=seeds).collect();
            let found = Network::new(&graph(&edges), 20).damped(&seeds, &Hash::new([word; 32]), 300);
            let (attacker, sybils) = (sum(&found, 10..11), sum(&found, 12..20));
            prop_assert!(sybils * 9 <= attacker, "{sybils} of {attacker}");
        }

        /// Those of two have as much as both at most, and half a step from them.
        #[test]
        fn sybils_of_two_have_at_most_their_score(edges in attack(), seeds in 1_u32..4, word: u8) {
            let seeds: Vec<u32> = (1..=seeds).collect();
            let found = Network::new(&graph(&edges), 20).damped(&seeds, &Hash::new([word; 32]), 300);
            let (attackers, sybils) = (sum(&found, 10..12), sum(&found, 12..20));
            prop_assert!(sybils <= attackers, "{sybils} of {attackers}");
            // What two vouch for has at most half a share of what they have.
            prop_assert!(found.iter().filter(|(at, _)| *at > 11).all(|(_, score)| u64::from(score.ppb()) * 2 <= attackers));
        }
    }
}
