//! A WebSocket for asyncio that outlives its sockets, and what comes on its channels.

use crate::blocks::{parse_field, signed_block};
use crate::book::read_depth;
use crate::error::Fault;
use crate::key::Keypair;
use crate::runtime::promise;
use crate::value::{Json, from_python, to_json};
use bandex_sdk::api::Push;
use bandex_sdk::{OnFull, Options, Refresher, Topic};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use serde::Deserialize;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A connection to an exchange. It is made anew whenever it breaks; what was not answered is sent again, and
/// subscriptions go on.
#[pyclass(frozen, module = "bandex")]
pub struct Client {
    pub inner: bandex_sdk::Client,
}

/// What happens on a channel.
#[pyclass(frozen, module = "bandex")]
pub struct Subscription {
    inner: Arc<tokio::sync::Mutex<bandex_sdk::Subscription>>,
    /// The next push, until somebody has it.
    next: Arc<Mutex<Option<Push>>>,
    refresher: Refresher,
}

/// How a connection behaves, as Python gives it; what is left out is as in Rust.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenOptions {
    window: Option<usize>,
    receipts: Option<bool>,
    node: Option<String>,
    first_wait_ms: Option<u64>,
    longest_wait_ms: Option<u64>,
    heartbeat_ms: Option<u64>,
    unread: Option<usize>,
    on_full: Option<GivenOnFull>,
}

/// What becomes of pushes that find no room.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GivenOnFull {
    Resync,
    Wait,
}

impl GivenOptions {
    fn options(self) -> PyResult<Options> {
        let mut options = Options::default();
        if let Some(node) = &self.node {
            options.node = Some(parse_field("node", node)?);
        }
        let millis = |given: Option<u64>, usual| given.map_or(usual, Duration::from_millis);
        options.first_wait = millis(self.first_wait_ms, options.first_wait);
        options.longest_wait = millis(self.longest_wait_ms, options.longest_wait);
        options.heartbeat = millis(self.heartbeat_ms, options.heartbeat);
        options.window = self.window.unwrap_or(options.window);
        options.receipts = self.receipts.unwrap_or(options.receipts);
        options.unread = self.unread.unwrap_or(options.unread);
        options.on_full = match self.on_full {
            Some(GivenOnFull::Resync) => OnFull::Resync,
            Some(GivenOnFull::Wait) => OnFull::Wait,
            None => options.on_full,
        };
        Ok(options)
    }
}

#[pymethods]
impl Client {
    /// Connects to a WebSocket, such as ws://localhost:8420/v1/ws. Options: `window` (submissions unanswered at a
    /// time), `receipts`, `node` (the key it must have), `first_wait_ms` and `longest_wait_ms` (before connecting
    /// again), `heartbeat_ms`, `unread` (pushes a subscription may leave unread), `on_full` ("resync" drops what
    /// comes beyond and makes up for it later, "wait" makes the exchange wait).
    #[staticmethod]
    #[pyo3(signature = (url, **options))]
    fn connect<'py>(
        py: Python<'py>,
        url: String,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let given = options.map(|options| from_python(options.as_any())).transpose()?;
        let given: Option<GivenOptions> =
            given.map(serde_json::from_value).transpose().map_err(Fault::from)?;
        let options = given.unwrap_or_default().options()?;
        promise(py, async move {
            let inner = bandex_sdk::Client::connect(&url, options).await.map_err(Fault::from)?;
            Ok(Self { inner })
        })
    }

    /// The network.
    #[getter]
    fn network(&self) -> u32 {
        self.inner.network()
    }

    /// The node's key, hex.
    #[getter]
    fn node(&self) -> String {
        self.inner.node().to_string()
    }

    /// Logs this connection in, for the private channels of the key's account; again by itself after every break.
    fn login<'py>(&self, py: Python<'py>, keypair: &Keypair) -> PyResult<Bound<'py, PyAny>> {
        let (client, keypair) = (self.inner.clone(), keypair.inner.clone());
        promise(py, async move { Ok(client.login(&keypair).await.map_err(Fault::from)?) })
    }

    /// Follows a channel. `market` belongs to those that are of one, `depth` to the book (10, 50, 500 or "full"),
    /// `interval` to candles. `resume_from` goes on behind a record instead of beginning with a snapshot; 0 of a
    /// channel that tells of records is from the first on.
    #[pyo3(signature = (channel, market = None, *, depth = None, interval = None, resume_from = None))]
    fn subscribe<'py>(
        &self,
        py: Python<'py>,
        channel: &str,
        market: Option<String>,
        depth: Option<&Bound<'py, PyAny>>,
        interval: Option<String>,
        resume_from: Option<u64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let client = self.inner.clone();
        let channel = serde_json::from_value(Value::from(channel)).map_err(Fault::from)?;
        let mut topic = Topic { channel, market, depth: None, interval };
        if let Some(depth) = depth {
            topic = topic.deep(read_depth(depth)?);
        }
        promise(py, async move {
            let subscribed = match resume_from {
                Some(seq) => client.subscribe_from(topic, seq).await,
                None => client.subscribe(topic).await,
            };
            Ok(Subscription::from(subscribed.map_err(Fault::from)?))
        })
    }

    /// Submits a signed block and gives its answer, whose receipt is checked. A `Trader` does this in order, stored
    /// and repeated as needed.
    fn submit<'py>(&self, py: Python<'py>, signed: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let reply = self.inner.submit(signed_block(signed)?);
        promise(py, async move { to_json(&reply.await.map_err(Fault::from)?) })
    }
}

impl From<bandex_sdk::Subscription> for Subscription {
    fn from(inner: bandex_sdk::Subscription) -> Self {
        let refresher = inner.refresher();
        Self { inner: Arc::new(inner.into()), next: Arc::default(), refresher }
    }
}

#[pymethods]
impl Subscription {
    const fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// The next push, as a dict. It is not lost if whoever waits for it stops waiting.
    fn __anext__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static NEXT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        NEXT.import(slf.py(), "bandex.waiting", "next_push")?.call1((slf,))
    }

    /// Waits until a push is here: whether there is one, or none will come any more. Nothing is lost if this is
    /// cancelled.
    fn _wait<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (inner, next) = (Arc::clone(&self.inner), Arc::clone(&self.next));
        promise(py, async move {
            let mut inner = inner.lock().await;
            if next.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                return Ok(true);
            }
            let push = inner.next().await;
            let is_here = push.is_some();
            *next.lock().unwrap_or_else(PoisonError::into_inner) = push;
            Ok(is_here)
        })
    }

    /// The push that is here, if nobody else has taken it.
    fn _take(&self) -> PyResult<Option<Json>> {
        let push = self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        push.map(|push| to_json(&push)).transpose()
    }

    /// Asks for a new snapshot, for a follower that does not believe what it has. What comes before it is older.
    fn refresh(&self) {
        self.refresher.refresh();
    }
}
