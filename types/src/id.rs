//! Names of things on the TradeChain, all of them hashes or keys, shown as hex.

use crate::hex_bytes::hex_bytes;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

/// A text was not the hex form of an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {digits} hex digits")]
pub struct IdError {
    pub(crate) what: &'static str,
    pub(crate) digits: usize,
}

hex_bytes! {
    /// SHA-256 of something that has no type of its own.
    Hash, 32
}
hex_bytes! {
    /// The id of a block: SHA-256 over its domain tag and its canonical bytes.
    BlockId, 32
}
hex_bytes! {
    /// The id of an account: the id of its `register` block.
    AccountId, 32
}
hex_bytes! {
    /// The id of a deal: a hash over the taker's and the maker's order references.
    DealId, 32
}
hex_bytes! {
    /// An Ed25519 public key in its compressed form. Not checked: only the verifier judges a key.
    PublicKey, 32
}
hex_bytes! {
    /// An Ed25519 signature. Not checked: only the verifier judges a signature.
    SignatureBytes, 64
}

impl Hash {
    /// Thirty-two zero bytes: what the first link of a chain points at.
    pub const ZERO: Self = Self([0; 32]);
}

impl BlockId {
    /// Thirty-two zero bytes: the predecessor of a `register` block.
    pub const ZERO: Self = Self([0; 32]);
}

impl From<BlockId> for AccountId {
    /// An account is named after the block that registered it.
    fn from(register: BlockId) -> Self {
        Self(register.0)
    }
}

/// Names one order: the lane it was placed in, the block's sequence number there, and which operation of it.
///
/// The trader knows it before any reply, so that a cancel can follow at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshDeserialize)]
pub struct OrderRef {
    /// The signing key whose lane holds the block.
    pub key: PublicKey,
    /// The block's sequence number in that lane.
    pub seq: u64,
    /// The operation within the block, from 0.
    pub op: u8,
}

impl OrderRef {
    /// How many canonical bytes it takes.
    pub const LEN: usize = PublicKey::LEN + 9;

    /// Its canonical bytes: the key, the seq little-endian, the operation.
    #[inline]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [self.op; Self::LEN];
        let (key, rest) = bytes.split_at_mut(PublicKey::LEN);
        key.copy_from_slice(&self.key.0);
        rest.split_at_mut(8).0.copy_from_slice(&self.seq.to_le_bytes());
        bytes
    }
}

/// In one piece: an outcome names several orders in each operation.
impl BorshSerialize for OrderRef {
    #[inline]
    fn serialize<W: Write>(&self, out: &mut W) -> io::Result<()> {
        out.write_all(&self.to_bytes())
    }
}

/// `KEY:SEQ:OP`, the key as hex.
impl fmt::Display for OrderRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.key, self.seq, self.op)
    }
}

impl FromStr for OrderRef {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError { what: "an order reference (KEY:SEQ:OP, its key)", digits: 64 };
        let mut parts = text.split(':');
        let (key, seq, op) = (parts.next(), parts.next(), parts.next());
        if parts.next().is_some() {
            return Err(wrong());
        }
        Ok(Self {
            key: key.ok_or_else(wrong)?.parse()?,
            seq: seq.and_then(|seq| seq.parse().ok()).ok_or_else(wrong)?,
            op: op.and_then(|op| op.parse().ok()).ok_or_else(wrong)?,
        })
    }
}

impl Serialize for OrderRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OrderRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <String as Deserialize>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms_round_trip() {
        let order = OrderRef { key: PublicKey::new([7; 32]), seq: 9, op: 3 };
        assert_eq!(order.to_string().parse(), Ok(order));
        let id = BlockId::new([0xab; 32]);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn wrong_texts_are_refused() {
        let key = "07".repeat(32);
        for wrong in ["", &key, &format!("{key}:1"), &format!("{key}:1:2:3"), &format!("{key}:1:256")] {
            assert!(wrong.parse::<OrderRef>().is_err(), "{wrong}");
        }
        assert!("zz".repeat(32).parse::<BlockId>().is_err());
        assert!("ab".repeat(31).parse::<BlockId>().is_err());
    }
}
