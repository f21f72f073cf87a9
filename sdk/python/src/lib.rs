//! The core of the Python package `bandex`: what must be exact, or fast, is this crate's; the rest is Python.
//!
//! Values cross the border as Python's own dicts, lists, strings and integers, in the forms of the REST interface and
//! of docs/tradechain.md. Floats are refused everywhere: a price that was rounded once is another price.

mod blocks;
mod book;
mod client;
mod error;
mod http;
mod key;
mod markets;
mod operations;
mod rest;
mod runtime;
mod signer;
mod submitted;
mod trader;
mod value;

use pyo3::pymodule;

/// What the Python package is built on. Import from `bandex`, not from here.
#[pymodule(name = "_core")]
mod core {
    #[pymodule_export]
    use super::blocks::{
        block_id, check_receipt, decode_block, encode_block, preimage, sign_block, sign_login, verify_block,
    };
    #[pymodule_export]
    use super::book::{LocalAccount, LocalBook, LocalOrders, checksum_levels, checksum_orders};
    #[pymodule_export]
    use super::client::{Client, Subscription};
    #[pymodule_export]
    use super::http::http_signature;
    #[pymodule_export]
    use super::key::Keypair;
    #[pymodule_export]
    use super::markets::Markets;
    #[pymodule_export]
    use super::rest::Rest;
    #[pymodule_export]
    use super::runtime::end_runtime;
    #[pymodule_export]
    use super::signer::Signer;
    #[pymodule_export]
    use super::submitted::Submitted;
    #[pymodule_export]
    use super::trader::{Trader, stored_order};
    use pyo3::prelude::*;

    /// Whoever imports the package has its end prepared.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let end = module.getattr("end_runtime")?;
        module.py().import("atexit")?.call_method1("register", (end,)).map(drop)
    }
}
