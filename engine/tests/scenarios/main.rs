//! Scenarios: what each kind of block does, each refusal, and how deals, limits and forks play out.

mod amend;
mod auctions;
mod deals;
mod every_code;
mod forks;
mod keys;
#[path = "../kit/mod.rs"]
mod kit;
mod limits;
mod markets;
mod operator;
mod orders;
mod quotes;
mod sleepers;
mod snapshot;
mod special;
mod tokens;
