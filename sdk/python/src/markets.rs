//! What is listed, from the answer to `GET /v1/markets`: texts to steps and back, and operations from decimals.

use crate::error::{Answer, Fault};
use crate::operations::read;
use crate::value::{from_python, give, take};
use bandex_sdk::tradechain::body::Operation;
use bandex_sdk::types::{Amount, Price, Quantity};
use bandex_sdk::{AssetInfo, MarketInfo};
use pyo3::prelude::*;
use std::sync::Arc;

/// The listings of an exchange: symbols to numbers, decimals to steps. Markets listed later need another look.
#[pyclass(frozen, module = "bandex")]
pub struct Markets {
    pub inner: Arc<bandex_sdk::Markets>,
}

impl Markets {
    /// A market by its symbol.
    pub fn market(&self, symbol: &str) -> Answer<&Arc<MarketInfo>> {
        self.inner.market(symbol).ok_or_else(|| {
            let listed: Vec<&str> = self.inner.iter().map(|market| market.symbol.as_str()).collect();
            Fault::invalid(format!("there is no market {symbol:?}; there are: {}", listed.join(", ")))
        })
    }

    fn asset(&self, symbol: &str) -> Answer<&AssetInfo> {
        self.inner.asset(symbol).ok_or_else(|| Fault::invalid(format!("there is no asset {symbol:?}")))
    }

    /// Operations on orders from their form in decimals. The error names the first that is wrong, from 0.
    pub fn read_all(&self, operations: &[Bound<'_, PyAny>]) -> PyResult<Vec<Operation>> {
        let numbered = operations.iter().enumerate();
        numbered
            .map(|(number, operation)| {
                Ok(read(&self.inner, take(operation)?).map_err(|fault| fault.at(number))?)
            })
            .collect()
    }
}

#[pymethods]
impl Markets {
    /// From the answer to `GET /v1/markets`, as a dict or JSON text.
    #[new]
    fn new(answer: &Bound<'_, PyAny>) -> PyResult<Self> {
        let markets = bandex_sdk::Markets::from_wire(&take(answer)?).map_err(Fault::from)?;
        Ok(Self { inner: Arc::new(markets) })
    }

    /// The network that all blocks must name.
    #[getter]
    fn network(&self) -> u32 {
        self.inner.network
    }

    /// The node's key, hex.
    #[getter]
    fn node(&self) -> String {
        self.inner.node.to_string()
    }

    /// Zero bits that a register block's id must begin with.
    #[getter]
    fn register_work_bits(&self) -> u8 {
        self.inner.register_work_bits
    }

    /// The symbols of all markets.
    #[getter]
    fn symbols(&self) -> Vec<String> {
        self.inner.iter().map(|market| market.symbol.clone()).collect()
    }

    /// The number of a market in blocks.
    fn market_id(&self, symbol: &str) -> PyResult<u32> {
        Ok(self.market(symbol)?.id.get())
    }

    /// The number of an asset in blocks.
    fn asset_id(&self, symbol: &str) -> PyResult<u32> {
        Ok(self.asset(symbol)?.id.get())
    }

    /// The base asset's and the quote asset's symbols.
    fn assets_of(&self, symbol: &str) -> PyResult<(String, String)> {
        let market = self.market(symbol)?;
        Ok((market.base.symbol.clone(), market.quote.symbol.clone()))
    }

    /// A price in ticks.
    fn ticks(&self, symbol: &str, price: &Bound<'_, PyAny>) -> PyResult<u64> {
        let scale = &self.market(symbol)?.scale;
        Ok(scale.parse_price(&text(price)?).map(Price::get).map_err(Fault::from)?)
    }

    /// A quantity in lots.
    fn lots(&self, symbol: &str, quantity: &Bound<'_, PyAny>) -> PyResult<u64> {
        let scale = &self.market(symbol)?.scale;
        Ok(scale.parse_quantity(&text(quantity)?).map(Quantity::get).map_err(Fault::from)?)
    }

    /// The text of a price in ticks.
    fn price(&self, symbol: &str, ticks: u64) -> PyResult<String> {
        Ok(self.market(symbol)?.scale.price(Price::new(ticks)))
    }

    /// The text of a quantity in lots.
    fn quantity(&self, symbol: &str, lots: u64) -> PyResult<String> {
        Ok(self.market(symbol)?.scale.quantity(Quantity::new(lots)))
    }

    /// An amount of an asset in its smallest units.
    fn units(&self, asset: &str, amount: &Bound<'_, PyAny>) -> PyResult<u64> {
        let scale = self.asset(asset)?.scale;
        Ok(scale.parse(&text(amount)?).map(Amount::get).map_err(Fault::from)?)
    }

    /// The text of an amount in smallest units.
    fn amount(&self, asset: &str, units: u64) -> PyResult<String> {
        Ok(self.asset(asset)?.scale.amount(Amount::new(units)))
    }

    /// An operation on orders in decimals, as `POST /v1/blocks/prepare` takes it, in the integers of
    /// docs/tradechain.md, as a block holds it.
    fn operation(&self, py: Python<'_>, operation: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        give(py, &read(&self.inner, take(operation)?)?)
    }
}

/// A decimal: text, `decimal.Decimal` or an integer, never a float.
pub fn text(number: &Bound<'_, PyAny>) -> PyResult<String> {
    use serde_json::Value;
    match from_python(number)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(Fault::invalid(format!("{number} is no decimal number")).into()),
    }
}
