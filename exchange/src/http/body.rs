//! Bodies of requests: read whole, in a bounded time, before a request takes one of the places of those worked on.

use super::problem::Fault;
use super::signature;
use crate::edge::{self, Client};
use crate::shared::Shared;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Reads the body before anything else is done about a request: whoever sends it slowly holds nothing but its own
/// connection, and not for long. The size is bounded by the layer around this one.
pub(super) async fn whole(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let mut alone = Request::new(body);
    // The bound is said there.
    *alone.extensions_mut() = parts.extensions.clone();
    let read = tokio::time::timeout(shared.edge.body_time, Bytes::from_request(alone, &())).await;
    let refused = match read {
        Ok(Ok(bytes)) => match signature::check_body(&parts, &bytes) {
            Ok(()) => return next.run(Request::from_parts(parts, Body::from(bytes))).await,
            Err(fault) => return fault.into_response(),
        },
        Ok(Err(rejection)) => rejection.into_response(),
        Err(_) => Fault::body_too_slow().into_response(),
    };
    // Blocks of whoever is known have not been paid for yet.
    match parts.extensions.get::<Client>().map(|client| edge::paid(&shared, client)) {
        Some(Err(fault)) => fault.into_response(),
        _ => refused,
    }
}
