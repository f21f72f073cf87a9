//! The border between the wire's texts and the TradeChain's values.

use bandex_tradechain as chain;
use bandex_tradechain::{ReceiptError, SignedBlock};
use bandex_types::{BlockId, Hash, PublicKey, SignatureBytes, Timestamp};
use std::str::FromStr;

/// A text of the wire is not what its field should hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct WireError {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it.
    pub why: String,
}

/// Why a reply with its receipt proves nothing about a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A field cannot be read.
    #[error("the reply: {0}")]
    Wire(#[from] WireError),
    /// The reply names another block.
    #[error("the reply is about block {0}")]
    OtherBlock(BlockId),
    /// The receipt is not sound.
    #[error("the receipt: {0}")]
    Receipt(#[from] ReceiptError),
    /// The reply says another place or time than its receipt proves.
    #[error("the reply and its receipt name different places in the journal")]
    OtherPlace,
}

/// Reads a text.
///
/// # Errors
/// It is not the form of a `T`; the error names `field`.
pub fn parse<T: FromStr>(field: &'static str, text: &str) -> Result<T, WireError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| WireError { field, why: error.to_string() })
}

pub(crate) fn bytes(field: &'static str, text: &str) -> Result<Vec<u8>, WireError> {
    hex::decode(text).map_err(|error| WireError { field, why: error.to_string() })
}

/// A signed block as the wire has it.
pub fn signed_to_wire(signed: &SignedBlock) -> bandex_api::SignedBlock {
    bandex_api::SignedBlock { payload: hex::encode(&signed.payload), signature: signed.signature.to_string() }
}

/// A signed block from the wire; nothing is verified.
///
/// # Errors
/// A text is not hex, or the signature has not 64 bytes.
pub fn signed_from_wire(signed: &bandex_api::SignedBlock) -> Result<SignedBlock, WireError> {
    let signature: SignatureBytes = parse("signature", &signed.signature)?;
    Ok(SignedBlock { payload: bytes("payload", &signed.payload)?, signature })
}

/// A receipt as the wire has it.
pub fn receipt_to_wire(receipt: &chain::Receipt) -> bandex_api::Receipt {
    let leaf = &receipt.leaf;
    bandex_api::Receipt {
        batch: signed_to_wire(&receipt.batch),
        leaf: bandex_api::Leaf {
            seq: leaf.seq,
            time_us: leaf.time.as_micros(),
            rules: leaf.rules,
            command_hash: leaf.command_hash.to_string(),
            outcome_digest: leaf.outcome_digest.to_string(),
        },
        path: receipt.path.iter().map(Hash::to_string).collect(),
        outcome: hex::encode(&receipt.outcome),
    }
}

/// A receipt from the wire; [`chain::Receipt::check`] judges it.
///
/// # Errors
/// A text is not the hex form of its field.
pub fn receipt_from_wire(receipt: &bandex_api::Receipt) -> Result<chain::Receipt, WireError> {
    let leaf = &receipt.leaf;
    Ok(chain::Receipt {
        batch: signed_from_wire(&receipt.batch)?,
        leaf: chain::Leaf {
            seq: leaf.seq,
            time: Timestamp::from_micros(leaf.time_us),
            rules: leaf.rules,
            command_hash: parse("command_hash", &leaf.command_hash)?,
            outcome_digest: parse("outcome_digest", &leaf.outcome_digest)?,
        },
        path: receipt.path.iter().map(|hash| parse("path", hash)).collect::<Result<_, _>>()?,
        outcome: bytes("outcome", &receipt.outcome)?,
    })
}

/// Checks that a reply is about `signed` and, if it carries a receipt, that `node` proved it.
///
/// A reply without a receipt passes: whoever asks for none takes the node's word.
///
/// # Errors
/// The reply names another block, or its receipt does not prove the place in the journal that the reply names.
pub fn check_reply(
    reply: &bandex_api::BlockReply,
    signed: &SignedBlock,
    node: &PublicKey,
    network: u32,
) -> Result<(), ReplyError> {
    let id: BlockId = parse("block_id", &reply.block_id)?;
    if id != signed.id() {
        return Err(ReplyError::OtherBlock(id));
    }
    let Some(receipt) = &reply.receipt else { return Ok(()) };
    let receipt = receipt_from_wire(receipt)?;
    receipt.check_for(signed, node, network)?;
    if (receipt.leaf.seq, receipt.leaf.time.as_micros()) == (reply.seq, reply.time_us) {
        Ok(())
    } else {
        Err(ReplyError::OtherPlace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NETWORK, keypair, order_block, proven};

    #[test]
    fn receipts_round_trip_and_prove_their_block_only() {
        let node = keypair(9);
        let (signed, other) = (order_block(1), order_block(2));
        let receipt = proven(&node, &signed, 5);
        assert_eq!(receipt_from_wire(&receipt_to_wire(&receipt)), Ok(receipt.clone()));
        let good = bandex_api::BlockReply {
            block_id: signed.id().to_string(),
            seq: 5,
            time_us: receipt.leaf.time.as_micros(),
            operations: Vec::new(),
            receipt: Some(receipt_to_wire(&receipt)),
        };
        let check = |reply: &bandex_api::BlockReply| check_reply(reply, &signed, &node.public(), NETWORK);
        assert_eq!(check(&good), Ok(()));
        assert_eq!(check(&bandex_api::BlockReply { receipt: None, ..good.clone() }), Ok(()));
        let elsewhere = bandex_api::BlockReply { seq: 6, ..good.clone() };
        assert_eq!(check(&elsewhere), Err(ReplyError::OtherPlace));
        let about_other = bandex_api::BlockReply { block_id: other.id().to_string(), ..good.clone() };
        assert_eq!(check(&about_other), Err(ReplyError::OtherBlock(other.id())));
        let foreign = Some(receipt_to_wire(&proven(&node, &other, 5)));
        let swapped = bandex_api::BlockReply { receipt: foreign, ..good.clone() };
        assert_eq!(check(&swapped), Err(ReplyError::Receipt(ReceiptError::OtherBlock)));
        let impostor = Some(receipt_to_wire(&proven(&keypair(8), &signed, 5)));
        let forged = check(&bandex_api::BlockReply { receipt: impostor, ..good.clone() });
        assert!(matches!(forged, Err(ReplyError::Receipt(ReceiptError::Batch(_)))), "{forged:?}");
        let garbled = bandex_api::BlockReply { block_id: "zz".to_owned(), ..good };
        assert!(matches!(check(&garbled), Err(ReplyError::Wire(_))));
    }
}
