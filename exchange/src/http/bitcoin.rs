//! How far the Bitcoin chain is followed, and how it stands with the node.

use crate::shared::Shared;
use axum::Json;
use axum::extract::State;
use bandex_api as api;
use bandex_spv::shown;
use std::sync::Arc;

/// The Bitcoin chain as the exchange follows it, and how it stands with its node.
///
/// Trading goes on while the node is away: payments are then seen later.
#[utoipa::path(
    get,
    path = "/v1/bitcoin",
    tag = "markets",
    responses((status = 200, description = "How far the chain is followed", body = api::Bitcoin)),
)]
pub(crate) async fn bitcoin(State(shared): State<Arc<Shared>>) -> Json<api::Bitcoin> {
    let scripts = shared.bitcoin.scripts().len() as u64;
    let state = shared.bitcoin_node.borrow().clone();
    let node = api::BitcoinNode {
        state: state.health.name().to_owned(),
        detail: state.health.to_string(),
        since_us: Some(state.since.as_micros()),
    };
    let (seq, bitcoin) = {
        let view = shared.view();
        (view.seq, view.bitcoin.clone())
    };
    Json(api::Bitcoin {
        seq,
        network: bitcoin.network().map(|network| network.to_string()),
        start_height: bitcoin.terms.as_ref().map(|terms| terms.height),
        start_header: bitcoin.terms.as_ref().map(|terms| hex::encode(terms.header)),
        height: bitcoin.chain.map(|chain| chain.height),
        tip: bitcoin.chain.map(|chain| shown(chain.tip.as_bytes())),
        fee_rate: bitcoin.fee_rate(),
        scripts,
        node,
    })
}
