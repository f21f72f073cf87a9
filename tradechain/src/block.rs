//! The block: header, body kinds and canonical bytes.

use crate::body::{
    Acknowledge, Bandwidth, Batch, Bond, Certify, Claim, Configure, Cure, Decertify, Fee, Grant, Guard, Heal,
    Orders, Pay, Prefer, Receive, Register, Resolve, Revoke, Rotate, Transfer, Unbond, WriteOff,
};
use crate::{Domain, Keypair};
use bandex_types::{BlockId, PublicKey, SignatureBytes, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// The version of the block's bytes.
pub const PROTOCOL_VERSION: u8 = 1;
/// The largest payload that is read at all.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

/// One step of one lane, as its author means it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Which network it is for; a block of another network means nothing here.
    pub network: u32,
    /// The signing key, whose lane this is.
    pub author: PublicKey,
    /// Position in the lane, from 1 without gaps.
    pub seq: u64,
    /// The block before it; of a lane's first block the block that made the key; of a `register` zero.
    pub previous: BlockId,
    /// When the author made it, by the author's clock.
    pub time: Timestamp,
    /// After this moment of sequenced time the block is refused (it still consumes its seq).
    pub expiry: Option<Timestamp>,
    /// What it says.
    pub body: Body,
}

/// A block's exact bytes and the author's signature over them.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedBlock {
    /// The canonical bytes that were signed.
    pub payload: Vec<u8>,
    /// The author's signature over the domain tag and the payload.
    pub signature: SignatureBytes,
}

/// Why bytes are not a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Larger than anything that is read.
    #[error("the payload has {0} bytes; at most {MAX_PAYLOAD_BYTES} are read")]
    TooLarge(usize),
    /// Of another version of the protocol.
    #[error("the payload has version {0}; this node speaks version {PROTOCOL_VERSION}")]
    Version(u8),
    /// A body kind this version does not have.
    #[error("body kind {0} is unknown")]
    UnknownKind(u16),
    /// Truncated, overlong or otherwise not the bytes of its kind.
    #[error("the payload is malformed: {0}")]
    Malformed(String),
    /// The same block has other, canonical bytes.
    #[error("the payload is not canonical: encoding it again gives other bytes")]
    NotCanonical,
}

impl DecodeError {
    /// The stable code that programs test for.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "too_large",
            Self::Version(_) => "wrong_version",
            Self::UnknownKind(_) => "unknown_kind",
            Self::Malformed(_) => "malformed",
            Self::NotCanonical => "not_canonical",
        }
    }

    /// Every code with what it means, for documents.
    pub const CODES: &'static [(&'static str, &'static str)] = &[
        ("too_large", "the payload has more than 65536 bytes"),
        ("wrong_version", "the payload's first byte is not the version that this node speaks"),
        ("unknown_kind", "this version has no body kind of that number"),
        ("malformed", "the payload is truncated, trailed by more bytes, or not the bytes of its kind"),
        ("not_canonical", "encoding the payload again gives other bytes"),
    ];

    /// Every code with what to do about it, in the same order.
    pub const CURES: &'static [(&'static str, &'static str)] = &[
        ("too_large", "sign fewer operations at a time"),
        ("wrong_version", "the first byte is 1"),
        ("unknown_kind", "take a kind that docs/tradechain.md lists"),
        ("malformed", "compare the bytes with `tests/vectors/`; payload and signature are hex on the wire"),
        ("not_canonical", "compare the bytes with `tests/vectors/`"),
    ];
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)+) => {
        /// The kind of a body: an explicit number in the bytes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Kind {
            $($(#[$doc])* $name = $number,)+
        }

        impl Kind {
            /// Every kind, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The number in the bytes.
            pub const fn number(self) -> u16 {
                self as u16
            }

            /// The name in JSON and documents.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }

        /// What a block says; one variant a kind.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum Body {
            $($(#[$doc])* $name($name),)+
        }

        impl Body {
            /// Its kind.
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$name(_) => Kind::$name,)+ }
            }

            fn encode_into(&self, bytes: &mut Vec<u8>) -> borsh::io::Result<()> {
                match self { $(Self::$name(body) => BorshSerialize::serialize(body, bytes),)+ }
            }

            fn decode(kind: u16, bytes: &mut &[u8]) -> Result<Self, DecodeError> {
                match kind {
                    $($number => <$name as BorshDeserialize>::deserialize(bytes).map(Self::$name).map_err(malformed),)+
                    other => Err(DecodeError::UnknownKind(other)),
                }
            }
        }

        $(impl From<$name> for Body {
            fn from(body: $name) -> Self {
                Self::$name(body)
            }
        })+
    };
}

kinds! {
    /// Makes an account.
    Register = 1, "register";
    /// Replaces the root key.
    Rotate = 2, "rotate";
    /// Admits a session key.
    Grant = 3, "grant";
    /// Ends a session key.
    Revoke = 4, "revoke";
    /// One to a hundred operations on orders.
    Orders = 5, "orders";
    /// Pays one tranche of a deal.
    Pay = 6, "pay";
    /// Countersigns a proposal.
    Acknowledge = 7, "acknowledge";
    /// Moves tokens.
    Transfer = 8, "transfer";
    /// Proposes the record of bandwidth given and taken.
    Bandwidth = 9, "bandwidth";
    /// Posts tokens as a bond.
    Bond = 10, "bond";
    /// Asks for a bond back.
    Unbond = 11, "unbond";
    /// Thaws an account after a fork by a session key.
    Heal = 12, "heal";
    /// The node's signature under a batch of records.
    Batch = 13, "batch";
    /// Decisions of the operator.
    Configure = 14, "configure";
    /// Pays tokens into the issuance account.
    Fee = 15, "fee";
    /// Asks for the first grant of tokens.
    Claim = 16, "claim";
    /// A registrar vouches for an account.
    Certify = 17, "certify";
    /// A registrar takes its certificate back.
    Decertify = 18, "decertify";
    /// Whom the account trades with, and how far it trusts them.
    Prefer = 19, "prefer";
    /// Proposes how a deal that went wrong ends.
    Resolve = 20, "resolve";
    /// Gives up what the counterparty owes.
    WriteOff = 21, "write_off";
    /// Pays what is owed after a default.
    Cure = 22, "cure";
    /// Names where a deal's payments on the Bitcoin chain go.
    Receive = 23, "receive";
    /// What becomes of the key's orders when its program falls silent.
    Guard = 24, "guard";
}

fn malformed(error: borsh::io::Error) -> DecodeError {
    DecodeError::Malformed(error.to_string())
}

impl Block {
    /// The canonical bytes: header fields in order, the kind as u16, then the body, all by borsh.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(160);
        let header = (PROTOCOL_VERSION, self.network, self.author, self.seq, self.previous);
        let rest = (self.time, self.expiry, self.body.kind().number());
        // Writing to a Vec fails only for collections past u32::MAX entries, which no body can hold.
        let written = BorshSerialize::serialize(&header, &mut bytes)
            .and_then(|()| BorshSerialize::serialize(&rest, &mut bytes))
            .and_then(|()| self.body.encode_into(&mut bytes));
        debug_assert!(written.is_ok());
        bytes
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// The bytes are too many, of another version or kind, malformed, trailed by more, or not canonical.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(DecodeError::TooLarge(payload.len()));
        }
        let mut rest = payload;
        let version = <u8 as BorshDeserialize>::deserialize(&mut rest).map_err(malformed)?;
        if version != PROTOCOL_VERSION {
            return Err(DecodeError::Version(version));
        }
        type Header = (u32, PublicKey, u64, BlockId, Timestamp, Option<Timestamp>, u16);
        let (network, author, seq, previous, time, expiry, kind) =
            <Header as BorshDeserialize>::deserialize(&mut rest).map_err(malformed)?;
        let body = Body::decode(kind, &mut rest)?;
        if !rest.is_empty() {
            return Err(DecodeError::Malformed(format!("{} trailing bytes", rest.len())));
        }
        let block = Self { network, author, seq, previous, time, expiry, body };
        if block.encode() == payload { Ok(block) } else { Err(DecodeError::NotCanonical) }
    }

    /// The domain its id and signature belong to: batches have one of their own.
    pub const fn domain(&self) -> Domain {
        match self.body {
            Body::Batch(_) => Domain::Batch,
            _ => Domain::Block,
        }
    }

    /// The block's id.
    pub fn id(&self) -> BlockId {
        SignedBlock::id_of(self.domain(), &self.encode())
    }

    /// Encodes and signs; `author` must be the signer's key for the result to verify.
    pub fn sign(&self, keypair: &Keypair) -> SignedBlock {
        let payload = self.encode();
        let signature = keypair.sign(self.domain(), &payload);
        SignedBlock { payload, signature }
    }
}

impl SignedBlock {
    fn id_of(domain: Domain, payload: &[u8]) -> BlockId {
        BlockId::new(*domain.hash(payload).as_bytes())
    }

    /// The id of a trader's or operator's block, whether or not the payload can be read.
    pub fn id(&self) -> BlockId {
        Self::id_of(Domain::Block, &self.payload)
    }

    /// The id of a batch block.
    pub fn batch_id(&self) -> BlockId {
        Self::id_of(Domain::Batch, &self.payload)
    }

    /// The author's key, bytes 5 to 37 of the payload: readable before anything is parsed.
    pub fn author(&self) -> Option<PublicKey> {
        let bytes: [u8; 32] = self.payload.get(5..37)?.try_into().ok()?;
        Some(PublicKey::new(bytes))
    }
}
