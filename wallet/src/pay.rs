//! Paying: write down, build and sign, store, send. Each step can be the last one before a crash.

use crate::build::Step;
use crate::error::PayError;
use crate::history::Status;
use crate::journal::{Closed, Entry, Slot, State, View};
use crate::node::{Node, Sent};
use crate::policy::Asked;
use crate::wallet::{Refusal, Wallet};
use bandex_spv::is_payable;
use bandex_types::{AccountId, DealId, Timestamp};
use bdk_wallet::bitcoin::{ScriptBuf, Txid};

/// Words in a node's refusal that a larger fee would help against (validation.cpp of Bitcoin Core).
const FOR_FEE: [&str; 3] = ["min relay fee not met", "mempool min fee not met", "insufficient fee"];

/// What is asked for: that a deal's script has been paid so much in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The deal.
    pub deal: DealId,
    /// Which demand of the deal. Deal and demand together name a payment.
    pub demand: u32,
    /// Who is paid, for the policy.
    pub payee: AccountId,
    /// The payee's script, of one of the five kinds that addresses stand for.
    pub script: Vec<u8>,
    /// What it shall have been paid in all, in satoshi.
    pub cumulative: u64,
    /// By when it must be in a block.
    pub deadline: Timestamp,
}

/// What came of it; of the last one, if it took several transactions since an earlier one died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// The transaction that pays, or is meant to; none if nothing had to be paid.
    pub txid: Option<Txid>,
    /// What it pays, in satoshi.
    pub satoshi: u64,
    /// Its fee, in satoshi.
    pub fee: u64,
    /// How it stands. Signed means that no node took it yet; it is sent again at every [`Wallet::sync`].
    pub status: Status,
    /// What the node last said against it.
    pub refused: Option<String>,
}

impl Paid {
    const NOTHING: Self = Self { txid: None, satoshi: 0, fee: 0, status: Status::NothingDue, refused: None };
}

impl<N: Node> Wallet<N> {
    /// Brings what this wallet has paid to a deal's script up to a sum, exactly once: asked again, after a crash or
    /// not, it gives the payment that was begun and sees that it goes on.
    ///
    /// # Errors
    /// Nothing was signed: a limit, too few coins, too little time, or it contradicts what was asked for before. The
    /// payment may have been written down; then it is made as soon as it can be, until shortly before its deadline.
    pub async fn pay(&mut self, payment: &Payment, now: Timestamp) -> Result<Paid, PayError> {
        self.follow().await?;
        self.check_script(payment)?;
        let mut last = None;
        for id in self.begun(payment)? {
            self.postpone(id, payment.deadline).await?;
            self.tend(id, now).await?;
            last = Some(id);
        }
        // An earlier payment of the deal may have died since, so what was begun need not be all that is due.
        let view = self.view();
        let satoshi = self.due(payment, &view)?;
        if satoshi > 0 {
            let id = self.intend(payment, satoshi, &view, now).await?;
            self.tend(id, now).await?;
            last = Some(id);
        }
        last.map_or(Ok(Paid::NOTHING), |id| self.paid(id))
    }

    /// What stands against the script, whoever asks.
    fn check_script(&self, payment: &Payment) -> Result<(), PayError> {
        let script = ScriptBuf::from_bytes(payment.script.clone());
        if !is_payable(&payment.script) {
            return Err(PayError::NotPayable);
        }
        if self.chain.is_mine(script.clone()) {
            return Err(PayError::OwnScript);
        }
        for slot in self.journal.slots.values() {
            if slot.script == script && slot.deal != payment.deal {
                return Err(PayError::ScriptUsed(slot.deal));
            }
            if slot.deal == payment.deal && slot.script != script {
                return Err(PayError::OtherScript);
            }
        }
        Ok(())
    }

    /// The payments that were begun for this demand and not closed.
    fn begun(&self, payment: &Payment) -> Result<Vec<i64>, PayError> {
        let view = self.view();
        let of_demand = self.journal.of_deal(payment.deal).filter(|slot| slot.demand == payment.demand);
        let counting: Vec<&Slot> = of_demand.filter(|slot| slot.counts(&view)).collect();
        match counting.iter().find(|slot| slot.cumulative != payment.cumulative) {
            Some(slot) => Err(PayError::OtherSum {
                demand: payment.demand,
                before: slot.cumulative,
                now: payment.cumulative,
            }),
            None => Ok(counting.iter().map(|slot| slot.id).collect()),
        }
    }

    /// What is left to pay.
    fn due(&self, payment: &Payment, view: &View) -> Result<u64, PayError> {
        if self.journal.of_deal(payment.deal).any(|slot| slot.counts(view) && slot.is_undecided(view)) {
            return Err(PayError::Undecided);
        }
        let paid = self.paid_to(payment.deal, view);
        Ok(payment.cumulative.saturating_sub(paid))
    }

    /// What of a deal is, or may yet be, in the payee's hands, in satoshi.
    fn paid_to(&self, deal: DealId, view: &View) -> u64 {
        let counting = self.journal.of_deal(deal).filter(|slot| slot.counts(view));
        counting.fold(0, |sum, slot| sum.saturating_add(slot.satoshi))
    }

    /// After a reorganisation a demand is due again, with more time.
    async fn postpone(&mut self, id: i64, deadline: Timestamp) -> Result<(), PayError> {
        if self.journal.slots.get(&id).is_some_and(|slot| deadline > slot.deadline) {
            self.commit(vec![Entry::Deadline(id, deadline)]).await?;
        }
        Ok(())
    }

    async fn intend(
        &mut self,
        payment: &Payment,
        satoshi: u64,
        view: &View,
        now: Timestamp,
    ) -> Result<i64, PayError> {
        if self.policy.is_too_late(payment.deadline, now) {
            return Err(PayError::TooLate);
        }
        let script = ScriptBuf::from_bytes(payment.script.clone());
        if satoshi < script.minimal_non_dust().to_sat() {
            return Err(PayError::Dust(satoshi));
        }
        let asked = Asked { own: None, payee: payment.payee, satoshi };
        self.policy.check(&self.journal, view, &asked, now)?;
        let rounds = self
            .journal
            .of_deal(payment.deal)
            .filter(|slot| slot.demand == payment.demand)
            .map(|slot| slot.round);
        let round = rounds.max().map_or(0, |last| last.saturating_add(1));
        // From here it is paid, unless time runs out first.
        let id = self.journal.next_id();
        let slot = Slot {
            id,
            deal: payment.deal,
            demand: payment.demand,
            round,
            payee: payment.payee,
            script,
            satoshi,
            cumulative: payment.cumulative,
            deadline: payment.deadline,
            time: now,
            closed: Closed::Open,
            versions: Vec::new(),
        };
        self.commit(vec![Entry::Intent(slot)]).await?;
        self.at(Step::Intended)?;
        Ok(id)
    }

    /// Sends the newest transaction of a payment, unless a node has it waiting. What a node says against it is kept to
    /// be told; a node that does not answer is asked again at the next sync.
    pub(crate) async fn announce(&mut self, id: i64, now: Timestamp) -> Result<(), PayError> {
        let Some(newest) = self.journal.slots.get(&id).and_then(Slot::newest) else { return Ok(()) };
        let (txid, was_sent) = (newest.txid, newest.sent.is_some());
        if was_sent && self.node.is_waiting(txid).await.unwrap_or(false) {
            return Ok(());
        }
        match self.node.send(&newest.transaction).await {
            Ok(Sent::Taken) => {
                self.at(Step::Sent)?;
                self.refused.remove(&txid);
                if !was_sent {
                    self.commit(vec![Entry::Sent(id, txid, now)]).await?;
                }
                self.at(Step::Noted)
            }
            Ok(Sent::Refused(why)) => {
                let for_fee = FOR_FEE.iter().any(|reason| why.contains(reason));
                self.refused.insert(txid, Refusal { why, for_fee });
                Ok(())
            }
            Err(error) => {
                self.refused.insert(txid, Refusal { why: error.to_string(), for_fee: false });
                Ok(())
            }
        }
    }

    /// How a payment stands.
    pub(crate) fn paid(&self, id: i64) -> Result<Paid, PayError> {
        let view = self.view();
        let slot = self.journal.slots.get(&id).ok_or(PayError::NotNow("there is no such payment"))?;
        let version = match slot.state(&view) {
            State::Closed => return Err(PayError::TooLate),
            State::GivenUp(..) => return Err(PayError::Undecided),
            State::Intent => return Err(PayError::NotNow("nothing is signed yet")),
            State::Confirmed(version, _) | State::Waiting(version) | State::Conflicted(version) => version,
        };
        Ok(Paid {
            txid: Some(version.txid),
            satoshi: slot.satoshi,
            fee: version.fee,
            status: slot.status_of(version, &view),
            refused: self.refused.get(&version.txid).map(|refusal| refusal.why.clone()),
        })
    }
}
