//! Commands: all that can enter the engine. `apply` reads nothing else, so replay depends on nothing else.

use crate::body::HEADER_BYTES;
use crate::{Block, DecodeError, Domain, ForkProof, SignedBlock, Verified};
use bandex_types::{AccountId, Amount, BlockId, Hash, PublicKey, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};

/// The first record of every journal: the root of trust an audit is given.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Genesis {
    /// The network that all blocks must name.
    pub network: u32,
    /// The key that signs batches.
    pub node: PublicKey,
    /// The key whose lane holds `configure` blocks.
    pub operator: PublicKey,
    /// The account whose negative balance is the supply.
    pub issuance: AccountId,
    /// How far below zero that account may go, in bytes.
    pub issuance_cap: Amount,
}

impl Genesis {
    /// A genesis with the issuance account's id derived from network and operator.
    pub fn new(network: u32, node: PublicKey, operator: PublicKey, issuance_cap: Amount) -> Self {
        let seed = [network.to_le_bytes().as_slice(), operator.as_bytes()].concat();
        let issuance = AccountId::new(*Domain::Issuance.hash(&seed).as_bytes());
        Self { network, node, operator, issuance, issuance_cap }
    }

    /// What the first blocks of the operator's and the node's lanes point at.
    pub fn id(&self) -> BlockId {
        BlockId::new(*Domain::Command.hash(&Command::Genesis(self.clone()).encode()).as_bytes())
    }
}

/// One input of the engine.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Command {
    /// Record 1, and only record 1.
    Genesis(Genesis) = 0,
    /// A block of a trader or the operator.
    Block(SignedBlock) = 1,
    /// Proof that a key signed two blocks for one seq.
    Fork(ForkProof) = 2,
    /// Nothing but the passing of time.
    Tick = 3,
    /// From the next record on another version of the rules applies.
    Upgrade {
        /// That version.
        rules: u32,
    } = 4,
    /// The scores of all accounts, as anybody computes them from the trust graph at the end of an epoch.
    Scores(Scores) = 5,
    /// What a Bitcoin node knows of the chain.
    Headers(Headers) = 6,
    /// Proof that a transaction is in a block of the chain.
    Payment(Payment) = 7,
    /// A key whose guard asks for it has no connection to the node any more.
    Disconnected(Disconnected) = 8,
}

/// Scores of an epoch.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Scores {
    /// The epoch whose end they are of.
    pub epoch: u64,
    /// The key that the walks were drawn with: a hash over the graph and all else that the scores depend on.
    pub checkpoint: Hash,
    /// Account (by its place in the order of registration) and score in parts per billion; in ascending order, those
    /// above 0.
    pub scores: Vec<(u32, u32)>,
}

/// Block headers, and what fees are like.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Headers {
    /// Each builds upon the one before, the first upon one that is known; at most [`MAX_HEADERS`].
    pub headers: Vec<[u8; HEADER_BYTES]>,
    /// What the node estimates that a transaction costs, in satoshi for 1,000 virtual bytes, if that is told. It cannot be
    /// proven; what hangs on it is how small payments may be.
    pub fee_rate: Option<u64>,
}

/// A transaction with the proof that it is in a block, as Bitcoin nodes give it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Payment {
    /// The block's header and a Merkle branch, in the bytes that a Bitcoin node's `gettxoutproof` answers with.
    pub proof: Vec<u8>,
    /// The transaction, without its witnesses.
    pub transaction: Vec<u8>,
}

/// The node's word that the last connection of a key has ended. It cannot be proven; that is why only a key that signed a
/// `guard` block asking for it loses orders by it, and none before its grace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Disconnected {
    /// The key.
    pub key: PublicKey,
    /// When its last connection ended, or the node began.
    pub since: Timestamp,
}

/// The most headers in one command.
pub const MAX_HEADERS: usize = 2_000;

impl Command {
    /// The command's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        let written = self.serialize(&mut bytes);
        debug_assert!(written.is_ok(), "payloads are far below the u32::MAX that a Vec can take");
        bytes
    }
}

/// A command with its block already read, so that the writer reads no bytes.
///
/// Signatures are the verifier's and the audit's business: replay trusts the journal's hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    command: Command,
    block: Option<(Block, BlockId)>,
}

impl Decoded {
    /// Reads a command's bytes from the journal.
    ///
    /// # Errors
    /// They are no command, or the block within is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let command =
            Command::try_from_slice(bytes).map_err(|error| DecodeError::Malformed(error.to_string()))?;
        Self::new(command)
    }

    /// Reads the block of a command.
    ///
    /// # Errors
    /// The block within is none.
    pub fn new(command: Command) -> Result<Self, DecodeError> {
        let block = match &command {
            Command::Block(signed) => Some((Block::decode(&signed.payload)?, signed.id())),
            _ => None,
        };
        Ok(Self { command, block })
    }

    /// The command.
    pub const fn command(&self) -> &Command {
        &self.command
    }

    /// Its block and the block's id, if it is one.
    pub const fn block(&self) -> Option<&(Block, BlockId)> {
        self.block.as_ref()
    }
}

impl From<Verified> for Decoded {
    fn from(verified: Verified) -> Self {
        let (signed, block, id) = verified.into_parts();
        Self { command: Command::Block(signed), block: Some((block, id)) }
    }
}
