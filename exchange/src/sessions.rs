//! Logins: challenges that serve their asker once, tokens that end, nonces of signed requests that serve once.
//!
//! All of them are bounded, for each owner and in all: whoever asks for more than is kept for one loses its own oldest,
//! and nobody else's. What cannot be kept is refused, never handed out.

use crate::clock;
use crate::edge::network_of;
use crate::identity::random_bytes;
use bandex_types::{AccountId, Hash, PublicKey, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

/// How long a challenge may be answered, in microseconds.
pub(crate) const CHALLENGE_US: u64 = 10_000_000;
/// How long a token serves, in microseconds.
pub(crate) const TOKEN_US: u64 = 24 * 3_600 * 1_000_000;
/// The most challenges and the most tokens kept.
const KEPT_MAX: usize = 100_000;
/// The most challenges of an address.
const CHALLENGES_OF_ONE_MAX: usize = 1_000;
/// The most tokens of an account.
const TOKENS_OF_ONE_MAX: usize = 100;
/// How long the nonce of a signed request is kept, in microseconds: twice as long as the request itself would serve.
const NONCE_US: u64 = 60_000_000;
/// The most nonces kept.
const NONCES_MAX: usize = 500_000;
/// The most nonces of an account: so many requests it may sign in the time that a nonce is kept.
const NONCES_OF_ONE_MAX: usize = 25_000;
const SECOND_US: u64 = 1_000_000;

/// Who a token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    pub account: AccountId,
    pub key: PublicKey,
}

/// There is no room to keep another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// All open challenges and tokens.
#[derive(Debug)]
pub(crate) struct Sessions {
    /// When these began to be kept: what served before is not known.
    since: Timestamp,
    /// With the address that asked, kept for its network.
    challenges: Kept<IpAddr, IpAddr>,
    tokens: Kept<AccountId, Who>,
    nonces: Nonces,
}

/// What is kept for a time under a random name, so much for each owner and in all.
#[derive(Debug)]
struct Kept<O, T> {
    of_one_max: usize,
    in_all_max: usize,
    by_name: BTreeMap<Hash, (O, T, Timestamp)>,
    /// When each ends, the next first.
    by_end: BTreeSet<(Timestamp, Hash)>,
    by_owner: BTreeMap<O, BTreeSet<(Timestamp, Hash)>>,
}

impl<O: Copy + Ord, T: Copy> Kept<O, T> {
    fn new(of_one_max: usize, in_all_max: usize) -> Self {
        let (by_name, by_end, by_owner) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Self { of_one_max, in_all_max, by_name, by_end, by_owner }
    }

    /// Keeps something from now until it ends. If its owner has as many as it may, its oldest goes.
    fn keep(
        &mut self,
        owner: O,
        (name, what): (Hash, T),
        now: Timestamp,
        ends: Timestamp,
    ) -> Result<(), Full> {
        while let Some((_, over)) = self.by_end.first().copied().filter(|(ends, _)| *ends <= now) {
            self.take(over);
        }
        let of_owner = self.by_owner.get(&owner);
        let oldest = of_owner.filter(|of| of.len() >= self.of_one_max).and_then(|of| of.first().copied());
        if oldest.is_none() && self.by_name.len() >= self.in_all_max {
            return Err(Full);
        }
        // From here it is kept.
        if let Some((_, oldest)) = oldest {
            self.take(oldest);
        }
        self.by_name.insert(name, (owner, what, ends));
        self.by_end.insert((ends, name));
        self.by_owner.entry(owner).or_default().insert((ends, name));
        Ok(())
    }

    /// What is kept under a name, unless it has ended.
    fn get(&self, name: Hash, now: Timestamp) -> Option<T> {
        self.by_name.get(&name).filter(|(_, _, ends)| *ends > now).map(|(_, what, _)| *what)
    }

    /// Keeps something no longer.
    fn take(&mut self, name: Hash) {
        let Some((owner, _, ends)) = self.by_name.remove(&name) else { return };
        self.by_end.remove(&(ends, name));
        if let Some(of_owner) = self.by_owner.get_mut(&owner) {
            of_owner.remove(&(ends, name));
            if of_owner.is_empty() {
                self.by_owner.remove(&owner);
            }
        }
    }
}

/// Nonces that have served, each with the key that used it.
#[derive(Debug, Default)]
struct Nonces {
    spent: BTreeSet<[u8; 32]>,
    /// The same in the order in which they came.
    oldest_first: VecDeque<(Timestamp, AccountId, [u8; 32])>,
    /// How many an account has.
    of_account: BTreeMap<AccountId, usize>,
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
    /// Spends a nonce, where so many are kept in all, and so many of an account.
    fn spend(&mut self, who: Who, nonce: &str, now: Timestamp, (in_all, of_one): (usize, usize)) -> Spent {
        while let Some((_, account, over)) = self.oldest_first.pop_front_if(|(until, ..)| *until <= now) {
            self.spent.remove(&over);
            self.forget_one_of(account);
        }
        // The key has a fixed length, so no other pair has the same bytes.
        let nonce = Sha256::new().chain_update(who.key.as_bytes()).chain_update(nonce).finalize().into();
        if self.spent.contains(&nonce) {
            return Spent::Before;
        }
        let own = self.of_account.get(&who.account).copied().unwrap_or(0);
        if self.spent.len() >= in_all || own >= of_one {
            return Spent::NoRoom;
        }
        // From here it is spent.
        self.spent.insert(nonce);
        self.of_account.insert(who.account, own.saturating_add(1));
        self.oldest_first.push_back((now.plus(NONCE_US), who.account, nonce));
        Spent::Now
    }

    fn forget_one_of(&mut self, account: AccountId) {
        let left = self.of_account.get(&account).map_or(0, |own| own.saturating_sub(1));
        match left {
            0 => self.of_account.remove(&account),
            _ => self.of_account.insert(account, left),
        };
    }
}

impl Sessions {
    /// None yet.
    pub fn new() -> Self {
        Self {
            since: clock::now(),
            challenges: Kept::new(CHALLENGES_OF_ONE_MAX, KEPT_MAX),
            tokens: Kept::new(TOKENS_OF_ONE_MAX, KEPT_MAX),
            nonces: Nonces::default(),
        }
    }

    /// Whether a request that was signed in this second, counted since 1970, may have served before anything here was
    /// kept.
    pub const fn may_have_served(&self, created_s: u64) -> bool {
        created_s < self.since.as_micros() / SECOND_US
    }

    /// Spends the nonce of a request that somebody has signed.
    pub fn spend(&mut self, who: Who, nonce: &str) -> Spent {
        self.nonces.spend(who, nonce, clock::now(), (NONCES_MAX, NONCES_OF_ONE_MAX))
    }

    /// A new challenge for whoever asks from this address, and when it ends.
    ///
    /// # Errors
    /// Too many are open, those of other addresses.
    pub fn challenge(&mut self, asker: IpAddr) -> Result<(Hash, Timestamp), Full> {
        let now = clock::now();
        let (nonce, expires) = (Hash::new(random_bytes()), now.plus(CHALLENGE_US));
        self.challenges.keep(network_of(asker), (nonce, asker), now, expires)?;
        Ok((nonce, expires))
    }

    /// Takes a challenge; false if there was none, or no longer, or it was given to another address.
    pub fn take(&mut self, nonce: Hash, asker: IpAddr) -> bool {
        let is_good = self.challenges.get(nonce, clock::now()) == Some(asker);
        if is_good {
            self.challenges.take(nonce);
        }
        is_good
    }

    /// A new token and when it ends.
    ///
    /// # Errors
    /// Too many serve, those of other accounts.
    pub fn open(&mut self, who: Who) -> Result<(Hash, Timestamp), Full> {
        let now = clock::now();
        let (token, expires) = (Hash::new(random_bytes()), now.plus(TOKEN_US));
        self.tokens.keep(who.account, (token, who), now, expires)?;
        Ok((token, expires))
    }

    /// Who a token speaks for.
    pub fn who(&self, token: Hash) -> Option<Who> {
        self.tokens.get(token, clock::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn who(account: u8, key: u8) -> Who {
        Who { account: AccountId::new([account; 32]), key: PublicKey::new([key; 32]) }
    }

    #[test]
    fn a_challenge_serves_once_and_a_token_its_owner() {
        let mut sessions = Sessions::new();
        let [here, there] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        let (nonce, _) = sessions.challenge(here).unwrap();
        assert!(!sessions.take(nonce, there), "it was given to another");
        assert!(sessions.take(nonce, here));
        assert!(!sessions.take(nonce, here));
        assert!(!sessions.take(Hash::ZERO, here));
        let (token, _) = sessions.open(who(1, 2)).unwrap();
        assert_eq!(sessions.who(token), Some(who(1, 2)));
        assert_eq!(sessions.who(nonce), None);
    }

    #[test]
    fn whoever_asks_for_too_much_loses_its_own() {
        let mut sessions = Sessions::new();
        let [here, there] = ["2001:db8:0:1::1", "2001:db8:0:2::1"].map(|address| address.parse().unwrap());
        let (others, _) = sessions.challenge(there).unwrap();
        let (others_token, _) = sessions.open(who(2, 2)).unwrap();
        let (first, _) = sessions.challenge(here).unwrap();
        let (first_token, _) = sessions.open(who(1, 1)).unwrap();
        let mut last = (first, first_token);
        for number in 1..=5_000_u16 {
            // A household has as many addresses as it likes, an account as many keys.
            let neighbour = IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, number]);
            last.0 = sessions.challenge(neighbour).unwrap().0;
            last.1 = sessions.open(who(1, number.to_le_bytes()[0])).unwrap().0;
        }
        assert!(!sessions.take(first, here) && sessions.who(first_token).is_none());
        assert!(sessions.take(others, there) && sessions.who(others_token).is_some());
        assert!(sessions.who(last.1).is_some());
        assert_eq!(sessions.challenges.by_name.len(), CHALLENGES_OF_ONE_MAX);
        assert_eq!(sessions.tokens.by_name.len(), TOKENS_OF_ONE_MAX + 1);
        assert_eq!(sessions.tokens.by_end.len(), TOKENS_OF_ONE_MAX + 1);
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let mut kept = Kept::new(2, 3);
        let at = |second: u64| Timestamp::EARLIEST_PLAUSIBLE.plus(second * SECOND_US);
        let mut check = |owner: u8, name: u8, second: u64, expected: Result<(), Full>| {
            let found = kept.keep(owner, (Hash::new([name; 32]), name), at(second), at(second + 10));
            assert_eq!(found, expected, "{name}");
            let is_kept = kept.get(Hash::new([name; 32]), at(second + 9)).is_some();
            assert_eq!(is_kept, expected.is_ok(), "{name}");
            kept.by_name.keys().map(|name| name.as_bytes()[0]).collect::<Vec<_>>()
        };
        assert_eq!(check(1, 1, 0, Ok(())), [1]);
        assert_eq!(check(1, 2, 1, Ok(())), [1, 2]);
        assert_eq!(check(2, 3, 2, Ok(())), [1, 2, 3]);
        // One's own oldest makes room, nobody else's.
        assert_eq!(check(1, 4, 3, Ok(())), [2, 3, 4]);
        assert_eq!(check(2, 5, 4, Err(Full)), [2, 3, 4]);
        assert_eq!(check(3, 6, 5, Err(Full)), [2, 3, 4]);
        // What has ended does too, at the moment it does.
        assert_eq!(check(3, 7, 10, Err(Full)), [2, 3, 4]);
        assert_eq!(check(3, 8, 11, Ok(())), [3, 4, 8]);
        assert_eq!(kept.get(Hash::new([8; 32]), at(21)), None);
        for name in [3, 4, 8, 9] {
            kept.take(Hash::new([name; 32]));
        }
        assert!(kept.by_name.is_empty() && kept.by_end.is_empty() && kept.by_owner.is_empty());
    }

    #[test]
    fn a_nonce_serves_a_key_once_within_its_time() {
        let mut nonces = Nonces::default();
        let [one, other] = [who(1, 1), who(2, 2)];
        let at = |second: u64| Timestamp::EARLIEST_PLAUSIBLE.plus(second * 1_000_000);
        let mut check = |who: Who, nonce: &str, second, expected| {
            assert_eq!(nonces.spend(who, nonce, at(second), (3, 2)), expected, "{nonce} at {second}");
        };
        check(one, "a", 0, Spent::Now);
        check(one, "a", 0, Spent::Before);
        check(one, "a", 59, Spent::Before);
        check(other, "a", 1, Spent::Now);
        check(one, "b", 2, Spent::Now);
        // An account has so many, whichever keys it signs with, and leaves room for others.
        check(one, "c", 3, Spent::NoRoom);
        check(other, "c", 3, Spent::NoRoom);
        // A minute later the first is forgotten, as is the time in which its request would have served.
        check(one, "c", 60, Spent::Now);
        check(one, "d", 60, Spent::NoRoom);
        check(other, "a", 61, Spent::Now);
        check(who(1, 9), "e", 61, Spent::NoRoom);
        check(who(1, 9), "e", 62, Spent::Now);
        assert_eq!(nonces.spent.len(), nonces.oldest_first.len());
        assert_eq!(nonces.of_account.values().sum::<usize>(), nonces.spent.len());
    }

    #[test]
    fn what_was_signed_before_the_start_may_have_served() {
        let sessions = Sessions { since: Timestamp::from_micros(100_700_000), ..Sessions::new() };
        assert!(sessions.may_have_served(99));
        assert!(!sessions.may_have_served(100) && !sessions.may_have_served(101));
    }
}
