//! A key and the end of its lane, for programs that send blocks by their own means.

use crate::blocks::{give_own, parse_field};
use crate::error::Fault;
use crate::key::Keypair;
use crate::markets::Markets;
use crate::value::{from_python, take};
use bandex_sdk::api::Prepare;
use bandex_sdk::tradechain::body::{Operation, Orders};
use bandex_sdk::tradechain::{Body, Head};
use bandex_sdk::types::{PublicKey, Timestamp};
use bandex_sdk::{Allowance, OwnBlock, SignError, UNREGISTERED, now};
use pyo3::prelude::*;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Builds and signs the next block of a lane; each signature moves the end of the lane forward. Signing one place
/// twice with different contents is a fork, which freezes the account: keep what was signed until it is answered.
#[pyclass(frozen, module = "bandex")]
pub struct Signer {
    inner: Mutex<bandex_sdk::Signer>,
}

/// What a session key shall be allowed, as Python gives it.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantTerms {
    scopes: Vec<String>,
    #[serde(default)]
    markets: Vec<u32>,
    #[serde(default)]
    largest_notional: Option<u64>,
    #[serde(default)]
    expires_us: Option<u64>,
}

impl GrantTerms {
    /// In the SDK's words.
    pub fn allowance(self) -> Result<Allowance, Fault> {
        use bandex_sdk::tradechain::body::Scopes;
        use bandex_sdk::types::{Amount, MarketId};
        let mut scopes = Scopes::from_bits(0);
        for name in &self.scopes {
            scopes = scopes.and(match name.as_str() {
                "orders" => Scopes::ORDERS,
                "settle" => Scopes::SETTLE,
                "tokens" => Scopes::TOKENS,
                other => {
                    return Err(Fault::invalid(format!("{other:?}: scopes are orders, settle and tokens")));
                }
            });
        }
        Ok(Allowance {
            scopes,
            markets: self.markets.into_iter().map(MarketId::new).collect(),
            largest_notional: self.largest_notional.map(Amount::new),
            expires: self.expires_us.map(Timestamp::from_micros),
        })
    }
}

impl Signer {
    fn lock(&self) -> MutexGuard<'_, bandex_sdk::Signer> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(
        &self,
        py: Python<'_>,
        make: impl FnOnce(&mut bandex_sdk::Signer) -> Result<OwnBlock, SignError>,
    ) -> PyResult<Py<PyAny>> {
        let own = make(&mut self.lock()).map_err(Fault::from)?;
        give_own(py, &own)
    }
}

/// The given time, or this machine's.
fn time(now_us: Option<u64>) -> Timestamp {
    now_us.map_or_else(now, Timestamp::from_micros)
}

/// What a node was asked to prepare for a key.
///
/// # Errors
/// It has not the form of a request.
pub fn read_asked(asked: &Bound<'_, PyAny>, key: PublicKey) -> PyResult<Prepare> {
    let mut asked = from_python(asked)?;
    if let Some(fields) = asked.as_object_mut() {
        fields.entry("key").or_insert_with(|| key.to_string().into());
    }
    Ok(serde_json::from_value(asked).map_err(Fault::from)?)
}

#[pymethods]
impl Signer {
    /// A signer whose next block continues the lane after block `seq` with id `previous` (hex). Without them it is
    /// that of a key that shall register.
    #[new]
    #[pyo3(signature = (keypair, network, seq = 0, previous = None))]
    fn new(keypair: &Keypair, network: u32, seq: u64, previous: Option<&str>) -> PyResult<Self> {
        let head = match previous {
            Some(previous) => Head { seq, id: parse_field("previous", previous)? },
            None if seq == 0 => UNREGISTERED,
            None => {
                return Err(Fault::invalid("a lane that has begun goes on from a block: say which").into());
            }
        };
        Ok(Self { inner: Mutex::new(bandex_sdk::Signer::new(keypair.inner.clone(), network, head)) })
    }

    /// The public key, hex.
    #[getter]
    fn key(&self) -> String {
        self.lock().key().to_string()
    }

    /// The end of the lane, everything signed included: its seq and the id of its last block.
    #[getter]
    fn head(&self) -> (u64, String) {
        let head = self.lock().head();
        (head.seq, head.id.to_string())
    }

    /// Signs any body in its JSON form, such as `{"kind": "acknowledge", "proposal": …}`. `expiry_us` is the
    /// sequenced time after which the block has no effect. Gives `{"payload", "signature", "preimage", "block_id",
    /// "key", "seq"}`.
    #[pyo3(signature = (body, *, expiry_us = None, now_us = None))]
    fn sign(
        &self,
        py: Python<'_>,
        body: &Bound<'_, PyAny>,
        expiry_us: Option<u64>,
        now_us: Option<u64>,
    ) -> PyResult<Py<PyAny>> {
        let body: Body = take(body)?;
        let expiry = expiry_us.map(Timestamp::from_micros);
        self.make(py, |signer| signer.sign(time(now_us), expiry, body))
    }

    /// Signs one to a hundred operations on orders, in decimals: see `Markets.operation`.
    #[pyo3(signature = (markets, operations, *, expiry_us = None, now_us = None))]
    fn orders(
        &self,
        py: Python<'_>,
        markets: &Markets,
        operations: Vec<Bound<'_, PyAny>>,
        expiry_us: Option<u64>,
        now_us: Option<u64>,
    ) -> PyResult<Py<PyAny>> {
        let operations: Vec<Operation> = markets.read_all(&operations)?;
        let expiry = expiry_us.map(Timestamp::from_micros);
        self.make(py, |signer| signer.sign(time(now_us), expiry, Orders { operations }))
    }

    /// Signs what `POST /v1/blocks/prepare` answered, if it is to the last byte what was `asked`: the body of that
    /// request, whose `key` may be left out.
    #[pyo3(signature = (markets, asked, prepared, *, now_us = None))]
    fn sign_prepared(
        &self,
        py: Python<'_>,
        markets: &Markets,
        asked: &Bound<'_, PyAny>,
        prepared: &Bound<'_, PyAny>,
        now_us: Option<u64>,
    ) -> PyResult<Py<PyAny>> {
        let mut signer = self.lock();
        let asked = read_asked(asked, signer.key())?;
        let own = signer.sign_prepared(time(now_us), &asked, &markets.inner, &take(prepared)?);
        give_own(py, &own.map_err(Fault::from)?)
    }

    /// Makes an account at node `home`: searches a proof of work of `bits` zero bits, about 2^bits hashes, while
    /// other threads of Python go on.
    #[pyo3(signature = (home, bits, *, now_us = None))]
    fn register(&self, py: Python<'_>, home: &str, bits: u8, now_us: Option<u64>) -> PyResult<Py<PyAny>> {
        let home = parse_field("home", home)?;
        let own = py.detach(|| self.lock().register(time(now_us), home, bits)).map_err(Fault::from)?;
        give_own(py, &own)
    }

    /// Asks for the first grant of tokens, with a proof of work as for `register`.
    #[pyo3(signature = (bits, *, now_us = None))]
    fn claim(&self, py: Python<'_>, bits: u8, now_us: Option<u64>) -> PyResult<Py<PyAny>> {
        let own = py.detach(|| self.lock().claim(time(now_us), bits)).map_err(Fault::from)?;
        give_own(py, &own)
    }

    /// Admits a session key: `{"scopes": ["orders", "settle", "tokens"], "markets": [numbers], "largest_notional",
    /// "expires_us"}`.
    #[pyo3(signature = (session, terms, *, now_us = None))]
    fn grant(
        &self,
        py: Python<'_>,
        session: &Keypair,
        terms: &Bound<'_, PyAny>,
        now_us: Option<u64>,
    ) -> PyResult<Py<PyAny>> {
        let allowance = take::<GrantTerms>(terms)?.allowance()?;
        self.make(py, |signer| signer.grant(time(now_us), &session.inner, allowance))
    }

    /// Replaces the root key by `next`, whose lane begins with this block.
    #[pyo3(signature = (next, *, now_us = None))]
    fn rotate(&self, py: Python<'_>, next: &Keypair, now_us: Option<u64>) -> PyResult<Py<PyAny>> {
        self.make(py, |signer| signer.rotate(time(now_us), &next.inner))
    }

    /// Goes back, or on, to a lane's end as the exchange knows it, after a block that certainly was not sequenced.
    fn reset(&self, seq: u64, previous: &str) -> PyResult<()> {
        let head = Head { seq, id: parse_field("previous", previous)? };
        let mut signer = self.lock();
        *signer = bandex_sdk::Signer::new(signer.keypair().clone(), signer.network(), head);
        Ok(())
    }
}
