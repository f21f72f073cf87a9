//! What happens by itself when sequenced time passes.

use crate::accounts::{AccountIndex, LaneIndex};
use crate::deal_table::{DealIndex, Deals};
use bandex_types::{BlockId, MarketId, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Something that is due at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub(crate) enum Timer {
    /// A side of a deal must have acted.
    Deal(DealIndex),
    /// A proposal must have been answered.
    Proposal(BlockId),
    /// The order of this number ends.
    Order(u64),
    /// A market's halt or auction ends.
    Market(MarketId),
    /// An epoch of the trust graph ends.
    Epoch,
    /// The certificate of an account ends.
    Certificate(AccountIndex),
    /// A key must have wound up its timer again.
    Guard(LaneIndex),
}

/// All that is due, soonest first; ties in the order of their kinds and then of their names, so that every replay agrees.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Timers {
    /// Deals come and go with every trade, and the many of one batch are due together: they lie in one list, and each
    /// knows its place there.
    deals: BTreeMap<Timestamp, Vec<DealIndex>>,
    others: BTreeSet<(Timestamp, Timer)>,
    /// Deals that are due now, the next one last. Empty between commands.
    #[borsh(skip)]
    due: Vec<DealIndex>,
}

impl Timers {
    /// Sets the timer of anything but a deal.
    pub fn set(&mut self, at: Timestamp, timer: Timer) {
        self.others.insert((at, timer));
    }

    /// Ends the timer of anything but a deal.
    pub fn clear(&mut self, at: Timestamp, timer: Timer) {
        self.others.remove(&(at, timer));
    }

    /// Sets the timer of a deal that has none.
    pub fn set_deal(&mut self, at: Timestamp, deal: DealIndex, deals: &mut Deals) {
        let list = self.deals.entry(at).or_default();
        deals.at_mut(deal).timer_place = u32::try_from(list.len()).expect("fewer than 2^32 deals");
        list.push(deal);
    }

    /// Ends the timer of a deal.
    pub fn clear_deal(&mut self, at: Timestamp, deal: DealIndex, deals: &mut Deals) {
        let Some(list) = self.deals.get_mut(&at) else { return };
        let place = deals.at(deal).timer_place;
        let at_place = place as usize;
        if list.get(at_place) == Some(&deal) {
            list.swap_remove(at_place);
        }
        if let Some(moved) = list.get(at_place) {
            deals.at_mut(*moved).timer_place = place;
        }
        if list.is_empty() {
            self.deals.remove(&at);
        }
    }

    pub fn next(&self) -> Option<Timestamp> {
        let deal = self.deals.first_key_value().map(|(at, _)| *at);
        let other = self.others.first().map(|(at, _)| *at);
        deal.into_iter().chain(other).min()
    }

    /// Takes the soonest that is due at or before `now`; deals before all else, and of several the one with the least id.
    pub fn take_due(&mut self, now: Timestamp, deals: &Deals) -> Option<Timer> {
        if let Some(deal) = self.due.pop() {
            return Some(Timer::Deal(deal));
        }
        let at = self.next().filter(|at| *at <= now)?;
        match self.deals.remove(&at) {
            // What follows from a deal's end neither sets nor clears the timer of another deal.
            Some(list) => {
                self.due = list;
                self.due.sort_unstable_by_key(|deal| Reverse(deals.id(*deal)));
                self.due.pop().map(Timer::Deal)
            }
            None => self.others.pop_first().map(|(_, timer)| timer),
        }
    }
}
