//! REST for asyncio: any page as Python's own objects, for everybody or for the account that logged in.

use crate::error::Fault;
use crate::key::Keypair;
use crate::markets::Markets;
use crate::runtime::promise;
use crate::value::{Json, from_python};
use bandex_sdk::{AccountRest, RestError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::Value;
use std::sync::Arc;

/// An exchange's REST interface, as everybody sees it or, after `login` or `signed`, as an account does.
#[pyclass(frozen, module = "bandex")]
pub struct Rest {
    pub inner: bandex_sdk::Rest,
    account: Option<AccountRest>,
}

/// The fields of a query that are set, as texts.
fn query_texts(query: Option<&Bound<'_, PyDict>>) -> PyResult<Vec<(String, String)>> {
    let Some(query) = query else { return Ok(Vec::new()) };
    let mut texts = Vec::new();
    for (name, value) in query {
        let text = match from_python(&value)? {
            Value::Null => continue,
            Value::String(text) => text,
            other => other.to_string(),
        };
        texts.push((name.extract()?, text));
    }
    Ok(texts)
}

#[pymethods]
impl Rest {
    /// For an exchange at `url`, such as http://localhost:8420.
    #[new]
    fn new(url: &str) -> PyResult<Self> {
        let inner = bandex_sdk::Rest::new(url).map_err(Fault::from)?;
        Ok(Self { inner, account: None })
    }

    /// Where the exchange's WebSocket is.
    #[getter]
    fn socket_url(&self) -> String {
        self.inner.socket_url()
    }

    /// The account that logged in, hex.
    #[getter]
    fn account(&self) -> Option<String> {
        self.account.as_ref().map(|account| account.account().to_string())
    }

    /// Whether the session ends within so many microseconds; then log in anew.
    fn expires_within(&self, margin_us: u64) -> bool {
        self.account.as_ref().is_some_and(|account| account.expires_within(margin_us))
    }

    /// What a GET of a path answers.
    #[pyo3(signature = (path, query = None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        path: String,
        query: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (rest, account, query) = (self.inner.clone(), self.account.clone(), query_texts(query)?);
        promise(py, async move {
            let answer = match account {
                Some(account) => account.get_json(&path, &query).await,
                None => rest.get_json(&path, &query).await,
            };
            Ok(Json(answer.map_err(Fault::from)?))
        })
    }

    /// What a GET of a path with its query answers, as text: for pages that are no JSON, such as /v1/export/fills.
    fn fetch<'py>(&self, py: Python<'py>, path: String) -> PyResult<Bound<'py, PyAny>> {
        let (rest, account) = (self.inner.clone(), self.account.clone());
        promise(py, async move {
            let body = match account {
                Some(account) => account.fetch(&path).await,
                None => rest.fetch(&path).await,
            };
            Ok(body.map_err(Fault::from)?.text().await.map_err(Fault::from)?)
        })
    }

    /// What a POST to a path answers.
    #[pyo3(signature = (path, body, query = None))]
    fn post<'py>(
        &self,
        py: Python<'py>,
        path: String,
        body: &Bound<'py, PyAny>,
        query: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (rest, body, query) = (self.inner.clone(), from_python(body)?, query_texts(query)?);
        promise(py, async move { Ok(Json(rest.post_json(&path, &query, &body).await.map_err(Fault::from)?)) })
    }

    /// All that is listed.
    fn markets<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let rest = self.inner.clone();
        promise(py, async move {
            let inner = Arc::new(rest.markets().await.map_err(Fault::from)?);
            Ok(Markets { inner })
        })
    }

    /// Logs in with a key of an account; gives the interface as that account sees it. `markets` says which node and
    /// network a challenge may be for.
    fn login<'py>(
        &self,
        py: Python<'py>,
        keypair: &Keypair,
        markets: &Markets,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (rest, keypair, markets) =
            (self.inner.clone(), keypair.inner.clone(), Arc::clone(&markets.inner));
        promise(py, async move {
            let account: Result<AccountRest, RestError> = rest.login(&keypair, &markets).await;
            let account = Some(account.map_err(Fault::from)?);
            Ok(Self { inner: rest, account })
        })
    }

    /// The same without a login: each request is signed with the key.
    fn signed<'py>(
        &self,
        py: Python<'py>,
        keypair: &Keypair,
        markets: &Markets,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (rest, keypair, markets) =
            (self.inner.clone(), keypair.inner.clone(), Arc::clone(&markets.inner));
        promise(py, async move {
            let account = rest.signed(&keypair, &markets).await.map_err(Fault::from)?;
            Ok(Self { inner: rest, account: Some(account) })
        })
    }
}
