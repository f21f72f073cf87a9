//! Lanes with test keys: who signs during a replay.

use bandex_tradechain::body::{Register, leading_zero_bits};
use bandex_tradechain::{Block, Body, Genesis, Head, Keypair, SignedBlock};
use bandex_types::{AccountId, Amount, BlockId, PublicKey, Timestamp};

/// The network of throw-away exchanges.
pub const TEST_NETWORK: u32 = 0x7e57;

/// A key from a fixed seed, the same in every replay. Anybody can sign with it: it is for throw-away exchanges only.
pub fn test_key(role: &str, number: u32) -> Keypair {
    let mut seed = [0; 32];
    let name = format!("{number:010} bandex test {role}");
    for (byte, letter) in seed.iter_mut().zip(name.bytes()) {
        *byte = letter;
    }
    Keypair::from_seed(&seed)
}

/// The genesis of a throw-away exchange; it may issue all that the numbers hold.
pub fn test_genesis() -> Genesis {
    let (node, operator) = (test_key("node", 0), test_key("operator", 0));
    Genesis::new(TEST_NETWORK, node.public(), operator.public(), Amount::MAX)
}

/// One key's lane, as its owner knows it.
#[derive(Debug)]
pub struct Lane {
    keypair: Keypair,
    network: u32,
    head: Head,
}

impl Lane {
    /// A lane that ends at `head`.
    pub const fn new(keypair: Keypair, network: u32, head: Head) -> Self {
        Self { keypair, network, head }
    }

    /// The operator's lane before its first block.
    pub fn operator(keypair: Keypair, genesis: &Genesis) -> Self {
        Self::new(keypair, genesis.network, Head { seq: 0, id: genesis.id() })
    }

    /// Signs an account's `register` block, with `bits` of work in it, and opens the lane behind it.
    pub fn register(
        keypair: Keypair,
        genesis: &Genesis,
        bits: u8,
        time: Timestamp,
    ) -> (Self, AccountId, SignedBlock) {
        let mut nonce = 0;
        let block = loop {
            let block = Block {
                network: genesis.network,
                author: keypair.public(),
                seq: 1,
                previous: BlockId::ZERO,
                time,
                expiry: None,
                body: Register { home: genesis.node, nonce }.into(),
            };
            if leading_zero_bits(&block.id()) >= u32::from(bits) {
                break block;
            }
            nonce += 1;
        };
        let (id, signed) = (block.id(), block.sign(&keypair));
        (Self::new(keypair, genesis.network, Head { seq: 1, id }), AccountId::from(id), signed)
    }

    /// The signing key.
    pub fn key(&self) -> PublicKey {
        self.keypair.public()
    }

    /// The seq that the next block will have.
    pub const fn next_seq(&self) -> u64 {
        self.head.seq + 1
    }

    /// Signs the next block of the lane.
    pub fn sign(&mut self, time: Timestamp, body: impl Into<Body>) -> SignedBlock {
        let block = Block {
            network: self.network,
            author: self.key(),
            seq: self.next_seq(),
            previous: self.head.id,
            time,
            expiry: None,
            body: body.into(),
        };
        let signed = block.sign(&self.keypair);
        self.head = Head { seq: block.seq, id: signed.id() };
        signed
    }
}
