//! The buckets of the rate limits.
//!
//! Each client has a bucket for each policy, kept as one number: when it will be full again (the generic cell rate
//! algorithm of ATM's traffic management, ITU-T I.371, in the form of a virtual schedule). A library would do, but for
//! two things: answers tell how much is left without drawing, and the number of buckets must be bounded, since whoever
//! has many addresses makes as many buckets.

use super::quota::{Policy, Quota, RateLimits};
use bandex_types::AccountId;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The most buckets of a policy. When there are more, the fuller half is forgotten, and so counts as full.
const BUCKETS_MAX: usize = 100_000;
const NANOS_OF_SECOND: u64 = 1_000_000_000;

/// Whose bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    Address(IpAddr),
    Account(AccountId),
}

/// How a bucket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    pub policy: Policy,
    /// What may be drawn at once.
    pub remaining: u64,
    /// When it will be full again, in milliseconds.
    pub reset_ms: u64,
}

/// There is too little in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over {
    pub left: Left,
    /// When there will be enough, in milliseconds.
    pub retry_after_ms: u64,
}

/// The buckets of all clients.
#[derive(Debug)]
pub(crate) struct Limits {
    quotas: RateLimits,
    started: Instant,
    buckets: [Mutex<Buckets>; 4],
}

impl Limits {
    pub fn new(quotas: RateLimits) -> Self {
        Self { quotas, started: Instant::now(), buckets: std::array::from_fn(|_| Mutex::default()) }
    }

    /// What the buckets hold when they are full.
    pub const fn quotas(&self) -> &RateLimits {
        &self.quotas
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Draws a weight from a bucket.
    ///
    /// # Errors
    /// There is too little in it, and it stays as it is.
    pub fn draw(&self, policy: Policy, owner: Owner, weight: u64) -> Result<Left, Over> {
        self.buckets(policy).draw(Rate::new(policy, self.quotas.of(policy)), owner, weight, self.now())
    }

    /// How a bucket stands.
    pub fn left(&self, policy: Policy, owner: Owner) -> Left {
        let (rate, now) = (Rate::new(policy, self.quotas.of(policy)), self.now());
        rate.left(self.buckets(policy).full_at(owner, now), now)
    }

    fn buckets(&self, policy: Policy) -> std::sync::MutexGuard<'_, Buckets> {
        let [address, account, cancels, registrations] = &self.buckets;
        let buckets = match policy {
            Policy::Address => address,
            Policy::Account => account,
            Policy::Cancels => cancels,
            Policy::Registrations => registrations,
        };
        buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A quota as time: how long a bucket takes to gain one, and to gain all.
#[derive(Debug, Clone, Copy)]
struct Rate {
    policy: Policy,
    quota: u64,
    one_ns: u64,
    all_ns: u64,
}

impl Rate {
    fn new(policy: Policy, Quota { quota, window_s }: Quota) -> Self {
        let (quota, window_ns) = (quota.max(1), window_s.saturating_mul(NANOS_OF_SECOND));
        let one_ns = (window_ns / quota).max(1);
        Self { policy, quota, one_ns, all_ns: one_ns.saturating_mul(quota) }
    }

    /// How a bucket stands that is full at some time from now on.
    fn left(&self, full_at: u64, now: u64) -> Left {
        let missing_ns = full_at.saturating_sub(now);
        let remaining = self.all_ns.saturating_sub(missing_ns) / self.one_ns;
        Left { policy: self.policy, remaining, reset_ms: missing_ns.div_ceil(1_000_000) }
    }
}

/// When each bucket that is not full will be, in nanoseconds since the server started.
#[derive(Debug, Default)]
struct Buckets(HashMap<Owner, u64>);

impl Buckets {
    fn full_at(&self, owner: Owner, now: u64) -> u64 {
        self.0.get(&owner).copied().unwrap_or(0).max(now)
    }

    fn draw(&mut self, rate: Rate, owner: Owner, weight: u64, now: u64) -> Result<Left, Over> {
        let full_at = self.full_at(owner, now);
        // Whatever weighs more than a whole bucket could never be had otherwise.
        let drawn = full_at.saturating_add(rate.one_ns.saturating_mul(weight.min(rate.quota)));
        let beyond_ns = drawn.saturating_sub(now).saturating_sub(rate.all_ns);
        if beyond_ns > 0 {
            let retry_after_ms = beyond_ns.div_ceil(1_000_000);
            return Err(Over { left: rate.left(full_at, now), retry_after_ms });
        }
        // From here it is drawn.
        self.0.insert(owner, drawn);
        if self.0.len() > BUCKETS_MAX {
            self.forget(now);
        }
        Ok(rate.left(drawn, now))
    }

    /// Forgets all that are full, and of the others the fuller half if there are too many still, so that the next time
    /// is far away.
    fn forget(&mut self, now: u64) {
        self.0.retain(|_, full_at| *full_at > now);
        if self.0.len() > BUCKETS_MAX / 2 {
            let mut times: Vec<u64> = self.0.values().copied().collect();
            let middle = times.len() / 2;
            let (_, median, _) = times.select_nth_unstable(middle);
            let median = *median;
            self.0.retain(|_, full_at| *full_at > median);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;
    const OWNER: Owner = Owner::Address(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    fn rate(quota: u64, window_s: u64) -> Rate {
        Rate::new(Policy::Account, Quota { quota, window_s })
    }

    #[test]
    fn a_bucket_empties_and_fills_up_again() {
        let mut buckets = Buckets::default();
        // 10 in 2 s: one each 200 ms.
        let rate = rate(10, 2);
        let left = |remaining, reset_ms| Left { policy: Policy::Account, remaining, reset_ms };
        let mut check = |at_ms: u64, weight, expected: Result<(u64, u64), (u64, u64, u64)>| {
            let expected = expected.map(|(remaining, reset)| left(remaining, reset)).map_err(
                |(remaining, reset, retry_after_ms)| Over { left: left(remaining, reset), retry_after_ms },
            );
            assert_eq!(buckets.draw(rate, OWNER, weight, at_ms * MS), expected, "{weight} at {at_ms} ms");
        };
        check(0, 4, Ok((6, 800)));
        check(0, 7, Err((6, 800, 200)));
        check(100, 6, Ok((0, 1_900)));
        check(100, 1, Err((0, 1_900, 100)));
        check(199, 1, Err((0, 1_801, 1)));
        check(200, 1, Ok((0, 2_000)));
        check(2_199, 9, Ok((0, 1_801)));
        // More than a whole bucket holds is given for a whole one.
        check(4_000, 1_000, Ok((0, 2_000)));
        check(5_999, 1_000, Err((9, 1, 1)));
        check(6_000, 1_000, Ok((0, 2_000)));
        check(6_000, 0, Ok((0, 2_000)));
        check(90_000, 1, Ok((9, 200)));
    }

    #[test]
    fn a_quota_that_does_not_divide_its_window_is_whole_all_the_same() {
        for (quota, window_s) in [(3, 1), (7, 2), (1_000_000_000, 1), (1, 86_400), (1_000_000_000, 86_400)] {
            let rate = rate(quota, window_s);
            assert_eq!(rate.left(0, 0).remaining, quota, "{quota} in {window_s} s");
            assert!(rate.all_ns <= window_s * NANOS_OF_SECOND);
        }
    }

    #[test]
    fn buckets_are_bounded_and_the_emptiest_stay() {
        let mut buckets = Buckets::default();
        let rate = rate(10, 1);
        let address = |number: u32| Owner::Address(IpAddr::V4(number.into()));
        for weight in [1, 9] {
            for number in 0..60_000 {
                let owner = address(number + if weight == 9 { 60_000 } else { 0 });
                assert!(buckets.draw(rate, owner, weight, 0).is_ok());
                assert!(buckets.0.len() <= BUCKETS_MAX);
            }
        }
        assert!(buckets.draw(rate, address(60_001), 9, 0).is_err(), "it was forgotten before fuller ones");
        // Those that are full again are the first to go.
        buckets.forget(NANOS_OF_SECOND);
        assert!(buckets.0.is_empty());
    }

    #[test]
    fn each_policy_and_each_client_has_its_own() {
        let one = Quota { quota: 1, window_s: 86_400 };
        let limits = Limits::new(RateLimits { address: one, account: one, cancels: one, registrations: one });
        let account = Owner::Account(AccountId::new([1; 32]));
        for policy in Policy::ALL {
            for owner in [OWNER, account] {
                assert_eq!(limits.left(policy, owner).remaining, 1);
                assert!(limits.draw(policy, owner, 1).is_ok());
                assert!(limits.draw(policy, owner, 1).is_err());
                assert_eq!(limits.left(policy, owner).remaining, 0);
            }
        }
    }

    proptest! {
        /// Within any span nobody gets more than a whole bucket and what flows in meanwhile; whoever waits as long as it
        /// was told is let through.
        #[test]
        fn nobody_gets_more_than_the_quota(
            quota in 1_u64..50,
            window_s in 1_u64..20,
            asked in proptest::collection::vec((0_u64..2_000, 0_u64..60), 1..80),
        ) {
            let (mut buckets, rate) = (Buckets::default(), rate(quota, window_s));
            let mut now = 0;
            let mut got: Vec<(u64, u64)> = Vec::new();
            for (pause_ms, weight) in asked {
                now += pause_ms * MS;
                match buckets.draw(rate, OWNER, weight, now) {
                    Ok(_) => got.push((now, weight.min(quota))),
                    Err(over) => {
                        now += over.retry_after_ms * MS;
                        prop_assert!(buckets.draw(rate, OWNER, weight, now).is_ok());
                        got.push((now, weight.min(quota)));
                    }
                }
                let spans = got.iter().enumerate();
                for (first, (begin, _)) in spans {
                    let sum: u64 = got.iter().skip(first).map(|(_, weight)| weight).sum();
                    prop_assert!(sum * rate.one_ns <= rate.all_ns + (now - begin));
                }
            }
        }
    }
}
