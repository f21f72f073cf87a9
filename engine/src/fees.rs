//! What trading costs: a part of the tokens that a deal delivers.

use crate::Refusal;
use crate::accounts::AccountIndex;
use crate::apply::Engine;
use crate::configure::refuse;
use crate::deal_table::DealIndex;
use crate::effects::Effects;
use crate::outcome::Event;
use crate::refusal::check_serves;
use bandex_settlement::Party;
use bandex_tradechain::body::Fees;
use bandex_types::{Amount, MarketId, Rail};

/// Parts in a million: what fees are given in.
const MILLION: u64 = 1_000_000;

impl Engine {
    pub(crate) fn set_fees(
        &mut self,
        market: MarketId,
        fees: Fees,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        check_serves(self.serves_trust(), "set_fees")?;
        let market = self.markets.get_mut(&market).ok_or(Refusal::UnknownMarket)?;
        if u64::from(fees.maker_ppm) + u64::from(fees.taker_ppm) >= MILLION {
            return refuse("both fees of a market together are below a million");
        }
        // From here they are taken.
        market.fees = fees;
        effects.push(Event::MarketFees { market: market.listing.id, fees });
        Ok(())
    }

    /// Hands what `party` has locked for a deal to the other side, less the market's fees, which go to the issuance
    /// account.
    pub(crate) fn hand_over(&mut self, index: DealIndex, party: Party, units: Amount, effects: &mut Effects) {
        let entry = self.deals.at_mut(index);
        let (owner, beneficiary) = (entry.account(party), entry.account(party.other()));
        entry.take_lock(party, units);
        let fees = self.take_fees(index, party, units);
        let taken = fees.map_or(Amount::ZERO, |[maker, taker]| maker.checked_add(taker).unwrap_or(units));
        self.ledger.deliver(owner, beneficiary, units.saturating_sub(taken));
        effects.balance(owner);
        effects.balance(beneficiary);
        if let Some(fees) = fees {
            self.ledger.deliver(owner, AccountIndex::ISSUANCE, taken);
            effects.balance(AccountIndex::ISSUANCE);
            self.tell_fees(index, beneficiary, fees, effects);
        }
    }

    /// The maker's and the taker's fee on tokens that are delivered; none if they come to nothing.
    ///
    /// What is less than a unit is kept for the deal's next delivery: over a deal the rounding never exceeds a unit
    /// each. Both together are never more than what is delivered.
    fn take_fees(&mut self, index: DealIndex, party: Party, units: Amount) -> Option<[Amount; 2]> {
        let entry = self.deals.at(index);
        let fees = self.markets.get(&entry.market).map(|market| market.fees).unwrap_or_default();
        // Where both legs are tokens the base pays.
        let pays = party == Party::Seller || entry.deal.terms().base_rail != Rail::Token;
        if !pays || fees == Fees::default() {
            return None;
        }
        let mut left = units.get();
        let mut take = |parts: u32, rest: &mut u64| {
            let whole = u128::from(units.get()) * u128::from(parts) + u128::from(*rest);
            let due = u64::try_from(whole / u128::from(MILLION)).unwrap_or(u64::MAX).min(left);
            left -= due;
            let rested = whole.saturating_sub(u128::from(due) * u128::from(MILLION));
            *rest = u64::try_from(rested).unwrap_or(u64::MAX);
            Amount::new(due)
        };
        let [makers, takers] = &mut self.deals.at_mut(index).fee_rest;
        let taken = [take(fees.maker_ppm, makers), take(fees.taker_ppm, takers)];
        taken.iter().any(|fee| !fee.is_zero()).then_some(taken)
    }

    /// Says what was taken, and counts it for the account whose tokens it would have been. To count the maker's part for
    /// the maker would let a seller's limit grow at the cost of those who buy from it.
    fn tell_fees(
        &mut self,
        index: DealIndex,
        payer: AccountIndex,
        [maker, taker]: [Amount; 2],
        effects: &mut Effects,
    ) {
        effects.push(Event::DealFees { deal: self.deals.id(index), maker, taker });
        let both = maker.checked_add(taker).expect("fees are a part of what is delivered");
        self.count_fee(payer, both, effects);
    }
}
