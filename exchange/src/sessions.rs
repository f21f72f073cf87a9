//! Logins: challenges that serve their asker once, tokens that end, nonces of signed requests that serve once.

use crate::clock;
use crate::identity::random_bytes;
use bandex_types::{AccountId, Hash, PublicKey, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

/// How long a challenge may be answered, in microseconds.
pub(crate) const CHALLENGE_US: u64 = 10_000_000;
/// How long a token serves, in microseconds.
pub(crate) const TOKEN_US: u64 = 24 * 3_600 * 1_000_000;
/// The most challenges and the most tokens kept; the oldest make room.
const KEPT_MAX: usize = 100_000;
/// How long the nonce of a signed request is kept, in microseconds: twice as long as the request itself would serve.
const NONCE_US: u64 = 60_000_000;
/// The most nonces kept. Only requests whose signature serves come here, and accounts have rate limits.
const NONCES_MAX: usize = 500_000;

/// Who a token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    pub account: AccountId,
    pub key: PublicKey,
}

/// All open challenges and tokens.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    challenges: BTreeMap<Hash, (IpAddr, Timestamp)>,
    tokens: BTreeMap<Hash, (Who, Timestamp)>,
    nonces: Nonces,
}

/// Nonces that have served, each with the key that used it.
#[derive(Debug, Default)]
struct Nonces {
    spent: BTreeSet<[u8; 32]>,
    /// The same in the order in which they came.
    oldest_first: VecDeque<(Timestamp, [u8; 32])>,
}

/// What became of a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spent {
    /// It serves now, and never again.
    Now,
    /// It has served before.
    Before,
    /// There is no room to remember it, so that it may not serve.
    NoRoom,
}

impl Nonces {
    fn spend(&mut self, key: &PublicKey, nonce: &str, now: Timestamp, most: usize) -> Spent {
        while let Some((_, over)) = self.oldest_first.pop_front_if(|(until, _)| *until <= now) {
            self.spent.remove(&over);
        }
        // The key has a fixed length, so no other pair has the same bytes.
        let nonce = Sha256::new().chain_update(key.as_bytes()).chain_update(nonce).finalize().into();
        if self.spent.contains(&nonce) {
            return Spent::Before;
        }
        if self.spent.len() >= most {
            return Spent::NoRoom;
        }
        // From here it is spent.
        self.spent.insert(nonce);
        self.oldest_first.push_back((now.plus(NONCE_US), nonce));
        Spent::Now
    }
}

impl Sessions {
    /// Spends the nonce of a request that a key has signed.
    pub fn spend(&mut self, key: &PublicKey, nonce: &str) -> Spent {
        self.nonces.spend(key, nonce, clock::now(), NONCES_MAX)
    }

    /// A new challenge for whoever asks from this address, and when it ends.
    pub fn challenge(&mut self, asker: IpAddr) -> (Hash, Timestamp) {
        let now = clock::now();
        let (nonce, expires) = (Hash::new(random_bytes()), now.plus(CHALLENGE_US));
        if self.challenges.len() >= KEPT_MAX {
            self.challenges.retain(|_, (_, expires)| *expires > now);
        }
        if self.challenges.len() < KEPT_MAX {
            self.challenges.insert(nonce, (asker, expires));
        }
        (nonce, expires)
    }

    /// Takes a challenge; false if there was none, or no longer, or it was given to another address.
    pub fn take(&mut self, nonce: Hash, asker: IpAddr) -> bool {
        let found = self.challenges.get(&nonce).filter(|(given_to, _)| *given_to == asker).copied();
        if found.is_some() {
            self.challenges.remove(&nonce);
        }
        found.is_some_and(|(_, expires)| expires > clock::now())
    }

    /// A new token and when it ends.
    pub fn open(&mut self, who: Who) -> (Hash, Timestamp) {
        let now = clock::now();
        let (token, expires) = (Hash::new(random_bytes()), now.plus(TOKEN_US));
        if self.tokens.len() >= KEPT_MAX {
            self.tokens.retain(|_, (_, expires)| *expires > now);
        }
        if self.tokens.len() >= KEPT_MAX
            && let Some(soonest) =
                self.tokens.iter().min_by_key(|(_, (_, expires))| *expires).map(|(token, _)| *token)
        {
            self.tokens.remove(&soonest);
        }
        self.tokens.insert(token, (who, expires));
        (token, expires)
    }

    /// Who a token speaks for.
    pub fn who(&self, token: Hash) -> Option<Who> {
        self.tokens.get(&token).filter(|(_, expires)| *expires > clock::now()).map(|(who, _)| *who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_serves_once_and_a_token_its_owner() {
        let mut sessions = Sessions::default();
        let [here, there] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        let (nonce, _) = sessions.challenge(here);
        assert!(!sessions.take(nonce, there), "it was given to another");
        assert!(sessions.take(nonce, here));
        assert!(!sessions.take(nonce, here));
        assert!(!sessions.take(Hash::ZERO, here));
        let who = Who { account: AccountId::new([1; 32]), key: PublicKey::new([2; 32]) };
        let (token, _) = sessions.open(who);
        assert_eq!(sessions.who(token), Some(who));
        assert_eq!(sessions.who(nonce), None);
    }

    #[test]
    fn a_nonce_serves_a_key_once_within_its_time() {
        let mut nonces = Nonces::default();
        let [one, other] = [1, 2].map(|byte| PublicKey::new([byte; 32]));
        let at = |second: u64| Timestamp::EARLIEST_PLAUSIBLE.plus(second * 1_000_000);
        let mut check = |key: &PublicKey, nonce: &str, second, expected| {
            assert_eq!(nonces.spend(key, nonce, at(second), 3), expected, "{nonce} at {second}");
        };
        check(&one, "a", 0, Spent::Now);
        check(&one, "a", 0, Spent::Before);
        check(&one, "a", 59, Spent::Before);
        check(&other, "a", 1, Spent::Now);
        check(&one, "b", 2, Spent::Now);
        check(&one, "c", 3, Spent::NoRoom);
        // A minute later the first is forgotten, as is the time in which its request would have served.
        check(&one, "c", 60, Spent::Now);
        check(&one, "d", 60, Spent::NoRoom);
        check(&other, "a", 61, Spent::Now);
        assert_eq!(nonces.spent.len(), nonces.oldest_first.len());
    }
}
