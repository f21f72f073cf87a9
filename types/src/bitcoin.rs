//! Which Bitcoin networks an exchange can settle on, and how its sums are counted there.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Bitcoin is counted in thousandths of a satoshi; on the chain only whole ones move.
pub const MSAT_PER_SATOSHI: u64 = 1_000;

/// A Bitcoin network. The discriminants are part of what is signed and journalled.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum BitcoinNetwork {
    /// Real money.
    Mainnet = 0,
    /// The public test network of BIP 94.
    Testnet4 = 1,
    /// The public test network whose blocks are signed (BIP 325).
    Signet = 2,
    /// A private network whose blocks cost nothing.
    Regtest = 3,
}

/// A text names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a Bitcoin network is one of mainnet, testnet4, signet, regtest")]
pub struct NetworkError;

impl BitcoinNetwork {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 4] = [Self::Mainnet, Self::Testnet4, Self::Signet, Self::Regtest];
}

impl fmt::Display for BitcoinNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mainnet => "mainnet",
            Self::Testnet4 => "testnet4",
            Self::Signet => "signet",
            Self::Regtest => "regtest",
        })
    }
}

impl FromStr for BitcoinNetwork {
    type Err = NetworkError;
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        Self::ALL.into_iter().find(|network| network.to_string() == text).ok_or(NetworkError)
    }
}
