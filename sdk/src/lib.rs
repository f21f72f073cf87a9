//! Client of an exchange: signs, persists before it sends, pipelines, keeps a local book.
//!
//! [`Rest`] asks once, [`Client`] holds a WebSocket, [`Trader`] signs and sends the blocks of one key, [`LocalBook`]
//! follows a market. Whoever needs only signatures takes a [`Signer`].
//!
//! ```no_run
//! use bandex_sdk::{Client, Durability, FileLane, Options, Rest, Trader, tradechain::Keypair, types::Side};
//!
//! # async fn example(keypair: Keypair) -> Result<(), Box<dyn std::error::Error>> {
//! let rest = Rest::new("http://localhost:8080")?;
//! let markets = rest.markets().await?;
//! let client = Client::connect(&rest.socket_url(), Options::default()).await?;
//! let lane = FileLane::open("trader.lane", Durability::Disk)?;
//! let trader = Trader::register(&client, &rest, &markets, keypair, lane).await?;
//!
//! let market = markets.market("BWT-BTC").ok_or("not listed")?;
//! let placed = trader.place(market.limit(Side::Buy, "0.00000039", "12.5")?).await?;
//! trader.cancel(placed.order).await?;
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod account;
mod book;
mod client;
mod clock;
mod http_signer;
mod key;
mod lane;
mod markets;
mod order;
mod prepared;
mod rest;
mod signer;
mod standing;
#[cfg(test)]
mod testing;
mod tls;
mod trader;
mod wire;
mod work;

pub use bandex_api as api;
pub use bandex_tradechain as tradechain;
pub use bandex_types as types;

pub use account::LocalAccount;
pub use book::{BookError, BookFeed, BookLevel, BookOrder, LocalBook, LocalOrders, PushedBook, QueuePlace};
pub use client::{
    Client, ClientError, News, OnFull, Options, Refresher, Slot, SubmitError, Subscription, Topic,
};
pub use clock::now;
pub use http_signer::HttpSigner;
pub use key::{KeyFileError, generate_keypair, lane_path, read_keypair};
pub use lane::{
    Durability, Entry, FileLane, LaneStore, MemoryLane, OwnOrder, StoreError, StoredOrders, Version,
};
pub use markets::{AssetInfo, MarketInfo, MarketPayments, Markets};
pub use order::{OrderBuilder, OrderError};
pub use prepared::PreparedError;
pub use rest::{AccountRest, Body, Rest, RestError};
pub use signer::{Allowance, OwnBlock, SignError, Signer, UNREGISTERED};
pub use standing::{StandingError, check_standing};
pub use tls::{Tls, TlsError};
pub use trader::{LaneError, Placed, Quoted, Submitted, Trader, TraderError};
pub use wire::{
    ReplyError, WireError, check_reply, parse, receipt_from_wire, receipt_to_wire, signed_from_wire,
    signed_to_wire,
};
