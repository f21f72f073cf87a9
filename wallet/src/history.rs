//! The wallet explained to the satoshi: every transaction, what it was for, what it cost.

use crate::journal::{Closed, Purpose, Slot, State, Version, View};
use crate::node::Node;
use crate::wallet::{Balance, Wallet};
use bandex_types::{AccountId, DealId, Timestamp};
use bdk_wallet::bitcoin::{Script, Txid};
use std::collections::BTreeMap;

/// How a payment or one of its transactions stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nothing had to be paid.
    NothingDue,
    /// Written down, not signed yet.
    Intent,
    /// It lapsed before anything was signed.
    Lapsed,
    /// Signed and on disk; no node took it yet.
    Signed,
    /// A node took it.
    Broadcast,
    /// In a block.
    Confirmed {
        /// At this height.
        height: u32,
    },
    /// Another transaction of the same payment stands in its place.
    Replaced {
        /// That one.
        by: Txid,
    },
    /// Of a payment: what takes it back is in a block.
    Cancelled {
        /// At this height.
        height: u32,
    },
    /// It spends what was spent otherwise.
    Conflicted,
}

/// All the wallet did and holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Every transaction that is in a block or may get into one; what came in less what went out is the balance.
    pub movements: Vec<Movement>,
    /// Every payment with all that was signed for it.
    pub payments: Vec<PaymentReport>,
    /// What it holds.
    pub balance: Balance,
}

/// One transaction that moves the wallet's coins, in satoshi.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// The transaction.
    pub txid: Txid,
    /// The height of its block, if it is in one.
    pub height: Option<u32>,
    /// To the wallet's scripts.
    pub received: u64,
    /// From the wallet's scripts.
    pub sent: u64,
    /// Its fee, if the wallet paid it.
    pub fee: u64,
    /// What of it pays for deals: deal, demand, sum.
    pub paid: Option<(DealId, u32, u64)>,
    /// The payment it takes back.
    pub taken_back: Option<(DealId, u32)>,
    /// What deals' payees, here this wallet, received: deal, sum.
    pub earned: Vec<(DealId, u64)>,
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentReport {
    /// The deal.
    pub deal: DealId,
    /// The demand.
    pub demand: u32,
    /// 0, or how often it was begun anew.
    pub round: u32,
    /// To whom.
    pub payee: AccountId,
    /// How much, in satoshi.
    pub satoshi: u64,
    /// How much in all with it, in satoshi.
    pub cumulative: u64,
    /// By when it must be in a block.
    pub deadline: Timestamp,
    /// How it stands.
    pub status: Status,
    /// All that was signed for it, the oldest first. At most one is ever in the chain.
    pub transactions: Vec<TransactionReport>,
}

/// One signed transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionReport {
    /// Its id.
    pub txid: Txid,
    /// What it is for.
    pub purpose: Purpose,
    /// Its fee, in satoshi.
    pub fee: u64,
    /// How it stands.
    pub status: Status,
    /// What the node last said against it.
    pub refused: Option<String>,
}

/// The wallet's payments by their transactions.
type Own<'a> = BTreeMap<Txid, (&'a Slot, &'a Version)>;

impl Slot {
    pub(crate) fn status_of(&self, version: &Version, view: &View) -> Status {
        let stands = self.confirmed(view).map(|(confirmed, height)| (confirmed.txid, Some(height)));
        let stands = stands.or_else(|| self.newest().map(|newest| (newest.txid, None)));
        match stands {
            Some((txid, Some(height))) if txid == version.txid => Status::Confirmed { height },
            Some((by, _)) if by != version.txid => Status::Replaced { by },
            _ if self.closed != Closed::Open || !view.canonical.contains_key(&version.txid) => {
                Status::Conflicted
            }
            _ if version.sent.is_some() => Status::Broadcast,
            _ => Status::Signed,
        }
    }

    fn status(&self, view: &View) -> Status {
        match (self.state(view), self.newest()) {
            (State::Intent, _) => Status::Intent,
            (State::Closed, None) => Status::Lapsed,
            (State::GivenUp(_, height), _) => Status::Cancelled { height },
            (State::Confirmed(version, _) | State::Waiting(version) | State::Conflicted(version), _) => {
                self.status_of(version, view)
            }
            (State::Closed, Some(newest)) => match self.confirmed(view) {
                Some((_, height)) => Status::Cancelled { height },
                None => self.status_of(newest, view),
            },
        }
    }
}

impl<N: Node> Wallet<N> {
    /// Everything, as of the last sync.
    pub fn history(&self) -> History {
        let view = self.view();
        let slots = self.journal.slots.values();
        let versions = slots.flat_map(|slot| slot.versions.iter().map(move |version| (slot, version)));
        let own: Own<'_> = versions.map(|(slot, version)| (version.txid, (slot, version))).collect();
        let deals: BTreeMap<&Script, DealId> =
            self.journal.scripts.iter().map(|(deal, script)| (script.as_script(), *deal)).collect();
        let canonical = view.canonical.iter();
        let movements = canonical.filter_map(|(txid, height)| self.movement(*txid, *height, &own, &deals));
        let mut movements: Vec<Movement> = movements.collect();
        movements.sort_by_key(|movement| (movement.height.unwrap_or(u32::MAX), movement.txid));
        let payments = self.journal.slots.values().map(|slot| self.report(slot, &view)).collect();
        History { movements, payments, balance: self.balance() }
    }

    fn movement(
        &self,
        txid: Txid,
        height: Option<u32>,
        own: &Own<'_>,
        deals: &BTreeMap<&Script, DealId>,
    ) -> Option<Movement> {
        let transaction = self.chain.tx_graph().get_tx(txid)?;
        let (sent, received) = self.chain.sent_and_received(&transaction);
        let (sent, received) = (sent.to_sat(), received.to_sat());
        let payment = own.get(&txid);
        let is_back = payment.is_some_and(|(_, version)| version.purpose == Purpose::GiveUp);
        let named = payment.map(|(slot, _)| (slot.deal, slot.demand, slot.satoshi));
        let mut earned: BTreeMap<DealId, u64> = BTreeMap::new();
        for output in &transaction.output {
            let Some(deal) = deals.get(output.script_pubkey.as_script()) else { continue };
            let sum = earned.entry(*deal).or_default();
            *sum = sum.saturating_add(output.value.to_sat());
        }
        let fee = self.chain.calculate_fee(&transaction).ok().filter(|_| sent > 0);
        Some(Movement {
            txid,
            height,
            received,
            sent,
            fee: fee.map_or(0, |fee| fee.to_sat()),
            paid: named.filter(|_| !is_back),
            taken_back: named.filter(|_| is_back).map(|(deal, demand, _)| (deal, demand)),
            earned: earned.into_iter().collect(),
        })
    }

    fn report(&self, slot: &Slot, view: &View) -> PaymentReport {
        let transactions = slot.versions.iter().map(|version| TransactionReport {
            txid: version.txid,
            purpose: version.purpose,
            fee: version.fee,
            status: slot.status_of(version, view),
            refused: self.refused.get(&version.txid).map(|refusal| refusal.why.clone()),
        });
        PaymentReport {
            deal: slot.deal,
            demand: slot.demand,
            round: slot.round,
            payee: slot.payee,
            satoshi: slot.satoshi,
            cumulative: slot.cumulative,
            deadline: slot.deadline,
            status: slot.status(view),
            transactions: transactions.collect(),
        }
    }
}
