//! Deals of the account that logged in, and the evidence of one.

use super::blocks::{WireRecord, proven_record};
use super::problem::Fault;
use super::reply::{LoggedIn, named, next_page, page_size};
use crate::sessions::Who;
use crate::shared::Shared;
use crate::wire;
use axum::Json;
use axum::extract::{Path, Query, State};
use bandex_api as api;
use bandex_engine::DealState;
use bandex_journal::{Cursor, DealFilter, DealRow, ReadError};
use bandex_types::{DealId, OrderRef};
use std::collections::BTreeSet;
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

async fn one_on_the_wire(shared: &Shared, row: &DealRow) -> Result<Option<api::Deal>, ReadError> {
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
    security(("login" = [])),
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
    let limit = page_size(query.limit)?;
    let before = query.before.as_deref().map(|text| named::<Cursor>("before", text)).transpose()?;
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
    let rows = shared.projections.deals(&filter, before, limit).await?;
    let next_before = next_page(&rows, limit, |row| row.opened.to_string());
    let me = who.account.to_string();
    let wanted =
        |deal: &api::Deal| due_by_me != Some(false) || deal.due.as_ref().is_some_and(|due| due.account != me);
    let deals = on_the_wire(&shared, &rows).await?.into_iter().filter(wanted).collect();
    Ok(Json(api::DealPage { seq, deals, next_before }))
}

async fn own_deal(shared: &Shared, who: Who, id: &str) -> Result<DealRow, Fault> {
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
    params(("id" = String, Path, description = "The deal's id, hex")),
    security(("login" = [])),
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

/// All that a third party needs to judge a deal.
///
/// Both signed orders, the match, payments, acknowledgements and the end, each with the node's receipt.
#[utoipa::path(
    get,
    path = "/v1/deals/{id}/evidence",
    tag = "deals",
    params(("id" = String, Path, description = "The deal's id, hex")),
    security(("login" = [])),
    responses(
        (status = 200, description = "The evidence", body = api::Evidence),
        (status = 403, description = "Another account's", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such deal", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn evidence(
    State(shared): State<Arc<Shared>>,
    LoggedIn(who): LoggedIn,
    Path(id): Path<String>,
) -> Result<Json<api::Evidence>, Fault> {
    let row = own_deal(&shared, who, &id).await?;
    let missing = || Fault::not_found("the records of this deal are not readable yet; ask again");
    let deal = one_on_the_wire(&shared, &row).await?.ok_or_else(missing)?;
    let taker_order = order_record(&shared, row.state.taker).await?.ok_or_else(missing)?;
    let maker_order = order_record(&shared, row.state.maker).await?.ok_or_else(missing)?;
    let (mut payments, mut acknowledgements, mut close) = (Vec::new(), Vec::new(), None);
    let records = shared.projections.deal_records(row.state.id).await?;
    // The trade is the first that happens to a deal.
    let matched_seq = records.first().map_or(taker_order.seq, |first| first.record_seq);
    let matched = match matched_seq == taker_order.seq {
        true => None,
        false => proven_record(&shared, matched_seq).await?.map(on_the_record),
    };
    let amendments = amendments(&shared, [row.state.taker, row.state.maker], matched_seq).await?;
    for touched in records {
        let Some(record) = proven_record(&shared, touched.record_seq).await? else { continue };
        let closes = row.state.deal.state().is_closed() && touched.record_seq == row.updated_seq;
        let step = step_of(&record, row.state.id, &payments);
        let record = on_the_record(record);
        if closes {
            close = Some(record.clone());
        }
        match step {
            Some(Step::Payment) => payments.push(record),
            Some(Step::Acknowledgement) => acknowledgements.push(record),
            None => {}
        }
    }
    Ok(Json(api::Evidence {
        network: shared.network,
        node: shared.node.to_string(),
        deal,
        taker_order: on_the_record(taker_order),
        maker_order: on_the_record(maker_order),
        amendments,
        matched,
        payments,
        acknowledgements,
        close,
    }))
}

/// What a record is to a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Payment,
    Acknowledgement,
}

/// Which step of the deal a record is, if it is one: anybody can name a deal in a block that is then refused, and a
/// deadline may pass with a block that is about another deal.
fn step_of(record: &WireRecord, deal: DealId, payments: &[api::ProvenRecord]) -> Option<Step> {
    if record.outcome.pointer("/result/result")?.as_str()? != "done" {
        return None;
    }
    let body = record.block.as_ref()?.get("body")?;
    let names = |field: &str| body.get(field).and_then(|value| value.as_str());
    match body.get("kind")?.as_str()? {
        "pay" if names("deal") == Some(deal.to_string().as_str()) => Some(Step::Payment),
        "acknowledge" if payments.iter().any(|paid| paid.block_id.as_deref() == names("proposal")) => {
            Some(Step::Acknowledgement)
        }
        _ => None,
    }
}

async fn order_record(shared: &Shared, order: OrderRef) -> Result<Option<WireRecord>, Fault> {
    let Some(row) = shared.projections.order(order).await? else { return Ok(None) };
    proven_record(shared, row.placed.seq).await
}

/// The records that amended these orders, up to the one of their match.
async fn amendments(
    shared: &Shared,
    orders: [OrderRef; 2],
    up_to: u64,
) -> Result<Vec<api::ProvenRecord>, Fault> {
    let mut seqs = BTreeSet::new();
    for order in orders {
        seqs.extend(shared.projections.amendments(order).await?);
    }
    let mut records = Vec::new();
    for seq in seqs.into_iter().take_while(|seq| *seq <= up_to) {
        records.extend(proven_record(shared, seq).await?.map(on_the_record));
    }
    Ok(records)
}

fn on_the_record(record: WireRecord) -> api::ProvenRecord {
    api::ProvenRecord {
        seq: record.seq,
        time_us: record.time_us,
        command: record.command,
        block_id: record.block_id,
        block: record.block,
        outcome: record.outcome,
        receipt: record.receipt,
    }
}
