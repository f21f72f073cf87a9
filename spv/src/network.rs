//! The Bitcoin networks an exchange can settle on, and what their headers follow.

pub use bandex_types::{BitcoinNetwork as Network, NetworkError};

use bitcoin::consensus::Params;
use bitcoin::hashes::Hash as _;

/// What the headers of a network begin with and follow.
///
/// The signatures of signet's blocks lie in the blocks, not in the headers, so a header chain cannot check them.
pub trait NetworkRules: Sized {
    /// The same network in the words of the `bitcoin` crate.
    fn bitcoin(self) -> bitcoin::Network;

    /// The consensus parameters.
    fn params(self) -> Params;

    /// What Bitcoin Core answers as `chain` to `getblockchaininfo`.
    fn chain(self) -> &'static str;

    /// The network that Bitcoin Core calls so in `getblockchaininfo`.
    fn of_chain(chain: &str) -> Option<Self>;

    /// The first header of the network.
    fn genesis_header(self) -> [u8; 80];

    /// The hash of the first header, in internal byte order.
    fn genesis_hash(self) -> [u8; 32];
}

impl NetworkRules for Network {
    fn bitcoin(self) -> bitcoin::Network {
        match self {
            Self::Mainnet => bitcoin::Network::Bitcoin,
            Self::Testnet4 => bitcoin::Network::Testnet4,
            Self::Signet => bitcoin::Network::Signet,
            Self::Regtest => bitcoin::Network::Regtest,
        }
    }

    fn params(self) -> Params {
        Params::new(self.bitcoin())
    }

    fn chain(self) -> &'static str {
        match self {
            Self::Mainnet => "main",
            Self::Testnet4 => "testnet4",
            Self::Signet => "signet",
            Self::Regtest => "regtest",
        }
    }

    fn of_chain(chain: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|network| network.chain() == chain)
    }

    fn genesis_header(self) -> [u8; 80] {
        super::headers::bytes_of(&bitcoin::constants::genesis_block(self.bitcoin()).header)
    }

    fn genesis_hash(self) -> [u8; 32] {
        bitcoin::constants::genesis_block(self.bitcoin()).block_hash().to_byte_array()
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
