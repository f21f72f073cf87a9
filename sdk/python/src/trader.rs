//! One key at work, for asyncio: every block is stored before it is sent, and sent again until it is answered.

use crate::blocks::parse_field;
use crate::client::Client;
use crate::error::{Class, Fault};
use crate::key::Keypair;
use crate::markets::Markets;
use crate::rest::Rest;
use crate::runtime::promise;
use crate::signer::GrantTerms;
use crate::value::{give, take, to_json};
use bandex_sdk::tradechain::body::Orders;
use bandex_sdk::tradechain::{self, Body};
use bandex_sdk::types::{OrderRef, Timestamp};
use bandex_sdk::{Durability, FileLane, LaneStore, MemoryLane, OwnOrder, StoredOrders, TraderError, Version};
use pyo3::prelude::*;
use serde_json::json;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// One key's lane on a connection.
#[pyclass(frozen, module = "bandex")]
pub struct Trader {
    inner: bandex_sdk::Trader,
    markets: Arc<bandex_sdk::Markets>,
}

/// A block under way.
#[pyclass(frozen, module = "bandex")]
pub struct Submitted {
    id: String,
    key: String,
    seq: u64,
    /// Taken by whoever asks for the reply first.
    under_way: Mutex<Option<bandex_sdk::Submitted>>,
}

impl From<bandex_sdk::Submitted> for Submitted {
    fn from(submitted: bandex_sdk::Submitted) -> Self {
        let (id, key, seq) = (submitted.id.to_string(), submitted.key.to_string(), submitted.seq);
        Self { id, key, seq, under_way: Mutex::new(Some(submitted)) }
    }
}

/// Takes up a lane from where it is kept.
async fn take_up(
    client: &bandex_sdk::Client,
    rest: &bandex_sdk::Rest,
    markets: &bandex_sdk::Markets,
    keypair: tradechain::Keypair,
    store: impl LaneStore + 'static,
    register: bool,
) -> Result<bandex_sdk::Trader, TraderError> {
    match register {
        true => bandex_sdk::Trader::register(client, rest, markets, keypair, store).await,
        false => bandex_sdk::Trader::open(client, rest, keypair, store).await,
    }
}

impl Trader {
    fn send<'py>(&self, py: Python<'py>, body: Body, expiry_us: Option<u64>) -> PyResult<Bound<'py, PyAny>> {
        let trader = self.inner.clone();
        promise(py, async move {
            let submitted = match expiry_us {
                Some(expiry) => trader.submit_until(Timestamp::from_micros(expiry), body).await,
                None => trader.submit(body).await,
            };
            Ok(Submitted::from(submitted.map_err(Fault::from)?))
        })
    }
}

#[pymethods]
impl Trader {
    /// Takes up a lane where it was left; with `register` an account is made if the exchange does not know the key.
    /// `lane` is a file; without one the lane is kept in memory, and nothing may be under way when the program ends.
    #[staticmethod]
    #[pyo3(signature = (client, rest, markets, keypair, lane, register))]
    fn open<'py>(
        py: Python<'py>,
        client: &Client,
        rest: &Rest,
        markets: &Markets,
        keypair: &Keypair,
        lane: Option<PathBuf>,
        register: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (client, rest, markets) = (client.inner.clone(), rest.inner.clone(), Arc::clone(&markets.inner));
        let keypair = keypair.inner.clone();
        promise(py, async move {
            let opened = match lane {
                Some(path) => {
                    let store = FileLane::open(path, Durability::Disk).map_err(Fault::from)?;
                    take_up(&client, &rest, &markets, keypair, store, register).await
                }
                None => take_up(&client, &rest, &markets, keypair, MemoryLane, register).await,
            };
            Ok(Self { inner: opened.map_err(Fault::from)?, markets })
        })
    }

    /// The account, hex.
    #[getter]
    fn account(&self) -> String {
        self.inner.account().to_string()
    }

    /// The key, hex.
    #[getter]
    fn key(&self) -> String {
        self.inner.key().to_string()
    }

    /// The listings it was opened with.
    #[getter]
    fn markets(&self) -> Markets {
        Markets { inner: Arc::clone(&self.markets) }
    }

    /// How many blocks wait for their answer.
    #[getter]
    fn pending(&self) -> usize {
        self.inner.pending()
    }

    /// The end of the lane, everything signed included: its seq and the id of its last block.
    #[getter]
    fn head(&self) -> (u64, String) {
        let head = self.inner.head();
        (head.seq, head.id.to_string())
    }

    /// The last payment that this lane signed in a deal.
    fn own_pay(&self, py: Python<'_>, deal: &str) -> PyResult<Option<Py<PyAny>>> {
        let pay = self.inner.own_pay(&parse_field("deal", deal)?);
        pay.map(|pay| give(py, &pay)).transpose()
    }

    /// An order of this lane as it was signed: `{"market", "side", "versions": [{"price", "quantity"}]}`, the last
    /// version being what it was amended to.
    fn own_order(&self, py: Python<'_>, order: &str) -> PyResult<Option<Py<PyAny>>> {
        let order: OrderRef = parse_field("order", order)?;
        self.inner.own_order(&order).map(|own| give_order(py, &self.markets, &own)).transpose()
    }

    /// Signs any body in its JSON form, stores and sends it; gives the block under way.
    #[pyo3(signature = (body, expiry_us = None))]
    fn submit<'py>(
        &self,
        py: Python<'py>,
        body: &Bound<'py, PyAny>,
        expiry_us: Option<u64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.send(py, take(body)?, expiry_us)
    }

    /// Signs one to a hundred operations on orders in decimals, stores and sends them; gives the block under way.
    #[pyo3(signature = (operations, expiry_us = None))]
    fn orders<'py>(
        &self,
        py: Python<'py>,
        operations: Vec<Bound<'py, PyAny>>,
        expiry_us: Option<u64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let operations = self.markets().read_all(&operations)?;
        self.send(py, Orders { operations }.into(), expiry_us)
    }

    /// Admits a session key; only the root key may.
    fn grant<'py>(
        &self,
        py: Python<'py>,
        session: &Keypair,
        terms: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (trader, session) = (self.inner.clone(), session.inner.clone());
        let allowance = take::<GrantTerms>(terms)?.allowance()?;
        promise(py, async move { to_json(&trader.grant(&session, allowance).await.map_err(Fault::from)?) })
    }

    /// Replaces the root key, after which this lane has ended.
    fn rotate<'py>(&self, py: Python<'py>, next: &Keypair) -> PyResult<Bound<'py, PyAny>> {
        let (trader, next) = (self.inner.clone(), next.inner.clone());
        promise(py, async move { to_json(&trader.rotate(&next).await.map_err(Fault::from)?) })
    }

    /// Asks for the first grant of tokens, with a proof of work of so many bits.
    fn claim<'py>(&self, py: Python<'py>, bits: u8) -> PyResult<Bound<'py, PyAny>> {
        let trader = self.inner.clone();
        promise(py, async move { to_json(&trader.claim(bits).await.map_err(Fault::from)?) })
    }

    /// Tries again what a broken lane has pending, once the cause is mended.
    fn resume<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let trader = self.inner.clone();
        promise(py, async move { Ok(trader.resume().await.map_err(Fault::from)?) })
    }
}

#[pymethods]
impl Submitted {
    /// The block's id, hex.
    #[getter]
    fn block_id(&self) -> &str {
        &self.id
    }

    /// Its place in the lane.
    #[getter]
    const fn seq(&self) -> u64 {
        self.seq
    }

    /// The reference of the order with the number `op`: known before any answer, so that it can be cancelled at once.
    fn order(&self, op: u8) -> String {
        format!("{}:{}:{op}", self.key, self.seq)
    }

    /// The exchange's final answer; operations in it may have been refused one by one. It can be asked for once.
    fn reply<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let taken = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(submitted) = taken else {
            return Err(
                Fault::new(Class::InvalidInput, "asked_twice", "the reply was asked for before").into()
            );
        };
        promise(py, async move { to_json(&submitted.reply().await.map_err(Fault::from)?) })
    }
}

/// An order as its owner signed it, from the lane file of another process, which may be adding to it; None if it is not
/// there. As `Trader.own_order` gives it.
#[pyfunction]
pub fn stored_order(
    py: Python<'_>,
    lane: PathBuf,
    order: &str,
    markets: &Markets,
) -> PyResult<Option<Py<PyAny>>> {
    let order: OrderRef = parse_field("order", order)?;
    let own = StoredOrders::new(lane).order(&order).map_err(Fault::from)?;
    own.map(|own| give_order(py, &markets.inner, &own)).transpose()
}

fn give_order(py: Python<'_>, markets: &bandex_sdk::Markets, own: &OwnOrder) -> PyResult<Py<PyAny>> {
    let market = markets.iter().find(|market| market.id == own.market);
    let Some(market) = market else {
        return Err(Fault::invalid(format!("market {} was listed later", own.market)).into());
    };
    let version = |version: &Version| {
        let (price, quantity) = (market.scale.price(version.price), market.scale.quantity(version.quantity));
        json!({"price": price, "quantity": quantity})
    };
    let versions: Vec<_> = own.versions.iter().map(version).collect();
    give(py, &json!({"market": market.symbol, "side": own.side, "versions": versions}))
}
