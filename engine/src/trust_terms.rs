//! What the operator decides about trust: terms, rates, seeds of the trust graph, registrars.

use crate::Refusal;
use crate::accounts::AccountIndex;
use crate::apply::Engine;
use crate::configure::refuse;
use crate::effects::Effects;
use crate::outcome::Event;
use crate::refusal::check_serves;
use crate::trust::token_worth_at;
use bandex_tradechain::body::{Admission, TrustTerms};
use bandex_types::{AccountId, Amount, AssetId, Ratio};

/// Parts in a million: a whole.
const WHOLE_PPM: u32 = 1_000_000;
/// The shortest epoch, in microseconds: each costs a copy of the graph.
const SHORTEST_EPOCH_US: u64 = 100_000;
/// More zero bits nobody finds.
const MOST_WORK_BITS: u8 = 40;

impl Engine {
    pub(crate) fn set_trust(&mut self, terms: &TrustTerms, effects: &mut Effects) -> Result<(), Refusal> {
        check_serves(self.serves_trust(), "set_trust")?;
        if [terms.keep_ppm, terms.bond_ppm, terms.fee_ppm].into_iter().any(|share| share > WHOLE_PPM) {
            return refuse("keep_ppm, bond_ppm and fee_ppm are at most 1,000,000");
        }
        if terms.epoch_us != 0 && terms.epoch_us < SHORTEST_EPOCH_US {
            return refuse("an epoch lasts 100,000 microseconds or more; 0: there are none");
        }
        if terms.grant_work_bits > MOST_WORK_BITS {
            return refuse("grant_work_bits is at most 40");
        }
        self.check_admission(terms, self.parameters.dust)?;
        // From here they hold.
        let epochs_change = terms.epoch_us != self.trust.terms.epoch_us;
        self.trust.terms = terms.clone();
        effects.push(Event::TrustTerms(terms.clone()));
        if epochs_change {
            self.begin_epochs();
        }
        self.refresh_all(effects);
        Ok(())
    }

    /// A fee that admits must cost more than it gains: the dust, and what it lets the score be worth.
    pub(crate) fn check_admission(&self, terms: &TrustTerms, dust: Amount) -> Result<(), Refusal> {
        let Admission::Fee { amount } = terms.admission else { return Ok(()) };
        let worth = u128::from(self.token_worth(amount).get());
        let spent = worth * u128::from(WHOLE_PPM - terms.fee_ppm.min(WHOLE_PPM)) / u128::from(WHOLE_PPM);
        if spent < u128::from(dust.get()) {
            return refuse("the fee that admits, less what fee_ppm gives back, is worth at least the dust");
        }
        Ok(())
    }

    /// What tokens are worth as a bond or a fee, in the unit of account: nothing as long as they have no rate.
    pub(crate) fn token_worth(&self, tokens: Amount) -> Amount {
        token_worth_at(self.rate(AssetId::BWT), tokens)
    }

    /// Says what a smallest unit of an asset is worth. Orders and deals that are open keep the rate they have.
    pub(crate) fn set_rate(
        &mut self,
        asset: AssetId,
        rate: Option<Ratio>,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        check_serves(self.serves_trust(), "set_rate")?;
        if !self.assets.contains_key(&asset) {
            return refuse("list the asset first");
        }
        if rate.is_some_and(|rate| !rate.is_valid()) {
            return refuse("both parts of a rate are above 0");
        }
        // From here it holds.
        match rate {
            Some(rate) => drop(self.trust.rates.insert(asset, rate)),
            None => drop(self.trust.rates.remove(&asset)),
        }
        effects.push(Event::Rate { asset, rate });
        self.set_market_rates();
        if asset == AssetId::BWT {
            self.refresh_all(effects);
        }
        Ok(())
    }

    /// Gives every market the rate of its quote.
    pub(crate) fn set_market_rates(&mut self) {
        for market in self.markets.values_mut() {
            market.rate = self.trust.rates.get(&market.listing.quote).copied();
        }
    }

    pub(crate) fn set_seed(
        &mut self,
        account: &AccountId,
        seed: bool,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        check_serves(self.serves_trust(), "set_seed")?;
        let index = self.trader(account)?;
        // From here walks begin there, or do not.
        if seed {
            self.trust.seeds.insert(index)
        } else {
            self.trust.seeds.remove(&index)
        };
        effects.trust(index);
        Ok(())
    }

    pub(crate) fn set_registrar(
        &mut self,
        account: &AccountId,
        registrar: bool,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        check_serves(self.serves_trust(), "set_registrar")?;
        let index = self.trader(account)?;
        // From here its certificates admit, or do not.
        let registrars = &mut self.trust.registrars;
        if registrar {
            registrars.insert(index)
        } else {
            registrars.remove(&index)
        };
        effects.trust(index);
        let by = |index: AccountIndex, engine: &Self| engine.accounts.get(index).stake.certificate;
        for account in self.accounts.indices() {
            if by(account, self).is_some_and(|(by, _)| by == index) {
                self.refresh(account, effects);
            }
        }
        Ok(())
    }
}
