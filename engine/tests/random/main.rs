//! Random commands by several accounts, honest and hostile. The kit checks after every command what must always be
//! true, and replays the journal when the world ends.
//!
//! A few thousand commands by default, always the same ones, so that what they come to is known; `PROPTEST_CASES` asks
//! for more, and for others at each run.

mod chain;
mod driver;
#[path = "../kit/mod.rs"]
mod kit;
mod strategies;
mod trust;

use driver::Driver;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;
use strategies::Act;

/// Cases without `PROPTEST_CASES`; each has about a hundred commands.
const CASES: u32 = 120;
/// The same for those about trust; each has about thirty.
const TRUST_CASES: u32 = 250;
/// The same for those about the Bitcoin chain; each has about a hundred.
const CHAIN_CASES: u32 = 60;

fn runner(cases: u32) -> TestRunner {
    let base =
        ProptestConfig { failure_persistence: None, max_shrink_iters: 400, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return TestRunner::new(base);
    }
    let config = ProptestConfig { cases, ..base };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Lives random stories; gives what they came to, and how often.
fn live(
    stories: impl Strategy<Value = Vec<Act>>,
    cases: u32,
    world: fn() -> Driver,
) -> Result<BTreeMap<&'static str, usize>, String> {
    let seen: RefCell<BTreeMap<&'static str, usize>> = RefCell::default();
    let result = runner(cases).run(&stories, |acts| {
        let mut driver = world();
        for act in &acts {
            driver.act(act);
        }
        for (code, times) in &driver.seen {
            *seen.borrow_mut().entry(code).or_default() += times;
        }
        Ok(())
    });
    result.map(|()| seen.into_inner()).map_err(|error| error.to_string())
}

/// A driver that is always turned away would test nothing.
fn check_seen(seen: &BTreeMap<&'static str, usize>, expected: &[&str]) {
    for code in expected {
        assert!(seen.contains_key(code), "the random commands never came to {code}: {seen:?}");
    }
}

/// The whole of trading, with some of all else.
#[test]
fn everything_that_must_always_be_true_is_true() {
    let seen = live(strategies::acts(), CASES, Driver::new).unwrap_or_else(|error| panic!("{error}"));
    let trading =
        ["auction", "protection", "sleeping", "expired", "outside_band", "replaced", "auction_unfilled"];
    let others = ["done", "trade", "tranche", "default", "settled", "disputed", "fork", "limit_reached"];
    check_seen(&seen, &trading);
    check_seen(&seen, &others);
    check_seen(&seen, &["timer", "disconnected", "not_guarded", "grace_runs"]);
}

/// Whatever is bonded, paid, vouched for and decided between trades: money adds up (point 1 of what the design says is
/// always true), no reservation is granted beyond the limit of that moment (3), and all limits together are paid for
/// (6). `PROPTEST_CASES=100000` with `--release` is the long form of it.
#[test]
fn trust_and_trading_take_turns() {
    let seen = live(strategies::trust_acts(), TRUST_CASES, Driver::earning)
        .unwrap_or_else(|error| panic!("{error}"));
    let trust = ["leaving", "slash", "netted", "fees", "epoch", "scored", "trusted", "let_out"];
    let ends = ["default", "cured", "written_off", "resolved", "disputed"];
    let codes =
        ["not_admitted", "misplaced", "insufficient_bond", "limit_reached", "bad_listing", "not_registrar"];
    check_seen(&seen, &trust);
    check_seen(&seen, &ends);
    check_seen(&seen, &codes);
}

/// Whatever happens on the Bitcoin chain: what the kit holds of money, locks and limits holds, each payment stands where
/// its depth says, and tokens go for proven coins only.
#[test]
fn the_chain_and_trading_take_turns() {
    let seen =
        live(chain::chain_acts(), CHAIN_CASES, Driver::on_chain).unwrap_or_else(|error| panic!("{error}"));
    check_seen(
        &seen,
        &["included", "paid", "final", "reversed", "late", "settled", "default", "cured", "slash"],
    );
    let codes = ["below_tranche", "bad_proof", "unknown_payment", "script_used", "bad_script", "not_due"];
    check_seen(&seen, &codes);
}
