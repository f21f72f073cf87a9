//! Deals settled directly between two accounts, tranche by tranche, inside a band.
//!
//! A deal is a pure state machine: no clock (the time comes as an argument), no ledger, no knowledge of blocks or
//! books. It says who is due and for how much, accepts exactly that payment, and names what has become final; moving
//! the tokens is the caller's. What each party sent runs from 0 to the deal's total in quote value, and their
//! difference, the net, never leaves the band between the two caps, so that whoever is left alone loses at most the
//! cap it set itself.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod band;
mod caps;
mod deal;
mod netting;
mod party;
mod progress;
mod refusal;
mod terms;

pub use band::{Sent, Step, next_step};
pub use caps::{caps_allow, draw_cap};
pub use deal::{ChainTerms, Counted, Deal, OnChain};
pub use netting::{Netting, Replacing, Stage, net};
pub use party::Party;
pub use progress::{Due, Expired, InFlight, Move, Paid, State};
pub use refusal::{EndError, FillError, OpenError, Refusal};
pub use terms::Terms;
