//! The fast book against the naive one: the same commands to both, and the same trades, refusals, questions and state
//! wanted from both after each.
//!
//! A command is one 64-bit word, so that a seed, a fuzzer's bytes and a list on paper all make the same story. When the
//! two differ, [`shrink`] takes commands away until none can be spared, and prints what is left.

mod command;
mod limits;
mod orders;
mod shrink;
mod story;
mod twin;

pub use command::Command;
pub use shrink::{Finding, search, shrink};
pub use story::{Coverage, Story};
pub use twin::{Difference, Twin};
