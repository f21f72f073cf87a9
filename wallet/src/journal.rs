//! The payments as the wallet remembers them, and what the chain says of each.
//!
//! Stored are decisions only: what is to be paid, what was signed, what a node took. Whether a transaction is in a
//! block is asked of the chain each time, so a reorganisation needs no repair here.

use bandex_types::{AccountId, DealId, Timestamp};
use bdk_wallet::bitcoin::{OutPoint, ScriptBuf, Transaction, Txid};
use std::collections::BTreeMap;

/// 24 hours.
pub(crate) const DAY_US: u64 = 24 * 60 * 60 * 1_000_000;

/// What a transaction of a payment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It pays.
    Pay,
    /// It pays the same, with a larger fee.
    Bump,
    /// It takes the payment back, by paying to oneself.
    GiveUp,
}

/// Why a payment no longer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// It counts.
    Open,
    /// It lapsed before anything was signed.
    Withdrawn,
    /// None of its transactions can confirm any more: the coin they have in common was spent otherwise, finally.
    Dead,
}

/// One payment: what to pay, and the transactions signed for it, of which at most one can ever be in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) id: i64,
    pub(crate) deal: DealId,
    pub(crate) demand: u32,
    /// 0, or how often this demand was begun anew since all that was signed for it was dead.
    pub(crate) round: u32,
    pub(crate) payee: AccountId,
    pub(crate) script: ScriptBuf,
    pub(crate) satoshi: u64,
    pub(crate) cumulative: u64,
    pub(crate) deadline: Timestamp,
    pub(crate) time: Timestamp,
    pub(crate) closed: Closed,
    pub(crate) versions: Vec<Version>,
}

/// A signed transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) txid: Txid,
    pub(crate) purpose: Purpose,
    pub(crate) transaction: Transaction,
    pub(crate) fee: u64,
    pub(crate) time: Timestamp,
    /// When a node first took it.
    pub(crate) sent: Option<Timestamp>,
}

/// What becomes of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State<'a> {
    /// It does not count, and nothing more is done about it.
    Closed,
    /// Nothing is signed yet.
    Intent,
    /// The payment is in a block.
    Confirmed(&'a Version, u32),
    /// What takes it back is in a block.
    GivenUp(&'a Version, u32),
    /// The newest transaction may get into a block.
    Waiting(&'a Version),
    /// The newest transaction spends what was spent otherwise.
    Conflicted(&'a Version),
}

/// The chain's word on the wallet's transactions.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) tip: u32,
    /// Each that is in a block of the active chain, with the height, or could be.
    pub(crate) canonical: BTreeMap<Txid, Option<u32>>,
}

impl View {
    pub(crate) fn height(&self, txid: &Txid) -> Option<u32> {
        self.canonical.get(txid).copied().flatten()
    }

    /// 0 if it is in no block.
    pub(crate) fn confirmations(&self, height: Option<u32>) -> u32 {
        height.map_or(0, |height| self.tip.saturating_add(1).saturating_sub(height))
    }
}

impl Slot {
    /// The coin that every transaction of this payment spends, so that no two of them can confirm.
    pub(crate) fn anchor(&self) -> Option<OutPoint> {
        let first = self.versions.first()?;
        first.transaction.input.iter().map(|input| input.previous_output).min()
    }

    pub(crate) fn newest(&self) -> Option<&Version> {
        self.versions.last()
    }

    pub(crate) fn confirmed<'a>(&'a self, view: &View) -> Option<(&'a Version, u32)> {
        self.versions.iter().find_map(|version| Some((version, view.height(&version.txid)?)))
    }

    pub(crate) fn state(&self, view: &View) -> State<'_> {
        if let Some((version, height)) = self.confirmed(view) {
            return match version.purpose {
                Purpose::Pay | Purpose::Bump => State::Confirmed(version, height),
                Purpose::GiveUp if self.closed == Closed::Open => State::GivenUp(version, height),
                Purpose::GiveUp => State::Closed,
            };
        }
        match self.newest() {
            _ if self.closed != Closed::Open => State::Closed,
            None => State::Intent,
            Some(newest) if view.canonical.contains_key(&newest.txid) => State::Waiting(newest),
            Some(newest) => State::Conflicted(newest),
        }
    }

    /// Whether its amount is, or may yet be, in the payee's hands.
    pub(crate) fn counts(&self, view: &View) -> bool {
        self.state(view) != State::Closed
    }

    /// Whether it is being taken back, and nobody knows yet how that ends.
    pub(crate) fn is_undecided(&self, view: &View) -> bool {
        match self.state(view) {
            State::GivenUp(..) => true,
            State::Waiting(newest) | State::Conflicted(newest) => newest.purpose == Purpose::GiveUp,
            State::Closed | State::Intent | State::Confirmed(..) => false,
        }
    }

    /// Whether it is paid for good.
    pub(crate) fn is_final(&self, view: &View, confirmations: u32) -> bool {
        let State::Confirmed(_, height) = self.state(view) else { return false };
        view.confirmations(Some(height)) >= confirmations
    }
}

/// A change of what is remembered. On disk first, then in memory.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    /// The chain is read from this height on.
    Birthday(u32),
    /// A deal's payments are received here.
    Script(DealId, ScriptBuf),
    /// Something is to be paid.
    Intent(Slot),
    /// A transaction was signed for the payment with this number.
    Signed(i64, Version),
    /// A node took it.
    Sent(i64, Txid, Timestamp),
    /// There is another deadline.
    Deadline(i64, Timestamp),
    /// It no longer counts.
    Close(i64, Closed),
}

/// All that is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Journal {
    pub(crate) birthday: Option<u32>,
    pub(crate) scripts: BTreeMap<DealId, ScriptBuf>,
    /// By number, which only grows.
    pub(crate) slots: BTreeMap<i64, Slot>,
}

impl Journal {
    pub(crate) fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Birthday(height) => self.birthday = Some(height),
            Entry::Script(deal, script) => {
                self.scripts.insert(deal, script);
            }
            Entry::Intent(slot) => {
                self.slots.insert(slot.id, slot);
            }
            Entry::Signed(id, version) => self.change(id, |slot| slot.versions.push(version)),
            Entry::Sent(id, txid, time) => self.change(id, |slot| {
                let sent = slot.versions.iter_mut().find(|version| version.txid == txid);
                sent.into_iter().for_each(|version| version.sent = Some(time));
            }),
            Entry::Deadline(id, deadline) => self.change(id, |slot| slot.deadline = deadline),
            Entry::Close(id, closed) => self.change(id, |slot| slot.closed = closed),
        }
    }

    fn change(&mut self, id: i64, change: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.slots.get_mut(&id) {
            change(slot);
        }
    }

    pub(crate) fn next_id(&self) -> i64 {
        self.slots.last_key_value().map_or(1, |(id, _)| id.saturating_add(1))
    }

    /// The payments whose amounts are, or may yet be, in a payee's hands.
    pub(crate) fn counting(&self, view: &View) -> impl Iterator<Item = &Slot> {
        self.slots.values().filter(|slot| slot.counts(view))
    }

    /// The payments of a deal, in the order they were begun.
    pub(crate) fn of_deal(&self, deal: DealId) -> impl Iterator<Item = &Slot> {
        self.slots.values().filter(move |slot| slot.deal == deal)
    }
}
