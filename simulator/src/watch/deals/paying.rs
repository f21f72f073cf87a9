//! Deals that are paid on a chain: what is asked for, delivered, owed and due, reckoned from what was counted.

use super::Reckoned;
use crate::watch::Market;
use crate::watch::coins::{Coins, Sums};
use bandex_settlement::{Party, State};
use bandex_types::{MarketId, Rail, Timestamp};
use std::collections::BTreeMap;

/// What is reckoned of such a deal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paying {
    pub sums: Sums,
    named: bool,
    demand: u128,
    /// Since when something is due.
    due_since: Option<Timestamp>,
    /// After a default of the buyer: for what value base is delivered still.
    kept: u128,
}

impl Reckoned {
    pub fn is_on_chain(&self) -> bool {
        self.terms().quote_rail == Rail::Bitcoin && !self.terms().settles_at_once()
    }

    /// What is counted of the payments, in quote value.
    pub fn sums(&self) -> Sums {
        self.paying.as_ref().map_or_else(Sums::default, |paying| paying.sums)
    }

    /// Its time has passed: what was in blocks by then is still delivered for.
    pub(super) fn keep(&mut self) {
        let (total, delivered) = (self.total(), self.value(Party::Seller));
        if let Some(paying) = &mut self.paying {
            paying.kept = paying.sums.included.min(total).max(delivered);
        }
    }

    /// What was lost by whoever is not `by` if that defaults now.
    pub(super) fn lost_by(&self, by: Party) -> u128 {
        match (&self.paying, by) {
            (Some(paying), Party::Buyer) => self.value(Party::Seller).saturating_sub(paying.sums.included),
            (Some(_), Party::Seller) => 0,
            (None, by) => self.value(by.other()).saturating_sub(self.value(by)),
        }
    }

    /// What came too late, or was paid by a bond already: the seller has it for nothing.
    fn late(&self, paying: &Paying) -> u128 {
        let covered = u128::from(self.told.deal.covered().get());
        let has = paying.sums.paid.min(self.total()).saturating_add(covered);
        let late = has.saturating_sub(paying.kept.max(self.value(Party::Seller)));
        late.min(self.cap(Party::Buyer))
    }

    /// What a party owes of a deal that went wrong, less what a bond has paid.
    pub(super) fn owing_on_chain(&self, paying: &Paying, party: Party) -> u128 {
        let covered = u128::from(self.told.deal.covered().get());
        match party {
            Party::Buyer => self.lost_by(Party::Buyer).saturating_sub(covered),
            Party::Seller => self.late(paying).saturating_sub(covered),
        }
    }

    /// What counts against the limit of a party after a default.
    pub(super) fn reserved_on_chain(&self, paying: &Paying, by: Party, party: Party) -> u128 {
        match party {
            _ if party == by => self.owing_on_chain(paying, party),
            Party::Seller => self.late(paying),
            Party::Buyer => 0,
        }
    }

    /// The base that stays locked after a default, in units.
    pub fn kept_units(&self) -> u128 {
        let defaulted = matches!(self.told.deal.state(), State::Defaulted { .. });
        let kept = self.paying.as_ref().filter(|_| defaulted).map_or(0, |paying| paying.kept);
        let value = kept.max(self.value(Party::Seller));
        if defaulted { self.base_for(value, false).saturating_sub(self.units(Party::Seller)) } else { 0 }
    }

    pub(super) fn deadline_on_chain(&self, paying: &Paying) -> Option<Timestamp> {
        let time = if paying.named { self.terms().pay_us } else { self.terms().acknowledge_us };
        paying.due_since.map(|since| since.plus(time))
    }

    /// Takes in what is counted now, and holds what was told against what follows from it; `was` is the state before, and
    /// what had been delivered and had become final by then.
    pub(super) fn follow(
        &mut self,
        sums: Sums,
        (was, before): (State, [u128; 2]),
        now: Timestamp,
    ) -> Result<(), String> {
        let Some(mut paying) = self.paying.take() else { return Ok(()) };
        paying.sums = sums;
        let checked = self.check_course(&mut paying, was, before, now);
        self.paying = Some(paying);
        checked
    }

    /// Whether what was told of the counts is what there is.
    pub(super) fn counts(&self, sums: Sums) -> bool {
        self.told.deal.chain().is_none_or(|told| {
            let [included, paid, buried] = [told.counted.included, told.counted.paid, told.counted.buried]
                .map(|sum| u128::from(sum.get()));
            Sums { included, paid, buried } == sums
        })
    }

    fn check_course(
        &self,
        paying: &mut Paying,
        was: State,
        [delivered_before, buried_before]: [u128; 2],
        now: Timestamp,
    ) -> Result<(), String> {
        let (state, told) = (self.told.deal.state(), self.told.deal.chain().ok_or("it is not on the chain")?);
        let [delivered, buried] = [Party::Seller, Party::Buyer].map(|party| self.value(party));
        let total = self.total();
        // Nothing is delivered but for what is paid, and ahead of what is final only as far as the seller's cap goes.
        if matches!(was, State::Open | State::Defaulted { .. }) {
            let most = match state {
                State::Open | State::Settled => total,
                _ => {
                    paying.kept = paying.kept.min(paying.sums.included.max(delivered_before));
                    paying.kept
                }
            };
            let last = paying.sums.buried.min(total).max(buried_before);
            let ahead = last.saturating_add(self.cap(Party::Seller));
            let expected = paying.sums.paid.min(ahead).min(most).min(total).max(delivered_before);
            if (delivered, buried) != (expected, last) {
                return Err(format!(
                    "{delivered} is delivered and {buried} final, by {:?} it should be {expected} and {last}",
                    paying.sums
                ));
            }
        }
        if delivered.saturating_sub(buried) > self.cap(Party::Seller) {
            return Err(format!("{delivered} is delivered for {buried} that are final"));
        }
        if state == State::Open {
            self.check_demand(paying, now)?;
            if u128::from(told.demand.get()) != paying.demand || told.named != paying.named {
                return Err(format!("it asks for {told:?}, it should be {paying:?}"));
            }
        }
        let over = delivered == total && buried == total;
        if was == State::Open && over != (state == State::Settled) {
            return Err(format!("it is {state} with {delivered} delivered and {buried} final of {total}"));
        }
        Ok(())
    }

    /// What is asked for: as far ahead of what is delivered as the buyer's cap goes, and nothing smaller than the least.
    fn check_demand(&self, paying: &mut Paying, now: Timestamp) -> Result<(), String> {
        let told = self.told.deal.chain().ok_or("it is not on the chain")?;
        let was_due = paying.due_since.is_some() && paying.named;
        let (total, delivered) = (self.total(), self.value(Party::Seller));
        let least = u128::from(told.terms.least.get()).max(1);
        if !paying.named {
            paying.named = self.told.payee.is_some();
            if !paying.named {
                return Ok(());
            }
        }
        let mut asks = false;
        while paying.sums.paid >= paying.demand && paying.demand < total {
            let edge = delivered.saturating_add(self.cap(Party::Buyer)).min(total);
            // The farthest stop that leaves nothing, or no less than the least.
            let stop = if edge == total { total } else { edge.min(total.saturating_sub(least)) };
            let smallest = if stop == total { 1 } else { least };
            if stop < paying.demand.saturating_add(smallest) {
                break;
            }
            (paying.demand, asks) = (stop, true);
        }
        if paying.demand.saturating_sub(delivered) > self.cap(Party::Buyer) {
            return Err(format!("{} is asked for with {delivered} delivered", paying.demand));
        }
        let due = paying.demand > paying.sums.included;
        paying.due_since = match due {
            true if asks || !was_due => Some(now),
            true => paying.due_since,
            false => None,
        };
        Ok(())
    }

    /// A new deal asks of payments what its market does, as fees are.
    pub(super) fn check_payments(
        &self,
        coins: &Coins,
        markets: &BTreeMap<MarketId, Market>,
    ) -> Result<(), String> {
        let (Some(chain), Some(market)) = (self.told.deal.chain(), markets.get(&self.told.market)) else {
            return Ok(());
        };
        let (least, found) =
            (coins.least(&self.told.market, market.listing.least_tranche.get()), chain.terms.least);
        let depths = (usize::from(chain.terms.confirmations), usize::from(chain.terms.final_confirmations));
        if u128::from(found.get()) == least && coins.depths_of(&self.told.id) == Some(depths) {
            return Ok(());
        }
        Err(format!("it asks {:?} of payments, the smallest is {least}", chain.terms))
    }

    /// Begins to reckon a deal on the chain.
    pub(super) fn begin_paying(&mut self, now: Timestamp) {
        if self.is_on_chain() {
            self.paying = Some(Paying { due_since: Some(now), ..Paying::default() });
        }
    }
}
