//! Limits in words: the same wherever a limit is explained.

use crate::Refusal;
use crate::accounts::AccountIndex;
use crate::apply::Engine;
use crate::limits::{limit_terms, weighed};
use crate::outcome::{AccountState, FreezeReason, TrustState};
use bandex_reputation::{Binding, binding};
use bandex_tradechain::body::{Admission, Parameters, TrustTerms};
use bandex_types::{Amount, Ratio};

/// What an explanation of a limit follows from: the operator's decisions, as events tell them.
#[derive(Debug, Clone, Copy)]
pub struct Rulings<'a> {
    /// The terms of trust.
    pub terms: &'a TrustTerms,
    /// The parameters of all accounts.
    pub parameters: &'a Parameters,
    /// Millisatoshi for a byte of bandwidth tokens, if they have a rate.
    pub token_rate: Option<Ratio>,
}

/// What would raise a limit, or free a part of it, in one sentence without a full stop.
pub fn raise(rulings: Rulings<'_>, trust: &TrustState, account: &AccountState) -> String {
    match account.frozen {
        Some(FreezeReason::RootFork(_)) => return "nothing raises it: the root key forked".to_owned(),
        Some(FreezeReason::Default(deal)) => return format!("cure deal {deal} to thaw the account"),
        Some(FreezeReason::SessionFork(_)) => return "heal the fork to thaw the account".to_owned(),
        Some(FreezeReason::Operator) | None => {}
    }
    let mut ways = Vec::new();
    if !account.reserved.is_zero() {
        ways.push("settle open deals to free what they reserve".to_owned());
    }
    if !trust.burden.is_zero() {
        ways.push("resolve deals that were written off".to_owned());
    }
    if trust.limit.operator.is_some() {
        ways.push("only the operator can raise it".to_owned());
        return ways.join("; ");
    }
    let bound = bound_by(rulings, trust);
    let has = |binding| bound.contains(&binding);
    if has(Binding::Bond) {
        let percent = percent(rulings.terms.bond_ppm);
        ways.push(format!("post a bond: {percent} of its worth counts"));
    }
    match (has(Binding::Fees), has(Binding::Score)) {
        (true, true) => ways.push("pay fees and earn a score: the lesser of the two counts".to_owned()),
        (true, false) => ways.push("pay fees: they bound what the score is worth".to_owned()),
        (false, true) => {
            ways.push("earn a higher score by honouring deals with those who have one".to_owned())
        }
        (false, false) => {}
    }
    if has(Binding::Admission) {
        ways.push(admission(rulings.terms.admission).to_owned());
    }
    if has(Binding::Largest) && !rulings.terms.largest_limit.is_zero() {
        ways.push("it is the largest that can be earned".to_owned());
    }
    if ways.is_empty() {
        ways.push("only the operator can raise it".to_owned());
    }
    ways.join("; ")
}

/// The refusal of an account whose limit leaves no room, with all that explains it.
pub fn limit_reached(rulings: Rulings<'_>, trust: &TrustState, account: &AccountState) -> Refusal {
    Refusal::LimitReached {
        limit: Box::new(trust.limit),
        reserved: account.reserved,
        burden: trust.burden,
        raise: raise(rulings, trust, account),
    }
}

fn bound_by(rulings: Rulings<'_>, trust: &TrustState) -> Vec<Binding> {
    let TrustState { bond, fees, score_ppb, admitted, .. } = *trust;
    let stake = weighed(rulings.token_rate, [bond, fees], score_ppb, admitted);
    let mut bound = binding(&limit_terms(rulings.terms, rulings.parameters.dust), &stake);
    // Tokens without a rate are worth nothing, however many.
    bound.retain(|one| rulings.token_rate.is_some() || matches!(one, Binding::Admission | Binding::Largest));
    bound
}

fn admission(admission: Admission) -> &'static str {
    match admission {
        Admission::Work => "be admitted",
        Admission::Fee { .. } => "pay the fee that admits",
        Admission::Certificate => "have a registrar certify the account",
    }
}

/// Parts per million as per cent, with as many places as they have.
fn percent(ppm: u32) -> String {
    let (whole, rest) = (ppm / 10_000, ppm % 10_000);
    if rest == 0 { format!("{whole} %") } else { format!("{whole}.{rest:04} %") }
}

impl Engine {
    /// Why nothing is left of an account's limit, as the rules have it.
    pub(crate) fn limit_refusal(&self, index: AccountIndex, limit: Amount, free: Amount) -> Refusal {
        if !self.serves_trust() {
            return Refusal::LimitExhausted { limit, free };
        }
        limit_reached(self.rulings(), &self.trust_state(index), &self.account_state(index))
    }
}
