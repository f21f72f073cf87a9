//! Trust as a reader of outcomes sees it: limits are what the formula gives, nobody is admitted or bonded without a
//! reason, scores are those that were brought in.

use super::deals::Deals;
use super::watch::Watch;
use bandex_engine::{AccountState, CommandResult, Engine, Event, FreezeReason, Outcome, Slash, TrustState};
use bandex_tradechain::body::{Admission, Parameters, Prefer, TrustTerms};
use bandex_tradechain::{Body, Command, Decoded, Scores};
use bandex_types::{AccountId, Amount, AssetId, Hash, Ratio};
use std::collections::BTreeMap;

/// Millisatoshi for a smallest unit, by asset.
pub type Rates = BTreeMap<AssetId, Ratio>;

/// What units are worth, rounded up; without a rate a unit counts as one. More than 64 bits hold counts as that.
pub fn worth_up(rate: Option<Ratio>, units: u64) -> u128 {
    let worth = match rate {
        Some(rate) => (u128::from(units) * u128::from(rate.num())).div_ceil(u128::from(rate.den())),
        None => u128::from(units),
    };
    worth.min(u128::from(u64::MAX))
}

/// What tokens are worth as a bond or a fee: nothing without a rate.
fn token_worth(rates: &Rates, units: Amount) -> u128 {
    let rate = rates.get(&AssetId::BWT);
    rate.map_or(0, |rate| u128::from(units.get()) * u128::from(rate.num()) / u128::from(rate.den()))
        .min(u128::from(u64::MAX))
}

/// What everybody has at stake, as events tell it.
#[derive(Default)]
pub struct Trusts {
    pub states: BTreeMap<AccountId, TrustState>,
    pub rates: Rates,
    terms: TrustTerms,
    begun: bool,
    /// The epoch whose scores are due.
    due: Option<(u64, Hash)>,
    /// Fees paid in all.
    paid: BTreeMap<AccountId, u128>,
    slashed: Vec<Slash>,
    /// What every account had at stake before the command being applied, and whom it traded with.
    before: BTreeMap<AccountId, TrustState>,
}

impl Trusts {
    pub fn begin_command(&mut self) {
        self.before.clone_from(&self.states);
        self.slashed.clear();
    }

    /// Whom an account trades with in the command being applied.
    pub fn preference(&self, account: &AccountId) -> Prefer {
        self.before.get(account).map(|state| state.preference).unwrap_or_default()
    }

    fn score_ppb(&self, account: &AccountId) -> u32 {
        self.before.get(account).map_or(0, |state| state.score_ppb)
    }

    pub fn take_in(&mut self, event: &Event) {
        match event {
            Event::Rules { version } => self.begun = *version >= 3,
            Event::TrustTerms(terms) => self.terms = terms.clone(),
            Event::Rate { asset, rate: Some(rate) } => drop(self.rates.insert(*asset, *rate)),
            Event::Rate { asset, rate: None } => drop(self.rates.remove(asset)),
            Event::Trust(state) => drop(self.states.insert(state.account, (**state).clone())),
            Event::Epoch { epoch, checkpoint, .. } => self.due = Some((*epoch, *checkpoint)),
            Event::Scored { epoch } => {
                assert_eq!(self.due.take().map(|(due, _)| due), Some(*epoch), "scores come once, when due");
            }
            Event::Slash(slash) => self.slashed.push(slash.clone()),
            _ => {}
        }
    }

    /// What must hold after a command.
    pub fn check(&mut self, engine: &Engine, decoded: &Decoded, outcome: &Outcome, watch: &Watch) {
        if !self.begun {
            assert!(self.states.is_empty(), "older rules know nothing of trust");
            return;
        }
        self.count_fees(engine, decoded, outcome, &watch.deals);
        assert_eq!(engine.trust_terms(), &self.terms);
        assert_eq!(engine.rates().collect::<Rates>(), self.rates);
        let due = engine.checkpoint().map(|checkpoint| (checkpoint.epoch, checkpoint.key));
        assert_eq!(due, self.due, "a checkpoint waits exactly as long as its scores are due");
        assert_eq!(self.states.len(), watch.accounts.len(), "everybody's trust was told");
        for (id, account) in &watch.accounts {
            let state = &self.states[id];
            assert_eq!(engine.trust(id).as_ref(), Some(state), "events tell every change of trust");
            self.check_limit(engine.parameters(), account, state);
            self.check_admitted(watch, state);
            self.check_stake(engine, decoded, outcome, watch, state);
        }
        self.check_sum(engine.parameters());
        if let (Command::Scores(scores), CommandResult::Done(_)) = (decoded.command(), &outcome.result) {
            self.check_scores(engine, scores, watch);
        }
        for event in &outcome.events {
            if let Event::Trade(trade) = event {
                self.check_wanted(watch, trade);
            }
        }
    }

    fn count_fees(&mut self, engine: &Engine, decoded: &Decoded, outcome: &Outcome, deals: &Deals) {
        for event in &outcome.events {
            if let Event::DealFees { deal, maker, taker } = event {
                for (account, fee) in deals.maker_and_taker(*deal).into_iter().zip([maker, taker]) {
                    *self.paid.entry(account).or_default() += u128::from(fee.get());
                }
            }
        }
        let Some((block, _)) = decoded.block() else { return };
        if let (Body::Fee(fee), CommandResult::Done(_)) = (&block.body, &outcome.result) {
            let account = engine.key(&block.author).expect("it signed").account;
            *self.paid.entry(account).or_default() += u128::from(fee.amount.get());
        }
    }

    /// G = min(G_max, φ_b·bond + min(κ·B·s, φ_f·fees)) + dust, each part rounded down; 0 after a default or fork.
    fn check_limit(&self, parameters: &Parameters, account: &AccountState, state: &TrustState) {
        let (terms, parts) = (&self.terms, state.limit);
        let share = |worth: u128, ppm: u32| worth * u128::from(ppm) / 1_000_000;
        let bond = share(token_worth(&self.rates, state.bond), terms.bond_ppm);
        let fees = share(token_worth(&self.rates, state.fees), terms.fee_ppm);
        let budget = u128::from(terms.loss_budget.get()) * u128::from(terms.score_ppm);
        let reputation =
            (budget * u128::from(state.score_ppb) / 1_000_000_000_000_000).min(u128::from(u64::MAX));
        let earned = (bond + reputation.min(fees)).min(u128::from(terms.largest_limit.get()));
        let dust = if state.admitted { u128::from(parameters.dust.get()) } else { 0 };
        let found = [parts.bond, parts.reputation, parts.fees, parts.earned, parts.dust];
        let expected = [bond, reputation, fees, earned, dust];
        assert_eq!(found.map(|part| u128::from(part.get())), expected, "{state:?}");
        let whole = (earned + dust).min(u128::from(u64::MAX));
        let fatal = account.frozen.is_some_and(|reason| reason != FreezeReason::Operator);
        let total = if fatal { 0 } else { parts.operator.map_or(whole, |limit| u128::from(limit.get())) };
        assert_eq!(u128::from(parts.total.get()), total, "the limit is what the formula gives: {state:?}");
        assert_eq!(account.limit, parts.total);
    }

    fn check_admitted(&self, watch: &Watch, state: &TrustState) {
        let paid = self.paid.get(&state.account).copied().unwrap_or(0);
        let by_terms = match self.terms.admission {
            Admission::Work => true,
            Admission::Fee { amount } => paid >= u128::from(amount.get()),
            Admission::Certificate => {
                state.certificate.is_some_and(|certificate| self.states[&certificate.by].registrar)
            }
        };
        assert_eq!(state.admitted, by_terms || state.limit.operator.is_some(), "{state:?}");
        let open = watch.orders.alive().filter(|order| order.account == state.account).count();
        assert!(state.admitted || open == 0, "who is not admitted has no open orders: {state:?}");
    }

    /// What is at stake changes by its owner's word, by a slash, or by returning when the deals are over.
    fn check_stake(
        &self,
        engine: &Engine,
        decoded: &Decoded,
        outcome: &Outcome,
        watch: &Watch,
        state: &TrustState,
    ) {
        let before = self.before.get(&state.account);
        let staked = |state: &TrustState| i128::from(state.bond.get()) + i128::from(state.leaving.get());
        let (mut bond, mut all) =
            before.map_or((0, 0), |state| (i128::from(state.bond.get()), staked(state)));
        let own = self.slashed.iter().filter(|slash| slash.from == state.account);
        let slashed: i128 = own.map(|slash| i128::from(slash.tokens.get())).sum();
        let from_bond = slashed.min(bond);
        bond -= from_bond;
        all -= slashed;
        let author = decoded.block().and_then(|(block, _)| engine.key(&block.author));
        let by = author.is_some_and(|key| key.account == state.account);
        let done = matches!(outcome.result, CommandResult::Done(_));
        match decoded.block().map(|(block, _)| &block.body).filter(|_| by && done) {
            Some(Body::Bond(body)) => {
                bond += i128::from(body.amount.get());
                all += i128::from(body.amount.get());
            }
            Some(Body::Unbond(body)) => bond -= i128::from(body.amount.get()),
            _ => {}
        }
        assert_eq!(i128::from(state.bond.get()), bond, "a bond changes by its owner's word: {state:?}");
        let open =
            watch.deals.states.values().any(|deal| {
                [deal.seller, deal.buyer].contains(&state.account) && !deal.deal.state().is_over()
            });
        assert!(open || state.leaving.is_zero(), "nothing stays at stake for no deal: {state:?}");
        assert!(staked(state) <= all, "{state:?} was {before:?}");
        let ends = outcome.events.iter().any(|event| match event {
            Event::Deal(deal) => {
                [deal.seller, deal.buyer].contains(&state.account) && deal.deal.state().is_over()
            }
            _ => false,
        });
        let unbonds = bond < i128::from(before.map_or(0, |state| state.bond.get()));
        assert!(
            ends || unbonds || staked(state) == all,
            "what leaves waits for a deal: {state:?} was {before:?}"
        );
    }

    /// All limits together are at most what was put down and paid, and dust for each that is admitted.
    fn check_sum(&self, parameters: &Parameters) {
        let earned = self.states.values().map(|state| u128::from(state.limit.earned.get())).sum::<u128>();
        let [bonds, fees] = [|state: &TrustState| state.bond, |state: &TrustState| state.fees]
            .map(|of| self.states.values().map(|state| token_worth(&self.rates, of(state))).sum::<u128>());
        let most = bonds * u128::from(self.terms.bond_ppm) + fees * u128::from(self.terms.fee_ppm);
        assert!(earned * 1_000_000 <= most, "all limits together are paid for");
        let own = self.states.values().filter(|state| state.limit.operator.is_none());
        let all: u128 = own.map(|state| u128::from(state.limit.total.get())).sum();
        let admitted = self.states.values().filter(|state| state.admitted).count();
        let dust = u128::from(parameters.dust.get()) * u128::try_from(admitted).expect("it fits");
        assert!(all <= earned + dust);
    }

    fn check_scores(&self, engine: &Engine, scores: &Scores, watch: &Watch) {
        let given: BTreeMap<AccountId, u32> = scores
            .scores
            .iter()
            .map(|(at, ppb)| (engine.at_position(*at).expect("only accounts are scored"), *ppb))
            .collect();
        for (id, state) in &self.states {
            let defaulted = matches!(watch.accounts[id].frozen, Some(FreezeReason::Default(_)));
            let expected = given.get(id).copied().unwrap_or(0);
            let zero = defaulted || watch.deals.has_defaulted(id);
            assert!(state.score_ppb == expected || (zero && state.score_ppb == 0), "{state:?}: {expected}");
        }
    }

    /// Whoever asks for a score, or lets one counterparty owe only so much, is heard.
    fn check_wanted(&self, watch: &Watch, trade: &bandex_engine::Trade) {
        let sides = [
            (trade.taker, trade.taker_account, trade.maker_account),
            (trade.maker, trade.maker_account, trade.taker_account),
        ];
        let last = watch.deals.last_between(&trade.taker_account, &trade.maker_account);
        for (order, own, other) in sides {
            let (asked, preferred) = (&watch.orders.asked[&order], self.preference(&own));
            if let Some(least) = asked.least_score.max(preferred.least_score) {
                let score = u64::from(self.score_ppb(&other));
                assert!(score >= u64::from(least) * 1_000, "{own} trades with {other} of score {score}");
            }
            let caps = [asked.own_cap, preferred.largest_exposure].into_iter().flatten();
            if let Some(cap) = caps.min().filter(|_| last == Some(trade.deal)) {
                let owed = watch.deals.owed(&other, &own);
                let adds = watch.deals.cap_for(trade.deal, &own);
                let within = owed <= u128::from(cap.get());
                assert!(within || adds.is_zero(), "{own} lets {other} owe {owed}, above {cap}: {trade:?}");
            }
        }
    }
}
