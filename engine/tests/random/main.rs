//! Random commands by several accounts, honest and hostile. The kit checks after every command what must always be
//! true, and replays the journal when the world ends.
//!
//! A few thousand commands by default, always the same ones, so that what they come to is known; `PROPTEST_CASES` asks
//! for more, and for others at each run.

mod driver;
#[path = "../kit/mod.rs"]
mod kit;
mod strategies;

use driver::Driver;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Cases without `PROPTEST_CASES`; each has about a hundred commands.
const CASES: u32 = 120;

fn runner() -> TestRunner {
    let base =
        ProptestConfig { failure_persistence: None, max_shrink_iters: 400, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return TestRunner::new(base);
    }
    let config = ProptestConfig { cases: CASES, ..base };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn everything_that_must_always_be_true_is_true() {
    let seen: RefCell<BTreeMap<&'static str, usize>> = RefCell::default();
    let mut runner = runner();
    let result = runner.run(&strategies::acts(), |acts| {
        let mut driver = Driver::new();
        for act in &acts {
            driver.act(act);
        }
        for (code, times) in &driver.seen {
            *seen.borrow_mut().entry(code).or_default() += times;
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    // A driver that is always turned away would test nothing.
    let seen = seen.into_inner();
    let trading =
        ["auction", "protection", "sleeping", "expired", "outside_band", "replaced", "auction_unfilled"];
    let others = ["done", "trade", "tranche", "default", "settled", "disputed", "fork", "limit_reached"];
    for code in trading.into_iter().chain(others) {
        assert!(seen.contains_key(code), "the random commands never came to {code}: {seen:?}");
    }
}
