//! The kit of the black-box tests: a real server, lanes that sign anything, a bare WebSocket, a third party's eye.
//!
//! Nothing here knows the inside of the exchange: all goes over HTTP and WebSocket. The SDK is used where it does not
//! stand in the way; where a test must misbehave, a [`RawLane`] signs whatever it is told.

// A kit of tests: what it does not expect shall end the test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod authority;
mod bitcoin;
pub mod crash;
pub mod database;
mod evidence;
mod lane;
pub mod makers;
pub mod on_chain;
mod server;
mod settle;
mod socket;

pub use authority::Authority;
pub use bitcoin::Miner;
pub use evidence::{Judged, judge};
pub use lane::{RawLane, now, place};
pub use server::{Answer, MARKET, OTHER_MARKET, Server, Setup, amount, first_changes};
pub use settle::{Leg, settle, settle_until, units};
pub use socket::Socket;

use std::future::Future;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something that must come.
///
/// # Panics
/// It does not in [`PATIENCE`].
pub async fn soon<T>(what: &str, coming: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, coming).await {
        Ok(came) => came,
        Err(_) => panic!("waited too long for {what}"),
    }
}

/// Asks again and again until there is an answer.
///
/// # Panics
/// There is none in [`PATIENCE`].
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
