//! How far a deal has come: its state, what is due, what is in flight, what has become final.

use crate::Party;
use bandex_types::{Amount, BlockId, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a deal stands. States that come later are added at the end, since the number is part of stored bytes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    /// A party is due or a payment is in flight.
    Open,
    /// A payment was not acknowledged in time. Nothing is frozen or released; a late acknowledgement still counts.
    Disputed {
        /// The payee that did not acknowledge.
        by: Party,
    },
    /// A party did not pay in time. The deal has ended.
    Defaulted {
        /// Who did not pay.
        by: Party,
    },
    /// Both parties have sent everything. The deal has ended.
    Settled,
    /// A party did not pay in time and has made up for it since. The deal has ended.
    Cured {
        /// Who had not paid.
        by: Party,
    },
    /// After a dispute or a default what was owed has been given up; it still counts against whoever owed it. The deal
    /// has ended.
    WrittenOff {
        /// Who gave up.
        by: Party,
    },
    /// After a dispute, a default or a write-off both parties have agreed on an end; nothing is owed. The deal has ended.
    Resolved,
    /// Another deal has taken its place, and that of one the other way. The deal has ended.
    Netted,
}

impl State {
    /// Whether no payment is accepted any more.
    pub const fn is_closed(self) -> bool {
        !matches!(self, Self::Open | Self::Disputed { .. })
    }

    /// Whether nothing can follow any more: nobody owes anything, and nobody can be made to pay for it.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Settled | Self::Cured { .. } | Self::Resolved | Self::Netted)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("the deal is open"),
            Self::Disputed { by } => write!(f, "the deal is disputed: the {by} did not acknowledge in time"),
            Self::Defaulted { by } => write!(f, "the deal has ended: the {by} did not pay in time"),
            Self::Settled => f.write_str("the deal is settled"),
            Self::Cured { by } => write!(f, "the deal has ended: the {by} has made up for its default"),
            Self::WrittenOff { by } => write!(f, "the deal has ended: the {by} wrote it off"),
            Self::Resolved => f.write_str("the deal has ended as both parties agreed"),
            Self::Netted => f.write_str("another deal has taken its place"),
        }
    }
}

/// The payment that is due: exactly this one is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Due {
    /// Who has to pay.
    pub party: Party,
    /// The number of the tranche, from 1.
    pub tranche: u32,
    /// What the payer will have sent in all, in units of its own leg: the amount a payment must name.
    pub cumulative: Amount,
    /// This move alone, in units of the payer's leg.
    pub amount: Amount,
    /// This move alone, in quote value.
    pub value: Amount,
    /// From when on the payment is too late.
    pub deadline: Timestamp,
}

/// A payment outside the exchange that its payee has not acknowledged yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct InFlight {
    /// The block that proposed it.
    pub proposal: BlockId,
    /// Who paid.
    pub party: Party,
    /// The number of the tranche.
    pub tranche: u32,
    /// What the payer will have sent in all, in units of its own leg.
    pub cumulative: Amount,
    /// This move alone, in units of the payer's leg.
    pub amount: Amount,
    /// This move alone, in quote value.
    pub value: Amount,
    /// When it was proposed.
    pub since: Timestamp,
}

/// One movement that is now final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Move {
    /// Who sent.
    pub party: Party,
    /// The number of the tranche.
    pub tranche: u32,
    /// This move alone, in units of the sender's leg; may be 0 where the base is coarser than the quote.
    pub units: Amount,
    /// This move alone, in quote value.
    pub value: Amount,
    /// How much of the value paid back what the sender owed before the move, in quote value.
    pub honoured: Amount,
}

/// What an accepted payment did.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Paid {
    /// The ledger holds the leg: these moves are final.
    Delivered(Vec<Move>),
    /// The payment waits for its payee's acknowledgement.
    InFlight,
}

/// What a deadline that passed did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Expired {
    /// The party that was due did not pay.
    Defaulted {
        /// Who did not pay.
        by: Party,
        /// What the counterparty lost, in quote value; 0 if the defaulter only had to go ahead.
        loss: Amount,
    },
    /// The payee did not acknowledge.
    Disputed {
        /// Who did not acknowledge.
        by: Party,
    },
}
