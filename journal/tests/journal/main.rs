//! What every store of the journal must do, run over each of them; and what only the SQLite store must do.

#![allow(clippy::unwrap_used, clippy::panic)]

mod chain;
mod sqlite;
mod suite;
