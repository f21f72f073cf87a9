//! Whether the process lives, and whether it can work.

use super::problem::Fault;
use crate::bitcoin::NodeHealth;
use crate::shared::{Busy, Shared};
use axum::extract::State;
use std::sync::Arc;

/// Whether the process answers at all.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, description = "It answers", body = String, content_type = "text/plain")))]
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// Whether the node takes commands.
///
/// The body says `ready`, and in a second line how it stands with the Bitcoin node if there is one. Trading goes on
/// while that is away, so it is no reason to be not ready.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    responses(
        (status = 200, description = "It takes commands", body = String, content_type = "text/plain"),
        (status = 503, description = "It does not", body = bandex_api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn readyz(State(shared): State<Arc<Shared>>) -> Result<String, Fault> {
    if shared.switch.is_stopping() {
        return Err(Fault::busy(Busy::Stopping));
    }
    let state = shared.bitcoin_node.borrow().clone();
    Ok(match &state.health {
        NodeHealth::None => "ready\n".to_owned(),
        health => {
            let (name, since_us) = (health.name(), state.since.as_micros());
            format!("ready\nbitcoin: {name} since {since_us}: {health}\n")
        }
    })
}
