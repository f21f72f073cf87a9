//! One key at work, for asyncio: every block is stored before it is sent, and sent again until it is answered.

use crate::blocks::{own_json, parse_field};
use crate::client::Client;
use crate::error::{Answer, Fault};
use crate::key::Keypair;
use crate::markets::Markets;
use crate::rest::Rest;
use crate::runtime::promise;
use crate::signer::{GrantTerms, read_asked};
use crate::submitted::Submitted;
use crate::value::{Json, take, to_json};
use bandex_sdk::tradechain::body::Orders;
use bandex_sdk::tradechain::{self, Body};
use bandex_sdk::types::{OrderRef, Timestamp};
use bandex_sdk::{Durability, FileLane, LaneStore, MemoryLane, OwnOrder, StoredOrders, TraderError, Version};
use pyo3::prelude::*;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// One key's lane on a connection.
#[pyclass(frozen, module = "bandex")]
pub struct Trader {
    inner: bandex_sdk::Trader,
    markets: Arc<bandex_sdk::Markets>,
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

    // A lane is locked while a block is written to its file, which takes as long as the disk does: whoever waits for that
    // lets other threads of Python go on.

    /// How many blocks wait for their answer.
    #[getter]
    fn pending(&self, py: Python<'_>) -> usize {
        py.detach(|| self.inner.pending())
    }

    /// The end of the lane, everything signed included: its seq and the id of its last block.
    #[getter]
    fn head(&self, py: Python<'_>) -> (u64, String) {
        let head = py.detach(|| self.inner.head());
        (head.seq, head.id.to_string())
    }

    /// The last payment that this lane signed in a deal.
    fn own_pay(&self, py: Python<'_>, deal: &str) -> PyResult<Option<Json>> {
        let deal = parse_field("deal", deal)?;
        let pay = py.detach(|| self.inner.own_pay(&deal));
        pay.map(|pay| to_json(&pay)).transpose()
    }

    /// An order of this lane as it was signed: `{"market", "side", "versions": [{"price", "quantity"}]}`, the last
    /// version being what it was amended to.
    fn own_order(&self, py: Python<'_>, order: &str) -> PyResult<Option<Json>> {
        let order: OrderRef = parse_field("order", order)?;
        let own = py.detach(|| self.inner.own_order(&order));
        Ok(own.map(|own| order_json(&self.markets, &own)).transpose()?)
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

    /// Signs what `POST /v1/blocks/prepare` answered, if it is to the last byte what was `asked`, and stores it as the
    /// next block of this lane. It is for the caller to post; if nobody does, it goes out with the next block.
    fn sign_prepared<'py>(
        &self,
        py: Python<'py>,
        asked: &Bound<'py, PyAny>,
        prepared: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (trader, markets) = (self.inner.clone(), Arc::clone(&self.markets));
        let (asked, prepared) = (read_asked(asked, trader.key())?, take(prepared)?);
        promise(py, async move {
            // It is written to disk.
            let own = spawn_blocking(move || trader.sign_prepared(&asked, &markets, &prepared)).await;
            let own = own.map_err(Fault::invalid)?.map_err(Fault::from)?;
            Ok(Json(own_json(&own)))
        })
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

/// An order as its owner signed it, from the lane file of another process, which may be adding to it; None if it is not
/// there. As `Trader.own_order` gives it.
#[pyfunction]
pub fn stored_order<'py>(
    py: Python<'py>,
    lane: PathBuf,
    order: &str,
    markets: &Markets,
) -> PyResult<Bound<'py, PyAny>> {
    let order: OrderRef = parse_field("order", order)?;
    let markets = Arc::clone(&markets.inner);
    promise(py, async move {
        // The whole file is read.
        let own = spawn_blocking(move || StoredOrders::new(lane).order(&order)).await;
        let own = own.map_err(Fault::invalid)?.map_err(Fault::from)?;
        Ok(own.map(|own| order_json(&markets, &own)).transpose()?)
    })
}

/// An order in the form that `Trader.own_order` gives.
fn order_json(markets: &bandex_sdk::Markets, own: &OwnOrder) -> Answer<Json> {
    let market = markets.iter().find(|market| market.id == own.market);
    let Some(market) = market else {
        return Err(Fault::invalid(format!("market {} was listed later", own.market)));
    };
    let version = |version: &Version| {
        let (price, quantity) = (market.scale.price(version.price), market.scale.quantity(version.quantity));
        json!({"price": price, "quantity": quantity})
    };
    let versions: Vec<_> = own.versions.iter().map(version).collect();
    Ok(Json(json!({"market": market.symbol, "side": own.side, "versions": versions})))
}
