//! What deals let one account owe another, and what those that were written off still hold.

use super::{Deals, Reckoned, of};
use crate::broken::{Broken, Invariant, hold};
use crate::watch::worth::worth_up;
use crate::watch::{Orders, Seen, Trust};
use bandex_engine::Event;
use bandex_settlement::State;
use bandex_types::{AccountId, OrderRef};
use std::collections::BTreeMap;

impl Deals {
    /// What written-off deals of an account hold of its limit.
    pub fn burden(&self, account: &AccountId) -> u128 {
        let held =
            self.all.values().filter(|deal| matches!(deal.told.deal.state(), State::WrittenOff { .. }));
        held.filter_map(|deal| deal.party(account).map(|party| of(&deal.burdens, party))).sum()
    }

    /// What the deals between two that are open or disputed let one owe the other, in the unit of account.
    pub fn owed(&self, debtor: &AccountId, creditor: &AccountId) -> u128 {
        let open = |deal: &&Reckoned| matches!(deal.told.deal.state(), State::Open | State::Disputed { .. });
        let owed = |deal: &Reckoned| {
            let party = deal.party(debtor).filter(|party| deal.account(party.other()) == *creditor)?;
            Some(worth_up(deal.rate, deal.reserved(party)))
        };
        self.all.values().filter(open).filter_map(owed).sum()
    }

    /// The most that an order and its account let one counterparty owe, in the unit of account.
    pub fn own_cap(
        &self,
        orders: &Orders,
        trust: &Trust,
        order: &OrderRef,
        account: &AccountId,
    ) -> Option<u128> {
        let preferred = trust.preference(account).largest_exposure;
        let caps = [orders.own_cap(order), preferred];
        caps.into_iter().flatten().map(|cap| u128::from(cap.get())).min()
    }

    /// What those that trade in this record let each other owe before it: debtor, creditor.
    pub(super) fn owed_before(&self, seen: &Seen<'_>) -> BTreeMap<(AccountId, AccountId), u128> {
        let trades = seen.events.iter().filter_map(|event| match event {
            Event::Trade(trade) => Some((trade.taker_account, trade.maker_account)),
            _ => None,
        });
        let pairs = trades.flat_map(|(taker, maker)| [(taker, maker), (maker, taker)]);
        pairs.map(|(debtor, creditor)| ((debtor, creditor), self.owed(&debtor, &creditor))).collect()
    }

    /// Nobody lets a counterparty owe more than it said, over all their deals.
    pub(super) fn check_exposures(
        &self,
        seen: &Seen<'_>,
        orders: &Orders,
        trust: &Trust,
        before: &BTreeMap<(AccountId, AccountId), u128>,
    ) -> Result<(), Broken> {
        let mut most: BTreeMap<(AccountId, AccountId), u128> = before.clone();
        for event in seen.events {
            let Event::Trade(trade) = event else { continue };
            let (taker, maker) = (trade.taker_account, trade.maker_account);
            for (order, creditor, debtor) in [(trade.taker, taker, maker), (trade.maker, maker, taker)] {
                let cap = self.own_cap(orders, trust, &order, &creditor).unwrap_or(u128::MAX);
                let most = most.entry((debtor, creditor)).or_default();
                *most = cap.max(*most);
            }
        }
        for ((debtor, creditor), most) in most {
            let owed = self.owed(&debtor, &creditor);
            hold(owed <= most, Invariant::Exposure, || {
                format!(
                    "record {}: {creditor} lets {debtor} owe {owed}, at most {most} was asked for",
                    seen.seq
                )
            })?;
        }
        Ok(())
    }
}
