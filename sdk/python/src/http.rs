//! Requests of private pages that are signed one by one (RFC 9421), for programs with an HTTP client of their own.

use crate::blocks::parse_field;
use crate::error::Fault;
use crate::key::Keypair;
use bandex_sdk::api::HttpTarget;
use bandex_sdk::types::{PublicKey, Timestamp};
use bandex_sdk::{HttpSigner, now};
use pyo3::prelude::*;

/// The headers that sign a request to one node: Signature-Input and Signature, and with a body its Content-Digest. The
/// node takes each `nonce` of a key once, within half a minute of `now_us`.
#[pyfunction]
#[pyo3(signature = (keypair, node, nonce, method, authority, path, query = None, *, body = None, now_us = None))]
#[expect(clippy::too_many_arguments, reason = "they are the parts of a request")]
pub fn http_signature(
    keypair: &Keypair,
    node: &str,
    nonce: &str,
    method: &str,
    authority: &str,
    path: &str,
    query: Option<&str>,
    body: Option<&[u8]>,
    now_us: Option<u64>,
) -> PyResult<Vec<(String, String)>> {
    let node: PublicKey = parse_field("node", node)?;
    let now = now_us.map_or_else(now, Timestamp::from_micros);
    let target = HttpTarget { method, authority, path, query, content_digest: None };
    let headers = HttpSigner::new(keypair.inner.clone(), node).headers(now, nonce, &target, body);
    let headers = headers.map_err(|error| Fault::invalid(error.to_string()))?;
    Ok(headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
