//! What the rate limits are, and how much of them is left.

use super::reply::who;
use crate::edge::{self, Client};
use crate::shared::Shared;
use axum::extract::{Request, State};
use axum::{Extension, Json};
use bandex_api as api;
use std::sync::Arc;

/// The rate limits, and how much is left of those of the account that is logged in, or else of the address.
#[utoipa::path(
    get,
    path = "/v1/rate-limits",
    tag = "markets",
    responses((status = 200, description = "Policies and what is left", body = api::RateLimits)),
)]
pub(crate) async fn rate_limits(
    State(shared): State<Arc<Shared>>,
    Extension(client): Extension<Client>,
    request: Request,
) -> Json<api::RateLimits> {
    let (mut parts, _) = request.into_parts();
    let used = edge::standings(&shared, &client, who(&shared, &mut parts).ok());
    Json(api::RateLimits { policies: edge::policies(&shared), used })
}
