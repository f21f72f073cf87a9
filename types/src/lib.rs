//! Integer money, ids and time: the words every other crate speaks.
//!
//! Nothing here knows of blocks, books or deals. There are no floats: a price is a count of ticks, a quantity a
//! count of lots, an amount a count of an asset's smallest unit, and every sum is checked.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod bitcoin;
mod hex_bytes;
mod id;
mod number;
mod order;
mod ratio;
mod time;

pub use bitcoin::{BitcoinNetwork, MSAT_PER_SATOSHI, NetworkError};
pub use id::{AccountId, BlockId, DealId, Hash, IdError, OrderRef, PublicKey, SignatureBytes};
pub use number::{Amount, AssetId, MarketId, NumberError, Price, Quantity};
pub use order::{OrderType, PostOnly, Rail, SelfTrade, Side, TimeInForce};
pub use ratio::{Ratio, RatioError, Rounding, quote_amount, share};
pub use time::{Timestamp, TimestampError};
