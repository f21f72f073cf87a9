//! Where money moves that the exchange does not hold.

use bandex_sdk::AssetInfo;
use bandex_sdk::types::{AccountId, Amount, BlockId, DealId, Timestamp};
use std::future::Future;

/// A tranche to be paid outside the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The deal.
    pub deal: DealId,
    /// The tranche. Deal and tranche together name a payment for ever.
    pub tranche: u32,
    /// To whom.
    pub payee: AccountId,
    /// In what.
    pub asset: AssetInfo,
    /// How much now, in smallest units; may be 0.
    pub amount: Amount,
    /// How much in all, with this tranche.
    pub cumulative: Amount,
    /// Before when it must be reported.
    pub deadline: Timestamp,
}

/// A tranche that the counterparty says it paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The deal.
    pub deal: DealId,
    /// The tranche.
    pub tranche: u32,
    /// From whom.
    pub payer: AccountId,
    /// In what.
    pub asset: AssetInfo,
    /// How much now, in smallest units; may be 0.
    pub amount: Amount,
    /// How much in all, with this tranche.
    pub cumulative: Amount,
    /// The block that says so; its `reference` tells where to look.
    pub proposal: BlockId,
}

/// Why a rail did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RailError {
    /// Nothing moved; it may work later.
    #[error("not now: {0}")]
    Later(String),
    /// Nothing moved, and nothing will.
    #[error("never: {0}")]
    Never(String),
}

/// Moves money outside the exchange.
pub trait Payer: Send + Sync + 'static {
    /// Pays a tranche, and gives the reference under which the payee can see it: at most 256 bytes without control
    /// characters.
    ///
    /// A payment may be asked for again after a crash, since the money moves before the block that reports it is
    /// signed. One deal and tranche must never be paid twice: a second call gives the first one's reference.
    ///
    /// # Errors
    /// Nothing was moved.
    fn pay(&self, payment: &Payment) -> impl Future<Output = Result<String, RailError>> + Send;
}

/// Sees money arrive outside the exchange.
pub trait Payee: Send + Sync + 'static {
    /// Whether a payment has arrived, finally and in full.
    ///
    /// # Errors
    /// It cannot be seen now ([`RailError::Later`]), or will never arrive.
    fn arrived(&self, incoming: &Incoming) -> impl Future<Output = Result<bool, RailError>> + Send;
}

/// Moves no coin and sees none: payments are only signed, and every payment the counterparty signs is taken as made.
///
/// For tests and demonstrations, and for parties who settle the sums by other means.
#[derive(Debug, Clone, Copy, Default)]
pub struct SignedOnly;

impl Payer for SignedOnly {
    async fn pay(&self, _payment: &Payment) -> Result<String, RailError> {
        Ok(String::new())
    }
}

impl Payee for SignedOnly {
    async fn arrived(&self, _incoming: &Incoming) -> Result<bool, RailError> {
        Ok(true)
    }
}
