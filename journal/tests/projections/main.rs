//! Projections: the same rows in both stores however the records come, what queries find, and beginning anew.

#![allow(clippy::unwrap_used, clippy::panic)]

mod candles;
mod cuts;
mod history;
mod kit;
mod reading;
mod writing;
