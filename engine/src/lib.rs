//! One state machine of all pure crates: apply, outcome, replay.
//!
//! [`Engine::apply`] takes one command after another and says what came of it. It reads no clock, no file and no
//! randomness, so the same commands give the same outcomes on every machine, forever.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod accounts;
mod admission;
mod admit;
mod apply;
mod bitcoin;
mod bond;
mod configure;
mod deal_state;
mod deal_table;
mod deals;
mod effects;
mod ends;
mod epoch;
mod explain;
mod fees;
mod fork;
mod guard;
mod keys;
mod ledger;
mod limits;
mod market;
mod market_state;
mod netting;
mod open;
mod orders;
mod outcome;
mod proposals;
mod protection;
mod refusal;
mod service;
mod snapshot;
mod standing;
mod timers;
mod trust;
mod trust_terms;
mod views;

pub use accounts::AccountIndex;
pub use apply::{Engine, FIRST_RULES, RULES_VERSION};
pub use bandex_matching::Indicative;
pub use bitcoin::least_payment;
pub use deal_state::DealState;
pub use epoch::Checkpoint;
pub use explain::{Rulings, limit_reached, raise};
pub use ledger::{Ledger, LockReason, Short};
pub use outcome::{
    AccountState, BalanceState, CancelReason, Certificate, ChainState, CommandResult, DefaultNotice, Event,
    ForkNotice, FreezeReason, GuardState, KeyState, KeyStatus, LimitParts, Netted, OperationResult,
    OrderState, OrderStatus, OrderTerms, Outcome, Payee, PaymentState, PaymentStatus, ProposalState,
    ProposalStatus, Slash, Trade, Tranche, TrustState,
};
pub use refusal::Refusal;
pub use snapshot::{RestoreError, SNAPSHOT_VERSION};
pub use standing::Standing;
pub use views::{BookOrder, LevelView, MarketView, ShownOrder};
