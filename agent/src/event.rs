//! What an agent tells its owner.

use crate::Disagreement;
use bandex_sdk::types::{Amount, BlockId, DealId, Timestamp};

/// Something the owner may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A tranche was paid, and the exchange knows.
    Paid {
        /// The deal.
        deal: DealId,
        /// The tranche.
        tranche: u32,
        /// The symbol of the asset.
        asset: String,
        /// How much, in smallest units.
        amount: Amount,
        /// How much in all.
        cumulative: Amount,
        /// Where the payment can be seen outside; empty on the `token` rail.
        reference: String,
    },
    /// The counterparty's tranche arrived and was acknowledged.
    Acknowledged {
        /// The deal.
        deal: DealId,
        /// The tranche.
        tranche: u32,
        /// The symbol of the asset.
        asset: String,
        /// How much, in smallest units.
        amount: Amount,
        /// The block that was acknowledged.
        proposal: BlockId,
    },
    /// The counterparty may pay on the chain now, to a script of the account's wallet.
    Named {
        /// The deal.
        deal: DealId,
        /// The script, as hex.
        script: String,
    },
    /// Both sides have sent everything.
    Settled {
        /// The deal.
        deal: DealId,
    },
    /// It was netted with one the other way: what is left of the two is another deal, if anything is.
    Netted {
        /// The deal.
        deal: DealId,
    },
    /// After a dispute or a default it came to another end.
    Ended {
        /// The deal.
        deal: DealId,
        /// Which.
        state: bandex_settlement::State,
    },
    /// A side did not pay in time.
    Defaulted {
        /// The deal.
        deal: DealId,
        /// Whether it was this account.
        by_us: bool,
        /// What the victim lost, in smallest quote units.
        loss: Amount,
    },
    /// A deal closed while nobody looked; ask the exchange how.
    Closed {
        /// The deal.
        deal: DealId,
    },
    /// The exchange says otherwise than the agent's own reckoning. Nothing is paid in this deal until they agree.
    Disagreement {
        /// The deal, as the exchange names it.
        deal: String,
        /// On what.
        what: Disagreement,
    },
    /// Something is due that the policy does not allow.
    Declined {
        /// The deal.
        deal: DealId,
        /// The tranche.
        tranche: u32,
        /// Why not.
        why: Declined,
    },
    /// A rail or the exchange refused; tried again when the deal next changes.
    Failed {
        /// The deal.
        deal: DealId,
        /// The tranche.
        tranche: u32,
        /// In words.
        why: String,
    },
    /// The policy's number of actions is reached: the agent is gone.
    Stopped,
}

/// Why a payment was declined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Declined {
    /// Larger than the largest tranche.
    #[error("the tranche is worth {value}, above {largest}")]
    Tranche {
        /// Its value, in smallest quote units.
        value: Amount,
        /// The policy's.
        largest: Amount,
    },
    /// After the payment the counterparty would owe more than the policy allows.
    #[error("the counterparty would owe {cap}, above {largest}")]
    Exposure {
        /// What it would owe, in smallest quote units.
        cap: Amount,
        /// The policy's.
        largest: Amount,
    },
    /// Too little time is left: money would move for nothing.
    #[error("the payment is due before {0} µs, and too little time is left")]
    TooLate(Timestamp),
}
