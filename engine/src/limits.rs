//! What limits follow from: bond, fees, score and admission, as the operator's terms weigh them.
//!
//! What an account's limit is made of is kept with the account, since every match asks for it, and worked out anew
//! whenever something changes that it follows from.

use crate::accounts::AccountIndex;
use crate::apply::Engine;
use crate::effects::Effects;
use crate::outcome::{CancelReason, LimitParts};
use crate::trust::token_worth_at;
use bandex_reputation::{LimitTerms, Score, Stake, limit};
use bandex_tradechain::body::TrustTerms;
use bandex_types::{Amount, AssetId, Ratio};

/// The terms of limits, as the formula takes them.
pub(crate) fn limit_terms(terms: &TrustTerms, dust: Amount) -> LimitTerms {
    LimitTerms {
        largest: terms.largest_limit,
        loss_budget: terms.loss_budget,
        kappa_ppm: terms.score_ppm,
        bond_ppm: terms.bond_ppm,
        fee_ppm: terms.fee_ppm,
        dust,
    }
}

/// What an account has at stake, as the formula takes it: bond and fees in bytes, at a rate of tokens.
pub(crate) fn weighed(
    rate: Option<Ratio>,
    [bond, fees]: [Amount; 2],
    score_ppb: u32,
    admitted: bool,
) -> Stake {
    let [bond, fees] = [bond, fees].map(|tokens| token_worth_at(rate, tokens));
    Stake { bond, fees, score: Score::from_ppb(score_ppb), admitted }
}

impl Engine {
    /// What an account's limit is made of, as long as the operator has not set it.
    fn parts_of(&self, index: AccountIndex, admitted: bool) -> LimitParts {
        let stake = &self.accounts.get(index).stake;
        let stake = weighed(self.rate(AssetId::BWT), [stake.bond, stake.fees], stake.score_ppb, admitted);
        let terms = limit_terms(&self.trust.terms, self.parameters.dust);
        let bandex_reputation::LimitParts { bond, reputation, fees, earned, dust, total } =
            limit(&terms, &stake);
        LimitParts { operator: None, bond, reputation, fees, earned, dust, total }
    }

    /// Works out anew what an account's limit is made of, and whether it is admitted. Whoever is admitted no more loses
    /// its open orders.
    pub(crate) fn refresh(&mut self, index: AccountIndex, effects: &mut Effects) {
        let admitted = self.is_admitted(index);
        let parts = self.parts_of(index, admitted);
        let account = self.accounts.get_mut(index);
        let lost = account.admitted && !admitted;
        let changed = account.parts != parts || account.admitted != admitted;
        let before = account.limit();
        (account.parts, account.admitted) = (parts, admitted);
        if account.limit() != before && self.serves_trust() {
            effects.account(index);
        }
        if changed {
            self.tell_trust(index, effects);
        }
        if lost {
            self.cancel_where(index, CancelReason::NotAdmitted, effects, |_| true);
        }
    }

    /// The same for all accounts: something has changed that all limits follow from.
    pub(crate) fn refresh_all(&mut self, effects: &mut Effects) {
        for index in self.accounts.indices() {
            self.refresh(index, effects);
        }
    }

    /// What an account has at stake has changed: says so, and brings its limit into line.
    pub(crate) fn stake_changed(&mut self, index: AccountIndex, effects: &mut Effects) {
        effects.trust(index);
        self.refresh(index, effects);
    }

    /// Says how an account stands, where the rules know of trust.
    pub(crate) fn tell_trust(&self, index: AccountIndex, effects: &mut Effects) {
        if self.serves_trust() {
            effects.trust(index);
        }
    }
}
