//! REST: what is asked for once, and what belongs to an account.

mod fetch;
mod pages;
mod raw;

pub use fetch::Body;

use crate::tls::{Tls, TlsError};
use crate::wire::{WireError, parse, signed_to_wire};
use crate::{HttpSigner, Markets, clock};
use bandex_api::{
    AuctionPage, AuctionQuery, Balances, Bitcoin, BlockReply, Book, BookOrders, BookQuery, Challenge, Deal,
    DealPage, DealPayments, DealQuery, DefaultPage, Evidence, FillPage, FillQuery, ForkPage, GrantPage,
    HttpTarget, Lane, LaneQuery, Limits, Market, Order, OrderPage, OrderQuery, PageQuery, Problem,
    Protections, RateLimits, Reputation, ReputationQuery, Session, Standing, Status, StoredBlock,
    SubmitQuery, Ticker, Tickers, Time, TradePage, TradeQuery, TranchePage, Trust,
};
use bandex_tradechain::{Keypair, Login, SignedBlock};
use bandex_types::{AccountId, BlockId, DealId, OrderRef, PublicKey};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio_rustls::rustls::ClientConfig;

/// Why a request gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The exchange says why.
    #[error("{}: {}", .0.code, .0.detail)]
    Problem(Box<Problem>),
    /// No exchange answered, or not in its words.
    #[error("the exchange could not be reached: {0}")]
    Http(#[from] reqwest::Error),
    /// An answer that is no problem document.
    #[error("the exchange answered {status} without saying why")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// An answer that cannot be read.
    #[error("the answer: {0}")]
    Wire(#[from] WireError),
    /// A request could not be signed.
    #[error("the request cannot be signed: {0}")]
    Unsigned(String),
    /// TLS cannot be spoken.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The challenge is for another node or network than expected.
    #[error("the login challenge is another node's: a signature over it would serve someone else")]
    OtherNode,
}

impl RestError {
    /// The stable code of the exchange's problem, if it named one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(&problem.code),
            _ => None,
        }
    }
}

/// The public part of an exchange's REST interface.
///
/// ```no_run
/// # async fn example() -> Result<(), bandex_sdk::RestError> {
/// let rest = bandex_sdk::Rest::new("http://localhost:8080")?;
/// let markets = rest.markets().await?;
/// for market in markets.iter() {
///     println!("{}: {}", market.symbol, rest.book(&market.symbol, Some(5)).await?.bids.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Rest {
    http: reqwest::Client,
    base: String,
}

/// The part that belongs to an account, which a login or a signature under each request opens.
#[derive(Debug, Clone)]
pub struct AccountRest {
    rest: Rest,
    access: Access,
    account: AccountId,
}

/// By what right an account's pages are read.
#[derive(Debug, Clone)]
enum Access {
    Session(Session),
    Signer(HttpSigner),
}

/// Longer than any answer takes, shorter than a person waits.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Rest {
    /// For an exchange at `base`, such as `http://localhost:8080`; one at `https://…` must show a certificate by an
    /// authority that this machine trusts, see [`Tls::system`].
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn new(base: impl Into<String>) -> Result<Self, RestError> {
        let base = base.into();
        let tls = base.starts_with("https:").then(Tls::system).transpose()?;
        Self::build(base, tls)
    }

    /// For an exchange whose certificate is by an authority of one's own.
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn with_tls(base: impl Into<String>, tls: Tls) -> Result<Self, RestError> {
        Self::build(base.into(), Some(tls))
    }

    fn build(base: String, tls: Option<Tls>) -> Result<Self, RestError> {
        let mut http = reqwest::Client::builder().timeout(TIMEOUT);
        if let Some(tls) = &tls {
            http = http.tls_backend_preconfigured(ClientConfig::clone(&tls.config()));
        }
        Ok(Self { http: http.build()?, base: base.trim_end_matches('/').to_owned() })
    }

    /// Where the exchange's WebSocket is, such as `ws://localhost:8080/v1/ws`.
    pub fn socket_url(&self) -> String {
        let rest = self.base.strip_prefix("http").unwrap_or(&self.base);
        format!("ws{rest}/v1/ws")
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    async fn get<Q: Serialize, A: DeserializeOwned>(&self, path: &str, query: &Q) -> Result<A, RestError> {
        answer(self.request(Method::GET, path).query(query)).await
    }

    /// The node's clock and its last published record.
    ///
    /// # Errors
    /// No answer.
    pub async fn time(&self) -> Result<Time, RestError> {
        self.get("/v1/time", &()).await
    }

    /// Whether the node takes commands, what each market does, how it stands with the Bitcoin node.
    ///
    /// # Errors
    /// No answer.
    pub async fn status(&self) -> Result<Status, RestError> {
        self.get("/v1/status", &()).await
    }

    /// All that is listed.
    ///
    /// # Errors
    /// No answer, or one that cannot be read.
    pub async fn markets(&self) -> Result<Markets, RestError> {
        Ok(Markets::from_wire(&self.get("/v1/markets", &()).await?)?)
    }

    /// One market: its state, its rules, the last price, and what its auction would give.
    ///
    /// # Errors
    /// No answer, or no such market.
    pub async fn market(&self, market: &str) -> Result<Market, RestError> {
        self.get(&format!("/v1/markets/{market}"), &()).await
    }

    /// The auctions of a market that ended, newest first.
    ///
    /// # Errors
    /// No answer, or no such market.
    pub async fn auctions(&self, market: &str, query: &AuctionQuery) -> Result<AuctionPage, RestError> {
        self.get(&format!("/v1/markets/{market}/auctions"), query).await
    }

    /// A book, `depth` levels a side.
    ///
    /// # Errors
    /// No answer, or no such market.
    pub async fn book(&self, market: &str, depth: Option<u32>) -> Result<Book, RestError> {
        self.get(&format!("/v1/book/{market}"), &BookQuery { depth, orders: None }).await
    }

    /// A book order by order, `depth` orders a side.
    ///
    /// # Errors
    /// No answer, or no such market.
    pub async fn book_orders(&self, market: &str, depth: Option<u32>) -> Result<BookOrders, RestError> {
        self.get(&format!("/v1/book/{market}"), &BookQuery { depth, orders: Some(true) }).await
    }

    /// The tickers of all markets.
    ///
    /// # Errors
    /// No answer.
    pub async fn tickers(&self) -> Result<Tickers, RestError> {
        self.get("/v1/tickers", &()).await
    }

    /// The ticker of a market.
    ///
    /// # Errors
    /// No answer, or no such market.
    pub async fn ticker(&self, market: &str) -> Result<Ticker, RestError> {
        self.get(&format!("/v1/tickers/{market}"), &()).await
    }

    /// Trades of a market, newest first.
    ///
    /// # Errors
    /// No answer, or no such market.
    pub async fn trades(&self, market: &str, query: &TradeQuery) -> Result<TradePage, RestError> {
        self.get(&format!("/v1/trades/{market}"), query).await
    }

    /// Submits a block. [`crate::Trader`] does this in order, stored and repeated as needed.
    ///
    /// # Errors
    /// No answer (the block may have been sequenced: send the same bytes again), or a refusal.
    pub async fn submit(&self, signed: &SignedBlock, receipt: bool) -> Result<BlockReply, RestError> {
        let query = SubmitQuery { receipt: Some(receipt) };
        answer(self.request(Method::POST, "/v1/blocks").query(&query).json(&signed_to_wire(signed))).await
    }

    /// A block as the node keeps it.
    ///
    /// # Errors
    /// No answer, or no such block.
    pub async fn block(&self, id: BlockId) -> Result<StoredBlock, RestError> {
        self.get(&format!("/v1/blocks/{id}"), &()).await
    }

    /// A part of a lane.
    ///
    /// # Errors
    /// No answer, or `unknown_key`.
    pub async fn lane(&self, key: PublicKey, query: &LaneQuery) -> Result<Lane, RestError> {
        self.get(&format!("/v1/lanes/{key}"), query).await
    }

    /// How far the Bitcoin chain is followed, and how it stands with the exchange's node.
    ///
    /// # Errors
    /// No answer.
    pub async fn bitcoin(&self) -> Result<Bitcoin, RestError> {
        self.get("/v1/bitcoin", &()).await
    }

    /// How limits follow, who the seeds and registrars are, the last epoch.
    ///
    /// # Errors
    /// No answer.
    pub async fn trust(&self) -> Result<Trust, RestError> {
        self.get("/v1/trust", &()).await
    }

    /// Keys that signed two blocks for one place in their lane, newest first.
    ///
    /// # Errors
    /// No answer.
    pub async fn forks(&self, query: &PageQuery) -> Result<ForkPage, RestError> {
        self.get("/v1/forks", query).await
    }

    /// Tranches that were not paid in time, newest first.
    ///
    /// # Errors
    /// No answer.
    pub async fn defaults(&self, query: &PageQuery) -> Result<DefaultPage, RestError> {
        self.get("/v1/defaults", query).await
    }

    /// How much others may let an account owe, why, and what would raise it.
    ///
    /// # Errors
    /// No answer, or no such account.
    pub async fn limits(&self, account: AccountId) -> Result<Limits, RestError> {
        self.get(&format!("/v1/limits/{account}"), &()).await
    }

    /// What the node says of an account's standing; [`crate::check_standing`] checks its signature.
    ///
    /// # Errors
    /// No answer, or no such account.
    pub async fn standing(&self, account: AccountId) -> Result<Standing, RestError> {
        self.get(&format!("/v1/standing/{account}"), &()).await
    }

    /// An account's score at the end of the last epoch; with `from` as seen from that account's own circle.
    ///
    /// # Errors
    /// No answer, no such account, `no_epoch`, or `not_scored` for a moment after the end of an epoch.
    pub async fn reputation(
        &self,
        account: AccountId,
        from: Option<AccountId>,
    ) -> Result<Reputation, RestError> {
        let query = ReputationQuery { from: from.map(|from| from.to_string()) };
        self.get(&format!("/v1/reputation/{account}"), &query).await
    }

    /// Logs in with a key of an account. `markets` says which node and network a challenge may be for.
    ///
    /// # Errors
    /// No answer, an unknown key, or a challenge of another node.
    pub async fn login(&self, keypair: &Keypair, markets: &Markets) -> Result<AccountRest, RestError> {
        let body = self.signed_challenge(keypair, markets).await?;
        let session: Session = answer(self.request(Method::POST, "/v1/login").json(&body)).await?;
        let account = parse("account", &session.account)?;
        Ok(AccountRest { rest: self.clone(), access: Access::Session(session), account })
    }

    /// A fresh challenge with a key's signature, as `POST /v1/login` takes it within 10 seconds.
    ///
    /// # Errors
    /// No answer, or a challenge of another node.
    pub async fn signed_challenge(
        &self,
        keypair: &Keypair,
        markets: &Markets,
    ) -> Result<bandex_api::Login, RestError> {
        let challenge: Challenge = self.get("/v1/login", &()).await?;
        let (network, node) = (challenge.network, parse("node", &challenge.node)?);
        if (network, node) != (markets.network, markets.node) {
            return Err(RestError::OtherNode);
        }
        let login = Login { network, node, key: keypair.public(), nonce: parse("nonce", &challenge.nonce)? };
        Ok(signed_login(&login, keypair))
    }

    /// Reads an account's pages without a login: each request is signed with a key of the account (RFC 9421).
    ///
    /// # Errors
    /// No answer, or an unknown key.
    pub async fn signed(&self, keypair: &Keypair, markets: &Markets) -> Result<AccountRest, RestError> {
        let query = LaneQuery { limit: Some(1), ..LaneQuery::default() };
        let lane = self.lane(keypair.public(), &query).await?;
        let account = parse("account", &lane.account)?;
        let signer = HttpSigner::new(keypair.clone(), markets.node);
        Ok(AccountRest { rest: self.clone(), access: Access::Signer(signer), account })
    }
}

/// A login as the wire has it.
pub(crate) fn signed_login(login: &Login, keypair: &Keypair) -> bandex_api::Login {
    bandex_api::Login {
        key: login.key.to_string(),
        nonce: login.nonce.to_string(),
        signature: login.sign(keypair).to_string(),
    }
}

impl AccountRest {
    /// Whose.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The token, for `Authorization: Bearer`; none if each request is signed. Whoever has it reads what the account may
    /// read.
    pub fn token(&self) -> Option<&str> {
        match &self.access {
            Access::Session(session) => Some(&session.token),
            Access::Signer(_) => None,
        }
    }

    /// Whether the session ends within `margin` microseconds; then log in anew. Signed requests never end.
    pub fn expires_within(&self, margin_us: u64) -> bool {
        match &self.access {
            Access::Session(session) => clock::now().plus(margin_us).as_micros() >= session.expires_us,
            Access::Signer(_) => false,
        }
    }

    /// The request with the right to read.
    fn open(&self, request: RequestBuilder) -> Result<Request, RestError> {
        match &self.access {
            Access::Session(session) => Ok(request.bearer_auth(&session.token).build()?),
            Access::Signer(signer) => {
                let mut request = request.build()?;
                let headers = signed_headers(signer, &request)?;
                request.headers_mut().extend(headers);
                Ok(request)
            }
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, RestError> {
        Ok(self.rest.http.execute(self.open(request)?).await?)
    }

    async fn get<Q: Serialize, A: DeserializeOwned>(&self, path: &str, query: &Q) -> Result<A, RestError> {
        read(self.send(self.rest.request(Method::GET, path).query(query)).await?).await
    }

    /// The account's orders, newest first.
    ///
    /// # Errors
    /// No answer, or the session has ended.
    pub async fn orders(&self, query: &OrderQuery) -> Result<OrderPage, RestError> {
        self.get("/v1/orders", query).await
    }

    /// One order.
    ///
    /// # Errors
    /// No answer, or no such order of this account.
    pub async fn order(&self, order: OrderRef) -> Result<Order, RestError> {
        self.get(&format!("/v1/orders/{order}"), &()).await
    }

    /// The account's fills, newest first.
    ///
    /// # Errors
    /// No answer, no such market, or no such order of this account.
    pub async fn fills(&self, query: &FillQuery) -> Result<FillPage, RestError> {
        self.get("/v1/fills", query).await
    }

    /// The protections of the account's quotes.
    ///
    /// # Errors
    /// No answer, or the session has ended.
    pub async fn protections(&self) -> Result<Protections, RestError> {
        self.get("/v1/protections", &()).await
    }

    /// The account's deals, newest first.
    ///
    /// # Errors
    /// No answer, or the session has ended.
    pub async fn deals(&self, query: &DealQuery) -> Result<DealPage, RestError> {
        self.get("/v1/deals", query).await
    }

    /// All open deals, page by page.
    ///
    /// # Errors
    /// As [`AccountRest::deals`].
    pub async fn open_deals(&self) -> Result<Vec<Deal>, RestError> {
        let (mut all, mut query) = (Vec::new(), DealQuery::default());
        loop {
            let page = self.deals(&query).await?;
            all.extend(page.deals);
            match page.next_cursor {
                Some(cursor) => query.cursor = Some(cursor),
                None => return Ok(all),
            }
        }
    }

    /// One deal.
    ///
    /// # Errors
    /// No answer, or no such deal of this account.
    pub async fn deal(&self, deal: DealId) -> Result<Deal, RestError> {
        self.get(&format!("/v1/deals/{deal}"), &()).await
    }

    /// The payments of a deal on the Bitcoin chain, in the order in which they were proven.
    ///
    /// # Errors
    /// No answer, or no such deal of this account.
    pub async fn payments(&self, deal: DealId) -> Result<DealPayments, RestError> {
        self.get(&format!("/v1/deals/{deal}/payments"), &()).await
    }

    /// The tranches of a deal, oldest first.
    ///
    /// # Errors
    /// No answer, or no such deal of this account.
    pub async fn tranches(&self, deal: DealId, query: &PageQuery) -> Result<TranchePage, RestError> {
        self.get(&format!("/v1/deals/{deal}/tranches"), query).await
    }

    /// All that a third party needs to judge a deal.
    ///
    /// # Errors
    /// No answer, or no such deal of this account.
    pub async fn evidence(&self, deal: DealId) -> Result<Evidence, RestError> {
        self.get(&format!("/v1/deals/{deal}/evidence"), &()).await
    }

    /// The account's keys with what each was granted.
    ///
    /// # Errors
    /// No answer, or the session has ended.
    pub async fn grants(&self, query: &PageQuery) -> Result<GrantPage, RestError> {
        self.get("/v1/grants", query).await
    }

    /// How much the account may ask in what time, and what is left of it.
    ///
    /// # Errors
    /// No answer, or the session has ended.
    pub async fn rate_limits(&self) -> Result<RateLimits, RestError> {
        self.get("/v1/rate-limits", &()).await
    }

    /// What the account has, and how far others let it go.
    ///
    /// # Errors
    /// No answer, or the session has ended.
    pub async fn balances(&self) -> Result<Balances, RestError> {
        self.get("/v1/balances", &()).await
    }
}

async fn answer<A: DeserializeOwned>(request: RequestBuilder) -> Result<A, RestError> {
    read(request.send().await?).await
}

async fn read<A: DeserializeOwned>(response: Response) -> Result<A, RestError> {
    if response.status() == StatusCode::OK {
        return Ok(response.json().await?);
    }
    Err(refusal(response).await?)
}

/// The headers that sign a request as it will be sent.
fn signed_headers(signer: &HttpSigner, request: &Request) -> Result<HeaderMap, RestError> {
    let url = request.url();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let authority = format!("{}{port}", url.host_str().unwrap_or_default());
    let target = HttpTarget {
        method: request.method().as_str(),
        authority: &authority,
        path: url.path(),
        query: url.query(),
        content_digest: None,
    };
    let unsigned = |error: &dyn std::fmt::Display| RestError::Unsigned(error.to_string());
    let nonce = HttpSigner::nonce().map_err(|error| unsigned(&error))?;
    let body = request.body().and_then(reqwest::Body::as_bytes);
    let made = signer.headers(clock::now(), &nonce, &target, body).map_err(|error| unsigned(&error))?;
    let headers = made.into_iter().map(|(name, value)| {
        let value = HeaderValue::try_from(value).map_err(|error| unsigned(&error))?;
        Ok((HeaderName::try_from(name).map_err(|error| unsigned(&error))?, value))
    });
    headers.collect()
}

/// Why an answer is none.
async fn refusal(response: Response) -> Result<RestError, RestError> {
    let status = response.status();
    let body = response.bytes().await?;
    Ok(match serde_json::from_slice(&body) {
        Ok(problem) => RestError::Problem(problem),
        Err(_) => RestError::Status { status: status.as_u16() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_where_the_exchange_is() {
        let check = |base, url| assert_eq!(Rest::new(base).unwrap().socket_url(), url);
        check("http://localhost:8080", "ws://localhost:8080/v1/ws");
        check("http://localhost:8080/", "ws://localhost:8080/v1/ws");
        check("https://exchange.example", "wss://exchange.example/v1/ws");
    }
}
