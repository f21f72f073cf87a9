//! Plain personalised PageRank, exact: how often a surfer from the seeds is expected to pass (Page, Brin, Motwani and
//! Winograd, "The PageRank citation ranking", 1999; personalised by Haveliwala, 2002).

use super::rows::Rows;

/// What is left out of each walk's tail.
const TAIL: f64 = 1e-4;

/// The expected visits to each account by a walk that goes on with probability `damping`, by the powers of the matrix.
///
/// A walk ends where no edge leaves; to send it back to the seeds instead would change all scores by one factor.
pub fn pagerank(rows: &Rows, seeds: &[u32], damping: f64) -> Vec<f64> {
    let mut here = vec![0.0; rows.accounts()];
    for seed in seeds {
        here[*seed as usize] += 1.0 / seeds.len() as f64;
    }
    let totals: Vec<f64> = (0..rows.accounts()).map(|at| rows.of(at).map(|(_, value)| value).sum()).collect();
    let mut visits = here.clone();
    let mut next = vec![0.0; rows.accounts()];
    let mut weight = 1.0;
    while weight > TAIL {
        next.fill(0.0);
        for (account, mass) in here.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
            let passed = damping * mass / totals[account];
            for (target, value) in rows.of(account) {
                next[target as usize] += passed * value;
            }
        }
        for (sum, mass) in visits.iter_mut().zip(&next) {
            *sum += mass;
        }
        std::mem::swap(&mut here, &mut next);
        weight *= damping;
    }
    visits
}

#[cfg(test)]
mod tests {
    use super::*;
    use bandex_reputation::{Graph, Honoured};

    #[test]
    fn visits_are_expected_ones() {
        let honoured = |from, to, value| Honoured { from, to, value };
        let check = |edges: Vec<Honoured>, expected: &[f64]| {
            let rows = Rows::new(&Graph::new(edges), 4);
            let found = pagerank(&rows, &[1], 0.5);
            for (visits, near) in found.iter().zip(expected) {
                assert!((visits - near).abs() < 1e-3, "{found:?}");
            }
        };
        check(vec![], &[0.0, 1.0, 0.0, 0.0]);
        check(vec![honoured(1, 2, 30), honoured(1, 3, 10)], &[0.0, 1.0, 0.375, 0.125]);
        // There and back: 1 + ¼ + 1/16 + …
        check(vec![honoured(1, 2, 5), honoured(2, 1, 7)], &[0.0, 4.0 / 3.0, 2.0 / 3.0, 0.0]);
    }
}
