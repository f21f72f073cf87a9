//! Markets, books, trades, candles: what everybody may see.

use super::pages::{Kind, Page};
use super::problem::Fault;
use super::reply::named;
use crate::clock;
use crate::edge;
use crate::shared::Shared;
use crate::view::MarketInfo;
use crate::wire;
use axum::Json;
use axum::extract::{Path, Query, State};
use bandex_api as api;
use bandex_journal::CandleInterval;
use bandex_types::Timestamp;
use std::sync::Arc;

/// The levels of a book if the request does not say.
const DEPTH: u32 = 50;
/// The most levels.
const DEPTH_MAX: u32 = 1_000;

/// What a client must know first: the node, the assets, the markets.
#[utoipa::path(
    get,
    path = "/v1/markets",
    tag = "markets",
    responses((status = 200, description = "All that is listed", body = api::Markets)),
)]
pub(crate) async fn markets(State(shared): State<Arc<Shared>>) -> Json<api::Markets> {
    let view = shared.view();
    let node = api::Node {
        network: shared.network,
        key: shared.node.to_string(),
        genesis: shared.genesis.to_string(),
        rules: view.rules,
        seq: view.seq,
        time_us: clock::now().as_micros(),
    };
    let parameters = api::Parameters {
        dust: view.btc(view.parameters.dust),
        share_ppm: view.parameters.share_ppm,
        bid_multiple: view.parameters.bid_multiple,
        register_work_bits: view.parameters.register_work_bits,
        proposal_us: view.parameters.proposal_us,
    };
    let assets = view.assets.values().map(wire::asset).collect();
    let markets = view.markets.values().map(|book| wire::market(&view, book)).collect();
    let (trust, rates) = (wire::trust_terms(&view, &view.trust.terms), wire::rates(&view));
    let rate_limits = edge::policies(&shared);
    Json(api::Markets { node, parameters, trust, rates, rate_limits, assets, markets })
}

/// One market: its state, its rules, the last price, and while it gathers orders what its auction would give.
#[utoipa::path(
    get,
    path = "/v1/markets/{market}",
    tag = "markets",
    params(("market" = String, Path, description = "BASE-QUOTE", min_length = 1)),
    responses(
        (status = 200, description = "The market", body = api::Market),
        (status = 404, description = "No such market", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn market(
    State(shared): State<Arc<Shared>>,
    Path(market): Path<String>,
) -> Result<Json<api::Market>, Fault> {
    let view = shared.view();
    let found = view.market(&market).map(|book| wire::market(&view, book));
    found.map(Json).ok_or_else(|| unknown_market(&market))
}

/// The auctions of a market that ended, newest first.
#[utoipa::path(
    get,
    path = "/v1/markets/{market}/auctions",
    tag = "markets",
    params(("market" = String, Path, description = "BASE-QUOTE", min_length = 1), api::AuctionQuery),
    responses(
        (status = 200, description = "Auctions", body = api::AuctionPage),
        (status = 404, description = "No such market", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn auctions(
    State(shared): State<Arc<Shared>>,
    Path(market): Path<String>,
    Query(query): Query<api::AuctionQuery>,
) -> Result<Json<api::AuctionPage>, Fault> {
    let info = find(&shared, &market)?;
    let page = Page::new(Kind::Auctions, &info.symbol, query.limit)?;
    let before = page.place(query.cursor.as_deref())?;
    let seq = shared.caught_up().await?;
    let mut rows = shared.projections.auctions(info.listing.id, before, page.rows()).await?;
    let next_cursor = page.end(&mut rows, |row| row.at);
    let auctions = rows.iter().map(|row| wire::auction_result(&info, row.state, row.at.seq, row.time));
    let (market, auctions) = (info.symbol.clone(), auctions.collect());
    Ok(Json(api::AuctionPage { market, seq, auctions, next_cursor }))
}

fn unknown_market(name: &str) -> Fault {
    Fault::not_found(format!("there is no market {name}; /v1/markets lists them"))
}

/// A market by its name, or a complaint.
pub(crate) fn find(shared: &Shared, name: &str) -> Result<Arc<MarketInfo>, Fault> {
    shared.market(name).ok_or_else(|| unknown_market(name))
}

/// The book of a market, by levels or order by order.
///
/// With `orders=true` every order that rests is told, best price first and in the order in which they would trade.
#[utoipa::path(
    get,
    path = "/v1/book/{market}",
    tag = "markets",
    params(("market" = String, Path, description = "BASE-QUOTE", min_length = 1), api::BookQuery),
    responses(
        (status = 200, description = "The book", body = api::AnyBook),
        (status = 404, description = "No such market", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn book(
    State(shared): State<Arc<Shared>>,
    Path(market): Path<String>,
    Query(query): Query<api::BookQuery>,
) -> Result<Json<api::AnyBook>, Fault> {
    let depth = query.depth.unwrap_or(DEPTH);
    if !(1..=DEPTH_MAX).contains(&depth) {
        return Err(Fault::bad_request(format!("depth: 1 to {DEPTH_MAX}")));
    }
    let view = shared.view();
    let book = view.market(&market).ok_or_else(|| unknown_market(&market))?;
    Ok(Json(match query.orders {
        Some(true) => api::AnyBook::Orders(wire::book_orders(book, view.seq, depth as usize)),
        _ => api::AnyBook::Levels(wire::book(book, view.seq, depth as usize)),
    }))
}

/// The tickers of all markets: best prices, last trade, what was traded in the last 24 hours.
#[utoipa::path(
    get,
    path = "/v1/tickers",
    tag = "markets",
    responses((status = 200, description = "Tickers", body = api::Tickers)),
)]
pub(crate) async fn tickers(State(shared): State<Arc<Shared>>) -> Json<api::Tickers> {
    let (view, now) = (shared.view(), clock::now());
    let tickers = view.markets.values().map(|book| wire::ticker(book, view.seq, now)).collect();
    Json(api::Tickers { seq: view.seq, tickers })
}

/// The ticker of a market.
#[utoipa::path(
    get,
    path = "/v1/tickers/{market}",
    tag = "markets",
    params(("market" = String, Path, description = "BASE-QUOTE", min_length = 1)),
    responses(
        (status = 200, description = "The ticker", body = api::Ticker),
        (status = 404, description = "No such market", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn ticker(
    State(shared): State<Arc<Shared>>,
    Path(market): Path<String>,
) -> Result<Json<api::Ticker>, Fault> {
    let view = shared.view();
    let found = view.market(&market).map(|book| wire::ticker(book, view.seq, clock::now()));
    found.map(Json).ok_or_else(|| unknown_market(&market))
}

/// The trades of a market, newest first.
#[utoipa::path(
    get,
    path = "/v1/trades/{market}",
    tag = "markets",
    params(("market" = String, Path, description = "BASE-QUOTE", min_length = 1), api::TradeQuery),
    responses(
        (status = 200, description = "Trades", body = api::TradePage),
        (status = 404, description = "No such market", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn trades(
    State(shared): State<Arc<Shared>>,
    Path(market): Path<String>,
    Query(query): Query<api::TradeQuery>,
) -> Result<Json<api::TradePage>, Fault> {
    let info = find(&shared, &market)?;
    let page = Page::new(Kind::Trades, &info.symbol, query.limit)?;
    let before = page.place(query.cursor.as_deref())?;
    let seq = shared.caught_up().await?;
    let mut rows = shared.projections.trades(info.listing.id, before, page.rows()).await?;
    let next_cursor = page.end(&mut rows, |row| row.trade.number);
    let trades = rows.iter().map(|row| wire::trade(&info, &row.trade, row.at.seq, row.time)).collect();
    Ok(Json(api::TradePage { seq, trades, next_cursor }))
}

/// The candles of a market, newest first.
#[utoipa::path(
    get,
    path = "/v1/markets/{market}/candles",
    tag = "markets",
    params(("market" = String, Path, description = "BASE-QUOTE", min_length = 1), api::CandleQuery),
    responses(
        (status = 200, description = "Candles", body = api::CandlePage),
        (status = 400, description = "No such interval", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such market", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn candles(
    State(shared): State<Arc<Shared>>,
    Path(market): Path<String>,
    Query(query): Query<api::CandleQuery>,
) -> Result<Json<api::CandlePage>, Fault> {
    let asked = query.interval.as_deref().map(|text| named("interval", text)).transpose()?;
    let interval = asked.unwrap_or(CandleInterval::Minute);
    let info = find(&shared, &market)?;
    let page = Page::new(Kind::Candles, format_args!("{}/{interval}", info.symbol), query.limit)?;
    let before = page.place(query.cursor.as_deref())?.map(Timestamp::from_micros);
    let seq = shared.caught_up().await?;
    let mut rows = shared.projections.candles(info.listing.id, interval, before, page.rows()).await?;
    let next_cursor = page.end(&mut rows, |row| row.start.as_micros());
    let candles = rows.iter().map(|row| wire::candle(&info, row)).collect();
    let (market, interval) = (info.symbol.clone(), interval.to_string());
    Ok(Json(api::CandlePage { market, interval, seq, candles, next_cursor }))
}
