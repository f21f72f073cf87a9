//! The graphs under attack: honest trade, made up or real, and who vouches for the rest.

use crate::ratings::Ratings;
use bandex_bench_matching::generate::Random;
use bandex_reputation::Honoured;
use std::collections::BTreeSet;

/// Each account of a made-up world begins so many trades.
const TRADES: u32 = 8;
/// One account in so many is a seed.
const ACCOUNTS_A_SEED: u32 = 100;
/// The median value of a made-up trade, in millisatoshi: 100,000 satoshi.
const MEDIAN_VALUE: f64 = 1e8;
/// The deviation of its logarithm: one trade in six is above e times the median.
const DEVIATION: f64 = 1.0;
/// What a point of a rating stands for, in millisatoshi.
pub const VALUE_A_POINT: u64 = 100_000_000;

/// Honest trade among accounts 1 to `accounts` − 1.
#[derive(Debug, Clone)]
pub struct World {
    /// What it is called.
    pub name: String,
    /// What was honoured.
    pub honest: Vec<Honoured>,
    /// One more than the highest account.
    pub accounts: u32,
    /// The accounts that the operator trusts.
    pub seeds: Vec<u32>,
}

impl World {
    /// A world by preferential attachment (Barabási and Albert, "Emergence of scaling in random networks", 1999): each
    /// account in turn trades eight times with earlier ones, chosen by how much they have traded; a value is log-normal.
    ///
    /// In a deal settled in tranches each side is exposed in turn, so both honour half of its value. The seeds are drawn
    /// at random, one in a hundred.
    pub fn synthetic(accounts: u32, seed: u64) -> Self {
        let mut random = Random::from_seed(seed);
        let mut honest = Vec::new();
        // Every account once for itself and once for each trade.
        let mut ends: Vec<u32> = vec![1];
        for account in 2..=accounts {
            for _ in 0..TRADES {
                let other = ends[random.place(ends.len())];
                let value = (MEDIAN_VALUE * (DEVIATION * random.normal()).exp()).max(2.0);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it is below e^9 medians"
                )]
                let half = (value / 2.0) as u64;
                honest.push(Honoured { from: account, to: other, value: half });
                honest.push(Honoured { from: other, to: account, value: half });
                ends.push(other);
            }
            ends.extend([account; TRADES as usize + 1]);
        }
        let mut seeds = BTreeSet::new();
        while seeds.len() < (accounts / ACCOUNTS_A_SEED).max(1) as usize {
            seeds.insert(1 + random.below_u32(accounts));
        }
        let name = format!("synthetic {accounts}");
        Self { name, honest, accounts: accounts + 1, seeds: seeds.into_iter().collect() }
    }

    /// The web of trust that ratings left: what was rated well was honoured, in proportion to the points.
    ///
    /// The seeds are the first accounts that were rated well, one for each hundred accounts.
    pub fn of_ratings(ratings: &Ratings) -> Self {
        let positive = ratings.list.iter().filter(|one| one.rating > 0);
        let honest = positive.map(|one| Honoured {
            from: one.rater,
            to: one.ratee,
            value: u64::from(one.rating.unsigned_abs()) * VALUE_A_POINT,
        });
        let seeds = first_rated(ratings, default_seeds(ratings));
        Self { name: ratings.source.clone(), honest: honest.collect(), accounts: ratings.accounts, seeds }
    }

    /// What each account honoured and was exposed to, in millisatoshi: its volume, on which fees are paid.
    pub fn volumes(&self) -> Vec<u64> {
        let mut volumes = vec![0; self.accounts as usize];
        for one in &self.honest {
            volumes[one.from as usize] += one.value;
            volumes[one.to as usize] += one.value;
        }
        volumes
    }
}

/// One seed for each hundred accounts, rounded up.
pub fn default_seeds(ratings: &Ratings) -> usize {
    (ratings.accounts - 1).div_ceil(ACCOUNTS_A_SEED) as usize
}

/// The first `count` accounts that anybody rated well: a rule that knows nothing of what came later.
pub fn first_rated(ratings: &Ratings, count: usize) -> Vec<u32> {
    let mut seeds = Vec::new();
    for one in ratings.list.iter().filter(|one| one.rating > 0) {
        if seeds.len() < count && !seeds.contains(&one.ratee) {
            seeds.push(one.ratee);
        }
    }
    seeds.sort_unstable();
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratings::Rating;

    #[test]
    fn a_made_up_world_follows_from_its_seed() {
        let world = World::synthetic(1_000, 7);
        assert_eq!(world.honest, World::synthetic(1_000, 7).honest);
        assert_ne!(world.honest, World::synthetic(1_000, 8).honest);
        assert_eq!((world.honest.len(), world.seeds.len()), (999 * 16, 10));
        assert!(
            world.honest.iter().all(|one| (1..=1_000).contains(&one.from) && (1..=1_000).contains(&one.to))
        );
        // Few have many: the most active hundred have more than a quarter of all ends.
        let mut degrees = vec![0; 1_001];
        for one in &world.honest {
            degrees[one.to as usize] += 1;
        }
        degrees.sort_unstable_by(|a, b| b.cmp(a));
        assert!(degrees[..100].iter().sum::<i32>() * 4 > 999 * 16, "{:?}", &degrees[..5]);
    }

    #[test]
    fn seeds_are_the_first_rated_well() {
        let rated = |ratee, rating, unix_time| Rating { rater: 9, ratee, rating, unix_time };
        let list = vec![rated(5, -10, 1), rated(4, 1, 2), rated(4, 2, 3), rated(2, 3, 4), rated(5, 1, 5)];
        let ratings = Ratings { list, accounts: 10, source: String::new() };
        assert_eq!(first_rated(&ratings, 2), [2, 4]);
        assert_eq!(first_rated(&ratings, 9), [2, 4, 5]);
        let world = World::of_ratings(&ratings);
        assert_eq!((world.seeds, world.honest.len()), (vec![4], 4));
    }
}
