//! Login: a signature over a challenge of the node. It proves who asks and can be replayed to no other node.

use crate::key::check_signature;
use crate::{Domain, KeyError, Keypair};
use bandex_types::{Hash, PublicKey, SignatureBytes};

/// What a login signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login {
    /// The network.
    pub network: u32,
    /// The key of the node that asked.
    pub node: PublicKey,
    /// The key that logs in.
    pub key: PublicKey,
    /// The node's challenge, good for one login.
    pub nonce: Hash,
}

impl Login {
    /// The signed statement: network as u32 little-endian, node key, own key, nonce.
    pub fn statement(&self) -> Vec<u8> {
        [
            self.network.to_le_bytes().as_slice(),
            self.node.as_bytes(),
            self.key.as_bytes(),
            self.nonce.as_bytes(),
        ]
        .concat()
    }

    /// Signs the statement.
    pub fn sign(&self, keypair: &Keypair) -> SignatureBytes {
        keypair.sign(Domain::Login, &self.statement())
    }

    /// Checks a signature over the statement.
    ///
    /// # Errors
    /// The key is unfit or the signature is not its own.
    pub fn check(&self, signature: &SignatureBytes) -> Result<(), KeyError> {
        check_signature(&self.key, Domain::Login, &self.statement(), signature)
    }
}
