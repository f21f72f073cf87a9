//! Requests that are signed one by one (RFC 9421), instead of a login: the same authority, for reading only.

use super::problem::Fault;
use super::reply;
use crate::clock;
use crate::sessions::{Spent, Who};
use crate::shared::Shared;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bandex_api::{HttpTarget, SignatureInput, check_content_digest};
use bandex_tradechain::HttpRequest;
use std::sync::PoisonError;

const INPUT: &str = "signature-input";
const SIGNATURE: &str = "signature";
const DIGEST: &str = "content-digest";
/// How far the time of a signature may be from the node's clock, in microseconds.
const SKEW_US_MAX: u64 = 30_000_000;
const SECOND_US: u64 = 1_000_000;

/// Whether a request claims to be signed.
pub(crate) fn is_signed(headers: &HeaderMap) -> bool {
    headers.contains_key(INPUT)
}

/// Who signed a request.
///
/// # Errors
/// `bad_http_signature`, `clock_skew`, or `not_logged_in` if the key reads for nobody here.
pub(crate) fn signer(shared: &Shared, parts: &Parts) -> Result<Who, Fault> {
    let unfit = |error: &dyn std::fmt::Display| Fault::bad_http_signature(error.to_string());
    let input = SignatureInput::parse(one(&parts.headers, INPUT)?).map_err(|error| unfit(&error))?;
    let signature = input.signature(one(&parts.headers, SIGNATURE)?).map_err(|error| unfit(&error))?;
    if has_body(&parts.headers) && !input.covers_body() {
        return Err(unfit(
            &"a request with a body must have a header Content-Digest, and the signature cover it",
        ));
    }
    if input.tag.as_ref().is_some_and(|tag| *tag != shared.node.to_string()) {
        return Err(unfit(&"the signature is for another node: its tag is not this node's key"));
    }
    check_time(&input)?;
    let state = shared.view().key(&input.key).cloned();
    let state = state.filter(|state| state.may_read(clock::now())).ok_or_else(Fault::not_logged_in)?;
    let components = input.values(&target(parts)?).map_err(|error| unfit(&error))?;
    let request = HttpRequest { components: &components, params: input.params() };
    request.check(&input.key, &signature).map_err(|error| unfit(&error))?;
    // Last, so that nobody else can use up what a key has signed.
    let who = Who { account: state.account, key: input.key };
    let mut sessions = shared.sessions.lock().unwrap_or_else(PoisonError::into_inner);
    if sessions.may_have_served(input.created_s) {
        return Err(unfit(
            &"the request was signed before this node last started, which does not know any more what has \
                           served; sign again",
        ));
    }
    match sessions.spend(who, &input.nonce) {
        Spent::Now => Ok(who),
        Spent::Before => Err(unfit(&"the nonce has served; sign each request with a new one")),
        Spent::NoRoom => Err(Fault::overloaded()),
    }
}

/// Checks that a request's body is what its signature covers: the digest was checked with the signature, before the body
/// was there.
///
/// # Errors
/// `bad_http_signature`.
pub(crate) fn check_body(parts: &Parts, body: &[u8]) -> Result<(), Fault> {
    if !reply::is_signed(parts) {
        return Ok(());
    }
    let unfit = |error: &dyn std::fmt::Display| Fault::bad_http_signature(error.to_string());
    check_content_digest(one(&parts.headers, DIGEST)?, body).map_err(|error| unfit(&error))
}

fn check_time(input: &SignatureInput) -> Result<(), Fault> {
    let now = clock::now().as_micros();
    let micros = |seconds: u64| seconds.saturating_mul(SECOND_US);
    if micros(input.created_s).abs_diff(now) > SKEW_US_MAX {
        return Err(Fault::clock_skew(now));
    }
    match input.expires_s.map(micros) {
        Some(expires) if expires < now => {
            Err(Fault::bad_http_signature("the signature has expired, as its parameter expires says"))
        }
        _ => Ok(()),
    }
}

/// The one value of a header.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Fault> {
    let mut all = headers.get_all(name).iter();
    let (first, second) = (all.next().and_then(|value| value.to_str().ok()), all.next());
    match (first, second) {
        (Some(value), None) => Ok(value),
        _ => Err(Fault::bad_http_signature(format!("the header {name} must be there, once, in ASCII"))),
    }
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    length || headers.contains_key(header::TRANSFER_ENCODING)
}

fn target(parts: &Parts) -> Result<HttpTarget<'_>, Fault> {
    let authority = match parts.uri.authority() {
        Some(authority) => authority.as_str(),
        None => one(&parts.headers, header::HOST.as_str())?,
    };
    let digest = parts.headers.contains_key(DIGEST).then(|| one(&parts.headers, DIGEST)).transpose()?;
    Ok(HttpTarget {
        method: parts.method.as_str(),
        authority,
        path: parts.uri.path(),
        query: parts.uri.query(),
        content_digest: digest,
    })
}
