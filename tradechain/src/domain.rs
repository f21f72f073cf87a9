//! Domain tags: a signature or hash made for one purpose never passes for another.

use bandex_types::Hash;
use sha2::{Digest, Sha256};

/// What a hash or signature is for. Its 16-byte tag comes before the hashed or signed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// A block of a trader or the operator.
    Block,
    /// A batch block of the node.
    Batch,
    /// The outcome of a command, as a receipt shows it.
    Receipt,
    /// A login challenge.
    Login,
    /// The proof that the holder of a new key agrees to be granted or rotated in.
    Possession,
    /// The bytes of a command.
    Command,
    /// The link from one record to the next.
    Record,
    /// The name of a deal.
    Deal,
    /// The name of the issuance account.
    Issuance,
    /// What the node says of an account's standing.
    Standing,
}

impl Domain {
    /// The tag: ASCII, padded with zero bytes to 16.
    pub const fn tag(self) -> &'static [u8; 16] {
        match self {
            Self::Block => b"bandex:block:1\0\0",
            Self::Batch => b"bandex:batch:1\0\0",
            Self::Receipt => b"bandex:receipt:1",
            Self::Login => b"bandex:login:1\0\0",
            Self::Possession => b"bandex:holder:1\0",
            Self::Command => b"bandex:command:1",
            Self::Record => b"bandex:record:1\0",
            Self::Deal => b"bandex:deal:1\0\0\0",
            Self::Issuance => b"bandex:issue:1\0\0",
            Self::Standing => b"bandex:standing1",
        }
    }

    /// The tag followed by `bytes`: what is signed.
    pub fn preimage(self, bytes: &[u8]) -> Vec<u8> {
        [self.tag().as_slice(), bytes].concat()
    }

    /// SHA-256 over the tag and `bytes`.
    pub fn hash(self, bytes: &[u8]) -> Hash {
        let digest = Sha256::new().chain_update(self.tag()).chain_update(bytes).finalize();
        Hash::new(digest.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn tags_differ() {
        use Domain::*;
        let all = [Block, Batch, Receipt, Login, Possession, Command, Record, Deal, Issuance, Standing];
        let tags: BTreeSet<_> = all.iter().map(|domain| domain.tag()).collect();
        assert_eq!(tags.len(), all.len());
    }
}
