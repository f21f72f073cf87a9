//! A score after MeritRank (Nasrulin, Ishmaev and Pouwelse, "MeritRank: Sybil tolerant reputation for merit-based
//! tokenomics", BRAINS 2022, arXiv 2207.09950), with the constants of its authors' laboratory (Tribler's trustchain
//! superapp, musicdao): walks end with α = 0.1 a step; where one account other than the seed carries more than 0.99 of
//! the visits to another, that one's score keeps 1 − β = 0.2.
//!
//! Its epoch decay lets old edges fade. Here all edges of a graph are of one epoch, so it changes nothing.

use super::rows::Rows;
use bandex_bench_matching::generate::Random;

/// A walk ends with this probability at each step: transitivity decay.
const ALPHA: f64 = 0.1;
/// What a score loses if one account carries its visits: connectivity decay.
const BETA: f64 = 0.8;
/// The share of visits from which one account carries them.
const THRESHOLD: f64 = 0.99;
/// Walks an account, in all at most [`MOST_WALKS`].
const WALKS_AN_ACCOUNT: usize = 5;
const MOST_WALKS: usize = 100_000;
/// A walk is cut here, as the laboratory does.
const MOST_STEPS: usize = 100;

/// The scores as seen from the seeds: shares of all visits, decayed.
pub fn meritrank(rows: &Rows, seeds: &[u32], epoch: u64) -> Vec<f64> {
    let count = (rows.accounts() * WALKS_AN_ACCOUNT).min(MOST_WALKS);
    let mut random = Random::from_seed(epoch ^ 0x4D65_7269_7452_616E);
    let mut counts = vec![0.0; rows.accounts()];
    // Each account that a walk visits, with where in `visits` its walk begins and where it stands.
    let mut first_visits: Vec<(u32, u32, u32)> = Vec::new();
    let mut visits: Vec<u32> = Vec::new();
    for seed in seeds.iter().cycle().take(count) {
        let begin = visits.len();
        let mut at = *seed;
        for _ in 0..MOST_STEPS {
            counts[at as usize] += 1.0;
            if !visits[begin..].contains(&at) {
                first_visits.push((at, place(begin), place(visits.len())));
                visits.push(at);
            }
            if random.unit() < ALPHA {
                break;
            }
            let Some(next) = rows.pick(at as usize, random.unit()) else { break };
            at = next;
        }
    }
    let total: f64 = counts.iter().sum();
    let mut scores: Vec<f64> = counts.iter().map(|count| count / total).collect();
    let mut through = vec![0_u32; rows.accounts()];
    first_visits.sort_unstable();
    for group in first_visits.chunk_by(|one, other| one.0 == other.0) {
        let before = |(_, begin, end): &(u32, u32, u32)| {
            visits[*begin as usize + usize::from(*begin < *end)..*end as usize].iter()
        };
        let mut most = 0;
        for account in group.iter().flat_map(before) {
            through[*account as usize] += 1;
            most = most.max(through[*account as usize]);
        }
        for account in group.iter().flat_map(before) {
            through[*account as usize] = 0;
        }
        if f64::from(most) > THRESHOLD * group.len() as f64 {
            scores[group[0].0 as usize] *= 1.0 - BETA;
        }
    }
    scores
}

fn place(at: usize) -> u32 {
    u32::try_from(at).expect("there are fewer visits than 2^32")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bandex_reputation::{Graph, Honoured};

    #[test]
    fn what_one_account_carries_keeps_a_fifth() {
        let honoured = |from, to| Honoured { from, to, value: 5 };
        let edges = vec![honoured(1, 2), honoured(1, 3), honoured(2, 4), honoured(3, 4), honoured(2, 5)];
        let rows = Rows::new(&Graph::new(edges), 50_000);
        let found = meritrank(&rows, &[1], 7);
        // 1 is visited by all, 2 by 0.45; 4 by 0.6075 in two ways; 5 by 0.2025 in one, of which a fifth counts.
        let check = |account: usize, share: f64| {
            let near = share / (1.0 + 0.9 + 0.81);
            assert!((found[account] - near).abs() < 0.01, "{account}: {} {near}", found[account]);
        };
        check(1, 1.0);
        check(2, 0.45);
        check(3, 0.45);
        check(4, 0.607_5);
        check(5, 0.202_5 / 5.0);
    }
}
