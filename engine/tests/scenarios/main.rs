//! Scenarios: what each kind of block does, each refusal, and how deals, limits and forks play out.

mod admission_modes;
mod amend;
mod auctions;
mod bitcoin;
mod bonds;
mod deals;
mod ends;
mod epochs;
mod every_code;
mod fees;
mod forks;
mod guards;
mod keys;
#[path = "../kit/mod.rs"]
mod kit;
mod limits;
mod markets;
mod netting;
mod operator;
mod orders;
mod preferences;
mod quotes;
mod reorganisations;
mod sleepers;
mod snapshot;
mod special;
mod tokens;
mod trust;
