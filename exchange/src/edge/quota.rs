//! How much in what time: the quotas of the rate limits, as an operator sets them.

use serde::Deserialize;

/// What is drawn from, each with buckets of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Policy {
    /// What an address asks before it is known whose it is.
    Address,
    /// What an account asks.
    Account,
    /// Blocks of an account that only cancel.
    Cancels,
    /// New accounts from an address.
    Registrations,
}

impl Policy {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Address, Self::Account, Self::Cancels, Self::Registrations];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Account => "account",
            Self::Cancels => "cancels",
            Self::Registrations => "registrations",
        }
    }
}

/// How much in what time. A bucket that holds the quota empties with each request and fills up evenly, so that the
/// quota may be spent at once and comes back within the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// How much, in weights of requests.
    pub quota: u64,
    /// In how many seconds.
    pub window_s: u64,
}

/// The quotas of all rate limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// Of an address, for whatever is asked without a login.
    pub address: Quota,
    /// Of an account, for whatever it asks or signs.
    pub account: Quota,
    /// Of an account, for blocks that only cancel.
    pub cancels: Quota,
    /// Of an address, for new accounts.
    pub registrations: Quota,
}

/// What is no quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}: the quota is 1 to 1000000000, the window 1 to 86400 seconds")]
pub struct QuotaError(&'static str);

const QUOTA_MAX: u64 = 1_000_000_000;
const WINDOW_MAX: u64 = 86_400;

impl Default for RateLimits {
    /// What a node that strangers reach begins with: no honest program meets these, one that floods does at once.
    fn default() -> Self {
        let of = |quota, window_s| Quota { quota, window_s };
        Self {
            address: of(10_000, 10),
            account: of(20_000, 10),
            cancels: of(40_000, 10),
            registrations: of(100, 600),
        }
    }
}

impl RateLimits {
    /// Limits that nobody meets, for programs that run an exchange for themselves.
    pub const fn unreachable() -> Self {
        let all = Quota { quota: QUOTA_MAX, window_s: 1 };
        Self { address: all, account: all, cancels: all, registrations: all }
    }

    /// The quota of a policy.
    pub(crate) const fn of(&self, policy: Policy) -> Quota {
        match policy {
            Policy::Address => self.address,
            Policy::Account => self.account,
            Policy::Cancels => self.cancels,
            Policy::Registrations => self.registrations,
        }
    }

    /// Checks each quota.
    ///
    /// # Errors
    /// One is 0 or beyond what is counted.
    pub fn check(&self) -> Result<(), QuotaError> {
        let is_good =
            |of: Quota| (1..=QUOTA_MAX).contains(&of.quota) && (1..=WINDOW_MAX).contains(&of.window_s);
        let bad = Policy::ALL.into_iter().find(|policy| !is_good(self.of(*policy)));
        bad.map_or(Ok(()), |policy| Err(QuotaError(policy.name())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_out_of_a_file() {
        let check = |text: &str, good: bool| {
            let read = serde_json::from_str::<RateLimits>(text).ok().filter(|limits| limits.check().is_ok());
            assert_eq!(read.is_some(), good, "{text}");
        };
        check("{}", true);
        check(r#"{"account":{"quota":5,"window_s":2}}"#, true);
        check(r#"{"account":{"quota":0,"window_s":2}}"#, false);
        check(r#"{"account":{"quota":5,"window_s":0}}"#, false);
        check(r#"{"cancels":{"quota":1000000001,"window_s":1}}"#, false);
        check(r#"{"registrations":{"quota":1,"window_s":86401}}"#, false);
        check(r#"{"account":{"quota":5}}"#, false);
        check(r#"{"acount":{"quota":5,"window_s":2}}"#, false);
        let read: RateLimits = serde_json::from_str(r#"{"account":{"quota":5,"window_s":2}}"#).unwrap();
        assert_eq!(read.account, Quota { quota: 5, window_s: 2 });
        assert_eq!(read.cancels, RateLimits::default().cancels);
        assert_eq!(RateLimits::unreachable().check(), Ok(()));
    }
}
