//! A regtest Bitcoin node for tests, on Bitcoin Core's own consensus code.

mod amount;
pub mod chain;
pub mod kernel;
pub mod mempool;
mod miner;
mod node;
mod policy;
pub mod rpc;
pub mod server;
mod store;

pub use miner::commit_and_solve;
pub use node::{MineError, Node, Settings};
