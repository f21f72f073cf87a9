//! Keys: new ones, those in files, and their signatures.

use crate::error::{Answer, Fault};
use bandex_sdk::generate_keypair;
use bandex_sdk::tradechain::{self, Domain};
use pyo3::prelude::*;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// An Ed25519 key. Whoever has its seed has the account: keep it, and show it to nobody.
#[pyclass(frozen, module = "bandex")]
pub struct Keypair {
    pub inner: tradechain::Keypair,
}

/// What a signature is for, by its name in docs/tradechain.md.
fn domain(name: &str) -> Answer<Domain> {
    match name {
        "block" => Ok(Domain::Block),
        "login" => Ok(Domain::Login),
        "possession" => Ok(Domain::Possession),
        other => Err(Fault::invalid(format!("{other:?}: a trader signs for block, login or possession"))),
    }
}

/// The 32 bytes of a seed in hex.
fn seed(text: &str) -> Answer<[u8; 32]> {
    let mut seed = [0; 32];
    hex::decode_to_slice(text.trim(), &mut seed)
        .map_err(|_| Fault::invalid("a key's seed is 64 hex digits"))?;
    Ok(seed)
}

/// Writes a secret that only its owner may read; a file that is there is never overwritten.
fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

#[pymethods]
impl Keypair {
    /// A new key, from the system's randomness.
    #[staticmethod]
    fn generate() -> PyResult<Self> {
        Ok(Self { inner: generate_keypair()? })
    }

    /// From 64 hex digits of secret seed.
    #[staticmethod]
    fn from_seed(text: &str) -> PyResult<Self> {
        Ok(Self { inner: tradechain::Keypair::from_seed(&seed(text)?) })
    }

    /// From a key file, as `bandex key new` writes it.
    #[staticmethod]
    fn load(path: PathBuf) -> PyResult<Self> {
        Self::from_seed(&fs::read_to_string(path)?)
    }

    /// Writes a key file that only its owner may read. A file that is there is never overwritten.
    fn save(&self, path: PathBuf) -> PyResult<()> {
        Ok(write_secret(&path, &self.seed())?)
    }

    /// The public half, hex.
    #[getter]
    fn public(&self) -> String {
        self.inner.public().to_string()
    }

    /// The secret seed, hex. Never log it.
    fn seed(&self) -> String {
        hex::encode(self.inner.seed())
    }

    /// The signature over bytes for one purpose ("block", "login" or "possession"), hex.
    fn sign(&self, purpose: &str, data: &[u8]) -> PyResult<String> {
        Ok(self.inner.sign(domain(purpose)?, data).to_string())
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.inner)
    }
}
