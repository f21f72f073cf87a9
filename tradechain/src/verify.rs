//! The stateless judge: size, signature, canonical bytes, plausible times. Everything that costs CPU and needs no
//! state happens here, in parallel, before a block may wait for the writer.

use crate::key::{check_fit, check_signature};
use crate::{Block, Body, DecodeError, Domain, KeyError, MAX_PAYLOAD_BYTES, SignedBlock};
use bandex_types::{BlockId, PublicKey, TimestampError};

/// A block whose signature, bytes, keys and times were judged good. Only [`verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    signed: SignedBlock,
    block: Block,
    id: BlockId,
}

/// Why a block is refused before it is sequenced. None of these is ever journalled, and none consumes a seq.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Not readable as a block.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The author's key or the signature.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Signed for another network.
    #[error("the block is for network {given}; this is network {here}")]
    Network {
        /// The network in the block.
        given: u32,
        /// The network of this node.
        here: u32,
    },
    /// `time` is in another unit.
    #[error("time: {0}; give microseconds since 1970")]
    Time(TimestampError),
    /// An expiry is in another unit.
    #[error("expiry: {0}; give microseconds since 1970")]
    Expiry(TimestampError),
    /// The body breaks a rule that needs no state.
    #[error("{0}")]
    Body(&'static str),
    /// A key that the body names is unfit, or its holder did not sign.
    #[error("the new key: {0}")]
    NewKey(KeyError),
    /// A kind that traders do not send.
    #[error("batch blocks are made by the node only")]
    NodeOnly,
}

impl VerifyError {
    /// The stable code that programs test for.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Decode(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Network { .. } => "wrong_network",
            Self::Time(_) => "time_unit",
            Self::Expiry(_) => "expiry_unit",
            Self::Body(_) => "bad_body",
            Self::NewKey(KeyError::NotCanonical) => "new_key_not_canonical",
            Self::NewKey(KeyError::Weak) => "new_key_weak",
            Self::NewKey(KeyError::BadSignature) => "new_key_bad_signature",
            Self::NodeOnly => "node_only",
        }
    }

    /// Every code beyond [`DecodeError::CODES`] with what it means, for documents.
    pub const CODES: &'static [(&'static str, &'static str)] = &[
        ("key_not_canonical", "the author's key is no point of the curve, or a second spelling of one"),
        ("weak_key", "the author's key is a point of small order"),
        ("bad_signature", "the signature does not match the payload, the author's key and the purpose"),
        ("wrong_network", "the block was signed for another network"),
        ("time_unit", "the block's time is not in microseconds between the years 2020 and 2200"),
        ("expiry_unit", "an expiry or date is not in microseconds between the years 2020 and 2200"),
        ("bad_body", "the block breaks a rule of its kind that needs no state; the message names it"),
        (
            "new_key_not_canonical",
            "the key to be admitted is no point of the curve, or a second spelling of one",
        ),
        ("new_key_weak", "the key to be admitted is a point of small order"),
        (
            "new_key_bad_signature",
            "the holder of the key to be admitted did not sign the possession statement",
        ),
        ("node_only", "batch blocks are made by the node only"),
    ];

    /// Every code beyond [`DecodeError::CURES`] with what to do about it, in the same order.
    pub const CURES: &'static [(&'static str, &'static str)] = &[
        ("key_not_canonical", "make a new key"),
        ("weak_key", "make a new key"),
        ("bad_signature", "sign tag and payload themselves, not their hash, with the author's key"),
        ("wrong_network", "take the network of `GET /v1/status`"),
        ("time_unit", "give microseconds, not seconds, milliseconds or nanoseconds"),
        ("expiry_unit", "give microseconds, not seconds, milliseconds or nanoseconds"),
        ("bad_body", "mend what `detail` names"),
        ("new_key_not_canonical", "make a new key to grant or rotate to"),
        ("new_key_weak", "make a new key to grant or rotate to"),
        ("new_key_bad_signature", "have the new key sign the possession statement for this account"),
        ("node_only", "none: leave it to the node"),
    ];
}

impl Verified {
    /// The exact bytes and signature.
    pub const fn signed(&self) -> &SignedBlock {
        &self.signed
    }

    /// What they say.
    pub const fn block(&self) -> &Block {
        &self.block
    }

    /// The block's id.
    pub const fn id(&self) -> BlockId {
        self.id
    }

    /// Takes it apart.
    pub fn into_parts(self) -> (SignedBlock, Block, BlockId) {
        (self.signed, self.block, self.id)
    }
}

/// Judges a trader's or the operator's block for `network`. The signature is checked before the payload is parsed.
///
/// # Errors
/// The first thing that is wrong, cheapest check first.
pub fn verify(signed: SignedBlock, network: u32) -> Result<Verified, VerifyError> {
    check_size(&signed.payload)?;
    let author = signed.author().ok_or_else(|| DecodeError::Malformed("shorter than a header".to_owned()))?;
    check_signature(&author, Domain::Block, &signed.payload, &signed.signature)?;
    let block = Block::decode(&signed.payload)?;
    check_header(&block, network)?;
    check_body(&block)?;
    let id = signed.id();
    Ok(Verified { signed, block, id })
}

/// Judges a block that is not signed yet, by all that [`verify`] asks but the signature.
///
/// # Errors
/// The first thing that is wrong, cheapest check first.
pub fn check_unsigned(block: &Block, network: u32) -> Result<(), VerifyError> {
    check_fit(&block.author)?;
    check_header(block, network)?;
    check_body(block)?;
    let bytes = block.encode();
    check_size(&bytes)?;
    // What decodes to something else, or to nothing, would be refused for its bytes.
    Block::decode(&bytes).map(drop)?;
    Ok(())
}

/// Judges a batch block of the node `node_key`.
///
/// # Errors
/// The signature is not that key's, or the payload is not a sound batch of `network`.
pub fn verify_batch(signed: &SignedBlock, node_key: &PublicKey, network: u32) -> Result<Block, VerifyError> {
    check_size(&signed.payload)?;
    check_signature(node_key, Domain::Batch, &signed.payload, &signed.signature)?;
    let block = Block::decode(&signed.payload)?;
    if block.network != network {
        return Err(VerifyError::Network { given: block.network, here: network });
    }
    if block.author != *node_key {
        return Err(VerifyError::Key(KeyError::BadSignature));
    }
    match &block.body {
        Body::Batch(batch) => batch.check().map_err(VerifyError::Body)?,
        _ => return Err(VerifyError::Body("not a batch block")),
    }
    Ok(block)
}

/// Hashing costs CPU by the byte, so the size comes before the signature.
fn check_size(payload: &[u8]) -> Result<(), DecodeError> {
    if payload.len() > MAX_PAYLOAD_BYTES { Err(DecodeError::TooLarge(payload.len())) } else { Ok(()) }
}

fn check_header(block: &Block, network: u32) -> Result<(), VerifyError> {
    if block.network != network {
        return Err(VerifyError::Network { given: block.network, here: network });
    }
    if block.seq == 0 {
        return Err(VerifyError::Body("a lane counts from seq 1"));
    }
    block.time.plausible().map_err(VerifyError::Time)?;
    block.expiry.map_or(Ok(block.time), |expiry| expiry.plausible()).map_err(VerifyError::Expiry)?;
    Ok(())
}

fn check_body(block: &Block) -> Result<(), VerifyError> {
    match &block.body {
        Body::Register(_) if block.seq != 1 || block.previous != BlockId::ZERO => {
            Err(VerifyError::Body("register opens a lane: its seq is 1 and its previous is zero"))
        }
        Body::Rotate(rotate) => check_new_key(block, &rotate.key, &rotate.possession),
        Body::Grant(grant) => {
            grant.expires.map_or(Ok(block.time), |time| time.plausible()).map_err(VerifyError::Expiry)?;
            grant.check().map_err(VerifyError::Body)?;
            check_new_key(block, &grant.key, &grant.possession)
        }
        Body::Orders(orders) => {
            orders.check().map_err(VerifyError::Body)?;
            orders.check_times().map_err(VerifyError::Expiry)
        }
        Body::Pay(pay) => pay.check().map_err(VerifyError::Body),
        Body::Cure(cure) => cure.check().map_err(VerifyError::Body),
        Body::Receive(receive) => receive.check().map_err(VerifyError::Body),
        Body::Guard(guard) => guard.check().map_err(VerifyError::Body),
        Body::Fee(fee) => fee.check().map_err(VerifyError::Body),
        Body::Certify(certify) => certify
            .expires
            .map_or(Ok(block.time), |time| time.plausible())
            .map_err(VerifyError::Expiry)
            .map(drop),
        Body::Transfer(transfer) => transfer.check().map_err(VerifyError::Body),
        Body::Bandwidth(bandwidth) => bandwidth.check().map_err(VerifyError::Body),
        Body::Configure(configure) => configure.check().map_err(VerifyError::Body),
        Body::Batch(_) => Err(VerifyError::NodeOnly),
        _ => Ok(()),
    }
}

fn check_new_key(
    block: &Block,
    key: &PublicKey,
    possession: &bandex_types::SignatureBytes,
) -> Result<(), VerifyError> {
    let statement = crate::body::possession_statement(block.network, &block.author, key);
    check_signature(key, Domain::Possession, &statement, possession).map_err(VerifyError::NewKey)
}
