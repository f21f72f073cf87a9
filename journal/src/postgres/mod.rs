//! The journal in PostgreSQL: the store of a node whose operator runs a database server.

mod url;

pub use url::{DatabaseUrl, DatabaseUrlError};
