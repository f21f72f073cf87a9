//! Requests of private pages that are signed one by one (RFC 9421), for programs with an HTTP client of their own.

use crate::blocks::parse_field;
use crate::error::Fault;
use crate::key::Keypair;
use bandex_sdk::api::{HttpSignatureError, HttpTarget, SignatureInput, content_digest};
use bandex_sdk::now;
use bandex_sdk::tradechain::HttpRequest;
use bandex_sdk::types::{PublicKey, Timestamp};
use pyo3::prelude::*;

const SECOND_US: u64 = 1_000_000;

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
    let digest = body.map(content_digest);
    let target = HttpTarget { method, authority, path, query, content_digest: digest.as_deref() };
    let now_us = now_us.map_or_else(now, Timestamp::from_micros).as_micros();
    Ok(headers(keypair, &node, nonce, now_us, &target).map_err(|error| Fault::invalid(error.to_string()))?)
}

fn headers(
    keypair: &Keypair,
    node: &PublicKey,
    nonce: &str,
    now_us: u64,
    target: &HttpTarget<'_>,
) -> Result<Vec<(String, String)>, HttpSignatureError> {
    let (key, tag) = (keypair.inner.public(), node.to_string());
    let has_body = target.content_digest.is_some();
    let input = SignatureInput::new(key, now_us / SECOND_US, nonce, Some(&tag), has_body)?;
    let components = input.values(target)?;
    let signature = HttpRequest { components: &components, params: input.params() }.sign(&keypair.inner);
    let mut headers = vec![
        ("Signature-Input".to_owned(), input.header()),
        ("Signature".to_owned(), input.signature_header(&signature)),
    ];
    let digest = target.content_digest;
    headers.extend(digest.map(|digest| ("Content-Digest".to_owned(), digest.to_owned())));
    Ok(headers)
}
