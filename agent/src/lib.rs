//! Settlement agent: pays and acknowledges tranches by itself, and checks first.
//!
//! An [`Agent`] follows the deals of one account. What the exchange says is due it works out again from the deal's own
//! numbers and from the orders its owner signed, and pays nothing it does not find the same. What moves money outside
//! the exchange is a [`Payer`], what sees it arrive a [`Payee`]; [`SignedOnly`] moves nothing and trusts everybody. On the
//! Bitcoin chain [`Coins`] pay, to scripts that are proven to be the payee's.
//!
//! ```no_run
//! use bandex_agent::{Agent, ChannelSource, Event, Policy};
//! use bandex_sdk::{Client, Markets, Rest, Trader, Options, api::Channel, tradechain::Keypair};
//! use std::sync::Arc;
//!
//! # async fn example(rest: Rest, markets: Arc<Markets>, trader: Trader, keypair: Keypair) -> Result<(), Box<dyn std::error::Error>> {
//! // Private channels belong to a connection's login, so each account's agent has a connection of its own.
//! let client = Client::connect(&rest.socket_url(), Options::default()).await?;
//! client.login(&keypair).await?;
//! let source = ChannelSource::new(client.subscribe(Channel::Deals).await?);
//! let (events, mut news) = tokio::sync::mpsc::unbounded_channel();
//! let agent = Agent::new(trader.clone(), trader.clone(), trader.account(), markets)
//!     .with_policy(Policy { largest_exposure: Some(bandex_sdk::types::Amount::new(50_000)), ..Policy::default() });
//! tokio::spawn(agent.run(source, events));
//! while let Some(event) = news.recv().await {
//!     if let Event::Disagreement { deal, what } = event {
//!         eprintln!("{deal}: {what}");
//!     }
//! }
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod agent;
mod coins;
mod desk;
mod event;
mod hand;
mod judge;
mod keeper;
mod netted;
mod order;
mod policy;
mod rail;
mod source;
#[cfg(test)]
mod testing;
mod view;
mod witness;

pub use agent::{Agent, AgentError};
pub use coins::{Answer, ChainPayment, Coins, EvidenceSource, OnChain};
pub use event::{Declined, Event};
pub use hand::{Hand, HandError};
pub use judge::{Disagreement, Followed, Task, judge};
pub use keeper::Keeper;
pub use netted::Replaced;
pub use order::{Found, OwnOrders, Stake, Taken, Trust};
pub use policy::Policy;
pub use rail::{Incoming, Payee, Payer, Payment, RailError, SignedOnly};
pub use source::{ChannelSource, DealSource, News, PollingSource, SourceError};
pub use view::{ChainView, DealView, DueView, InFlightView, PayeeView, ViewError};
pub use witness::{Notary, WitnessError};
