//! The node's clock, and whether it works.

use crate::clock;
use crate::shared::Shared;
use crate::wire;
use axum::Json;
use axum::extract::State;
use bandex_api as api;
use std::sync::Arc;

/// The node's clock and its last published record.
///
/// Blocks name their time themselves: whoever signs compares clocks first.
#[utoipa::path(
    get,
    path = "/v1/time",
    tag = "markets",
    responses((status = 200, description = "Now", body = api::Time)),
)]
pub(crate) async fn time(State(shared): State<Arc<Shared>>) -> Json<api::Time> {
    let seq = shared.view().seq;
    Json(api::Time { time_us: clock::now().as_micros(), seq })
}

/// Whether the node takes commands, what each market does, how it stands with the Bitcoin node.
#[utoipa::path(
    get,
    path = "/v1/status",
    tag = "markets",
    responses((status = 200, description = "How it stands", body = api::Status)),
)]
pub(crate) async fn status(State(shared): State<Arc<Shared>>) -> Json<api::Status> {
    Json(wire::status(&shared, &shared.view()))
}
