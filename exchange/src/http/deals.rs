//! Deals of the account that logged in, and their payments on the chain.

use super::pages::{Kind, Page};
use super::problem::Fault;
use super::reply::{LoggedIn, named};
use crate::sessions::Who;
use crate::shared::Shared;
use crate::wire;
use axum::Json;
use axum::extract::{Path, Query, State};
use bandex_api as api;
use bandex_engine::DealState;
use bandex_journal::{DealFilter, DealRow, ReadError};
use bandex_types::DealId;
use std::sync::Arc;

/// Deals with what netting, bonds and fees did to them; those whose market is not listed are left out.
pub(crate) async fn on_the_wire(shared: &Shared, rows: &[DealRow]) -> Result<Vec<api::Deal>, ReadError> {
    let ids: Vec<DealId> = rows.iter().map(|row| row.state.id).collect();
    let extras = shared.projections.deal_extras(&ids).await?;
    let told = rows.iter().filter_map(|row| {
        let info = shared.market_info(row.state.market)?;
        Some(wire::deal(&info, &row.state, extras.get(&row.state.id), row.updated_seq))
    });
    Ok(told.collect())
}

pub(super) async fn one_on_the_wire(shared: &Shared, row: &DealRow) -> Result<Option<api::Deal>, ReadError> {
    Ok(on_the_wire(shared, std::slice::from_ref(row)).await?.pop())
}

fn is_party(who: Who, deal: &DealState) -> bool {
    deal.seller == who.account || deal.buyer == who.account
}

/// The account's deals, newest first.
#[utoipa::path(
    get,
    path = "/v1/deals",
    tag = "deals",
    params(api::DealQuery),
    security(("login" = []), ("signature" = [])),
    responses(
        (status = 200, description = "Deals", body = api::DealPage),
        (status = 401, description = "Not logged in", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn deals(
    State(shared): State<Arc<Shared>>,
    LoggedIn(who): LoggedIn,
    Query(query): Query<api::DealQuery>,
) -> Result<Json<api::DealPage>, Fault> {
    let page = Page::new(Kind::Deals, "", query.limit)?;
    let before = page.place(query.cursor.as_deref())?;
    let due_by_me = match query.due_by.as_deref() {
        None => None,
        Some("me") => Some(true),
        Some("them") => Some(false),
        Some(_) => return Err(Fault::bad_request("due_by: `me` or `them`")),
    };
    let filter = DealFilter {
        account: Some(who.account),
        due_by: (due_by_me == Some(true)).then_some(who.account),
        open_only: !query.closed.unwrap_or(false),
    };
    let seq = shared.caught_up().await?;
    let mut rows = shared.projections.deals(&filter, before, page.rows()).await?;
    let next_cursor = page.end(&mut rows, |row| row.opened);
    let me = who.account.to_string();
    let wanted =
        |deal: &api::Deal| due_by_me != Some(false) || deal.due.as_ref().is_some_and(|due| due.account != me);
    let deals = on_the_wire(&shared, &rows).await?.into_iter().filter(wanted).collect();
    Ok(Json(api::DealPage { seq, deals, next_cursor }))
}

/// A deal of the account.
pub(super) async fn own_deal(shared: &Shared, who: Who, id: &str) -> Result<DealRow, Fault> {
    let id: DealId = named("id", id)?;
    shared.caught_up().await?;
    let row = shared.projections.deal(id).await?;
    let row = row.ok_or_else(|| Fault::not_found("there is no such deal"))?;
    if is_party(who, &row.state) { Ok(row) } else { Err(Fault::not_yours()) }
}

/// One deal of the account.
#[utoipa::path(
    get,
    path = "/v1/deals/{id}",
    tag = "deals",
    params(("id" = String, Path, description = "The deal's id, hex", pattern = "^[0-9a-f]{64}$")),
    security(("login" = []), ("signature" = [])),
    responses(
        (status = 200, description = "The deal", body = api::Deal),
        (status = 403, description = "Another account's", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such deal", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn deal(
    State(shared): State<Arc<Shared>>,
    LoggedIn(who): LoggedIn,
    Path(id): Path<String>,
) -> Result<Json<api::Deal>, Fault> {
    let row = own_deal(&shared, who, &id).await?;
    let told = one_on_the_wire(&shared, &row).await?;
    told.map(Json).ok_or_else(|| Fault::not_found("the deal's market is not listed"))
}

/// The payments of a deal on the Bitcoin chain.
///
/// In the order in which they were proven; those that a reorganisation took out included.
#[utoipa::path(
    get,
    path = "/v1/deals/{id}/payments",
    tag = "deals",
    params(("id" = String, Path, description = "The deal's id, hex", pattern = "^[0-9a-f]{64}$")),
    security(("login" = []), ("signature" = [])),
    responses(
        (status = 200, description = "The payments", body = api::DealPayments),
        (status = 403, description = "Another account's", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such deal", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn payments(
    State(shared): State<Arc<Shared>>,
    LoggedIn(who): LoggedIn,
    Path(id): Path<String>,
) -> Result<Json<api::DealPayments>, Fault> {
    let row = own_deal(&shared, who, &id).await?;
    let info = shared.market_info(row.state.market);
    let info = info.ok_or_else(|| Fault::not_found("the deal's market is not listed"))?;
    let seq = *shared.checkpoint.borrow();
    let rows = shared.projections.payments(row.state.id).await?;
    let payments = rows.iter().map(|row| wire::payment(&info, &row.state, row.updated_seq, row.updated_time));
    Ok(Json(api::DealPayments { deal: row.state.id.to_string(), seq, payments: payments.collect() }))
}
