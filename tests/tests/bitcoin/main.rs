//! What can go wrong between two traders on a Bitcoin chain, each as it would: real wallets, agents, an exchange, a node.
//! Whoever keeps to the rules never loses more than its cap, to the satoshi and the byte.

// Expecting is what tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod fees;
mod killing;
mod lies;
mod nodes;
mod payments;
mod reorganisations;
mod vanishing;
