//! What the rate limits are, and how much of them is left.

use crate::edge::{self, Client};
use crate::sessions::Who;
use crate::shared::Shared;
use axum::extract::State;
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
    who: Option<Extension<Who>>,
) -> Json<api::RateLimits> {
    let used = edge::standings(&shared, &client, who.map(|Extension(who)| who));
    Json(api::RateLimits { policies: edge::policies(&shared), used })
}
