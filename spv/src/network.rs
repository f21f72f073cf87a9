//! The Bitcoin networks an exchange can settle on.

use bitcoin::consensus::Params;
use bitcoin::hashes::Hash as _;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

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
pub enum Network {
    /// Real money.
    Mainnet = 0,
    /// The public test network of BIP 94.
    Testnet4 = 1,
    /// The public test network whose blocks are signed (BIP 325). The signatures lie in the blocks, not in the headers,
    /// so a header chain cannot check them.
    Signet = 2,
    /// A private network whose blocks cost nothing.
    Regtest = 3,
}

/// A text names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a Bitcoin network is one of mainnet, testnet4, signet, regtest")]
pub struct NetworkError;

impl Network {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 4] = [Self::Mainnet, Self::Testnet4, Self::Signet, Self::Regtest];

    /// The same network in the words of the `bitcoin` crate.
    pub const fn bitcoin(self) -> bitcoin::Network {
        match self {
            Self::Mainnet => bitcoin::Network::Bitcoin,
            Self::Testnet4 => bitcoin::Network::Testnet4,
            Self::Signet => bitcoin::Network::Signet,
            Self::Regtest => bitcoin::Network::Regtest,
        }
    }

    /// The consensus parameters.
    pub const fn params(self) -> Params {
        Params::new(self.bitcoin())
    }

    /// What Bitcoin Core answers as `chain` to `getblockchaininfo`.
    pub const fn chain(self) -> &'static str {
        match self {
            Self::Mainnet => "main",
            Self::Testnet4 => "testnet4",
            Self::Signet => "signet",
            Self::Regtest => "regtest",
        }
    }

    /// The network that Bitcoin Core calls so in `getblockchaininfo`.
    pub fn of_chain(chain: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|network| network.chain() == chain)
    }

    /// The first header of the network.
    pub fn genesis_header(self) -> [u8; 80] {
        super::headers::bytes_of(&bitcoin::constants::genesis_block(self.bitcoin()).header)
    }

    /// The hash of the first header, in internal byte order.
    pub fn genesis_hash(self) -> [u8; 32] {
        bitcoin::constants::genesis_block(self.bitcoin()).block_hash().to_byte_array()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mainnet => "mainnet",
            Self::Testnet4 => "testnet4",
            Self::Signet => "signet",
            Self::Regtest => "regtest",
        })
    }
}

impl FromStr for Network {
    type Err = NetworkError;
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        Self::ALL.into_iter().find(|network| network.to_string() == text).ok_or(NetworkError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shown;

    #[test]
    fn names_discriminants_and_genesis_hashes_hold() {
        // The hashes are those of Bitcoin Core's kernel/chainparams.cpp.
        let check = |network: Network, byte: u8, name: &str, chain: &str, genesis: &str| {
            assert_eq!(borsh::to_vec(&network).unwrap(), [byte]);
            assert_eq!(borsh::from_slice::<Network>(&[byte]).unwrap(), network);
            assert_eq!(serde_json::to_string(&network).unwrap(), format!("\"{name}\""));
            assert_eq!((network.to_string().as_str(), name.parse()), (name, Ok(network)));
            assert_eq!((network.chain(), Network::of_chain(chain)), (chain, Some(network)));
            assert_eq!(shown(&network.genesis_hash()), genesis);
            assert_eq!(crate::hash_of(&network.genesis_header()), network.genesis_hash());
        };
        let main = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";
        check(Network::Mainnet, 0, "mainnet", "main", main);
        let testnet4 = "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043";
        check(Network::Testnet4, 1, "testnet4", "testnet4", testnet4);
        let signet = "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6";
        check(Network::Signet, 2, "signet", "signet", signet);
        let regtest = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206";
        check(Network::Regtest, 3, "regtest", "regtest", regtest);
        assert!(borsh::from_slice::<Network>(&[4]).is_err());
        assert!("testnet".parse::<Network>().is_err());
    }
}
