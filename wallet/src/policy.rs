//! What the wallet may pay without asking its owner.

use crate::journal::{DAY_US, Journal, View};
use bandex_types::{AccountId, Timestamp};

/// Limits of what is paid and what it may cost. Sums are in satoshi, without fees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The largest payment.
    pub largest_tranche: Option<u64>,
    /// The most that is paid to one counterparty: what is not yet final, and what was paid in the last 24 hours.
    pub per_counterparty: Option<u64>,
    /// The most that is paid in 24 hours, to whomever.
    pub per_day: Option<u64>,
    /// The largest fee rate, in satoshi per 1,000 vB.
    pub largest_fee_rate: u64,
    /// The largest share of a payment that its fee may take, in millionths.
    pub largest_fee_share_ppm: u32,
    /// How deep a coin must lie to be spent, at least 1: a payment never hangs on another that may be replaced.
    pub least_confirmations: u32,
    /// From how many confirmations on a transaction is taken as there to stay.
    pub final_confirmations: u32,
    /// How long a transaction may wait for a block before its fee is raised, in microseconds.
    pub bump_after_us: u64,
    /// How long before its deadline a payment is no longer begun, in microseconds: one that confirms too late is lost.
    pub margin_us: u64,
    /// Whether a payment that is not in a block by then is taken back by one to oneself.
    pub gives_up: bool,
}

impl Default for Policy {
    /// No limits on sums; 500 satoshi per vB and a twentieth of the payment as fee; coins in a block; 6 confirmations
    /// as there to stay; a raise after 20 minutes, nothing begun in the last 10, nothing taken back.
    fn default() -> Self {
        Self {
            largest_tranche: None,
            per_counterparty: None,
            per_day: None,
            largest_fee_rate: 500_000,
            largest_fee_share_ppm: 50_000,
            least_confirmations: 1,
            final_confirmations: 6,
            bump_after_us: 20 * 60 * 1_000_000,
            margin_us: 10 * 60 * 1_000_000,
            gives_up: false,
        }
    }
}

/// A rule of the policy stands against it. Nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A sum would grow too large.
    #[error("{rule} allows {largest} sat; {used} sat are used, {} sat remain, and {asked} sat were asked for", largest.saturating_sub(*used))]
    Sum {
        /// The rule's name in [`Policy`].
        rule: &'static str,
        /// What it allows.
        largest: u64,
        /// What counts already.
        used: u64,
        /// What this payment would add.
        asked: u64,
    },
    /// The payment is too small for what its transaction would cost at the least.
    #[error(
        "largest_fee_share_ppm allows a fee of {largest} sat for {satoshi} sat, and the least that a node takes is {least} sat"
    )]
    FeeShare {
        /// What the rule allows.
        largest: u64,
        /// What is paid.
        satoshi: u64,
        /// What the transaction would cost.
        least: u64,
    },
}

impl Policy {
    /// Holds a payment against the journal, which may hold it already (`own`).
    pub(crate) fn check(
        &self,
        journal: &Journal,
        view: &View,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<(), PolicyError> {
        let others = || {
            let counting = journal.counting(view);
            counting.filter(|slot| Some(slot.id) != asked.own)
        };
        let is_recent = |time: Timestamp| now.since(time) < DAY_US;
        let day: u64 = others().filter(|slot| is_recent(slot.time)).map(|slot| slot.satoshi).sum();
        let to_payee: u64 = others()
            .filter(|slot| slot.payee == asked.payee)
            .filter(|slot| is_recent(slot.time) || !slot.is_final(view, self.final_confirmations))
            .map(|slot| slot.satoshi)
            .sum();
        let rules = [
            ("largest_tranche", self.largest_tranche, 0),
            ("per_counterparty", self.per_counterparty, to_payee),
            ("per_day", self.per_day, day),
        ];
        for (rule, largest, used) in rules {
            let Some(largest) = largest else { continue };
            if asked.satoshi > largest.saturating_sub(used) {
                return Err(PolicyError::Sum { rule, largest, used, asked: asked.satoshi });
            }
        }
        Ok(())
    }

    /// The largest fee for a payment, in satoshi.
    pub(crate) fn largest_fee(&self, satoshi: u64) -> u64 {
        let fee = u128::from(satoshi) * u128::from(self.largest_fee_share_ppm) / 1_000_000;
        u64::try_from(fee).unwrap_or(u64::MAX)
    }

    /// When a payment is no longer begun.
    pub(crate) fn is_too_late(&self, deadline: Timestamp, now: Timestamp) -> bool {
        now.plus(self.margin_us) >= deadline
    }
}

/// A payment as the policy sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// Its number, if it is in the journal.
    pub(crate) own: Option<i64>,
    pub(crate) payee: AccountId,
    pub(crate) satoshi: u64,
}
