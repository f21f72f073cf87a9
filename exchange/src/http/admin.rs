//! The operator's listener: decisions in JSON, signed here with the operator's key and journalled like any block.

use super::blocks::answer_reply;
use super::problem::Fault;
use super::reply::json;
use crate::edge;
use crate::shared::{Busy, Shared};
use crate::writer::{Answer, Input};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use bandex_api as api;
use bandex_tradechain::body::{Change, Configure};
use bandex_types::BlockId;
use serde::Deserialize;
use std::sync::Arc;

/// Decisions, in the JSON form of docs/tradechain.md.
#[derive(Debug, Deserialize)]
struct Decisions {
    changes: Vec<Change>,
}

/// Signs and sequences a configure block.
pub(crate) async fn configure(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<api::BlockReply>, Fault> {
    check_token(&shared, &headers)?;
    let decisions: Decisions = json(&body)?;
    let decisions = Configure { changes: decisions.changes };
    decisions.check().map_err(|rule| Fault::bad_request(format!("changes: {rule}")))?;
    let answer = shared.send(|reply| Input::Configure(decisions.changes, reply)).map_err(Fault::busy)?;
    let answer = answer.await.unwrap_or(Answer::Unknown);
    let id = match &answer {
        Answer::Committed(publication, index) => {
            publication.records().get(*index).and_then(|applied| applied.block).map(|block| block.id)
        }
        _ => None,
    };
    answer_reply(&shared, id.unwrap_or(BlockId::ZERO), answer, true).await.map(Json)
}

/// What the engine's whole state hashes to. Every replay of the same journal gives the same after the same record. The
/// writer walks its state for it: not for every second.
pub(crate) async fn digest(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Json<api::StateDigest>, Fault> {
    check_token(&shared, &headers)?;
    let answer = shared.send(Input::Digest).map_err(Fault::busy)?;
    let state = answer.await.map_err(|_| Fault::busy(Busy::Stopping))?;
    Ok(Json(api::StateDigest { seq: state.seq, digest: state.digest.to_string() }))
}

/// What the operator's charts are made from.
pub(crate) async fn metrics(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Fault> {
    check_token(&shared, &headers)?;
    Ok(open_metrics(State(shared)).await)
}

/// The same, on a listener that nobody but the operator reaches.
pub(crate) async fn open_metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, edge::MEDIA_TYPE)], edge::metrics_text(&shared))
}

fn check_token(shared: &Shared, headers: &HeaderMap) -> Result<(), Fault> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given.is_some_and(|given| same(given, &format!("Bearer {}", shared.admin_token))) {
        Ok(())
    } else {
        Err(Fault::not_the_operator())
    }
}

/// Compares in a time that does not tell where the difference is.
fn same(given: &str, wanted: &str) -> bool {
    given.len() == wanted.len()
        && given.bytes().zip(wanted.bytes()).fold(0, |sum, (one, other)| sum | (one ^ other)) == 0
}
