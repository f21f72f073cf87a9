//! Projections: the same rows in both stores however the records come, what queries find, and beginning anew.

#![allow(clippy::unwrap_used, clippy::panic)]

mod candles;
mod cuts;
mod held;
mod history;
mod kit;
#[path = "../journal/proxy.rs"]
#[expect(dead_code, reason = "the journal's own tests use all of it")]
mod proxy;
mod reading;
mod writing;
