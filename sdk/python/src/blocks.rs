//! Blocks between their JSON form and their canonical bytes, ids, signatures, and what the node proves about them.

use crate::error::Fault;
use crate::key::Keypair;
use crate::value::{give, take};
use bandex_sdk::api::BlockReply;
use bandex_sdk::tradechain::{Block, Domain, Login, SignedBlock, verify};
use bandex_sdk::types::{PublicKey, SignatureBytes};
use bandex_sdk::{OwnBlock, check_reply, parse, receipt_from_wire, signed_from_wire, signed_to_wire};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::{Value, json};

/// The canonical bytes of a block given in its JSON form (a dict or JSON text, as in docs/tradechain.md).
#[pyfunction]
pub fn encode_block<'py>(py: Python<'py>, block: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let block: Block = take(block)?;
    Ok(PyBytes::new(py, &block.encode()))
}

/// The JSON form of a block's canonical bytes. Bytes that are not canonical are refused.
#[pyfunction]
pub fn decode_block(py: Python<'_>, payload: &[u8]) -> PyResult<Py<PyAny>> {
    let block = Block::decode(payload).map_err(Fault::from)?;
    give(py, &block)
}

/// The id of a block by its canonical bytes, hex. The bytes are read first.
#[pyfunction]
pub fn block_id(payload: &[u8]) -> PyResult<String> {
    let block = Block::decode(payload).map_err(Fault::from)?;
    Ok(block.id().to_string())
}

/// What is signed: the domain's tag and the canonical bytes.
#[pyfunction]
pub fn preimage<'py>(py: Python<'py>, payload: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let block = Block::decode(payload).map_err(Fault::from)?;
    Ok(PyBytes::new(py, &block.domain().preimage(payload)))
}

/// Signs canonical bytes that are read first; gives `{"payload", "signature", "block_id"}`, all hex, as
/// `POST /v1/blocks` takes it. The key must be the block's author.
#[pyfunction]
pub fn sign_block(py: Python<'_>, keypair: &Keypair, payload: &[u8]) -> PyResult<Py<PyAny>> {
    let block = Block::decode(payload).map_err(Fault::from)?;
    if block.author != keypair.inner.public() {
        let words = format!("the block is of key {}, not of {}", block.author, keypair.inner.public());
        return Err(Fault::invalid(words).into());
    }
    let signed = block.sign(&keypair.inner);
    let (id, wire) = (block.id().to_string(), signed_to_wire(&signed));
    give(py, &json!({"payload": wire.payload, "signature": wire.signature, "block_id": id}))
}

/// Judges a signed block (`{"payload", "signature"}`) as a node does before it is sequenced: bytes, signature, times
/// and the rules that need no state. Gives its JSON form.
#[pyfunction]
pub fn verify_block(py: Python<'_>, signed: &Bound<'_, PyAny>, network: u32) -> PyResult<Py<PyAny>> {
    let verified = verify(signed_block(signed)?, network).map_err(Fault::from)?;
    give(py, verified.block())
}

/// Checks what the node answered to a signed block: that it is about this block and, if it carries a receipt, that
/// the node signed for it. Gives the answer back. `reply` may also be a receipt alone.
#[pyfunction]
pub fn check_receipt<'py>(
    reply: Bound<'py, PyAny>,
    signed: &Bound<'py, PyAny>,
    node: &str,
    network: u32,
) -> PyResult<Bound<'py, PyAny>> {
    let (signed, node): (SignedBlock, PublicKey) = (signed_block(signed)?, parse_field("node", node)?);
    if reply.contains("leaf")? {
        let receipt = receipt_from_wire(&take(&reply)?).map_err(Fault::from)?;
        receipt.check_for(&signed, &node, network).map_err(Fault::from)?;
    } else {
        let read: BlockReply = take(&reply)?;
        check_reply(&read, &signed, &node, network).map_err(Fault::from)?;
    }
    Ok(reply)
}

/// The body of `POST /v1/login` and of the method `login`, for a challenge of node and network: `{"key", "nonce",
/// "signature"}`.
#[pyfunction]
pub fn sign_login(
    py: Python<'_>,
    keypair: &Keypair,
    network: u32,
    node: &str,
    nonce: &str,
) -> PyResult<Py<PyAny>> {
    let key = keypair.inner.public();
    let login = Login { network, node: parse_field("node", node)?, key, nonce: parse_field("nonce", nonce)? };
    let signature: SignatureBytes = login.sign(&keypair.inner);
    give(py, &json!({"key": key.to_string(), "nonce": nonce, "signature": signature.to_string()}))
}

/// Reads a text of the wire.
pub fn parse_field<T: std::str::FromStr>(field: &'static str, text: &str) -> PyResult<T>
where
    T::Err: std::fmt::Display,
{
    Ok(parse(field, text).map_err(Fault::from)?)
}

/// A signed block of the wire; what else the dict holds is passed over.
pub fn signed_block(signed: &Bound<'_, PyAny>) -> PyResult<SignedBlock> {
    let wire: bandex_sdk::api::SignedBlock = take(signed)?;
    Ok(signed_from_wire(&wire).map_err(Fault::from)?)
}

/// A block that was just signed, with its place.
pub fn own_json(own: &OwnBlock) -> Value {
    let wire = signed_to_wire(&own.signed);
    let preimage = hex::encode(Domain::Block.preimage(&own.signed.payload));
    json!({
        "payload": wire.payload,
        "signature": wire.signature,
        "preimage": preimage,
        "block_id": own.id.to_string(),
        "key": own.key.to_string(),
        "seq": own.seq,
    })
}

/// The same as Python's own objects.
pub fn give_own(py: Python<'_>, own: &OwnBlock) -> PyResult<Py<PyAny>> {
    give(py, &own_json(own))
}
