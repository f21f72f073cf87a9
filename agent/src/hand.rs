//! What signs and submits for an agent.

use bandex_sdk::tradechain::body::{Pay, Receive};
use bandex_sdk::types::{BlockId, DealId};
use bandex_sdk::{SubmitError, Trader, TraderError};
use std::future::Future;

/// Why a block did not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandError {
    /// The exchange refused this block.
    #[error("{code}: {detail}")]
    Refused {
        /// The stable code.
        code: String,
        /// In words.
        detail: String,
    },
    /// Nothing can be signed or sent any more.
    #[error("{0}")]
    Broken(String),
}

/// Signs and submits, and remembers what it signed: a [`Trader`], or a double of one in tests.
pub trait Hand: Clone + Send + Sync + 'static {
    /// Submits a payment; gives the record that holds it. Once this has begun, [`Hand::last_pay`] knows the payment,
    /// whatever happens.
    ///
    /// # Errors
    /// The payment did not count.
    fn pay(&self, pay: Pay) -> impl Future<Output = Result<u64, HandError>> + Send;

    /// Submits an acknowledgement; gives the record that holds it.
    ///
    /// # Errors
    /// The acknowledgement did not count.
    fn acknowledge(&self, proposal: BlockId) -> impl Future<Output = Result<u64, HandError>> + Send;

    /// Submits where to be paid on the chain; gives the record that holds it.
    ///
    /// # Errors
    /// It did not count.
    fn receive(&self, receive: Receive) -> impl Future<Output = Result<u64, HandError>> + Send;

    /// The last payment that was signed in a deal.
    fn last_pay(&self, deal: &DealId) -> Option<Pay>;
}

fn hand_error(error: TraderError) -> HandError {
    let detail = error.to_string();
    match error {
        TraderError::Submit(SubmitError::Refused(problem)) => {
            HandError::Refused { code: problem.code, detail }
        }
        TraderError::Sign(_) => HandError::Refused { code: "not_signed".to_owned(), detail },
        _ => HandError::Broken(detail),
    }
}

impl Hand for Trader {
    async fn pay(&self, pay: Pay) -> Result<u64, HandError> {
        Trader::pay(self, pay).await.map(|reply| reply.seq).map_err(hand_error)
    }

    async fn acknowledge(&self, proposal: BlockId) -> Result<u64, HandError> {
        Trader::acknowledge(self, proposal).await.map(|reply| reply.seq).map_err(hand_error)
    }

    async fn receive(&self, receive: Receive) -> Result<u64, HandError> {
        Trader::receive(self, receive.deal, receive.script).await.map(|reply| reply.seq).map_err(hand_error)
    }

    fn last_pay(&self, deal: &DealId) -> Option<Pay> {
        self.own_pay(deal)
    }
}
