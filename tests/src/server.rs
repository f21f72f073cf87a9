//! A real server in a folder of its own, and ways to ask it.

use crate::{RawLane, Socket, database};
use bandex_api::{
    Balances, BlockReply, Book, Deal, Lane, Limits, Login as WireLogin, Markets, Problem, StateDigest,
};
use bandex_exchange::{BitcoinNode, Config, EdgeOptions, Exchange, Recovery, StartError};
use bandex_sdk::Rest;
use bandex_tradechain::body::{AssetListing, Change, MarketListing, Parameters, TrustTerms};
use bandex_tradechain::{Keypair, Login, SignedBlock};
use bandex_types::{AccountId, Amount, AssetId, DealId, MarketId, PublicKey, Rail, Ratio};
use reqwest::Method;
use serde_json::{Value, json};
use std::future::Future;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// The market of most tests, BWT-BTC: 1 lot = 1 kB, 1 tick = 1/200 millisatoshi a BWT.
pub const MARKET: MarketId = MarketId::new(1);
/// A second market, BWT-EUR.
pub const OTHER_MARKET: MarketId = MarketId::new(2);
const EUR: AssetId = AssetId::new(2);
const NETWORK: u32 = 77;

/// What a test wants of its server.
#[derive(Debug, Clone)]
pub struct Setup {
    /// How long the due party has to pay a tranche.
    pub pay_us: u64,
    /// How long a payee has to acknowledge.
    pub acknowledge_us: u64,
    /// The limit of a stranger, in millisatoshi.
    pub dust: u64,
    /// The least number of records between two snapshots of the engine.
    pub snapshot_every: u64,
    /// In SQLite files whatever the run is about: for tests that reach into them.
    pub embedded: bool,
    /// How many batches a follower of channels may fall behind in the news.
    pub news_kept: usize,
    /// How many bytes of pushes may wait for a peer.
    pub unread_max: usize,
    /// How long a write to a peer may take.
    pub write_time: Duration,
    /// The Bitcoin node to follow.
    pub bitcoin: Option<BitcoinNode>,
    /// How the traders' listener meets the world.
    pub edge: EdgeOptions,
}

impl Default for Setup {
    /// Deadlines that no test reaches.
    fn default() -> Self {
        Self {
            pay_us: 600_000_000,
            acknowledge_us: 600_000_000,
            dust: 10_000,
            snapshot_every: 1_000_000,
            embedded: false,
            news_kept: 4_096,
            unread_max: 16 * 1024 * 1024,
            write_time: Duration::from_secs(20),
            bitcoin: None,
            edge: EdgeOptions::default(),
        }
    }
}

/// A running server.
pub struct Server {
    exchange: Exchange,
    folder: TempDir,
    bitcoin: Option<BitcoinNode>,
    http: reqwest::Client,
    rest: Rest,
}

/// An answer over HTTP.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The content type.
    pub kind: String,
    /// The body: JSON, or the text as a JSON string.
    pub body: Value,
}

impl Answer {
    /// The stable code of a problem document.
    ///
    /// # Panics
    /// The answer is none.
    pub fn problem(&self) -> Problem {
        assert_eq!(self.kind, "application/problem+json", "{self:?}");
        let problem: Problem = serde_json::from_value(self.body.clone()).unwrap();
        assert_eq!(problem.status, self.status, "{problem:?}");
        assert_eq!(problem.kind, format!("urn:bandex:problem:{}", problem.code));
        let listed = format!("`{}` |", problem.code);
        assert!(bandex_exchange::errors_document().contains(&listed), "no document has {}", problem.code);
        problem
    }

    /// Checks that it is this problem.
    ///
    /// # Panics
    /// It is not.
    pub fn must_be(&self, status: u16, code: &str) -> Problem {
        let problem = self.problem();
        assert_eq!((self.status, problem.code.as_str()), (status, code), "{problem:?}");
        problem
    }

    /// Reads what succeeded.
    ///
    /// # Panics
    /// It did not, or is of another shape.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_value(self.body.clone()).unwrap()
    }
}

/// Smallest units as the blocks have them.
pub const fn amount(units: u64) -> Amount {
    Amount::new(units)
}

/// What the operator configures first on a new journal: three assets and two markets.
///
/// # Panics
/// It does not; the numbers are good.
pub fn first_changes(setup: &Setup) -> Vec<Change> {
    let asset = |id, symbol: &str, decimals, rail| {
        Change::ListAsset(AssetListing { id, symbol: symbol.to_owned(), decimals, rail })
    };
    let market = |id, quote, den| {
        Change::ListMarket(MarketListing {
            id,
            base: AssetId::BWT,
            quote,
            lot_units: 1_000,
            tick_value: Ratio::new(1, den).unwrap(),
            least_tranche: amount(1_000),
            pay_us: setup.pay_us,
            acknowledge_us: setup.acknowledge_us,
        })
    };
    vec![
        asset(AssetId::BWT, "BWT", 9, Rail::Token),
        asset(AssetId::BTC, "BTC", 11, Rail::Attested),
        asset(EUR, "EUR", 4, Rail::Attested),
        market(MARKET, AssetId::BTC, 200_000_000),
        market(OTHER_MARKET, EUR, 1_000_000),
        Change::SetParameters(Parameters { dust: amount(setup.dust), ..Parameters::default() }),
    ]
}

impl Server {
    /// A new exchange.
    ///
    /// # Panics
    /// It does not start.
    pub async fn start(setup: Setup) -> Self {
        let folder = TempDir::new().unwrap();
        let first_changes = first_changes(&setup);
        if !setup.embedded {
            database::provide(folder.path()).await;
        }
        let Setup { snapshot_every, news_kept, unread_max, write_time, bitcoin, edge, .. } = setup;
        let config = Config {
            network: NETWORK,
            first_changes,
            snapshot_every,
            news_kept,
            unread_max,
            write_time,
            bitcoin: bitcoin.clone(),
            edge,
            ..config(folder.path())
        };
        let exchange = Exchange::start(config).await.unwrap();
        Self::around(exchange, folder, bitcoin)
    }

    fn around(exchange: Exchange, folder: TempDir, bitcoin: Option<BitcoinNode>) -> Self {
        let rest = Rest::new(format!("http://{}", exchange.address())).unwrap();
        Self { exchange, folder, bitcoin, http: reqwest::Client::new(), rest }
    }

    /// Stops the server, lets `between` do something to its folder, and starts it again.
    ///
    /// # Panics
    /// It does not start again.
    pub async fn restart(self, between: impl FnOnce(&Path)) -> Self {
        let bitcoin = self.bitcoin.clone();
        let folder = self.stop().await;
        between(folder.path());
        let config = Config { bitcoin: bitcoin.clone(), ..config(folder.path()) };
        let exchange = Exchange::start(config).await.unwrap();
        Self::around(exchange, folder, bitcoin)
    }

    /// Stops the server, lets `meanwhile` happen, and starts it again on the same addresses, for those who connect
    /// again by themselves.
    ///
    /// # Panics
    /// It does not start again.
    pub async fn restart_in_place<T>(self, meanwhile: impl Future<Output = T>) -> (Self, T) {
        let (listen, admin_listen) = (self.exchange.address(), self.exchange.admin_address());
        let bitcoin = self.bitcoin.clone();
        let folder = self.stop().await;
        let done = meanwhile.await;
        let config = Config { listen, admin_listen, bitcoin: bitcoin.clone(), ..config(folder.path()) };
        let exchange = Exchange::start(config).await.unwrap();
        (Self::around(exchange, folder, bitcoin), done)
    }

    /// Stops the server; its folder stays as long as what this gives.
    pub async fn stop(self) -> TempDir {
        self.exchange.stop().await;
        self.folder
    }

    /// Tries to start a server on a folder.
    ///
    /// # Errors
    /// Why it did not start.
    pub async fn try_start(folder: &Path) -> Result<Exchange, StartError> {
        Exchange::start(config(folder)).await
    }

    /// How it came to its state when it was started.
    pub const fn recovery(&self) -> Recovery {
        self.exchange.recovery()
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The SDK's way to ask.
    pub const fn rest(&self) -> &Rest {
        &self.rest
    }

    /// Where its doors are.
    pub const fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The network.
    pub const fn network(&self) -> u32 {
        NETWORK
    }

    /// The node's key.
    pub const fn node(&self) -> PublicKey {
        self.exchange.node()
    }

    /// The address of the WebSocket.
    pub fn socket_url(&self) -> String {
        self.rest.socket_url()
    }

    /// A new WebSocket connection.
    pub async fn socket(&self) -> Socket {
        Socket::connect(&self.socket_url()).await
    }

    /// Host and port of the traders' listener.
    pub fn authority(&self) -> String {
        self.exchange.address().to_string()
    }

    /// A request to the traders' listener with headers of its own.
    ///
    /// # Panics
    /// No answer.
    pub async fn ask_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: &str,
    ) -> Answer {
        let mut request = self.http.request(method, format!("http://{}{path}", self.exchange.address()));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if !body.is_empty() {
            request = request.body(body.to_owned());
        }
        answer(request).await
    }

    /// Any request to the traders' listener.
    ///
    /// # Panics
    /// No answer.
    pub async fn ask(&self, method: Method, path: &str, token: Option<&str>, body: Option<String>) -> Answer {
        let url = format!("http://{}{path}", self.exchange.address());
        self.send(method, url, token, body).await
    }

    async fn send(&self, method: Method, url: String, token: Option<&str>, body: Option<String>) -> Answer {
        let mut request = self.http.request(method, url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        answer(request).await
    }

    /// Reads a public page.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None, None).await
    }

    /// Reads a page as somebody.
    pub async fn get_as(&self, token: &str, path: &str) -> Answer {
        self.ask(Method::GET, path, Some(token), None).await
    }

    /// Sends a block, whatever it is.
    pub async fn submit(&self, signed: &SignedBlock) -> Answer {
        let body = json!({ "payload": hex::encode(&signed.payload), "signature": signed.signature });
        self.ask(Method::POST, "/v1/blocks", None, Some(body.to_string())).await
    }

    /// Sends changes to the operator's listener, with this token or none.
    pub async fn configure_as(&self, token: Option<&str>, body: &Value) -> Answer {
        let url = format!("http://{}/admin/v1/configure", self.exchange.admin_address());
        self.send(Method::POST, url, token, Some(body.to_string())).await
    }

    /// Carries out a decision of the operator.
    ///
    /// # Panics
    /// It is refused.
    pub async fn configure(&self, changes: Value) -> BlockReply {
        let answer =
            self.configure_as(Some(self.exchange.admin_token()), &json!({ "changes": changes })).await;
        let reply: BlockReply = answer.read();
        assert!(reply.operations.iter().all(|operation| operation.ok), "{reply:?}");
        reply
    }

    /// What the engine's whole state hashes to, and the last record.
    pub async fn digest(&self) -> StateDigest {
        let url = format!("http://{}/admin/v1/digest", self.exchange.admin_address());
        self.send(Method::GET, url, Some(self.exchange.admin_token()), None).await.read()
    }

    /// The operator's token.
    pub fn admin_token(&self) -> &str {
        self.exchange.admin_token()
    }

    /// Sets how much others may let an account owe, in millisatoshi.
    pub async fn set_limit(&self, account: AccountId, limit: u64) {
        self.configure(json!([{ "change": "set_limit", "account": account, "limit": limit.to_string() }]))
            .await;
    }

    /// Sets the terms of trust: those that hold by themselves, changed.
    ///
    /// # Panics
    /// They are refused.
    pub async fn set_trust(&self, change: impl FnOnce(&mut TrustTerms)) -> BlockReply {
        let mut terms = TrustTerms::default();
        change(&mut terms);
        let change = serde_json::to_value(Change::SetTrust(terms)).unwrap();
        self.configure(json!([change])).await
    }

    /// Why the limit of an account is what it is.
    pub async fn limits(&self, account: AccountId) -> Limits {
        self.get(&format!("/v1/limits/{account}")).await.read()
    }

    /// Grants tokens, in bytes.
    pub async fn issue(&self, to: AccountId, amount: u64) {
        self.configure(json!([{ "change": "issue", "to": to, "amount": amount.to_string() }])).await;
    }

    /// Registers an account whose root key comes of a seed.
    pub async fn register(&self, seed: u8) -> RawLane {
        let mut lane = RawLane::root(Keypair::from_seed(&[seed; 32]), NETWORK);
        let signed = lane.register(self.node());
        self.submit(&signed).await.read::<BlockReply>();
        lane
    }

    /// The same with tokens to sell, in bytes.
    pub async fn register_with(&self, seed: u8, tokens: u64) -> RawLane {
        let lane = self.register(seed).await;
        self.issue(lane.account(), tokens).await;
        lane
    }

    /// A challenge that a key has signed, ready to be posted.
    pub async fn signed_challenge(&self, keypair: &Keypair) -> WireLogin {
        let challenge: bandex_api::Challenge = self.get("/v1/login").await.read();
        let (key, nonce) = (keypair.public(), challenge.nonce.parse().unwrap());
        let login = Login { network: NETWORK, node: self.node(), key, nonce };
        let signature = login.sign(keypair).to_string();
        WireLogin { key: key.to_string(), nonce: challenge.nonce, signature }
    }

    /// Posts a login.
    pub async fn post_login(&self, login: &WireLogin) -> Answer {
        self.ask(Method::POST, "/v1/login", None, Some(serde_json::to_string(login).unwrap())).await
    }

    /// Logs in; gives the token.
    pub async fn login(&self, lane: &RawLane) -> String {
        let login = self.signed_challenge(lane.keypair()).await;
        self.post_login(&login).await.read::<bandex_api::Session>().token
    }

    /// What an account has.
    pub async fn balances(&self, token: &str) -> Balances {
        self.get_as(token, "/v1/balances").await.read()
    }

    /// One deal.
    pub async fn deal(&self, token: &str, deal: DealId) -> Deal {
        self.get_as(token, &format!("/v1/deals/{deal}")).await.read()
    }

    /// A lane as the node has it.
    pub async fn lane(&self, key: PublicKey) -> Lane {
        self.get(&format!("/v1/lanes/{key}")).await.read()
    }

    /// The book of the market.
    pub async fn book(&self) -> Book {
        self.get("/v1/book/BWT-BTC?depth=1000").await.read()
    }

    /// What is listed, and the head.
    pub async fn markets(&self) -> Markets {
        self.get("/v1/markets").await.read()
    }

    /// All that somebody can see of the exchange, but for its head: to be compared with what is seen later.
    pub async fn state(&self, tokens: &[&str]) -> Value {
        let mut seen = Vec::new();
        for path in ["/v1/book/BWT-BTC?depth=1000", "/v1/trades/BWT-BTC", "/v1/markets/BWT-BTC/candles"] {
            let mut page = self.get(path).await.body;
            without_seq(&mut page);
            seen.push(page);
        }
        for token in tokens {
            for path in ["/v1/balances", "/v1/orders?state=all", "/v1/deals?closed=true"] {
                let mut page = self.get_as(token, path).await.body;
                without_seq(&mut page);
                seen.push(page);
            }
        }
        Value::Array(seen)
    }
}

/// Takes away the record up to which a page is true.
fn without_seq(page: &mut Value) {
    if let Some(page) = page.as_object_mut() {
        page.remove("seq");
    }
}

/// A server on a folder, and on its database if it has one.
fn config(folder: &Path) -> Config {
    Config { database: database::of(folder), ..Config::new(folder) }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = crate::soon("an answer", request.send()).await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_owned();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, kind, body }
}
