//! Fills of the account that logged in, with what trading cost.

use super::markets::find;
use super::pages::{Kind, Page};
use super::problem::Fault;
use super::reply::{LoggedIn, named};
use crate::shared::Shared;
use crate::view::MarketInfo;
use crate::wire;
use axum::Json;
use axum::extract::{Query, State};
use bandex_api as api;
use bandex_journal::{Cursor, DealExtras, ReadError, TradeFilter, TradeRow};
use bandex_types::{AccountId, Amount, AssetId, DealId, OrderRef, Rail, Side};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The account's fills, newest first.
///
/// A fill is one side of a trade. With `order`, those of one order.
#[utoipa::path(
    get,
    path = "/v1/fills",
    tag = "account",
    params(api::FillQuery),
    security(("login" = []), ("signature" = [])),
    responses(
        (status = 200, description = "Fills", body = api::FillPage),
        (status = 400, description = "A wrong parameter, or `bad_cursor`", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "Not logged in", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "The order is another account's", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such market or order", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn fills(
    State(shared): State<Arc<Shared>>,
    LoggedIn(who): LoggedIn,
    Query(query): Query<api::FillQuery>,
) -> Result<Json<api::FillPage>, Fault> {
    let page = Page::new(Kind::Fills, "", query.limit)?;
    let before = page.place(query.cursor.as_deref())?;
    let market = query.market.as_deref().map(|name| find(&shared, name)).transpose()?;
    let order: Option<OrderRef> = query.order.as_deref().map(|text| named("order", text)).transpose()?;
    let seq = shared.caught_up().await?;
    if let Some(order) = order {
        let row = shared.projections.order(order).await?;
        let row = row.ok_or_else(|| Fault::not_found("there is no such order"))?;
        if row.state.account != who.account {
            return Err(Fault::not_yours());
        }
    }
    let filter = TradeFilter { account: who.account, market: market.map(|info| info.listing.id), order };
    let mut rows = shared.projections.trades_of(&filter, before, page.rows()).await?;
    let next_cursor = page.end(&mut rows, |row| row.at);
    let fills = on_the_wire(&shared, who.account, &rows).await?;
    Ok(Json(api::FillPage { seq, fills, next_cursor }))
}

/// Fills of an account with the fees taken so far; those whose market is not listed are left out.
async fn on_the_wire(
    shared: &Shared,
    account: AccountId,
    rows: &[TradeRow],
) -> Result<Vec<api::Fill>, ReadError> {
    let fees = fees_of(shared, rows).await?;
    let bwt = shared.view().scale(AssetId::BWT);
    let told = rows.iter().filter_map(|row| {
        let info = shared.market_info(row.trade.market)?;
        let mut fill = wire::fill(&info, &row.trade, account, row.at.seq, row.time, None);
        if receives_tokens(&info, row, account) {
            fill.fee = fees.get(&row.at).map(|fee| bwt.amount(*fee));
        }
        Some(fill)
    });
    Ok(told.collect())
}

/// Whether the tokens of a trade come to this account: fees are taken out of them.
fn receives_tokens(info: &MarketInfo, row: &TradeRow, account: AccountId) -> bool {
    let taker = row.trade.taker_account == account;
    let side = if taker { row.trade.taker_side } else { row.trade.taker_side.opposite() };
    // Where both legs are tokens the base pays.
    let pays = if info.base.rail == Rail::Token { Side::Buy } else { Side::Sell };
    side == pays
}

/// What was taken so far for each of these trades, where anything was.
async fn fees_of(shared: &Shared, rows: &[TradeRow]) -> Result<BTreeMap<Cursor, Amount>, ReadError> {
    let deals: BTreeSet<DealId> = rows.iter().map(|row| row.trade.deal).collect();
    let deals: Vec<DealId> = deals.into_iter().collect();
    let sum = |extras: &DealExtras| extras.maker_fee.checked_add(extras.taker_fee).unwrap_or(Amount::MAX);
    let extras = shared.projections.deal_extras(&deals).await?;
    let fees: BTreeMap<DealId, Amount> =
        extras.iter().map(|(deal, extras)| (*deal, sum(extras))).filter(|(_, fee)| !fee.is_zero()).collect();
    let paid: Vec<DealId> = fees.keys().copied().collect();
    let mut trades: BTreeMap<DealId, Vec<TradeRow>> = BTreeMap::new();
    for row in shared.projections.trades_of_deals(&paid).await? {
        trades.entry(row.trade.deal).or_default().push(row);
    }
    let shares = trades.iter().flat_map(|(deal, rows)| {
        let lots = rows.iter().map(|row| row.trade.quantity.get());
        let fee = fees.get(deal).copied().unwrap_or_default();
        rows.iter().map(|row| row.at).zip(shares_of(fee, lots.collect()))
    });
    Ok(shares.collect())
}

/// An amount divided among parts by their sizes. The shares add up to the amount: each is what its part adds to the
/// rounded share of all up to it.
fn shares_of(amount: Amount, sizes: Vec<u64>) -> Vec<Amount> {
    let total: u128 = sizes.iter().map(|size| u128::from(*size)).sum();
    let (mut size_so_far, mut given) = (0_u128, 0_u64);
    let share = |size: u64| {
        size_so_far = size_so_far.saturating_add(u128::from(size));
        let due = u128::from(amount.get()).checked_mul(size_so_far).and_then(|all| all.checked_div(total));
        let whole = size_so_far == total;
        let due = if whole { amount.get() } else { due.and_then(|due| due.try_into().ok()).unwrap_or(given) };
        Amount::new(due.saturating_sub(std::mem::replace(&mut given, due)))
    };
    sizes.into_iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_the_whole() {
        let check = |amount: u64, sizes: &[u64], expected: &[u64]| {
            let shares: Vec<u64> =
                shares_of(Amount::new(amount), sizes.to_vec()).into_iter().map(Amount::get).collect();
            assert_eq!(shares, expected, "{amount} by {sizes:?}");
        };
        check(10, &[1], &[10]);
        check(10, &[1, 1, 1], &[3, 3, 4]);
        check(1, &[3, 3, 3], &[0, 0, 1]);
        check(0, &[3, 4], &[0, 0]);
        check(u64::MAX, &[u64::MAX, u64::MAX], &[u64::MAX / 2, u64::MAX / 2 + 1]);
        check(7, &[], &[]);
        check(7, &[0], &[7]);
    }
}
