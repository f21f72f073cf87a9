//! What must always hold, and how a run ends that broke it.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! invariants {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// Something that must always hold.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Invariant {
            $($(#[$doc])* $name,)+
        }

        impl Invariant {
            /// Every invariant.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// What must hold, in words.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

invariants! {
    /// Tokens are moved, never made.
    TokenSum = "token balances sum to zero and are what was moved",
    /// Locks are what orders and deals promise.
    Locks = "what is locked is what open orders and deals promise",
    /// Nobody spends what it has not.
    CreditLine = "no debit is granted beyond the credit line of that moment",
    /// Books are uncrossed.
    Book = "no book is crossed, and it holds exactly the open orders",
    /// Orders add up.
    Orders = "filled + open + cancelled = ordered, at prices both sides agreed to",
    /// Deals stay in their band.
    Band = "a deal's net stays in its band, and nobody sends more than agreed",
    /// Limits hold.
    Limit = "no reservation is granted beyond the limit of that moment",
    /// What is due happens when it is due.
    Deadline = "what is due happens at its deadline, neither before nor after",
    /// Lanes have no gaps.
    Lane = "each lane has each seq once, each block pointing at its predecessor",
    /// What was told is in the journal.
    Published = "nothing published is missing from the journal",
    /// What was acknowledged stays.
    Acknowledged = "no acknowledged block is lost or applied twice",
    /// Replay gives the same.
    Digest = "replay gives the live digest",
    /// The journal can be replayed.
    Replay = "the journal can be read and replayed",
    /// Receipts prove what they say.
    Receipt = "a receipt verifies against the node's key and says what the journal says",
    /// Private streams are complete.
    Stream = "a private stream is the journal's events, nothing missed or doubled",
    /// There is one writer.
    Fencing = "a writer that was taken over writes nothing",
    /// Torn batches are recognised.
    Torn = "a torn batch is cut off when the store is opened",
    /// Who keeps to the rules is not turned down.
    HonestRefused = "what an honest agent pays or acknowledges in time counts",
    /// Who keeps to the rules is not punished.
    HonestDefault = "an honest party that can send before its deadline does not default",
    /// Who keeps to the rules has no forks.
    HonestFork = "an honest key never forks",
    /// What a cheat can take is bounded.
    HonestLoss = "no honest party loses more than its cap and one unit of a coarse base",
    /// Nobody steals more than it was trusted with.
    Loot = "what a cheat holds of honest parties never passes the largest limit that it was granted",
    /// Splitting up never pays.
    Ring = "all accounts of one cheat together win no more limit than they have paid for",
    /// Bonds pay for defaults.
    Bond = "a bond pays for the default it stands for, and leaves only when no open deal could cost it",
    /// Claims prove nothing.
    Claim = "nobody is frozen by a claim alone, nor any longer than its default lasts",
    /// Scores follow from what was honoured.
    Score = "scores are those that anybody computes from what was honoured as it was told",
    /// Who is let in is told.
    Admission = "who is admitted, certified, preferred and a seed is what was decided and signed",
    /// Whoever is careful is not overruled.
    Exposure = "nobody lets a counterparty owe more than it said, over all their deals",
    /// Fees add up.
    Fees = "fees are the market's part of what a deal delivers, rounded down over the deal",
    /// Netting loses nothing.
    Netting = "what was left of two netted deals is left of the one in their place",
    /// Payments are counted as they stand.
    Payments = "a payment on the chain stands where its depth says, and is told once when that changes",
    /// Tokens go for coins.
    Coins = "tokens go for proven coins, ahead of final ones only as far as their seller allows",
    /// Agents and the exchange agree.
    Agent = "an agent works out the same payment as the exchange",
    /// Everything comes to an end.
    Settled = "everything due is over, defaulted, disputed or written off in the end",
    /// Every block is answered.
    Answered = "every block of an honest lane is answered in the end",
    /// No assertion fails.
    Panic = "no assertion fails",
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// An invariant that did not hold, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub invariant: Invariant,
    pub what: String,
}

impl Broken {
    pub fn new(invariant: Invariant, what: impl Into<String>) -> Self {
        Self { invariant, what: what.into() }
    }
}

/// Refuses to go on if `holds` is false; `what` says what is there instead.
pub(crate) fn hold(holds: bool, invariant: Invariant, what: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken { invariant, what: what() }) }
}

/// How a run ended that broke an invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct Failure {
    /// The action that it broke at; none: in the calm at the end.
    pub step: Option<usize>,
    /// What does not hold.
    pub invariant: Invariant,
    /// What is there instead.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Some(step) => write!(f, "at action {step}: ")?,
            None => f.write_str("in the calm at the end: ")?,
        }
        write!(f, "it does not hold that {}: {}", self.invariant, self.what)
    }
}
