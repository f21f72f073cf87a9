//! REST: thin handlers, one place for errors, one document for all.

mod accounts;
mod admin;
mod bitcoin;
mod blocks;
mod body;
mod breaches;
mod deals;
mod document;
mod evidence;
mod export;
mod fills;
mod forms;
mod grants;
mod health;
mod login;
mod markets;
mod operations;
mod pages;
mod prepare;
pub(crate) mod problem;
mod rate_limits;
mod reply;
mod signature;
mod status;
mod tranches;
mod trust;

use crate::edge;
use crate::shared::Shared;
use crate::ws;
use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use problem::Fault;
use std::sync::Arc;
use std::time::Duration;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::{BoxError, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

pub(crate) use accounts::on_the_wire as order_on_the_wire;
pub(crate) use blocks::{Sent, answer_reply, let_in, try_out, verify_in_parallel};
pub(crate) use deals::on_the_wire as deals_on_the_wire;
pub(crate) use login::log_in;
pub(crate) use reply::{is_signed, known};

/// The largest request body of a trader: many times what a block of a hundred operations takes.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// The largest request body of the operator, whose lists are longer.
const ADMIN_BODY_BYTES_MAX: usize = 160 * 1024;
/// How long a request may take, once it has been read.
const REQUEST_TIME: Duration = Duration::from_secs(20);

fn documented() -> OpenApiRouter<Arc<Shared>> {
    pages().merge(probes())
}

fn pages() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::with_openapi(document::begun())
        .routes(routes!(blocks::submit))
        .routes(routes!(blocks::validate))
        .routes(routes!(prepare::prepare))
        .routes(routes!(blocks::block))
        .routes(routes!(blocks::lane))
        .routes(routes!(markets::markets))
        .routes(routes!(markets::market))
        .routes(routes!(markets::auctions))
        .routes(routes!(markets::book))
        .routes(routes!(markets::trades))
        .routes(routes!(markets::tickers))
        .routes(routes!(markets::ticker))
        .routes(routes!(markets::candles))
        .routes(routes!(status::time))
        .routes(routes!(status::status))
        .routes(routes!(bitcoin::bitcoin))
        .routes(routes!(login::challenge, login::login))
        .routes(routes!(accounts::orders))
        .routes(routes!(accounts::order))
        .routes(routes!(fills::fills))
        .routes(routes!(accounts::protections))
        .routes(routes!(accounts::balances))
        .routes(routes!(grants::grants))
        .routes(routes!(trust::trust))
        .routes(routes!(trust::limits))
        .routes(routes!(trust::standing))
        .routes(routes!(trust::reputation))
        .routes(routes!(breaches::forks))
        .routes(routes!(breaches::defaults))
        .routes(routes!(deals::deals))
        .routes(routes!(deals::deal))
        .routes(routes!(deals::payments))
        .routes(routes!(tranches::tranches))
        .routes(routes!(export::export))
        .routes(routes!(evidence::evidence))
        .routes(routes!(rate_limits::rate_limits))
}

/// Whether the node is there, which a balancer must be told whatever else is asked.
fn probes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(health::livez)).routes(routes!(health::readyz))
}

/// The OpenAPI document of the public interface, as pretty JSON.
///
/// # Errors
/// The document cannot be written as JSON.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    let (_, mut document) = documented().split_for_parts();
    document::complete(&mut document);
    document.to_pretty_json().map(|json| json + "\n")
}

/// What every error code means and what to do about it: the text of `docs/errors.md`.
pub fn errors_document() -> String {
    problem::document()
}

/// What traders reach.
pub(crate) fn public(shared: Arc<Shared>) -> Router {
    let (router, _) = pages().split_for_parts();
    let (probes, _) = probes().split_for_parts();
    let (_, mut document) = documented().split_for_parts();
    document::complete(&mut document);
    let pages = SwaggerUi::new("/docs").url("/openapi.json", document);
    let router = router
        .route("/v1/ws", get(ws::upgrade).layer(from_fn_with_state(Arc::clone(&shared), edge::let_in)))
        .with_state(Arc::clone(&shared))
        .merge(pages)
        .route("/", get(|| async { Redirect::temporary("/docs/") }))
        .fallback(|| async { Fault::not_found("no such page; /docs/ lists them all") });
    guarded(router, &shared, BODY_BYTES_MAX)
        .merge(probes.with_state(Arc::clone(&shared)))
        .layer(map_response(problem::in_our_words))
        .layer(from_fn_with_state(Arc::clone(&shared), edge::gate))
        .layer(shared.edge.cors())
        .layer(from_fn_with_state(shared, edge::measure))
}

/// What the operator reaches.
pub(crate) fn admin(shared: Arc<Shared>) -> Router {
    let router = Router::new()
        .route("/admin/v1/configure", post(admin::configure))
        .route("/admin/v1/digest", get(admin::digest))
        .route("/metrics", get(admin::metrics))
        .with_state(Arc::clone(&shared))
        .fallback(|| async {
            let pages = "POST /admin/v1/configure, GET /admin/v1/digest and GET /metrics";
            Fault::not_found(format!("the admin listener serves {pages}"))
        });
    guarded(router, &shared, ADMIN_BODY_BYTES_MAX).layer(map_response(problem::in_our_words))
}

/// What the operator's charts are made from, for whoever reaches the listener.
pub(crate) fn metrics(shared: Arc<Shared>) -> Router {
    let router = Router::new()
        .route("/metrics", get(admin::open_metrics))
        .with_state(Arc::clone(&shared))
        .fallback(|| async { Fault::not_found("this listener serves GET /metrics") });
    guarded(router, &shared, 0).layer(map_response(problem::in_our_words))
}

/// Limits that hold for every request: size, number, time. The body is there before one of the places is taken.
fn guarded(router: Router, shared: &Arc<Shared>, body_bytes_max: usize) -> Router {
    router
        .layer(protection(shared.edge.requests_max))
        .layer(from_fn_with_state(Arc::clone(shared), body::whole))
        .layer(DefaultBodyLimit::max(body_bytes_max))
}

/// Number and time; and a panic ends one request, not the server.
fn protection(
    requests_max: usize,
) -> impl tower::Layer<
    axum::routing::Route,
    Service: tower::Service<
        axum::extract::Request,
        Response: IntoResponse,
        Error: Into<std::convert::Infallible>,
        Future: Send,
    > + Clone
                 + Send
                 + Sync
                 + 'static,
> + Clone
+ Send
+ Sync
+ 'static {
    ServiceBuilder::new()
        .layer(CatchPanicLayer::new())
        .layer(HandleErrorLayer::new(shed))
        .load_shed()
        .layer(GlobalConcurrencyLimitLayer::new(requests_max))
        .timeout(REQUEST_TIME)
}

async fn shed(error: BoxError) -> Response {
    if error.is::<tower::timeout::error::Elapsed>() {
        return Fault::timed_out().into_response();
    }
    Fault::overloaded().into_response()
}
