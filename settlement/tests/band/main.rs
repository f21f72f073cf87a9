//! Properties of whole deals, against a walk through the band made by hand, one unit at a time.
//!
//! A few hundred cases each by default; `PROPTEST_CASES=100000 cargo test --release -p bandex-settlement --test band`
//! plays a hundred thousand.

mod by_hand;
mod chain;
mod interleavings;
mod netting;
mod walks;
