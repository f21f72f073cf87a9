//! What every handler reads of a request: JSON with a clear complaint, names, the account that logged in.

use super::problem::Fault;
use crate::sessions::Who;
use crate::shared::Shared;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
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

/// The account that logged in.
pub(crate) struct LoggedIn(pub Who);

impl FromRequestParts<Arc<Shared>> for LoggedIn {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Fault> {
        logged_in(shared, &parts.headers).map(Self).ok_or_else(Fault::not_logged_in)
    }
}

/// Who sends the token of a login, if it serves.
pub(crate) fn logged_in(shared: &Shared, headers: &HeaderMap) -> Option<Who> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let token = authorization.strip_prefix("Bearer ")?.trim().parse::<Hash>().ok()?;
    let who = shared.sessions.lock().unwrap_or_else(std::sync::PoisonError::into_inner).who(token);
    // A key that was ended reads no more, however long its token would serve.
    who.filter(|who| shared.may_read(&who.key))
}
