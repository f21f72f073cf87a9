//! Books and the account on this side of the wire, kept true by pushes, and the checksums of books.

use crate::error::Fault;
use crate::markets::Markets;
use crate::value::{give, take};
use bandex_sdk::api::{Depth, Push, checksum};
use bandex_sdk::types::Side;
use pyo3::prelude::*;
use serde::Deserialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A book by levels that is whole or empty, never wrong: give it every push of the channel `book`.
#[pyclass(frozen, module = "bandex")]
pub struct LocalBook {
    inner: Mutex<bandex_sdk::LocalBook>,
}

/// A book by orders that is whole or empty, never wrong: give it every push of the channel `book_orders`.
#[pyclass(frozen, module = "bandex")]
pub struct LocalOrders {
    inner: Mutex<bandex_sdk::LocalOrders>,
    scale: bandex_sdk::api::Scale,
}

/// Open orders, fills, balances and limit of an account, as far as its channels told: give it their pushes.
#[pyclass(frozen, module = "bandex")]
pub struct LocalAccount {
    inner: Mutex<bandex_sdk::LocalAccount>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A depth as the wire has it: 10, 50, 500 or "full".
pub fn read_depth(depth: &Bound<'_, PyAny>) -> PyResult<Depth> {
    let depth = serde_json::from_value(crate::value::from_python(depth)?);
    Ok(depth.map_err(Fault::from)?)
}

impl LocalBook {
    fn side(&self, side: Side) -> Vec<(String, String, u64)> {
        let book = lock(&self.inner);
        let scale = *book.scale();
        let texts = book.levels(side);
        texts.map(|level| (scale.price(level.price), scale.quantity(level.quantity), level.orders)).collect()
    }
}

#[pymethods]
impl LocalBook {
    /// An empty book of a market that waits for its snapshot; of the channel with the same depth.
    #[new]
    #[pyo3(signature = (markets, market, depth = None))]
    fn new(markets: &Markets, market: &str, depth: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let mut book = bandex_sdk::LocalBook::new(market, markets.market(market)?.scale);
        if let Some(depth) = depth {
            book = book.with_depth(read_depth(depth)?);
        }
        Ok(Self { inner: Mutex::new(book) })
    }

    /// Takes a push, as a dict or JSON text. `BookBroken` says that it does not follow, cannot be read, leaves the
    /// book crossed, or is not what the exchange's checksum says; the book is empty then, and waits for a snapshot.
    fn apply(&self, push: &Bound<'_, PyAny>) -> PyResult<()> {
        let push: Push = take(push)?;
        Ok(lock(&self.inner).apply(&push).map_err(Fault::from)?)
    }

    /// Whether a snapshot came and nothing was missed since.
    #[getter]
    fn is_live(&self) -> bool {
        lock(&self.inner).is_live()
    }

    /// The record up to which the book is true.
    #[getter]
    fn seq(&self) -> Option<u64> {
        lock(&self.inner).seq()
    }

    /// What the market does: `trading`, `cancel_only`, `halted` or `auction`.
    #[getter]
    fn state(&self) -> String {
        lock(&self.inner).state().to_owned()
    }

    /// The checksum of what it holds.
    #[getter]
    fn checksum(&self) -> u32 {
        lock(&self.inner).checksum()
    }

    /// The levels that buy, best first: price, quantity, orders.
    #[getter]
    fn bids(&self) -> Vec<(String, String, u64)> {
        self.side(Side::Buy)
    }

    /// The levels that sell, best first: price, quantity, orders.
    #[getter]
    fn asks(&self) -> Vec<(String, String, u64)> {
        self.side(Side::Sell)
    }
}

impl LocalOrders {
    fn side(&self, side: Side) -> Vec<(String, String, String)> {
        let (book, scale) = (lock(&self.inner), self.scale);
        let text = |order: bandex_sdk::BookOrder| {
            (order.order.to_string(), scale.price(order.price), scale.quantity(order.quantity))
        };
        book.orders(side).map(text).collect()
    }
}

#[pymethods]
impl LocalOrders {
    /// An empty book of a market that waits for its snapshot.
    #[new]
    fn new(markets: &Markets, market: &str) -> PyResult<Self> {
        let scale = markets.market(market)?.scale;
        Ok(Self { inner: Mutex::new(bandex_sdk::LocalOrders::new(market, scale)), scale })
    }

    /// Takes a push; see `LocalBook.apply`.
    fn apply(&self, push: &Bound<'_, PyAny>) -> PyResult<()> {
        let push: Push = take(push)?;
        Ok(lock(&self.inner).apply(&push).map_err(Fault::from)?)
    }

    /// Whether a snapshot came and nothing was missed since.
    #[getter]
    fn is_live(&self) -> bool {
        lock(&self.inner).is_live()
    }

    /// The record up to which the book is true.
    #[getter]
    fn seq(&self) -> Option<u64> {
        lock(&self.inner).seq()
    }

    /// What the market does: `trading`, `cancel_only`, `halted` or `auction`.
    #[getter]
    fn state(&self) -> String {
        lock(&self.inner).state().to_owned()
    }

    /// The checksum of what it holds.
    #[getter]
    fn checksum(&self) -> u32 {
        lock(&self.inner).checksum()
    }

    /// The orders that buy, best price first and in queue order: reference, price, quantity shown.
    #[getter]
    fn bids(&self) -> Vec<(String, String, String)> {
        self.side(Side::Buy)
    }

    /// The orders that sell, best price first and in queue order: reference, price, quantity shown.
    #[getter]
    fn asks(&self) -> Vec<(String, String, String)> {
        self.side(Side::Sell)
    }
}

#[pymethods]
impl LocalAccount {
    /// Nothing yet.
    #[new]
    fn new() -> Self {
        Self { inner: Mutex::new(bandex_sdk::LocalAccount::new()) }
    }

    /// Takes a push of the channels `orders`, `fills`, `balances` or `limits`; others change nothing.
    fn apply(&self, push: &Bound<'_, PyAny>) -> PyResult<()> {
        let push: Push = take(push)?;
        Ok(lock(&self.inner).apply(&push).map_err(Fault::from)?)
    }

    /// The open and the sleeping orders, by reference.
    #[getter]
    fn orders(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        give(py, &lock(&self.inner).orders().collect::<Vec<_>>())
    }

    /// The fills that were told, by market and number, without receipts.
    #[getter]
    fn fills(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        give(py, &lock(&self.inner).fills().collect::<Vec<_>>())
    }

    /// How many fills were told.
    #[getter]
    fn fill_count(&self) -> usize {
        lock(&self.inner).fill_count()
    }

    /// The balances, by asset.
    #[getter]
    fn balances(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        give(py, &lock(&self.inner).balances().collect::<Vec<_>>())
    }

    /// The limit, once it was told.
    #[getter]
    fn limits(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        give(py, &lock(&self.inner).limits())
    }

    /// The last record that any of the channels told of.
    #[getter]
    fn seq(&self) -> u64 {
        lock(&self.inner).seq()
    }
}

/// A level, as far as a checksum looks at it.
#[derive(Deserialize)]
struct Level {
    price: String,
    quantity: String,
}

/// An order, as far as a checksum looks at it.
#[derive(Deserialize)]
struct Resting {
    order: String,
    price: String,
    quantity: String,
}

/// The checksum of a book of levels (dicts with `price` and `quantity`, best first): over the best ten bids, then
/// the best ten asks.
#[pyfunction]
pub fn checksum_levels(bids: &Bound<'_, PyAny>, asks: &Bound<'_, PyAny>) -> PyResult<u32> {
    fn texts(levels: &[Level]) -> impl Iterator<Item = (&str, &str)> {
        levels.iter().map(|level| (level.price.as_str(), level.quantity.as_str()))
    }
    let (bids, asks): (Vec<Level>, Vec<Level>) = (take(bids)?, take(asks)?);
    Ok(checksum::levels(texts(&bids), texts(&asks)))
}

/// The checksum of a book of orders (dicts with `order`, `price` and `quantity`, best price first and in queue
/// order): over the orders at the best ten prices of the bids, then of the asks.
#[pyfunction]
pub fn checksum_orders(bids: &Bound<'_, PyAny>, asks: &Bound<'_, PyAny>) -> PyResult<u32> {
    fn texts(orders: &[Resting]) -> impl Iterator<Item = (&str, &str, &str)> {
        orders.iter().map(|one| (one.order.as_str(), one.price.as_str(), one.quantity.as_str()))
    }
    let (bids, asks): (Vec<Resting>, Vec<Resting>) = (take(bids)?, take(asks)?);
    Ok(checksum::orders(texts(&bids), texts(&asks)))
}
