//! What each request weighs, whose bucket it is drawn from, and what the answer says of it.
//!
//! Cheap checks come first: the address pays before anything is read, an account once a token or a signature has shown
//! who it is, and either before a block's signature is looked at. Blocks that only cancel have a bucket of their own, so that whoever spent everything can still get out.

use super::Client;
use super::limits::{Left, Owner};
use super::quota::Policy;
use crate::clock;
use crate::http;
use crate::http::problem::Fault;
use crate::sessions::Who;
use crate::shared::Shared;
use axum::extract::{MatchedPath, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bandex_api as api;
use bandex_tradechain::body::Operation;
use bandex_tradechain::{Block, Body, Verified};
use bandex_types::AccountId;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// How the rate limits stand (draft-ietf-httpapi-ratelimit-headers).
const STANDING: HeaderName = HeaderName::from_static("ratelimit");
/// What the rate limits are (the same draft).
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// So many operations of a block weigh as much as a request.
const OPERATIONS_OF_ONE: usize = 10;
/// The page that takes blocks.
const BLOCKS: &str = "/v1/blocks";

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Whether the node is there: a balancer must get an answer whatever else is asked.
    Nothing,
    /// One thing, or a message.
    Read,
    /// A page of many.
    List,
    /// A record with the proof of it, which is made from the whole batch.
    Proof,
    /// Every order of a book.
    BookOfOrders,
    /// All records of a deal with their proofs.
    Evidence,
    /// A block that is tried out.
    Validate,
    /// A score from somebody's own circle.
    PersonalScore,
    /// Everything of an account.
    Export,
}

impl Weight {
    pub const fn units(self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Read => 1,
            Self::List | Self::Proof => 2,
            Self::BookOfOrders | Self::Evidence => 5,
            Self::Validate | Self::PersonalScore => 10,
            Self::Export => 20,
        }
    }

    /// What a page weighs.
    fn of(page: Option<&str>, uri: &Uri) -> Self {
        match page.unwrap_or_default() {
            "/livez" | "/readyz" => Self::Nothing,
            "/v1/book/{market}" if asks(uri, |query: &api::BookQuery| query.orders == Some(true)) => {
                Self::BookOfOrders
            }
            "/v1/reputation/{account}" if asks(uri, |query: &api::ReputationQuery| query.from.is_some()) => {
                Self::PersonalScore
            }
            "/v1/blocks/validate" => Self::Validate,
            "/v1/blocks/{id}" => Self::Proof,
            "/v1/deals/{id}/evidence" => Self::Evidence,
            page if page.starts_with("/v1/export/") => Self::Export,
            "/v1/trades/{market}"
            | "/v1/tickers"
            | "/v1/markets/{market}/candles"
            | "/v1/markets/{market}/auctions"
            | "/v1/lanes/{key}"
            | "/v1/orders"
            | "/v1/fills"
            | "/v1/deals"
            | "/v1/deals/{id}/tranches"
            | "/v1/forks"
            | "/v1/defaults" => Self::List,
            _ => Self::Read,
        }
    }
}

/// Whether a query asks for something, read as the page itself reads it: there are many ways to write the same.
fn asks<T: DeserializeOwned>(uri: &Uri, whether: impl FnOnce(&T) -> bool) -> bool {
    Query::<T>::try_from_uri(uri).is_ok_and(|Query(query)| whether(&query))
}

/// The page that a request was routed to.
pub(super) fn page(request: &Request) -> Option<&str> {
    request.extensions().get::<MatchedPath>().map(MatchedPath::as_str)
}

/// A method by name; those that nobody serves have one name.
pub(super) fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Draws for a request before it is looked at, and tells in its answer how the buckets stand.
pub(crate) async fn gate(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let client = Client::new(&shared.edge, &request);
    let is_block = request.method() == Method::POST && page(&request) == Some(BLOCKS);
    let weight = Weight::of(page(&request), request.uri());
    let (mut parts, body) = request.into_parts();
    let who = known(&shared, &client, &mut parts);
    let drawn = match &who {
        // A block of somebody who is known is paid for when it is known what it holds.
        Ok(Some(_)) if is_block => Ok(()),
        Ok(who) => draw(&shared, &client, *who, weight),
        Err(fault) => Err(fault.clone()),
    };
    let mut response = match drawn {
        Ok(()) => {
            parts.extensions.insert(client.clone());
            next.run(Request::from_parts(parts, body)).await
        }
        Err(fault) => fault.into_response(),
    };
    tell(&shared, &client, who.unwrap_or_default(), response.headers_mut());
    response
}

/// Who asks. Whoever signs a request pays with the address for having the signature checked.
fn known(shared: &Shared, client: &Client, parts: &mut Parts) -> Result<Option<Who>, Fault> {
    if http::is_signed(parts) {
        draw(shared, client, None, Weight::Read)?;
    }
    http::known(shared, parts)
}

fn draw(shared: &Shared, client: &Client, who: Option<Who>, weight: Weight) -> Result<(), Fault> {
    match weight {
        Weight::Nothing => Ok(()),
        _ => take(shared, client, whose(client, who), weight.units()),
    }
}

/// Draws from a bucket, and remembers how it stands for the answer, be it a refusal.
fn take(shared: &Shared, client: &Client, from: (Policy, Owner), weight: u64) -> Result<(), Fault> {
    let (policy, owner) = from;
    let drawn = shared.edge.draw(policy, owner, weight);
    client.note(drawn.unwrap_or_else(|over| over.left));
    drawn.map(drop).map_err(|over| Fault::rate_limited(policy.name(), over.retry_after_ms))
}

fn whose(client: &Client, who: Option<Who>) -> (Policy, Owner) {
    match who {
        Some(who) => (Policy::Account, Owner::Account(who.account)),
        None => (Policy::Address, client.owner()),
    }
}

/// Draws for a message of a WebSocket. A block of somebody who is known is paid for by [`verified`] alone.
///
/// # Errors
/// There is too little in the bucket.
pub(crate) fn message(
    shared: &Shared,
    client: &Client,
    who: Option<Who>,
    weight: Weight,
) -> Result<(), Fault> {
    draw(shared, client, who, weight)
}

/// Draws for what cannot be read, from the address it came from.
///
/// # Errors
/// There is too little in the bucket.
pub(crate) fn paid(shared: &Shared, client: &Client) -> Result<(), Fault> {
    draw(shared, client, None, Weight::Read)
}

/// The same; gives what to answer.
pub(crate) fn unreadable(shared: &Shared, client: &Client, fault: Fault) -> Fault {
    paid(shared, client).err().unwrap_or(fault)
}

/// Verifies a block, once whoever sent it has paid for that, and draws what it weighs.
///
/// Anybody can send anybody's signed bytes, which are public once they are sequenced. So an account pays only for blocks
/// of its own that are new, and whoever sent them for all others.
///
/// # Errors
/// There is too little in a bucket, or what is wrong with the block.
pub(crate) async fn verified(
    shared: &Shared,
    client: &Client,
    who: Option<Who>,
    signed: api::SignedBlock,
) -> Result<Verified, Fault> {
    let own = who.and_then(|who| claimed(shared, who, &signed));
    let (sender, looked) = own.unwrap_or_else(|| (whose(client, who), Weight::Read.units()));
    // Without a login the address has paid with the request.
    if who.is_some() {
        take(shared, client, sender, looked)?;
    }
    let verified = http::verify_in_parallel(shared, signed).await?;
    let (policy, weight) = drawn_by(&verified.block().body);
    let payer = match author_pays(shared, verified.block()) {
        _ if policy == Policy::Registrations => (policy, client.owner()),
        Some(_) if own.is_some() => return Ok(verified),
        Some(account) => (policy, Owner::Account(account)),
        None => sender,
    };
    take(shared, client, payer, weight)?;
    Ok(verified)
}

/// What a block is drawn from and how much, as far as that can be told unverified: if it is of the account that sent it,
/// which pays whether the block is what it says or not.
fn claimed(shared: &Shared, who: Who, signed: &api::SignedBlock) -> Option<((Policy, Owner), u64)> {
    let block = Block::decode(&hex::decode(&signed.payload).ok()?).ok()?;
    let is_own = shared.view().key(&block.author).is_some_and(|state| state.account == who.account);
    let (policy, weight) = drawn_by(&block.body);
    (is_own && policy != Policy::Registrations).then_some(((policy, Owner::Account(who.account)), weight))
}

/// The account of a block's author, if the block is its doing: its key serves, and its lane has not come so far yet.
fn author_pays(shared: &Shared, block: &Block) -> Option<AccountId> {
    let view = shared.view();
    let state = view.key(&block.author).filter(|state| state.is_active(clock::now()))?;
    let is_new = view.head(&block.author).is_none_or(|head| block.seq > head.seq);
    is_new.then_some(state.account)
}

/// From which bucket a block is drawn, and how much.
fn drawn_by(body: &Body) -> (Policy, u64) {
    match body {
        Body::Register(_) => (Policy::Registrations, 1),
        Body::Orders(orders) => {
            let count = orders.operations.len() / OPERATIONS_OF_ONE;
            let weight = u64::try_from(count).unwrap_or(u64::MAX).saturating_add(1);
            let only_cancels = orders.operations.iter().all(is_cancel);
            (if only_cancels { Policy::Cancels } else { Policy::Account }, weight)
        }
        _ => (Policy::Account, 1),
    }
}

const fn is_cancel(operation: &Operation) -> bool {
    use Operation::{Cancel, CancelAll, CancelClient};
    matches!(operation, Cancel { .. } | CancelClient { .. } | CancelAll { .. })
}

/// Writes into an answer what was drawn from and how it stands; if nothing was, how the usual bucket stands.
fn tell(shared: &Shared, client: &Client, who: Option<Who>, headers: &mut HeaderMap) {
    let mut drawn = client.drawn();
    if drawn.is_empty() {
        let (policy, owner) = whose(client, who);
        drawn.push(shared.edge.limits.left(policy, owner));
    }
    let quotas = shared.edge.limits.quotas();
    let policies = drawn.iter().map(|left| {
        let quota = quotas.of(left.policy);
        format!("\"{}\";q={};w={}", left.policy.name(), quota.quota, quota.window_s)
    });
    let standings = drawn.iter().map(|left| {
        format!("\"{}\";r={};t={}", left.policy.name(), left.remaining, left.reset_ms.div_ceil(1_000))
    });
    for (name, value) in [(POLICY, list(policies)), (STANDING, list(standings))] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

/// What the rate limits are, in the wire's words.
pub(crate) fn policies(shared: &Shared) -> Vec<api::RatePolicy> {
    let asked = [
        ("read", Weight::Read.units()),
        ("list", Weight::List.units()),
        ("proof", Weight::Proof.units()),
        ("book_of_orders", Weight::BookOfOrders.units()),
        ("evidence", Weight::Evidence.units()),
        ("validate", Weight::Validate.units()),
        ("personal_score", Weight::PersonalScore.units()),
        ("export", Weight::Export.units()),
    ];
    let blocks = [("block", 1), ("ten_operations", 1)];
    let named = |weights: &[(&str, u64)]| {
        weights.iter().map(|(what, weight)| ((*what).to_owned(), *weight)).collect()
    };
    let quotas = shared.edge.limits.quotas();
    let policy = |policy: Policy| {
        let quota = quotas.of(policy);
        let weights = match policy {
            Policy::Address => named(&[asked.as_slice(), &[("block", 1)]].concat()),
            Policy::Account => named(&[asked.as_slice(), &blocks].concat()),
            Policy::Cancels => named(&blocks),
            Policy::Registrations => named(&[("registration", 1)]),
        };
        let name = policy.name().to_owned();
        api::RatePolicy { name, quota: quota.quota, window_s: quota.window_s, weights }
    };
    Policy::ALL.into_iter().map(policy).collect()
}

/// How the buckets of a client stand: those of its account if it is known, else those of its address.
pub(crate) fn standings(shared: &Shared, client: &Client, who: Option<Who>) -> Vec<api::RateUse> {
    let of_address = [(Policy::Address, client.owner()), (Policy::Registrations, client.owner())];
    let owners = who.map_or(of_address, |who| {
        let account = Owner::Account(who.account);
        [(Policy::Account, account), (Policy::Cancels, account)]
    });
    let told = |Left { policy, remaining, reset_ms }| api::RateUse {
        policy: policy.name().to_owned(),
        remaining,
        reset_ms,
    };
    owners.map(|(policy, owner)| told(shared.edge.limits.left(policy, owner))).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bandex_tradechain::body::Orders;
    use bandex_types::{MarketId, OrderRef, Price, PublicKey, Quantity};

    #[test]
    fn pages_weigh_what_they_cost() {
        let check = |page: Option<&str>, query: Option<&str>, units: u64| {
            let uri = format!("/?{}", query.unwrap_or_default()).parse().unwrap();
            assert_eq!(Weight::of(page, &uri).units(), units, "{page:?} {query:?}");
        };
        check(Some("/livez"), None, 0);
        check(Some("/v1/markets"), None, 1);
        check(Some("/v1/book/{market}"), None, 1);
        check(Some("/v1/book/{market}"), Some("depth=5"), 1);
        check(Some("/v1/book/{market}"), Some("depth=5&orders=true"), 5);
        check(Some("/v1/book/{market}"), Some("orders=%74rue"), 5);
        check(Some("/v1/book/{market}"), Some("%6Frders=true&depth=5"), 5);
        check(Some("/v1/book/{market}"), Some("orders=false"), 1);
        check(Some("/v1/reputation/{account}"), None, 1);
        check(Some("/v1/reputation/{account}"), Some("from=00"), 10);
        check(Some("/v1/reputation/{account}"), Some("a=b&fro%6d=00"), 10);
        check(Some("/v1/blocks/{id}"), None, 2);
        check(Some("/v1/deals/{id}/evidence"), None, 5);
        check(Some("/v1/trades/{market}"), None, 2);
        check(Some("/v1/orders"), None, 2);
        check(Some("/v1/orders/{order}"), None, 1);
        check(Some("/v1/blocks"), None, 1);
        check(Some("/v1/blocks/validate"), None, 10);
        check(Some("/v1/export/{what}"), None, 20);
        check(None, None, 1);
    }

    #[test]
    fn blocks_draw_by_what_they_hold() {
        let order = OrderRef { key: PublicKey::new([1; 32]), seq: 1, op: 0 };
        let cancel = Operation::Cancel { order };
        let all = Operation::CancelAll { market: None, side: None };
        let by_client = Operation::CancelClient { market: MarketId::new(1), client_id: "a".to_owned() };
        let amend = Operation::Amend { order, price: Price::new(1), quantity: Quantity::new(1) };
        let check = |operations: &[Operation], count: usize, expected| {
            let operations: Vec<_> = operations.iter().cycle().take(count).cloned().collect();
            assert_eq!(drawn_by(&Body::Orders(Orders { operations })), expected);
        };
        check(std::slice::from_ref(&cancel), 1, (Policy::Cancels, 1));
        check(&[cancel.clone(), all.clone(), by_client.clone()], 10, (Policy::Cancels, 2));
        check(&[cancel.clone(), all, by_client], 100, (Policy::Cancels, 11));
        check(&[cancel, amend.clone()], 2, (Policy::Account, 1));
        check(&[amend], 25, (Policy::Account, 3));
    }
}
