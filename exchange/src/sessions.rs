//! Logins: challenges that serve once and tokens that end.

use crate::clock;
use crate::identity::random_bytes;
use bandex_types::{AccountId, Hash, PublicKey, Timestamp};
use std::collections::BTreeMap;

/// How long a challenge may be answered, in microseconds.
pub(crate) const CHALLENGE_US: u64 = 10_000_000;
/// How long a token serves, in microseconds.
pub(crate) const TOKEN_US: u64 = 24 * 3_600 * 1_000_000;
/// The most challenges and the most tokens kept; the oldest make room.
const KEPT_MAX: usize = 100_000;

/// Who a token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    pub account: AccountId,
    pub key: PublicKey,
}

/// All open challenges and tokens.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    challenges: BTreeMap<Hash, Timestamp>,
    tokens: BTreeMap<Hash, (Who, Timestamp)>,
}

impl Sessions {
    /// A new challenge and when it ends.
    pub fn challenge(&mut self) -> (Hash, Timestamp) {
        let now = clock::now();
        let (nonce, expires) = (Hash::new(random_bytes()), now.plus(CHALLENGE_US));
        if self.challenges.len() >= KEPT_MAX {
            self.challenges.retain(|_, expires| *expires > now);
        }
        if self.challenges.len() < KEPT_MAX {
            self.challenges.insert(nonce, expires);
        }
        (nonce, expires)
    }

    /// Takes a challenge; false if there was none, or no longer.
    pub fn take(&mut self, nonce: Hash) -> bool {
        self.challenges.remove(&nonce).is_some_and(|expires| expires > clock::now())
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
        let (nonce, _) = sessions.challenge();
        assert!(sessions.take(nonce));
        assert!(!sessions.take(nonce));
        assert!(!sessions.take(Hash::ZERO));
        let who = Who { account: AccountId::new([1; 32]), key: PublicKey::new([2; 32]) };
        let (token, _) = sessions.open(who);
        assert_eq!(sessions.who(token), Some(who));
        assert_eq!(sessions.who(nonce), None);
    }
}
