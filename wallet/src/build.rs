//! Building, signing and storing one transaction of a payment.

use crate::error::PayError;
use crate::journal::{Entry, Purpose, Slot, Version};
use crate::node::Node;
use crate::policy::{Asked, PolicyError};
use crate::wallet::Wallet;
use bandex_types::Timestamp;
use bdk_wallet::bitcoin::absolute::LockTime;
use bdk_wallet::bitcoin::{Amount, FeeRate, Psbt, ScriptBuf, Transaction, Txid};
use bdk_wallet::coin_selection::InsufficientFunds;
use bdk_wallet::error::{BuildFeeBumpError, CreateTxError};
use bdk_wallet::{KeychainKind, SignOptions, TxBuilder};

/// What nodes relay at the least, and by how much a replacement must pay more: 1 satoshi per vB.
const LEAST_FEE_RATE: FeeRate = FeeRate::BROADCAST_MIN;

/// Where a wallet may be killed while it pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The payment is written down.
    Intended,
    /// A transaction is signed, in memory only.
    Built,
    /// It is on disk.
    Stored,
    /// A node has it.
    Sent,
    /// That a node has it is on disk.
    Noted,
}

/// What a new transaction of a payment stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replacement {
    /// It is the first.
    None,
    /// The last one spends what was spent otherwise; this one spends the coin they all have in common.
    OfConflicted(Purpose),
    /// The last one waits for too long: the same coins, a larger fee.
    Bump,
    /// The last one shall not confirm: the same coins, back to the wallet.
    GiveUp,
}

impl Replacement {
    fn purpose(self) -> Purpose {
        match self {
            Self::None => Purpose::Pay,
            Self::OfConflicted(purpose) => purpose,
            Self::Bump => Purpose::Bump,
            Self::GiveUp => Purpose::GiveUp,
        }
    }
}

/// What a transaction may cost.
#[derive(Debug, Clone, Copy)]
struct Cost {
    rate: FeeRate,
    largest: u64,
    /// The fee and the rate that must be outbid, if there is something to replace.
    before: Option<(u64, FeeRate)>,
}

#[derive(Debug, Clone, Copy)]
enum Fee {
    Rate(FeeRate),
    Absolute(u64),
}

impl Fee {
    fn set<S>(self, builder: &mut TxBuilder<'_, S>) {
        match self {
            Self::Rate(rate) => builder.fee_rate(rate),
            Self::Absolute(fee) => builder.fee_absolute(Amount::from_sat(fee)),
        };
    }
}

impl<N: Node> Wallet<N> {
    /// Builds and signs a transaction of the payment with this number, and has it on disk when it returns.
    pub(crate) async fn sign_new(
        &mut self,
        id: i64,
        replaces: Replacement,
        now: Timestamp,
    ) -> Result<Txid, PayError> {
        let slot = self.journal.slots.get(&id).ok_or(PayError::NotNow("there is no such payment"))?.clone();
        let purpose = replaces.purpose();
        if purpose == Purpose::Pay {
            let asked = Asked { own: Some(id), payee: slot.payee, satoshi: slot.satoshi };
            self.policy.check(&self.journal, &self.view(), &asked, now)?;
        }
        let estimate = self.node.fee_rate().await?;
        let cost = self.cost(&slot, replaces, estimate)?;
        let back = match purpose {
            Purpose::GiveUp => self.chain.reveal_next_address(KeychainKind::Internal).script_pubkey(),
            Purpose::Pay | Purpose::Bump => ScriptBuf::new(),
        };
        let (transaction, fee) = self.within_cost(&slot, replaces, &back, cost)?;
        self.check_built(&slot, purpose, &transaction)?;
        self.at(Step::Built)?;
        // From here it may be seen by others, but only after it is on disk.
        let txid = transaction.compute_txid();
        let version = Version { txid, purpose, transaction: transaction.clone(), fee, time: now, sent: None };
        self.seen = self.seen.saturating_add(1).max(now.as_micros() / 1_000_000);
        self.chain.apply_unconfirmed_txs([(transaction, self.seen)]);
        self.commit(vec![Entry::Signed(id, version)]).await?;
        self.at(Step::Stored)?;
        Ok(txid)
    }

    fn cost(&self, slot: &Slot, replaces: Replacement, estimate: Option<u64>) -> Result<Cost, PayError> {
        let ceiling = fee_rate(self.policy.largest_fee_rate).max(LEAST_FEE_RATE);
        let fair = estimate.map_or(LEAST_FEE_RATE, fee_rate).clamp(LEAST_FEE_RATE, ceiling);
        // Taking back may cost more than paying: half of what it saves.
        let largest = match replaces.purpose() {
            Purpose::GiveUp => slot.satoshi / 2,
            Purpose::Pay | Purpose::Bump => self.policy.largest_fee(slot.satoshi),
        };
        let newest = match replaces {
            Replacement::Bump | Replacement::GiveUp => slot.newest(),
            Replacement::None | Replacement::OfConflicted(_) => None,
        };
        let Some(newest) = newest else { return Ok(Cost { rate: fair, largest, before: None }) };
        let rate = Amount::from_sat(newest.fee) / newest.transaction.weight();
        let least = add(rate, LEAST_FEE_RATE);
        if least > ceiling {
            let needed = (least * newest.transaction.weight()).to_sat();
            let largest = (ceiling * newest.transaction.weight()).to_sat();
            return Err(PayError::FeeLimit { fee: newest.fee, needed, largest });
        }
        // By a quarter at a time, so that a few raises reach any rate.
        let raised = add(rate, FeeRate::from_sat_per_kwu(rate.to_sat_per_kwu() / 4));
        let rate_to_pay = fair.max(raised).max(least).min(ceiling);
        Ok(Cost { rate: rate_to_pay, largest, before: Some((newest.fee, rate)) })
    }

    /// At the fair rate; if that costs too much, for as much as is allowed, and if it does not outbid what is replaced,
    /// for as much as does: what takes a payment back is smaller, so its rate may be higher and its fee too low.
    fn within_cost(
        &mut self,
        slot: &Slot,
        replaces: Replacement,
        back: &ScriptBuf,
        cost: Cost,
    ) -> Result<(Transaction, u64), PayError> {
        let psbt = self.build(slot, replaces, back, Fee::Rate(cost.rate))?;
        let (transaction, fee) = self.sign(psbt)?;
        let least = (LEAST_FEE_RATE * transaction.weight()).to_sat();
        let outbids = |fee: u64| cost.before.is_none_or(|(before, _)| fee >= before.saturating_add(least));
        if fee <= cost.largest && outbids(fee) {
            return Ok((transaction, fee));
        }
        if let Some((before, _)) = cost.before.filter(|_| !outbids(cost.largest)) {
            let needed = before.saturating_add(least);
            return Err(PayError::FeeLimit { fee: before, needed, largest: cost.largest });
        }
        if cost.largest < least {
            return Err(PolicyError::FeeShare { largest: cost.largest, satoshi: slot.satoshi, least }.into());
        }
        let outbidding = cost.before.map_or(0, |(before, _)| before.saturating_add(least));
        let paid = fee.max(outbidding).min(cost.largest);
        let psbt = self.build(slot, replaces, back, Fee::Absolute(paid))?;
        let (transaction, fee) = self.sign(psbt)?;
        let rate = Amount::from_sat(fee) / transaction.weight();
        let too_little = rate < LEAST_FEE_RATE || cost.before.is_some_and(|(_, before)| rate <= before);
        if too_little || fee > cost.largest {
            let needed = (LEAST_FEE_RATE * transaction.weight()).to_sat().max(fee);
            return Err(PayError::FeeLimit { fee, needed, largest: cost.largest });
        }
        Ok((transaction, fee))
    }

    fn build(
        &mut self,
        slot: &Slot,
        replaces: Replacement,
        back: &ScriptBuf,
        fee: Fee,
    ) -> Result<Psbt, PayError> {
        let confirmations = self.policy.least_confirmations.max(1);
        let newest = slot.newest().map(|version| version.txid);
        let mut builder = match (replaces, newest) {
            (Replacement::Bump | Replacement::GiveUp, Some(newest)) => {
                self.chain.build_fee_bump(newest).map_err(not_bumped)?
            }
            _ => self.chain.build_tx(),
        };
        fee.set(&mut builder);
        // A lock to the tip's height, which the library sets unasked, would keep the transaction out of the mempool
        // after a reorganisation to a lower tip.
        builder.nlocktime(LockTime::ZERO).exclude_below_confirmations(confirmations);
        if let (Replacement::OfConflicted(_), Some(anchor)) = (replaces, slot.anchor()) {
            builder.add_utxo(anchor).map_err(|error| PayError::Built(error.to_string()))?;
        }
        let amount = Amount::from_sat(slot.satoshi);
        match replaces.purpose() {
            Purpose::GiveUp => {
                builder.set_recipients(Vec::new()).drain_to(back.clone()).manually_selected_only();
            }
            Purpose::Pay | Purpose::Bump => {
                builder.set_recipients(vec![(slot.script.clone(), amount)]);
            }
        }
        builder.finish().map_err(|error| match error {
            CreateTxError::CoinSelection(InsufficientFunds { needed, available }) => PayError::Insufficient {
                needed: needed.to_sat(),
                available: available.to_sat(),
                confirmations,
            },
            CreateTxError::OutputBelowDustLimit(_) => PayError::Dust(slot.satoshi),
            other => PayError::Built(other.to_string()),
        })
    }

    /// Signs with keys that are made for it and forgotten.
    fn sign(&self, mut psbt: Psbt) -> Result<(Transaction, u64), PayError> {
        let built = |error: &dyn std::fmt::Display| PayError::Built(error.to_string());
        let fee = psbt.fee().map_err(|error| built(&error))?.to_sat();
        let mut root = self.root()?;
        let signed = psbt.sign(&root, self.chain.secp_ctx());
        root.private_key.non_secure_erase();
        signed.map_err(|(_, errors)| built(&format!("{errors:?}")))?;
        let options = SignOptions::default();
        let finished = self.chain.finalize_psbt(&mut psbt, options).map_err(|error| built(&error))?;
        if !finished {
            return Err(built(&"not all of it could be signed"));
        }
        let transaction = psbt.extract_tx().map_err(|error| built(&error))?;
        Ok((transaction, fee))
    }

    /// Looks at the finished transaction as a stranger would: does it do what it is for, and nothing else?
    fn check_built(&self, slot: &Slot, purpose: Purpose, transaction: &Transaction) -> Result<(), PayError> {
        let wrong = |what: &str| Err(PayError::Built(what.to_owned()));
        let (paid, rest): (Vec<_>, Vec<_>) =
            transaction.output.iter().partition(|output| output.script_pubkey == slot.script);
        let paid: u64 = paid.iter().map(|output| output.value.to_sat()).sum();
        let due = if purpose == Purpose::GiveUp { 0 } else { slot.satoshi };
        if paid != due {
            return wrong("it pays another sum");
        }
        if !rest.iter().all(|output| self.chain.is_mine(output.script_pubkey.clone())) {
            return wrong("it pays somebody else");
        }
        let spends = |coin| transaction.input.iter().any(|input| input.previous_output == coin);
        if slot.anchor().is_some_and(|anchor| !spends(anchor)) {
            return wrong("it could confirm beside an earlier one");
        }
        Ok(())
    }

    /// Passes a step; in tests, the wallet may end here.
    pub(crate) fn at(&mut self, step: Step) -> Result<(), PayError> {
        tracing::debug!(?step, "wallet");
        #[cfg(test)]
        if self.stop == Some(step) {
            return Err(PayError::Stopped);
        }
        Ok(())
    }
}

/// From satoshi per 1,000 vB, rounded up.
fn fee_rate(rate: u64) -> FeeRate {
    FeeRate::from_sat_per_kwu(rate.div_ceil(4))
}

fn add(a: FeeRate, b: FeeRate) -> FeeRate {
    FeeRate::from_sat_per_kwu(a.to_sat_per_kwu().saturating_add(b.to_sat_per_kwu()))
}

fn not_bumped(error: BuildFeeBumpError) -> PayError {
    match error {
        BuildFeeBumpError::TransactionConfirmed(_) => PayError::NotNow("it is in a block already"),
        other => PayError::Built(other.to_string()),
    }
}
