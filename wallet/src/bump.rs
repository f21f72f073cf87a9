//! What waits too long: a larger fee, or back to the wallet.

use crate::build::Replacement;
use crate::error::{PayError, SyncError};
use crate::journal::{Purpose, Slot, State, View};
use crate::node::Node;
use crate::wallet::Wallet;
use bandex_types::{DealId, Timestamp};
use bdk_wallet::bitcoin::{OutPoint, Txid};

/// A payment that was looked at since it waits.
#[derive(Debug)]
pub struct Changed {
    /// The deal.
    pub deal: DealId,
    /// The demand.
    pub demand: u32,
    /// Whether it was raised or taken back.
    pub purpose: Purpose,
    /// The new transaction, or why there is none; the old one stays then.
    pub outcome: Result<Txid, PayError>,
}

impl<N: Node> Wallet<N> {
    /// Raises the fee of what waits for longer than the policy bears, or was refused for its fee; takes back what would
    /// confirm too late, if the policy says so.
    ///
    /// # Errors
    /// The chain could not be followed. What stands against a single payment is in its outcome.
    pub async fn bump(&mut self, now: Timestamp) -> Result<Vec<Changed>, SyncError> {
        self.follow().await?;
        let view = self.view();
        let slots = self.journal.slots.values();
        let waiting: Vec<(i64, DealId, u32, Purpose)> = slots
            .filter_map(|slot| Some((slot.id, slot.deal, slot.demand, self.wants(slot, &view, now)?)))
            .collect();
        let mut changed = Vec::new();
        for (id, deal, demand, purpose) in waiting {
            let how = if purpose == Purpose::GiveUp { Replacement::GiveUp } else { Replacement::Bump };
            let outcome = match self.replace(id, how, now).await {
                Err(PayError::Sync(error)) => return Err(error),
                outcome => outcome,
            };
            changed.push(Changed { deal, demand, purpose, outcome });
        }
        Ok(changed)
    }

    /// Takes back a payment that is in no block, by a transaction of the same coins to the wallet itself. Whichever of
    /// the two confirms, the other never does; nothing more is paid for the deal before that is final.
    ///
    /// # Errors
    /// It is not waiting, or the fee would be beyond half of the payment or the policy's rate.
    pub async fn give_up(&mut self, deal: DealId, demand: u32, now: Timestamp) -> Result<Txid, PayError> {
        self.follow().await?;
        let view = self.view();
        let mut slots = self.journal.of_deal(deal).filter(|slot| slot.demand == demand);
        let slot = slots.find(|slot| slot.counts(&view));
        let slot = slot.ok_or(PayError::NotNow("there is no such payment"))?;
        let id = slot.id;
        let State::Waiting(newest) = slot.state(&view) else {
            return Err(PayError::NotNow("only a payment that waits for a block can be taken back"));
        };
        if newest.purpose == Purpose::GiveUp {
            return Ok(newest.txid);
        }
        drop(slots);
        self.replace(id, Replacement::GiveUp, now).await
    }

    /// What a payment that waits is due for.
    fn wants(&self, slot: &Slot, view: &View, now: Timestamp) -> Option<Purpose> {
        let State::Waiting(newest) = slot.state(view) else { return None };
        let gives_up = newest.purpose != Purpose::GiveUp
            && self.policy.gives_up
            && self.policy.is_too_late(slot.deadline, now);
        if gives_up {
            return Some(Purpose::GiveUp);
        }
        let waits = newest.sent.is_some() && now.since(newest.time) >= self.policy.bump_after_us;
        // Refused for anything but its fee, a raise would only make the pile of transactions higher.
        let raises = self.refused.get(&newest.txid).map_or(waits, |refusal| refusal.for_fee);
        raises.then_some(match newest.purpose {
            Purpose::GiveUp => Purpose::GiveUp,
            Purpose::Pay | Purpose::Bump => Purpose::Bump,
        })
    }

    async fn replace(&mut self, id: i64, how: Replacement, now: Timestamp) -> Result<Txid, PayError> {
        let slot = self.journal.slots.get(&id).ok_or(PayError::NotNow("there is no such payment"))?;
        if slot.newest().is_some_and(|newest| self.is_spent_further(newest.txid)) {
            return Err(PayError::SpentFurther);
        }
        let txid = self.sign_new(id, how, now).await?;
        self.announce(id, now).await?;
        Ok(txid)
    }

    /// Whether a transaction that may confirm spends an output of this one. It can only be so after a reorganisation,
    /// since the wallet spends nothing that is in no block.
    fn is_spent_further(&self, txid: Txid) -> bool {
        let graph = self.chain.tx_graph();
        let Some(transaction) = graph.get_tx(txid) else { return false };
        let view = self.view();
        (0_u32..).zip(&transaction.output).any(|(vout, _)| {
            let spenders = graph.outspends(OutPoint { txid, vout });
            spenders.iter().any(|spender| view.canonical.contains_key(spender))
        })
    }
}
