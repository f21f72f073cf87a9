//! What the files hold. Bytes are lower-case hex; 64-bit counts are decimal text where JSON would lose digits.

use bandex_tradechain::{Block, Keypair, Leaf};
use bandex_types::{
    AccountId, Amount, BlockId, DealId, Hash, OrderRef, PublicKey, SignatureBytes, Timestamp,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One file.
#[derive(Serialize, Deserialize)]
pub struct File<T> {
    /// What it is about, for who opens it.
    pub about: String,
    /// The vectors.
    pub cases: Vec<T>,
}

/// Bytes as hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hex(pub Vec<u8>);

/// A block and its signature.
#[derive(Serialize, Deserialize)]
pub struct BlockCase {
    pub name: String,
    pub fields: Block,
    pub payload: Hex,
    pub id: BlockId,
    pub secret_seed: Hash,
    pub signature: SignatureBytes,
}

/// A block that the verifier must refuse, and with which code.
#[derive(Clone, Serialize, Deserialize)]
pub struct RefusedCase {
    pub name: String,
    pub network: u32,
    pub payload: Hex,
    pub signature: SignatureBytes,
    pub code: String,
}

/// A domain tag.
#[derive(Serialize, Deserialize)]
pub struct DomainCase {
    pub name: String,
    pub text: String,
    pub tag: Hex,
    /// SHA-256 over the tag alone.
    pub hash_of_nothing: Hash,
}

/// The work in an id.
#[derive(Serialize, Deserialize)]
pub struct WorkCase {
    pub id: BlockId,
    pub leading_zero_bits: u32,
}

/// The id of a deal.
#[derive(Serialize, Deserialize)]
pub struct DealCase {
    pub taker: OrderRef,
    pub maker: OrderRef,
    pub hashed: Hex,
    pub id: DealId,
}

/// A statement signed for a purpose of its own: a login, or the possession of a new key.
#[derive(Serialize, Deserialize)]
pub struct StatementCase {
    pub network: u32,
    /// Of a login the node's key, of a possession the root key that admits.
    pub by: PublicKey,
    /// The key that signs.
    pub key: PublicKey,
    /// Of a login the challenge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Hash>,
    pub statement: Hex,
    pub secret_seed: Hash,
    pub signature: SignatureBytes,
}

/// The first record's command.
#[derive(Serialize, Deserialize)]
pub struct GenesisCase {
    pub network: u32,
    pub node: PublicKey,
    pub operator: PublicKey,
    pub issuance: AccountId,
    pub issuance_cap: Amount,
    pub command: Hex,
    pub id: BlockId,
}

/// A command as the journal keeps it.
#[derive(Serialize, Deserialize)]
pub struct CommandCase {
    pub name: String,
    pub number: u8,
    /// Payload and signature of the blocks within.
    pub blocks: Vec<(Hex, SignatureBytes)>,
    pub bytes: Hex,
    pub hash: Hash,
}

/// A record, its leaf and their hashes.
#[derive(Serialize, Deserialize)]
pub struct RecordCase {
    pub seq: u64,
    pub time: Timestamp,
    pub rules: u32,
    pub command: Hex,
    pub outcome: Hex,
    pub outcome_digest: Hash,
    pub previous: Hash,
    pub command_hash: Hash,
    pub leaf: Hex,
    pub leaf_hash: Hash,
    pub record_hash: Hash,
    pub bytes: Hex,
}

/// A tree and all its paths.
#[derive(Serialize, Deserialize)]
pub struct MerkleCase {
    pub leaf_hashes: Vec<Hash>,
    pub root: Hash,
    pub paths: Vec<Vec<Hash>>,
}

/// A receipt for a block, good or not.
#[derive(Serialize, Deserialize)]
pub struct ReceiptCase {
    pub name: String,
    pub network: u32,
    pub node: PublicKey,
    pub block_payload: Hex,
    pub block_signature: SignatureBytes,
    pub batch_payload: Hex,
    pub batch_signature: SignatureBytes,
    pub leaf: Leaf,
    pub path: Vec<Hash>,
    pub outcome: Hex,
    /// The receipt by borsh.
    pub bytes: Hex,
    /// Why it proves nothing; none if it is good.
    pub code: Option<String>,
}

/// Two blocks that prove a fork.
#[derive(Serialize, Deserialize)]
pub struct ForkCase {
    pub network: u32,
    pub key: PublicKey,
    pub seq: u64,
    pub first: (Hex, SignatureBytes),
    pub second: (Hex, SignatureBytes),
}

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as Deserialize>::deserialize(deserializer)?;
        hex::decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// Where a file lies.
pub fn path(name: &str) -> PathBuf {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors"));
    root.join(format!("{name}.json"))
}

/// Reads a file.
pub fn cases<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let text = std::fs::read_to_string(path(name)).expect("the vector file exists");
    let file: File<T> = serde_json::from_str(&text).expect("the vector file has its form");
    assert!(!file.cases.is_empty(), "{name}.json holds no case");
    file.cases
}

/// The key pair of a seed in a file.
pub fn keypair(secret_seed: &Hash) -> Keypair {
    Keypair::from_seed(secret_seed.as_bytes())
}
