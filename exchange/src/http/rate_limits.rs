//! What the rate limits are, and how much of them is left.

use super::reply::logged_in;
use crate::edge::{self, Client};
use crate::shared::Shared;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use bandex_api as api;
use std::sync::Arc;

/// The rate limits, and how much is left of those of the account that is logged in, or else of the address.
#[utoipa::path(
    get,
    path = "/v1/rate-limits",
    tag = "markets",
    security((), ("login" = [])),
    responses((status = 200, description = "Policies and what is left", body = api::RateLimits)),
)]
pub(crate) async fn rate_limits(
    State(shared): State<Arc<Shared>>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Json<api::RateLimits> {
    let used = edge::standings(&shared, &client, logged_in(&shared, &headers));
    Json(api::RateLimits { policies: edge::policies(&shared), used })
}
