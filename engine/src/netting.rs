//! Netting: a new deal and an open one the other way, between the same accounts on one market, become one.

use crate::apply::Engine;
use crate::deal_table::DealIndex;
use crate::deals::DealEntry;
use crate::effects::Effects;
use crate::outcome::{Event, Netted};
use bandex_settlement::{Deal, Netting, Party, Replacing, caps_allow, net};
use bandex_tradechain::netted_id;
use bandex_types::{Amount, DealId, Rail, Ratio, Side};
use std::cmp::Ordering;

/// How many of the deals between two accounts are looked at, oldest first. Deals that could be netted do not pile up, so
/// more would only be looked at in vain.
const MOST_LOOKED_AT: usize = 32;

/// The lesser of two rates; without a rate a unit counts as one.
fn lesser(one: Option<Ratio>, other: Option<Ratio>) -> Option<Ratio> {
    let parts = |rate: Option<Ratio>| rate.map_or((1, 1), |rate| (rate.num(), rate.den()));
    let ((num, den), (other_num, other_den)) = (parts(one), parts(other));
    match (u128::from(num) * u128::from(other_den)).cmp(&(u128::from(other_num) * u128::from(den))) {
        Ordering::Less | Ordering::Equal => one,
        Ordering::Greater => other,
    }
}

impl Engine {
    /// Nets a deal that was opened just now with open ones, as long as there is one that fits.
    pub(crate) fn net_new(&mut self, mut newer: DealIndex, effects: &mut Effects) {
        while let Some((older, netting)) = self.nettable(newer) {
            match self.replace(older, newer, &netting, effects) {
                Some(deal) => newer = deal,
                None => return,
            }
        }
    }

    /// The oldest open deal that a new one can be netted with.
    fn nettable(&self, newer: DealIndex) -> Option<(DealIndex, Netting)> {
        let entry = self.deals.at(newer);
        let between = self.deals.open_between(entry.seller, entry.buyer);
        // Nothing else is open between most.
        if between.len() < 2 || !self.serves_trust() {
            return None;
        }
        let stage = entry.deal.stage()?;
        between.iter().take(MOST_LOOKED_AT).filter(|older| **older != newer).find_map(|older| {
            let other = self.deals.at(*older);
            if other.market != entry.market || other.seller != entry.buyer || !self.nobody_pays(*older) {
                return None;
            }
            let netting = net(&other.deal.stage()?, &stage)?;
            let least = self.markets.get(&entry.market)?.listing.least_tranche;
            let worth_it = netting.deal.as_ref().is_none_or(|Replacing { terms, .. }| {
                caps_allow(terms.seller_cap, terms.buyer_cap, terms.quote_total, least)
            });
            worth_it.then_some((*older, netting))
        })
    }

    /// Whether nobody can be moving money outside the exchange for a deal right now: nobody has heard of it, or what is
    /// due is due on the ledger.
    fn nobody_pays(&self, index: DealIndex) -> bool {
        let deal = &self.deals.at(index).deal;
        let on_ledger = |party| deal.terms().rail_of(party) == Rail::Token;
        self.deals.is_new(index) || deal.due().is_some_and(|due| on_ledger(due.party))
    }

    /// Puts one deal in the place of two, or none if nothing is left of them.
    fn replace(
        &mut self,
        older: DealIndex,
        newer: DealIndex,
        netting: &Netting,
        effects: &mut Effects,
    ) -> Option<DealIndex> {
        let replaced = [self.deals.id(older), self.deals.id(newer)];
        let [first, second] = replaced;
        let entry = netting.deal.as_ref().map(|deal| self.replacing(older, newer, deal, replaced));
        for index in [older, newer] {
            let entry = self.deals.at_mut(index);
            entry.deal.replace().expect("both are open and nothing is in flight");
            self.unlock_deal(index, effects);
            effects.deal(index);
            self.recount(index, effects);
        }
        let id = entry.is_some().then(|| netted_id(&first, &second));
        let (base, quote) = (netting.base, netting.quote);
        effects.push(Event::Netted(Netted { deal: id, replaced, base, quote }));
        let index = self.deals.insert(id?, entry?);
        let entry = self.deals.at(index);
        let locks = [Party::Seller, Party::Buyer].map(|party| (entry.account(party), entry.locked(party)));
        self.deal_begins([entry.seller, entry.buyer]);
        for (account, locked) in locks {
            if !locked.is_zero() {
                self.ledger.lock(account, locked);
                effects.balance(account);
            }
        }
        effects.deal(index);
        self.recount(index, effects);
        Some(index)
    }

    /// The deal in the place of two: of the orders of the newer.
    fn replacing(
        &self,
        older: DealIndex,
        newer: DealIndex,
        replacing: &Replacing,
        replaced: [DealId; 2],
    ) -> DealEntry {
        let (old, new) = (self.deals.at(older), self.deals.at(newer));
        let Replacing { terms, carried, older_seller } = replacing;
        let deal = Deal::open_carried(terms.clone(), *carried, self.time).expect("netting checked the terms");
        let (seller, buyer) = match older_seller {
            Party::Seller => (old.seller, old.buyer),
            Party::Buyer => (old.buyer, old.seller),
        };
        let taker = match new.taker_side {
            Side::Sell => new.seller,
            Side::Buy => new.buyer,
        };
        let taker_side = if taker == seller { Side::Sell } else { Side::Buy };
        let left = [(Party::Seller, terms.base_total), (Party::Buyer, deal.undelivered_quote())];
        let locked =
            left.map(|(party, units)| if terms.rail_of(party) == Rail::Token { units } else { Amount::ZERO });
        let (orders, accounts) = ([new.taker, new.maker], [seller, buyer]);
        let mut entry = DealEntry::new(new.market, orders, taker_side, accounts, self.time, deal);
        // At the lesser rate no reservation rises.
        entry.rate = lesser(old.rate, new.rate);
        entry.set_locked(locked);
        entry.rare_mut().replaces = Some(replaced);
        entry
    }
}
