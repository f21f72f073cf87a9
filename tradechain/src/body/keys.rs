//! Accounts and their keys: register, rotate, grant, revoke, heal.

use bandex_types::{Amount, BlockId, MarketId, PublicKey, SignatureBytes, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Makes an account. Its author is the root key, so the block's signature is the proof of possession; its id is the
/// account's id, and must begin with as many zero bits as the node asks for (the proof of work).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Register {
    /// The key of the node where the account lives.
    pub home: PublicKey,
    /// Searched until the block's id has enough zero bits.
    pub nonce: u64,
}

/// Replaces the root key by another, whose lane begins with this block.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Rotate {
    /// The new root key.
    pub key: PublicKey,
    /// The new key's signature over [`possession_statement`].
    pub possession: SignatureBytes,
}

/// What a session key may do: bits of one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(u8);

/// Admits a session key, whose lane begins with this block.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Grant {
    /// The session key.
    pub key: PublicKey,
    /// What it may do.
    pub scopes: Scopes,
    /// Markets it may trade on, in ascending order; none named means all.
    pub markets: Vec<MarketId>,
    /// The largest notional of one order, in the market's quote unit.
    pub largest_notional: Option<Amount>,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
    /// The session key's signature over [`possession_statement`].
    pub possession: SignatureBytes,
}

/// Ends a session key.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Revoke {
    /// The session key.
    pub key: PublicKey,
}

/// Thaws the account after a session key forked; the forked key stays frozen.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Heal {
    /// The key that forked.
    pub key: PublicKey,
    /// One of the two blocks of the fork that the owner stands by.
    pub keep: BlockId,
}

impl Scopes {
    /// Place, amend and cancel orders.
    pub const ORDERS: Self = Self(1);
    /// Pay and acknowledge tranches.
    pub const SETTLE: Self = Self(2);
    /// Move tokens: transfer, bandwidth, bond.
    pub const TOKENS: Self = Self(4);
    /// All of them.
    pub const ALL: Self = Self(7);

    /// The bits.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// From bits; unknown bits are refused by [`Grant::check`].
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every bit of `other` is set.
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Grant {
    /// The rules that need no state.
    ///
    /// # Errors
    /// Scopes are empty or unknown, or the markets are not in ascending order.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.scopes.0 == 0 || !Scopes::ALL.covers(self.scopes) {
            return Err("scopes: some of orders (1), settle (2) and tokens (4), added up");
        }
        if self.markets.is_sorted_by(|one, next| one < next) {
            Ok(())
        } else {
            Err("markets must be in ascending order, each once")
        }
    }
}

/// The work in a `register` block: with how many zero bits its id begins, the first byte's highest bit first.
pub fn leading_zero_bits(id: &BlockId) -> u32 {
    let bytes = id.as_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0);
    let next = bytes.iter().find(|byte| **byte != 0).map_or(0, |byte| byte.leading_zeros());
    zeros.map(|_| u8::BITS).sum::<u32>() + next
}

/// What a new key signs to show that its holder agrees: network as u32 little-endian, the root key that admits it,
/// the new key itself.
pub fn possession_statement(network: u32, root: &PublicKey, new: &PublicKey) -> Vec<u8> {
    [network.to_le_bytes().as_slice(), root.as_bytes(), new.as_bytes()].concat()
}
