//! Orders, protections and balances of the account that logged in.

use super::markets::find;
use super::pages::{Kind, Page};
use super::problem::Fault;
use super::reply::{LoggedIn, named};
use crate::shared::Shared;
use crate::view::MarketInfo;
use crate::wire;
use axum::Json;
use axum::extract::{Path, Query, State};
use bandex_api as api;
use bandex_journal::{OrderFilter, OrderRow, OrderStand};
use bandex_types::{AssetId, OrderRef};
use std::sync::Arc;

/// The account's orders, newest first.
#[utoipa::path(
    get,
    path = "/v1/orders",
    tag = "account",
    params(api::OrderQuery),
    security(("login" = []), ("signature" = [])),
    responses(
        (status = 200, description = "Orders", body = api::OrderPage),
        (status = 401, description = "Not logged in", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such market", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn orders(
    State(shared): State<Arc<Shared>>,
    LoggedIn(who): LoggedIn,
    Query(query): Query<api::OrderQuery>,
) -> Result<Json<api::OrderPage>, Fault> {
    let page = Page::new(Kind::Orders, "", query.limit)?;
    let before = page.place(query.cursor.as_deref())?;
    let stand = match query.state.as_deref() {
        // Whoever asks by name looks for one order, whatever became of it.
        None if query.client_id.is_some() => OrderStand::All,
        None | Some("open") => OrderStand::Open,
        Some("closed") => OrderStand::Closed,
        Some("all") => OrderStand::All,
        Some(_) => return Err(Fault::bad_request("state: `open`, `closed` or `all`")),
    };
    let market = query.market.as_deref().map(|name| find(&shared, name)).transpose()?;
    let filter = OrderFilter {
        account: who.account,
        market: market.map(|info| info.listing.id),
        stand,
        client_id: query.client_id,
    };
    let seq = shared.caught_up().await?;
    let mut rows = shared.projections.orders(&filter, before, page.rows()).await?;
    let next_cursor = page.end(&mut rows, |row| row.placed);
    let orders = rows.iter().filter_map(|row| {
        let info = shared.market_info(row.state.market)?;
        Some(on_the_wire(&info, row))
    });
    Ok(Json(api::OrderPage { seq, orders: orders.collect(), next_cursor }))
}

/// An order as it stands.
pub(crate) fn on_the_wire(info: &MarketInfo, row: &OrderRow) -> api::Order {
    let order = wire::order(info, &row.state, row.terms.as_ref(), row.updated_seq, row.updated_time);
    api::Order { placed_us: Some(row.placed_time.as_micros()), ..order }
}

/// One order of the account.
#[utoipa::path(
    get,
    path = "/v1/orders/{order}",
    tag = "account",
    params(("order" = String, Path, description = "KEY:SEQ:OP", pattern = "^[0-9a-f]{64}:[0-9]{1,19}:[0-9]{1,2}$")),
    security(("login" = []), ("signature" = [])),
    responses(
        (status = 200, description = "The order", body = api::Order),
        (status = 403, description = "Another account's", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such order", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn order(
    State(shared): State<Arc<Shared>>,
    LoggedIn(who): LoggedIn,
    Path(order): Path<String>,
) -> Result<Json<api::Order>, Fault> {
    let order: OrderRef = named("order", &order)?;
    shared.caught_up().await?;
    let missing = || Fault::not_found("there is no such order");
    let row = shared.projections.order(order).await?.ok_or_else(missing)?;
    if row.state.account != who.account {
        return Err(Fault::not_yours());
    }
    let info = shared.market_info(row.state.market).ok_or_else(missing)?;
    Ok(Json(on_the_wire(&info, &row)))
}

/// The protections of the account's quotes, by market.
#[utoipa::path(
    get,
    path = "/v1/protections",
    tag = "account",
    security(("login" = []), ("signature" = [])),
    responses(
        (status = 200, description = "Protections that are set", body = api::Protections),
        (status = 401, description = "Not logged in", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn protections(
    State(shared): State<Arc<Shared>>,
    LoggedIn(who): LoggedIn,
) -> Result<Json<api::Protections>, Fault> {
    let seq = shared.caught_up().await?;
    let rows = shared.projections.protections(who.account).await?;
    let protections = rows.iter().filter_map(|row| {
        let info = shared.market_info(row.market)?;
        Some(wire::protection(&info, row.state, row.updated_seq, row.updated_time))
    });
    Ok(Json(api::Protections { seq, protections: protections.collect() }))
}

/// The account's tokens, limit and keys.
#[utoipa::path(
    get,
    path = "/v1/balances",
    tag = "account",
    security(("login" = []), ("signature" = [])),
    responses(
        (status = 200, description = "Balances", body = api::Balances),
        (status = 404, description = "The account was never told of", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "Not logged in", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn balances(
    State(shared): State<Arc<Shared>>,
    LoggedIn(who): LoggedIn,
) -> Result<Json<api::Balances>, Fault> {
    let seq = shared.caught_up().await?;
    let held = shared.projections.holdings(who.account).await?;
    let held = held.ok_or_else(|| Fault::not_found("the account is not here"))?;
    let (account, view) = (&held.account, shared.view());
    let scale = |asset| view.scale(asset);
    // The ledger keeps tokens only.
    let locks = wire::locks(&view, who.account, &held);
    let balance = |state: &bandex_engine::BalanceState| {
        let symbol = wire::named_asset(&view, state.asset);
        let free = state.balance - i128::from(state.locked.get()) + i128::from(account.credit_line.get());
        api::Balance {
            asset: symbol,
            balance: scale(state.asset).balance(state.balance),
            locked: scale(state.asset).amount(state.locked),
            free: scale(state.asset).balance(free),
            locks: if state.asset == AssetId::BWT { locks.clone() } else { Vec::new() },
        }
    };
    Ok(Json(api::Balances {
        seq,
        account: who.account.to_string(),
        balances: held.balances.iter().map(balance).collect(),
        limit: scale(AssetId::BTC).amount(account.limit),
        reserved: scale(AssetId::BTC).amount(account.reserved),
        credit_line: scale(AssetId::BWT).amount(account.credit_line),
        frozen: account.frozen.map(|reason| wire::freeze_reason(reason).to_owned()),
        keys: held.keys.iter().map(wire::key).collect(),
    }))
}
