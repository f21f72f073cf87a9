//! What everybody may see of trust: its terms, the accounts with what their standing needs, the last epoch.

use bandex_engine::{AccountState, Engine, Event, Rulings, TrustState};
use bandex_tradechain::body::{Fees, Parameters, TrustTerms};
use bandex_types::{AccountId, Amount, AssetId, Hash, MarketId, Ratio};
use std::collections::{BTreeMap, BTreeSet};

/// What standing and reputation need of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Person {
    /// Its place in the order of registration: what scores call it.
    pub position: u32,
    /// Its tokens, in bytes.
    pub balance: i128,
    /// Its score, in parts per billion.
    pub score_ppb: u32,
    /// Whether it is frozen, for whatever reason.
    pub frozen: bool,
    /// How far below zero its tokens may go, in bytes.
    pub credit_line: Amount,
}

/// An epoch that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EpochEnd {
    pub epoch: u64,
    pub checkpoint: Hash,
    pub edges: u64,
    /// Whether its scores are in force.
    pub scored: bool,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct TrustView {
    pub terms: TrustTerms,
    pub rates: BTreeMap<AssetId, Ratio>,
    pub fees: BTreeMap<MarketId, Fees>,
    pub seeds: BTreeSet<AccountId>,
    pub registrars: BTreeSet<AccountId>,
    pub epoch: Option<EpochEnd>,
    people: BTreeMap<AccountId, Person>,
}

impl TrustView {
    /// What a replayed engine shows.
    pub fn of(engine: &Engine) -> Self {
        let mut view = Self {
            terms: engine.trust_terms().clone(),
            rates: engine.rates().collect(),
            epoch: engine.last_checkpoint().map(|end| EpochEnd {
                epoch: end.epoch,
                checkpoint: end.key,
                edges: end.graph.edge_count() as u64,
                scored: engine.checkpoint().is_none(),
            }),
            ..Self::default()
        };
        let fees = engine.markets().map(|market| (market.listing.id, market.fees));
        view.fees = fees.filter(|(_, fees)| *fees != Fees::default()).collect();
        let positions = 0..u32::try_from(engine.account_count()).unwrap_or(u32::MAX);
        for id in positions.filter_map(|position| engine.at_position(position)) {
            if let Some(state) = engine.account(&id) {
                view.account(&state);
            }
            if let (Some(balance), Some(person)) = (engine.balance(&id), view.people.get_mut(&id)) {
                person.balance = balance.balance;
            }
            if let Some(trust) = engine.trust(&id) {
                view.stake(&trust);
            }
        }
        view
    }

    /// What explanations of limits follow from.
    pub fn rulings<'a>(&'a self, parameters: &'a Parameters) -> Rulings<'a> {
        let token_rate = self.rates.get(&AssetId::BWT).copied();
        Rulings { terms: &self.terms, parameters, token_rate }
    }

    /// An account, if it is here.
    pub fn person(&self, account: &AccountId) -> Option<Person> {
        self.people.get(account).copied()
    }

    /// Takes in what an event says.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Account(state) => self.account(state),
            Event::Balance(state) if state.asset == AssetId::BWT => {
                if let Some(person) = self.people.get_mut(&state.account) {
                    person.balance = state.balance;
                }
            }
            Event::Trust(state) => self.stake(state),
            Event::TrustTerms(terms) => self.terms = terms.clone(),
            Event::Rate { asset, rate: Some(rate) } => {
                self.rates.insert(*asset, *rate);
            }
            Event::Rate { asset, rate: None } => {
                self.rates.remove(asset);
            }
            Event::MarketFees { market, fees } if *fees == Fees::default() => {
                self.fees.remove(market);
            }
            Event::MarketFees { market, fees } => {
                self.fees.insert(*market, *fees);
            }
            Event::Epoch { epoch, checkpoint, edges } => {
                let (epoch, checkpoint, edges) = (*epoch, *checkpoint, *edges);
                self.epoch = Some(EpochEnd { epoch, checkpoint, edges, scored: false });
            }
            Event::Scored { epoch } => {
                if let Some(end) = self.epoch.as_mut().filter(|end| end.epoch == *epoch) {
                    end.scored = true;
                }
            }
            _ => {}
        }
    }

    /// Accounts are told of for the first time in the order in which they register, each in a record of its own.
    fn account(&mut self, state: &AccountState) {
        let position = u32::try_from(self.people.len()).unwrap_or(u32::MAX);
        let person = self.people.entry(state.account).or_insert(Person {
            position,
            balance: 0,
            score_ppb: 0,
            frozen: false,
            credit_line: Amount::ZERO,
        });
        (person.frozen, person.credit_line) = (state.frozen.is_some(), state.credit_line);
    }

    fn stake(&mut self, state: &TrustState) {
        if let Some(person) = self.people.get_mut(&state.account) {
            person.score_ppb = state.score_ppb;
        }
        for (set, has) in [(&mut self.seeds, state.seed), (&mut self.registrars, state.registrar)] {
            if has {
                set.insert(state.account);
            } else {
                set.remove(&state.account);
            }
        }
    }
}
