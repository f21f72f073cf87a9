//! What the node says of an account's standing: seeders and relays show it, check it offline, and refuse free riders.

use crate::key::check_signature;
use crate::{DecodeError, Domain, KeyError, Keypair};
use bandex_types::{AccountId, Amount, PublicKey, SignatureBytes, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};

/// How an account stands after a record.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StandingStatement {
    /// The network.
    pub network: u32,
    /// Whose standing.
    pub account: AccountId,
    /// The last record that it takes into account.
    pub seq: u64,
    /// The time of that record.
    pub time: Timestamp,
    /// The account's tokens, in bytes; below zero is credit taken.
    pub balance: i128,
    /// The balance from which on it is served, in bytes.
    pub threshold: i64,
    /// Whether it is served.
    pub served: bool,
    /// How many more tokens would get it served, in bytes; 0 if it is, or if tokens do not help.
    pub cure: Amount,
}

impl StandingStatement {
    /// The bytes that are signed, under the tag of their own.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        let written = self.serialize(&mut bytes);
        debug_assert!(written.is_ok(), "all fields are of fixed size");
        bytes
    }

    /// Reads the bytes that are signed.
    ///
    /// # Errors
    /// They are too few, too many, or no statement.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::try_from_slice(bytes).map_err(|error| DecodeError::Malformed(error.to_string()))
    }

    /// The node's signature.
    pub fn sign(&self, node: &Keypair) -> SignatureBytes {
        node.sign(Domain::Standing, &self.encode())
    }

    /// Checks a node's signature.
    ///
    /// # Errors
    /// The key is unfit, or the signature is not that key's under these bytes.
    pub fn check(&self, node: &PublicKey, signature: &SignatureBytes) -> Result<(), KeyError> {
        check_signature(node, Domain::Standing, &self.encode(), signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_the_nodes_word_for_word() {
        let node = Keypair::from_seed(&[7; 32]);
        let said = StandingStatement {
            network: 1,
            account: AccountId::new([9; 32]),
            seq: 3,
            time: Timestamp::from_micros(1_777_689_383_201_000),
            balance: -5,
            threshold: 0,
            served: false,
            cure: Amount::new(5),
        };
        let signature = said.sign(&node);
        assert_eq!(said.check(&node.public(), &signature), Ok(()));
        let bytes = said.encode();
        assert_eq!(StandingStatement::decode(&bytes), Ok(said.clone()));
        assert!(StandingStatement::decode(&[&bytes[..], &[0]].concat()).is_err());
        assert!(StandingStatement::decode(&bytes[1..]).is_err());
        assert!(said.check(&Keypair::from_seed(&[8; 32]).public(), &signature).is_err());
        let other = StandingStatement { served: true, ..said };
        assert!(other.check(&node.public(), &signature).is_err());
    }
}
