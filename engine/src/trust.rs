//! Trust: what accounts have put at stake, paid and honoured; what assets are worth.

use crate::accounts::AccountIndex;
use crate::apply::{Engine, Signer};
use crate::bond::Leaving;
use crate::effects::Effects;
use crate::epoch::Epochs;
use crate::outcome::{Certificate, Event, LimitParts, TrustState};
use bandex_tradechain::body::{Prefer, TrustTerms};
use bandex_types::{Amount, AssetId, Ratio, Rounding, Timestamp, share};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::{BTreeMap, BTreeSet};

/// What an account has at stake, paid and been told.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Stake {
    /// Tokens that count as a bond, in bytes; they are locked.
    pub bond: Amount,
    /// Tokens asked back that are still at stake and locked, oldest first.
    pub leaving: Vec<Leaving>,
    /// Fees paid, decayed, in bytes.
    pub fees: Amount,
    /// Fees paid in all, in bytes: they admit, and that does not decay.
    pub paid: Amount,
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
    /// How many of its deals are not over for good.
    pub open_deals: u32,
}

/// What all accounts have in common.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Trust {
    pub terms: TrustTerms,
    /// Millisatoshi for a smallest unit.
    pub rates: BTreeMap<AssetId, Ratio>,
    pub seeds: BTreeSet<AccountIndex>,
    pub registrars: BTreeSet<AccountIndex>,
    /// Whoever defaulted since the last epoch: what it honoured counts no more.
    pub fallen: BTreeSet<u32>,
    pub epochs: Epochs,
    /// What of the bandwidth that one account gave another is not paid for, in bytes: by the lower position and the
    /// higher; above zero the higher owes.
    pub served: BTreeMap<(AccountIndex, AccountIndex), i128>,
}

/// What units are worth at a rate, in the unit of account; without a rate a unit counts as one. Saturates.
pub(crate) fn worth_at(rate: Option<Ratio>, units: Amount, rounding: Rounding) -> Amount {
    match rate {
        Some(rate) => share(units, rate.num(), rate.den(), rounding).unwrap_or(Amount::MAX),
        None => units,
    }
}

/// What tokens are worth as a bond or a fee at a rate, in the unit of account: nothing as long as they have none.
pub(crate) fn token_worth_at(rate: Option<Ratio>, tokens: Amount) -> Amount {
    if rate.is_some() { worth_at(rate, tokens, Rounding::Down) } else { Amount::ZERO }
}

/// The most units that are worth no more than `worth` at a rate. Saturates.
pub(crate) fn units_for(rate: Option<Ratio>, worth: Amount) -> Amount {
    match rate {
        Some(rate) => share(worth, rate.den(), rate.num(), Rounding::Down).unwrap_or(Amount::MAX),
        None => worth,
    }
}

impl Stake {
    /// Tokens asked back that are still at stake, in bytes. Locked tokens fit 64 bits.
    pub fn leaving(&self) -> Amount {
        let sum = |sum: Amount, one: &Leaving| sum.checked_add(one.amount).unwrap_or(Amount::MAX);
        self.leaving.iter().fold(Amount::ZERO, sum)
    }

    /// All that a default can cost it, in bytes: what it has locked for no order and no deal.
    pub fn staked(&self) -> Amount {
        self.bond.checked_add(self.leaving()).unwrap_or(Amount::MAX)
    }
}

impl Engine {
    /// What units of an asset are worth, in the unit of account; without a rate a unit counts as one. Saturates.
    pub(crate) fn worth(&self, asset: AssetId, units: Amount, rounding: Rounding) -> Amount {
        worth_at(self.rate(asset), units, rounding)
    }

    /// The rules begin to know of trust: says the terms that hold until the operator sets others, and how all stand.
    pub(crate) fn begin_trust(&mut self, effects: &mut Effects) {
        effects.push(Event::TrustTerms(self.trust.terms.clone()));
        effects.trust.extend(self.accounts.indices());
        self.count_open_deals();
    }

    pub(crate) fn trust_state(&self, index: AccountIndex) -> TrustState {
        let account = self.accounts.get(index);
        let stake = &account.stake;
        let certificate = |(by, expires)| Certificate { by: self.accounts.get(by).id, expires };
        TrustState {
            account: account.id,
            bond: stake.bond,
            leaving: stake.leaving(),
            fees: stake.fees,
            score_ppb: stake.score_ppb,
            burden: Amount::new(u64::try_from(stake.burden).unwrap_or(u64::MAX)),
            admitted: account.admitted,
            certificate: stake.certificate.map(certificate),
            granted: stake.granted,
            seed: self.trust.seeds.contains(&index),
            registrar: self.trust.registrars.contains(&index),
            preference: stake.preference,
            limit: LimitParts { operator: account.limit, total: account.limit(), ..account.parts },
        }
    }

    /// Counts tokens that an account has paid into the issuance account.
    pub(crate) fn count_fee(&mut self, account: AccountIndex, units: Amount, effects: &mut Effects) {
        let stake = &mut self.accounts.get_mut(account).stake;
        let add = |sum: Amount| sum.checked_add(units).unwrap_or(Amount::MAX);
        (stake.fees, stake.paid) = (add(stake.fees), add(stake.paid));
        self.stake_changed(account, effects);
    }

    /// Replaces whom an account trades with, and how far.
    pub(crate) fn prefer(&mut self, signer: Signer<'_>, prefer: Prefer, effects: &mut Effects) {
        self.accounts.get_mut(signer.account).stake.preference = prefer;
        effects.trust(signer.account);
    }
}
