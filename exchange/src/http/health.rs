//! Whether the process lives, and whether it can work.

use super::problem::Fault;
use crate::shared::{Busy, Shared};
use axum::extract::State;
use std::sync::Arc;

/// Whether the process answers at all.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, description = "It answers")))]
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// Whether the node takes commands.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    responses(
        (status = 200, description = "It takes commands"),
        (status = 503, description = "It does not", body = bandex_api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn readyz(State(shared): State<Arc<Shared>>) -> Result<&'static str, Fault> {
    if shared.switch.is_stopping() { Err(Fault::busy(Busy::Stopping)) } else { Ok("ready\n") }
}
