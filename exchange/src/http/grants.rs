//! The keys of the account that logged in, with what each may do.

use super::pages::{Kind, Page};
use super::problem::Fault;
use super::reply::LoggedIn;
use crate::clock;
use crate::shared::Shared;
use crate::view::View;
use crate::wire;
use axum::Json;
use axum::extract::{Query, State};
use bandex_api as api;
use bandex_engine::{KeyState, KeyStatus};
use bandex_tradechain::body::{Grant, Scopes};
use bandex_tradechain::{Body, Decoded};
use bandex_types::PublicKey;
use std::sync::Arc;

/// The account's keys with what each was granted, those that ended included.
#[utoipa::path(
    get,
    path = "/v1/grants",
    tag = "account",
    params(api::PageQuery),
    security(("login" = []), ("signature" = [])),
    responses((status = 200, description = "Keys", body = api::GrantPage)),
)]
pub(crate) async fn grants(
    State(shared): State<Arc<Shared>>,
    LoggedIn(who): LoggedIn,
    Query(query): Query<api::PageQuery>,
) -> Result<Json<api::GrantPage>, Fault> {
    let page = Page::new(Kind::Grants, "", query.limit)?;
    let after: Option<PublicKey> = page.place(query.cursor.as_deref())?;
    let seq = shared.caught_up().await?;
    let mut rows = shared.projections.keys_after(who.account, after, page.rows()).await?;
    let next_cursor = page.end(&mut rows, |(state, _)| state.key);
    let mut grants = Vec::with_capacity(rows.len());
    for (state, named_seq) in &rows {
        let granted = granted(&shared, state, *named_seq).await?;
        grants.push(on_the_wire(&shared.view(), state, granted.as_ref()));
    }
    Ok(Json(api::GrantPage { seq, grants, next_cursor }))
}

/// The block that granted a key; none of a root key.
async fn granted(shared: &Shared, state: &KeyState, named_seq: u64) -> Result<Option<Grant>, Fault> {
    if state.root {
        return Ok(None);
    }
    let record = shared.journal.records(named_seq, 1).await?.into_iter().next();
    let decoded = record.and_then(|record| Decoded::from_bytes(&record.command).ok());
    Ok(decoded.and_then(|decoded| match decoded.block() {
        Some((block, _)) => match &block.body {
            Body::Grant(grant) if grant.key == state.key => Some(grant.clone()),
            _ => None,
        },
        None => None,
    }))
}

fn on_the_wire(view: &View, state: &KeyState, grant: Option<&Grant>) -> api::Grant {
    let over = state.status == KeyStatus::Active && !state.is_active(clock::now());
    let status = if over { "expired" } else { wire::key_status(state.status) };
    let named = grant.map(|grant| &grant.markets).filter(|markets| !markets.is_empty());
    let markets = named.map(|markets| {
        let symbol = |info: Arc<crate::view::MarketInfo>| info.symbol.clone();
        markets.iter().map(|id| view.market_info(*id).map_or_else(|| id.to_string(), symbol)).collect()
    });
    api::Grant {
        key: state.key.to_string(),
        root: state.root,
        scopes: scopes(state.scopes),
        markets,
        largest_notional: grant.and_then(|grant| grant.largest_notional).map(|most| most.to_string()),
        expires_us: state.expires.map(|expires| expires.as_micros()),
        status: status.to_owned(),
        guard: view.guard(&state.key).map(wire::guard),
    }
}

fn scopes(scopes: Scopes) -> Vec<String> {
    let all = [(Scopes::ORDERS, "orders"), (Scopes::SETTLE, "settle"), (Scopes::TOKENS, "tokens")];
    let held = all.into_iter().filter(|(scope, _)| scopes.bits() & scope.bits() != 0);
    held.map(|(_, name)| name.to_owned()).collect()
}
