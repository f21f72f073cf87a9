//! The wallet at work: it pays for the agent, and looks after what it has paid until that is final.

use crate::RailError;
use crate::coins::{Answer, ChainPayment, Coins};
use bandex_sdk::now;
use bandex_sdk::types::{DealId, MSAT_PER_SATOSHI};
use bandex_wallet::{Node, Paid, PayError, Payment, Wallet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::sleep;

/// A wallet that several steps of an agent share.
#[derive(Debug)]
pub struct Keeper<N>(Arc<Mutex<Wallet<N>>>);

impl<N> Clone for Keeper<N> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

fn rail_error(error: &PayError) -> RailError {
    let never = matches!(
        error,
        PayError::NotPayable
            | PayError::OwnScript
            | PayError::ScriptUsed(_)
            | PayError::OtherScript
            | PayError::OtherSum { .. }
    );
    if never { RailError::Never(error.to_string()) } else { RailError::Later(error.to_string()) }
}

impl<N: Node + 'static> Keeper<N> {
    /// Of a wallet that was opened.
    pub fn new(wallet: Wallet<N>) -> Self {
        Self(Arc::new(Mutex::new(wallet)))
    }

    /// The wallet, as soon as nobody else uses it.
    pub async fn wallet(&self) -> tokio::sync::MutexGuard<'_, Wallet<N>> {
        self.0.lock().await
    }

    /// Follows the chain, sends again what no node has, and raises fees that have become too small, every so often and for
    /// ever. What the node or a payment is in trouble with is only told: it is tried again.
    pub async fn keep(&self, every: Duration) {
        loop {
            let mut wallet = self.0.lock().await;
            match wallet.sync(now()).await {
                Ok(synced) => {
                    for trouble in synced.troubles {
                        let (deal, demand) = (trouble.deal, trouble.demand);
                        tracing::warn!(%deal, demand, why = trouble.why, "a payment does not go on");
                    }
                }
                Err(error) => tracing::warn!(%error, "the wallet cannot follow the chain"),
            }
            match wallet.bump(now()).await {
                Ok(changed) => {
                    for one in changed {
                        tracing::info!(deal = %one.deal, demand = one.demand, outcome = ?one.outcome, "a fee was looked at");
                    }
                }
                Err(error) => tracing::warn!(%error, "the wallet cannot look at its fees"),
            }
            drop(wallet);
            sleep(every).await;
        }
    }
}

impl<N: Node + 'static> Coins for Keeper<N> {
    fn script(&self, deal: DealId) -> Answer<'_, Result<Vec<u8>, RailError>> {
        Box::pin(async move {
            let script = self.0.lock().await.fresh_script(deal).await;
            script.map_err(|error| RailError::Later(error.to_string()))
        })
    }

    fn pay<'a>(&'a self, payment: &'a ChainPayment) -> Answer<'a, Result<String, RailError>> {
        Box::pin(async move {
            let asked = Payment {
                deal: payment.deal,
                demand: payment.number,
                payee: payment.payee,
                script: payment.script.clone(),
                // Coins move in whole satoshi, rounded up for the payee.
                cumulative: payment.cumulative.get().div_ceil(MSAT_PER_SATOSHI),
                deadline: payment.deadline,
            };
            let paid = self.0.lock().await.pay(&asked, now()).await;
            let Paid { txid, .. } = paid.map_err(|error| rail_error(&error))?;
            Ok(txid.map(|txid| txid.to_string()).unwrap_or_default())
        })
    }
}
