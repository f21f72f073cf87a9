//! Login: ask for a challenge, sign it, get a token.

use super::problem::Fault;
use super::reply::{json, named};
use crate::clock;
use crate::edge::Client;
use crate::sessions::Who;
use crate::shared::Shared;
use axum::body::Bytes;
use axum::extract::State;
use axum::{Extension, Json};
use bandex_api as api;
use bandex_tradechain::Login;
use bandex_types::Hash;
use std::sync::{Arc, PoisonError};

/// Ask for a challenge to sign.
#[utoipa::path(
    get,
    path = "/v1/login",
    tag = "login",
    responses((status = 200, description = "A challenge, good for one login from the same address within 10 s", body = api::Challenge)),
)]
pub(crate) async fn challenge(
    State(shared): State<Arc<Shared>>,
    Extension(client): Extension<Client>,
) -> Result<Json<api::Challenge>, Fault> {
    let given = shared.sessions.lock().unwrap_or_else(PoisonError::into_inner).challenge(client.address);
    let (nonce, expires) = given.map_err(|_| Fault::overloaded())?;
    Ok(Json(api::Challenge {
        network: shared.network,
        node: shared.node.to_string(),
        nonce: nonce.to_string(),
        expires_us: expires.as_micros(),
    }))
}

/// Log in with a signed challenge.
///
/// Any active key of an account may; the token reads that account's orders, deals and balances.
#[utoipa::path(
    post,
    path = "/v1/login",
    tag = "login",
    request_body = api::Login,
    responses(
        (status = 200, description = "A token", body = api::Session),
        (status = 401, description = "The challenge is over, or key or signature do not fit", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn login(
    State(shared): State<Arc<Shared>>,
    Extension(client): Extension<Client>,
    body: Bytes,
) -> Result<Json<api::Session>, Fault> {
    let login: api::Login = json(&body)?;
    let nonce: Hash = named("nonce", &login.nonce)?;
    if !shared.sessions.lock().unwrap_or_else(PoisonError::into_inner).take(nonce, client.address) {
        return Err(Fault::login_failed(
            "the challenge is unknown, used, over or another address's; ask for a new one",
        ));
    }
    let who = log_in(&shared, &login, nonce)?;
    let opened = shared.sessions.lock().unwrap_or_else(PoisonError::into_inner).open(who);
    let (token, expires) = opened.map_err(|_| Fault::overloaded())?;
    let (token, account) = (token.to_string(), who.account.to_string());
    Ok(Json(api::Session { token, account, expires_us: expires.as_micros() }))
}

/// Checks a login against a nonce that was given to this very asker.
pub(crate) fn log_in(shared: &Shared, login: &api::Login, nonce: Hash) -> Result<Who, Fault> {
    let key = named("key", &login.key)?;
    let signature = named("signature", &login.signature)?;
    let statement = Login { network: shared.network, node: shared.node, key, nonce };
    statement.check(&signature).map_err(|error| Fault::login_failed(error.to_string()))?;
    let state = shared.view().key(&key).cloned();
    match state.filter(|state| state.may_read(clock::now())) {
        Some(state) => Ok(Who { account: state.account, key }),
        None => Err(Fault::login_failed("no account here has this key, or it was ended")),
    }
}
