//! Coins on the Bitcoin chain: what pays them, what names scripts to be paid to, and where the evidence comes from that
//! they go to the right place.

use crate::view::PayeeView;
use crate::witness::{Notary, WitnessError};
use crate::{DealView, RailError};
use bandex_sdk::api::Evidence;
use bandex_sdk::types::{AccountId, Amount, DealId, Timestamp};
use bandex_sdk::{AccountRest, RestError};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// An answer that may take a while.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a deal asks to be paid on the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainPayment {
    /// The deal.
    pub deal: DealId,
    /// The demand. Deal and demand together name a payment for ever.
    pub number: u32,
    /// To whom.
    pub payee: AccountId,
    /// The payee's script.
    pub script: Vec<u8>,
    /// What the script must have been paid in all, in quote units: thousandths of a satoshi.
    pub cumulative: Amount,
    /// Before when it must be in a block.
    pub deadline: Timestamp,
}

/// A wallet on the chain.
pub trait Coins: Send + Sync + 'static {
    /// The script to be paid to for a deal: fresh, and for ever the same for that deal.
    ///
    /// # Errors
    /// There is none now.
    fn script(&self, deal: DealId) -> Answer<'_, Result<Vec<u8>, RailError>>;

    /// Brings what the wallet has paid to the script up to the cumulative amount; gives the transaction.
    ///
    /// It may be asked again after a crash. One deal and demand must never be paid twice: a second call gives the first
    /// one's transaction, or one that cannot be in the chain together with it.
    ///
    /// # Errors
    /// Nothing was paid.
    fn pay<'a>(&'a self, payment: &'a ChainPayment) -> Answer<'a, Result<String, RailError>>;
}

/// Where the evidence of a deal is asked for.
pub trait EvidenceSource: Send + Sync + 'static {
    /// All that was signed in a deal.
    ///
    /// # Errors
    /// Nobody answers.
    fn evidence(&self, deal: DealId) -> Answer<'_, Result<Evidence, RestError>>;
}

impl EvidenceSource for AccountRest {
    fn evidence(&self, deal: DealId) -> Answer<'_, Result<Evidence, RestError>> {
        Box::pin(Self::evidence(self, deal))
    }
}

/// All that an agent needs to settle on the chain.
#[derive(Clone)]
pub struct OnChain {
    /// The wallet.
    pub coins: Arc<dyn Coins>,
    /// Where evidence comes from.
    pub evidence: Arc<dyn EvidenceSource>,
    /// Whose word counts.
    pub notary: Notary,
}

/// Why a payment on the chain was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChainError {
    #[error(transparent)]
    Rail(#[from] RailError),
    #[error(transparent)]
    Witness(#[from] WitnessError),
}

impl OnChain {
    /// Pays, once it is proven who is to be paid, and where.
    pub(crate) async fn pay(
        &self,
        view: &DealView,
        payee: &PayeeView,
        payment: &ChainPayment,
    ) -> Result<String, ChainError> {
        let evidence = self.evidence.evidence(view.id).await;
        let evidence = evidence.map_err(|error| RailError::Later(error.to_string()))?;
        self.notary.check(&evidence, view, payee)?;
        // From here the script is the payee's word.
        Ok(self.coins.pay(payment).await?)
    }
}
