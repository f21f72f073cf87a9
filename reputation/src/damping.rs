//! How much a visit counts: little where all walks to an account lead through the same one or two others.
//!
//! After the connectivity decay of MeritRank (Nasrulin, Ishmaev and Pouwelse, "MeritRank: Sybil tolerant reputation for
//! merit-based tokenomics", BRAINS 2022), with three differences. A carrier may lie anywhere before the visit and
//! not only next to it, so that Sybils who feed each other hide nobody. A pair of carriers is looked for too. And the
//! factors multiply along a walk, so that what comes through a damped account stays damped.

use crate::network::position;
use crate::walk::Walks;

/// The binary places of factors and values: one visit at full value is 2³².
pub const VALUE_BITS: u32 = 32;
/// One visit at full value.
pub const WHOLE: u64 = 1 << VALUE_BITS;

/// A share above which carriers count as the only way to an account, as a fraction: 9 ⁄ 10.
const SHARE: (u64, u64) = (9, 10);

/// How many carriers it takes to account for nearly all walks to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Carriers {
    /// More than two, or it is a seed, or not visited.
    #[default]
    Many,
    Pair,
    One,
}

impl Carriers {
    /// What is left of a visit: all, ½ (β₂ = ½), a tenth (β = 0.9).
    const fn factor(self) -> u64 {
        match self {
            Self::Many => WHOLE,
            Self::Pair => WHOLE / 2,
            Self::One => WHOLE / 10,
        }
    }
}

/// The factor of each account, from one set of walks.
pub struct Damping {
    carried: Vec<Carriers>,
}

impl Damping {
    /// Looks for the carriers of each account that the walks visit, among `accounts` positions.
    ///
    /// A carrier is an account, neither the visited one nor a seed, that a walk visits before it. Seeds are never
    /// damped: they are trusted to begin with.
    pub fn measure(walks: &Walks, seeds: &[u32], accounts: usize) -> Self {
        let mut is_seed = vec![false; accounts];
        for seed in seeds {
            set(&mut is_seed, *seed, true);
        }
        let visits = Visits::group(walks, accounts);
        let mut carried = vec![Carriers::Many; accounts];
        let mut tally = Tally { counts: vec![0; accounts], touched: Vec::new() };
        for (account, found) in (0_u32..).zip(&mut carried) {
            if !is_seed.get(position(account)).copied().unwrap_or(true) {
                *found = carriers(&visits, account, &is_seed, &mut tally);
            }
        }
        Self { carried }
    }

    /// The share of a visit that an account passes on to itself and to all behind it on the walk, of 2³².
    pub fn factor(&self, account: u32) -> u64 {
        self.carried.get(position(account)).copied().unwrap_or_default().factor()
    }
}

/// What of the value of a walk is left after passing an account with this factor.
pub const fn through(value: u64, factor: u64) -> u64 {
    // Both are at most 2³²; the product of two wholes is the only one that does not fit.
    if factor == WHOLE { value } else { value.saturating_mul(factor) >> VALUE_BITS }
}

/// Whether one carrier, or any pair of them, lies on more than nine tenths of an account's visits.
///
/// All pairs, and not only the strongest carrier with the next: before two attackers may lie one honest account that
/// carries more than either. One of such a pair alone must carry 45 in 100, and there are few of those.
fn carriers(visits: &Visits<'_>, account: u32, is_seed: &[bool], tally: &mut Tally) -> Carriers {
    let group = visits.of(account);
    let all = u64::try_from(group.len()).unwrap_or(u64::MAX);
    let nearly_all = |count: u64| count.saturating_mul(SHARE.1) > all.saturating_mul(SHARE.0);
    let is_carrier = |other: &u32| !is_seed.get(position(*other)).copied().unwrap_or(true);
    for visit in group {
        tally.add(visits.before(*visit).iter().copied().filter(is_carrier));
    }
    let strong = tally.take(|count| nearly_all(count.saturating_mul(2)));
    if strong.iter().any(|(_, count)| nearly_all(*count)) {
        return Carriers::One;
    }
    for (first, through_first) in strong {
        for visit in group {
            let before = visits.before(*visit);
            if !before.contains(&first) {
                tally.add(before.iter().copied().filter(is_carrier));
            }
        }
        if !tally.take(|count| nearly_all(through_first.saturating_add(count))).is_empty() {
            return Carriers::Pair;
        }
    }
    Carriers::Many
}

/// Visits grouped by account.
struct Visits<'w> {
    visits: &'w [u32],
    /// For each visit how many accounts its walk had visited before, the seed included.
    depths: Vec<u8>,
    /// Indices into `visits`, those of one account side by side, in the order of the walks; without first steps.
    grouped: Vec<u32>,
    /// Where each account's group begins; one more at the end.
    begins: Vec<u32>,
}

impl<'w> Visits<'w> {
    /// A counting sort.
    fn group(walks: &'w Walks, accounts: usize) -> Self {
        let visits = walks.visits();
        let mut depths = Vec::with_capacity(visits.len());
        let mut begins = vec![0_u32; accounts.saturating_add(1)];
        for walk in walks.iter() {
            for (depth, account) in (0_u8..).zip(walk) {
                depths.push(depth);
                // Where a walk begins is a seed, and nobody asks for its carriers: most walks end there.
                if depth == 0 {
                    continue;
                }
                if let Some(count) = begins.get_mut(position(*account).saturating_add(1)) {
                    *count = count.saturating_add(1);
                }
            }
        }
        let mut sum = 0_u32;
        for begin in &mut begins {
            sum = sum.saturating_add(*begin);
            *begin = sum;
        }
        let mut next = begins.clone();
        let mut grouped = vec![0; position(sum)];
        for ((visit, account), depth) in (0_u32..).zip(visits).zip(&depths) {
            if *depth == 0 {
                continue;
            }
            let Some(place) = next.get_mut(position(*account)) else { continue };
            set(&mut grouped, *place, visit);
            *place = place.saturating_add(1);
        }
        Self { visits, depths, grouped, begins }
    }

    /// The visits to an account.
    fn of(&self, account: u32) -> &[u32] {
        let at = position(account);
        let ends = (self.begins.get(at), self.begins.get(at.saturating_add(1)));
        let (Some(from), Some(to)) = ends else { return &[] };
        self.grouped.get(position(*from)..position(*to)).unwrap_or_default()
    }

    /// The accounts that the walk of a visit had visited before, without the seed it began at.
    fn before(&self, visit: u32) -> &'w [u32] {
        let at = position(visit);
        let depth = self.depths.get(at).copied().map_or(0, usize::from);
        self.visits.get(at.saturating_sub(depth.saturating_sub(1))..at).unwrap_or_default()
    }
}

/// Counts of a few accounts among many, emptied in the time that filling them took.
struct Tally {
    counts: Vec<u32>,
    touched: Vec<u32>,
}

impl Tally {
    fn add(&mut self, accounts: impl Iterator<Item = u32>) {
        for account in accounts {
            let Some(count) = self.counts.get_mut(position(account)) else { continue };
            if *count == 0 {
                self.touched.push(account);
            }
            *count = count.saturating_add(1);
        }
    }

    /// The accounts whose counts are `wanted`, with them; forgets all counts.
    fn take(&mut self, wanted: impl Fn(u64) -> bool) -> Vec<(u32, u64)> {
        let mut found = Vec::new();
        for account in self.touched.drain(..) {
            let Some(count) = self.counts.get_mut(position(account)) else { continue };
            let count = u64::from(std::mem::take(count));
            if wanted(count) {
                found.push((account, count));
            }
        }
        found
    }
}

fn set<T>(list: &mut [T], at: u32, value: T) {
    if let Some(place) = list.get_mut(position(at)) {
        *place = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of account 9 on these walks from seed 1.
    fn check(walks: &[&[u32]], expected: Carriers) {
        let damping = Damping::measure(&Walks::of(walks), &[1], 10);
        assert_eq!(damping.carried.get(9), Some(&expected), "{walks:?}");
        assert_eq!(damping.factor(1), WHOLE);
    }

    #[test]
    fn carriers_are_found_wherever_they_lie() {
        use Carriers::{Many, One, Pair};
        check(&[], Many);
        check(&[&[1, 9]], Many);
        check(&[&[1, 2, 9]], One);
        check(&[&[1, 2, 3, 9], &[1, 2, 4, 9], &[1, 2, 5, 9]], One);
        check(&[&[1, 2, 9], &[1, 3, 9]], Pair);
        check(&[&[1, 2, 9], &[1, 3, 9], &[1, 4, 9]], Many);
        // What comes behind the visit carries nothing.
        check(&[&[1, 9, 2], &[1, 9, 2]], Many);
        // Nine in ten is not more than nine tenths.
        let many = |through_2: usize, through_3: usize, direct: usize, expected| {
            let walks = [vec![&[1, 2, 9][..]; through_2], vec![&[1, 3, 9]; through_3], vec![&[1, 9]; direct]];
            check(&walks.concat(), expected);
        };
        many(9, 0, 1, Many);
        many(10, 0, 1, One);
        many(9, 9, 2, Many);
        many(10, 9, 2, Pair);
        // Account 4 lies before both of the pair more often than either of them on the way.
        let hidden: [&[u32]; 10] = [
            &[1, 4, 2, 9],
            &[1, 4, 2, 9],
            &[1, 4, 2, 9],
            &[1, 4, 3, 9],
            &[1, 4, 3, 9],
            &[1, 4, 3, 9],
            &[1, 5, 2, 9],
            &[1, 6, 2, 9],
            &[1, 7, 3, 9],
            &[1, 8, 3, 9],
        ];
        check(&hidden, Pair);
    }

    #[test]
    fn values_shrink_by_the_factor_rounded_down() {
        assert_eq!(through(WHOLE, WHOLE), WHOLE);
        assert_eq!(through(WHOLE, WHOLE / 10), 429_496_729);
        assert_eq!(through(429_496_729, WHOLE / 2), 214_748_364);
        assert_eq!(through(1, WHOLE / 2), 0);
    }
}
