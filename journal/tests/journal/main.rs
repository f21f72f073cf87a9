//! What every store of the journal must do, run over each of them; and what only one of them must do.

#![allow(clippy::unwrap_used, clippy::panic)]

mod chain;
mod database;
mod faults;
mod postgres;
mod proxy;
mod sqlite;
mod suite;
