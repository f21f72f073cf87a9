//! Black-box tests: each starts a server of its own and talks to it over HTTP and WebSocket only.

#![allow(clippy::unwrap_used, clippy::panic)]

mod agents;
mod bitcoin;
mod books;
mod bytes;
mod channels;
mod deals;
mod defaults;
mod edge;
mod exports;
mod features;
mod follow;
mod forks;
mod guards;
mod holdings;
mod hostile;
mod keys;
mod lists;
mod login;
mod lost_answers;
mod missed;
mod operator;
mod pages;
mod prepared;
mod reads;
mod restart;
mod resume;
mod signed_requests;
mod sockets;
mod story;
mod trust;
