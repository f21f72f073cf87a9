//! One clock for all, and what many times come to.

use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970, by the clock that the server's records carry too.
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Times in short, in microseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Times {
    pub count: usize,
    pub p50_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
    pub max_us: u64,
}

impl Times {
    /// Of times in any order.
    pub fn of(mut times: Vec<u64>) -> Self {
        times.sort_unstable();
        let at = |thousandths: usize| {
            let index = (times.len() * thousandths / 1_000).min(times.len().saturating_sub(1));
            times.get(index).copied().unwrap_or(0)
        };
        let max_us = times.last().copied().unwrap_or(0);
        Self { count: times.len(), p50_us: at(500), p99_us: at(990), p999_us: at(999), max_us }
    }
}
