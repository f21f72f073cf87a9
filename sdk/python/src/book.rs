//! A market's book on this side of the wire, and its checksum.

use crate::error::Fault;
use crate::markets::Markets;
use crate::value::take;
use bandex_sdk::api::Push;
use bandex_sdk::types::Side;
use pyo3::prelude::*;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many levels a side the checksum covers.
const CHECKED_LEVELS: usize = 10;

/// A book that is whole or empty, never wrong: give it every push of the channel `book`.
#[pyclass(frozen, module = "bandex")]
pub struct LocalBook {
    inner: Mutex<bandex_sdk::LocalBook>,
}

impl LocalBook {
    fn lock(&self) -> MutexGuard<'_, bandex_sdk::LocalBook> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn side(&self, side: Side) -> Vec<(String, String, u64)> {
        let book = self.lock();
        let scale = *book.scale();
        let texts = book.levels(side);
        texts.map(|level| (scale.price(level.price), scale.quantity(level.quantity), level.orders)).collect()
    }
}

#[pymethods]
impl LocalBook {
    /// An empty book of a market that waits for its snapshot.
    #[new]
    fn new(markets: &Markets, market: &str) -> PyResult<Self> {
        let scale = markets.market(market)?.scale;
        Ok(Self { inner: Mutex::new(bandex_sdk::LocalBook::new(market, scale)) })
    }

    /// Takes a push, as a dict or JSON text. `BookBroken` says that it does not follow, cannot be read, or leaves the
    /// book crossed; the book is empty then, and waits for a snapshot.
    fn apply(&self, push: &Bound<'_, PyAny>) -> PyResult<()> {
        let push: Push = take(push)?;
        Ok(self.lock().apply(&push).map_err(Fault::from)?)
    }

    /// Whether a snapshot came and nothing was missed since.
    #[getter]
    fn is_live(&self) -> bool {
        self.lock().is_live()
    }

    /// The record up to which the book is true.
    #[getter]
    fn seq(&self) -> Option<u64> {
        self.lock().seq()
    }

    /// What the market does: `trading`, `cancel_only`, `halted` or `auction`.
    #[getter]
    fn state(&self) -> String {
        self.lock().state().to_owned()
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

/// CRC-32 (IEEE, zlib's) of ASCII text, bit by bit: the texts are short.
fn crc32(text: &str) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !text.bytes().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(byte), step))
}

/// The checksum of a book of levels (dicts with `price` and `quantity`, best first): over the best ten bids, then
/// the best ten asks.
#[pyfunction]
pub fn checksum_levels(bids: &Bound<'_, PyAny>, asks: &Bound<'_, PyAny>) -> PyResult<u32> {
    #[derive(serde::Deserialize)]
    struct Shown {
        price: String,
        quantity: String,
    }
    let (bids, asks): (Vec<Shown>, Vec<Shown>) = (take(bids)?, take(asks)?);
    let best = |levels: Vec<Shown>| levels.into_iter().take(CHECKED_LEVELS);
    let texts: Vec<String> =
        best(bids).chain(best(asks)).map(|level| format!("{}:{}", level.price, level.quantity)).collect();
    Ok(crc32(&texts.join(":")))
}
