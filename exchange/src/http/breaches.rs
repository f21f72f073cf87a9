//! Forks and defaults, for everybody: who broke a word is on the open chain.

use super::pages::{Kind, Page};
use super::problem::Fault;
use crate::shared::Shared;
use crate::wire;
use axum::Json;
use axum::extract::{Query, State};
use bandex_api as api;
use bandex_journal::{DefaultRow, ForkRow};
use bandex_settlement::Party;
use std::sync::Arc;

/// Keys that signed two blocks for one place in their lane, newest first.
#[utoipa::path(
    get,
    path = "/v1/forks",
    tag = "trust",
    params(api::PageQuery),
    responses((status = 200, description = "Forks", body = api::ForkPage)),
)]
pub(crate) async fn forks(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<api::PageQuery>,
) -> Result<Json<api::ForkPage>, Fault> {
    let page = Page::new(Kind::Forks, "", query.limit)?;
    let before = page.place(query.cursor.as_deref())?;
    let seq = shared.caught_up().await?;
    let mut rows = shared.projections.forks(before, page.rows()).await?;
    let next_cursor = page.end(&mut rows, |row| row.at);
    Ok(Json(api::ForkPage { seq, forks: rows.iter().map(fork).collect(), next_cursor }))
}

fn fork(row: &ForkRow) -> api::ForkNotice {
    let notice = &row.notice;
    api::ForkNotice {
        key: notice.key.to_string(),
        account: notice.account.to_string(),
        lane_seq: notice.seq,
        first: notice.first.to_string(),
        second: notice.second.to_string(),
        seq: row.at.seq,
        time_us: row.time.as_micros(),
    }
}

/// Tranches that were not paid in time, newest first, each with how its deal stands now.
#[utoipa::path(
    get,
    path = "/v1/defaults",
    tag = "trust",
    params(api::PageQuery),
    responses((status = 200, description = "Defaults", body = api::DefaultPage)),
)]
pub(crate) async fn defaults(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<api::PageQuery>,
) -> Result<Json<api::DefaultPage>, Fault> {
    let page = Page::new(Kind::Defaults, "", query.limit)?;
    let before = page.place(query.cursor.as_deref())?;
    let seq = shared.caught_up().await?;
    let mut rows = shared.projections.defaults(before, page.rows()).await?;
    let next_cursor = page.end(&mut rows, |row| row.at);
    let defaults = rows.iter().filter_map(|row| default(&shared, row)).collect();
    Ok(Json(api::DefaultPage { seq, defaults, next_cursor }))
}

/// A default; none if its market is not listed.
fn default(shared: &Shared, row: &DefaultRow) -> Option<api::DefaultNotice> {
    let (notice, state) = (&row.notice, &row.deal);
    let info = shared.market_info(state.market)?;
    let by = if notice.by == state.seller { Party::Seller } else { Party::Buyer };
    let covered = state.deal.covered();
    Some(api::DefaultNotice {
        deal: notice.deal.to_string(),
        market: info.symbol.clone(),
        by: wire::party(by).to_owned(),
        account: notice.by.to_string(),
        victim: notice.victim.to_string(),
        loss: info.quote_scale.amount(notice.loss),
        covered: (!covered.is_zero()).then(|| info.quote_scale.amount(covered)),
        state: wire::deal_state(state.deal.state()).0.to_owned(),
        seq: row.at.seq,
        time_us: row.time.as_micros(),
    })
}
