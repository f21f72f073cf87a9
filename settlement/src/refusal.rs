//! Why a deal refuses: one enum for opening, one for a further fill, one for the two steps of a payment.

use crate::{Party, State};
use bandex_types::{Amount, BlockId, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Terms on which no deal can be opened.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
// Not `reason`: a refused fill carries this beside its own.
#[serde(rename_all = "snake_case", tag = "terms")]
pub enum OpenError {
    /// The deal delivers nothing.
    #[error("a deal needs an amount of base above 0")]
    NoBase,
    /// What is carried over is more than the totals or than a cap.
    #[error("what is carried over must lie within the totals and the caps")]
    Carried,
    /// Neither side lets the other owe anything, so neither could move first.
    #[error("neither side lets the other owe anything: one cap must be above 0")]
    NoCap,
    /// A deadline would pass at the moment it begins.
    #[error("the time to pay and the time to acknowledge must be above 0")]
    NoTime,
    /// The tranches could not be numbered with 32 bits.
    #[error("caps of {seller_cap} and {buyer_cap} would cut {quote_total} into too many tranches")]
    TooManyTranches {
        /// The deal's total in quote value.
        quote_total: Amount,
        /// How much the seller lets the buyer owe.
        seller_cap: Amount,
        /// How much the buyer lets the seller owe.
        buyer_cap: Amount,
    },
    /// The quote is paid on a chain, and nobody says on what terms.
    #[error("payments on a chain need the chain's terms")]
    NoChainTerms,
    /// The rails are others.
    #[error("only a base on the ledger is paid for on a chain")]
    NotOnChain,
}

/// A fill that a deal cannot take in.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum FillError {
    /// The deal has ended.
    #[error("{0}")]
    Closed(State),
    /// A tranche has moved or is in flight, and its amount followed from the totals of before.
    #[error("tranche {tranche} has been paid: the deal cannot grow any more")]
    Moved {
        /// The last tranche that was paid.
        tranche: u32,
    },
    /// A total is below that of before.
    #[error("a fill cannot shrink a deal of {base_total} base for {quote_total} quote")]
    Shrunk {
        /// The base total of before, in smallest units.
        base_total: Amount,
        /// The quote total of before, in smallest units.
        quote_total: Amount,
    },
    /// A leg would change its rail.
    #[error("a fill cannot change the rails of a deal")]
    RailChanged,
    /// The deal took the place of others; no order fills it.
    #[error("a deal that took the place of others does not grow")]
    Carried,
    /// The grown deal could not have been opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Why a payment or an acknowledgement was not accepted; the deal is then as before.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Refusal {
    /// The deal has ended.
    #[error("{0}")]
    Closed(State),
    /// A payment waits to be acknowledged; another one would pay it twice or overtake it.
    #[error("tranche {tranche} of the {party} is in flight as {proposal}: it must be acknowledged first")]
    InFlight {
        /// Who paid it.
        party: Party,
        /// Its number.
        tranche: u32,
        /// The block that proposed it.
        proposal: BlockId,
    },
    /// The time to pay is over.
    #[error("the payment was due before {deadline} µs")]
    TooLate {
        /// From when on it was too late.
        deadline: Timestamp,
    },
    /// It is the other party's turn.
    #[error("it is the {due}'s turn to pay")]
    NotDue {
        /// Whose turn it is.
        due: Party,
    },
    /// Another tranche is due.
    #[error("tranche {expected} is due")]
    WrongTranche {
        /// The tranche that is due.
        expected: u32,
    },
    /// The cumulative amount is not the one that is due.
    #[error("the cumulative amount due is {expected} smallest units of the payer's asset")]
    WrongAmount {
        /// The payer's cumulative amount after this payment.
        expected: Amount,
    },
    /// The acknowledged block is not the payment in flight.
    #[error("no such payment is in flight in this deal")]
    UnknownProposal,
    /// Only the payee can acknowledge a payment.
    #[error("only the {payee} can acknowledge this payment")]
    NotPayee {
        /// Who was paid.
        payee: Party,
    },
    /// The leg is paid on a chain, where payments count by themselves.
    #[error("this leg is paid on chain: what arrives there counts by itself")]
    OnChain,
}

/// Why a deal that went wrong cannot be ended in a certain way; the deal is then as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndError {
    /// The deal is in a state that does not end so.
    #[error("{0}")]
    WrongState(State),
    /// Only the other party can end the deal so.
    #[error("{state}, and only the {party} can end it so")]
    NotThisParty {
        /// Where the deal stands.
        state: State,
        /// Who can.
        party: Party,
    },
}
