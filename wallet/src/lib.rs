//! The wallet of a settlement agent: a trader's own coins on the Bitcoin chain, paid out in tranches.
//!
//! A [`Wallet`] holds keys, addresses and a journal of payments in one folder of its own. [`Wallet::pay`] brings what
//! was paid to a deal's script up to a sum, once, however often it is asked and whenever the process is killed:
//!
//! 1. The payment is written down, then built and signed; the signed transaction is on disk before any node sees it.
//! 2. After a start, what was written down is built, and what was signed is sent again, the same bytes.
//! 3. Every further transaction of the same payment (a larger fee, a taking back) spends a coin that the first one
//!    spends: whatever confirms, it is one of them. A payment is begun anew only once that coin was spent otherwise,
//!    finally.
//!
//! Keys are of BIP 84 (P2WPKH): every wallet and exchange pays to such scripts, signatures follow from key and
//! transaction alone (RFC 6979), and at one or two inputs a transaction costs what a taproot one does.
//!
//! All sums are whole satoshi, all fee rates satoshi per 1,000 vB, all times microseconds; the caller brings the time.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod build;
mod bump;
mod error;
mod history;
mod journal;
mod key;
mod node;
mod pay;
mod policy;
mod store;
mod sync;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod wallet;

pub use bdk_wallet::bitcoin;
pub use bump::Changed;
pub use error::{OpenError, PayError, SyncError};
pub use history::{History, Movement, PaymentReport, Status, TransactionReport};
pub use journal::Purpose;
pub use key::{KeyCost, KeyError, Passphrase};
pub use node::{Node, NodeError, Sent};
pub use pay::{Paid, Payment};
pub use policy::{Policy, PolicyError};
pub use store::StoreError;
pub use sync::{Synced, Trouble};
pub use wallet::{Balance, Wallet, create};
