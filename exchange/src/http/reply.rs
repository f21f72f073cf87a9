//! What every handler reads of a request: JSON with a clear complaint, names, the account that logged in.

use super::problem::Fault;
use super::signature;
use crate::sessions::Who;
use crate::shared::Shared;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use bandex_types::Hash;
use serde::de::DeserializeOwned;
use std::str::FromStr;
use std::sync::Arc;

/// JSON of a request's body.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| Fault::bad_request(format!("the body: {error}")))
}

/// Something named in the path or the query.
pub(crate) fn named<T: FromStr<Err: std::fmt::Display>>(what: &str, text: &str) -> Result<T, Fault> {
    text.parse().map_err(|error| Fault::bad_request(format!("{what}: {error}")))
}

/// The account that logged in, or signed the request itself.
pub(crate) struct LoggedIn(pub Who);

impl FromRequestParts<Arc<Shared>> for LoggedIn {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Fault> {
        who(shared, parts).map(Self)
    }
}

/// Who asks, as far as the request says: nobody in particular if it has no token that serves and no signature.
///
/// # Errors
/// The request is signed, and the signature does not hold.
pub(crate) fn known(shared: &Shared, parts: &mut Parts) -> Result<Option<Who>, Fault> {
    if is_signed(parts) {
        return who(shared, parts).map(Some);
    }
    // Pages for everybody serve whoever's token has ended, too.
    Ok(who(shared, parts).ok())
}

/// Whether a request claims to be signed by itself, which costs more to check than a token.
pub(crate) fn is_signed(parts: &Parts) -> bool {
    !parts.headers.contains_key(header::AUTHORIZATION) && signature::is_signed(&parts.headers)
}

/// Who asks: by the token of a login, or by a signature under the request itself. A signature serves once, so the
/// request remembers whose it was.
pub(crate) fn who(shared: &Shared, parts: &mut Parts) -> Result<Who, Fault> {
    if let Some(who) = parts.extensions.get::<Who>() {
        return Ok(*who);
    }
    let who = match parts.headers.get(header::AUTHORIZATION) {
        Some(token) => by_token(shared, token).ok_or_else(Fault::not_logged_in)?,
        None if signature::is_signed(&parts.headers) => signature::signer(shared, parts)?,
        None => return Err(Fault::not_logged_in()),
    };
    parts.extensions.insert(who);
    Ok(who)
}

fn by_token(shared: &Shared, authorization: &HeaderValue) -> Option<Who> {
    let token = authorization.to_str().ok()?.strip_prefix("Bearer ")?.trim().parse::<Hash>().ok()?;
    let who = shared.sessions.lock().unwrap_or_else(std::sync::PoisonError::into_inner).who(token);
    // A key that was ended reads no more, however long its token would serve.
    who.filter(|who| shared.may_read(&who.key))
}
