//! What must always be true, checked from outside after every command: lanes, money, accounts. Orders and deals are
//! checked in `books` and `deals`.

use super::books::{Orders, listing_of, rails};
use super::chain::Counts;
use super::deals::{Before, Deals};
use super::guards::Guards;
use super::trust::{Trusts, worth_up};
use bandex_engine::{
    AccountState, BalanceState, CommandResult, Engine, Event, FreezeReason, KeyState, KeyStatus, LockReason,
    Outcome, ProposalState, ProposalStatus, Refusal,
};
use bandex_settlement::Party;
use bandex_tradechain::{Body, Decoded};
use bandex_types::{AccountId, Amount, BlockId, PublicKey, Rail, Side};
use borsh::BorshDeserialize;
use std::collections::BTreeMap;

/// What a client that only reads outcomes knows; it must agree with the engine.
#[derive(Default)]
pub struct Watch {
    pub accounts: BTreeMap<AccountId, AccountState>,
    pub keys: BTreeMap<PublicKey, KeyState>,
    pub balances: BTreeMap<AccountId, BalanceState>,
    /// The proposals that wait.
    pub waiting: BTreeMap<BlockId, ProposalState>,
    pub orders: Orders,
    pub deals: Deals,
    pub trust: Trusts,
    counts: Counts,
    guards: Guards,
    share_ppm: u32,
    /// The end of each lane: seq and id.
    lanes: BTreeMap<PublicKey, (u64, BlockId)>,
}

impl Watch {
    /// Takes in the outcome of the command that was just applied.
    pub fn see(&mut self, engine: &Engine, decoded: &Decoded, outcome: &Outcome) {
        let read = Outcome::try_from_slice(&outcome.encode()).expect("an outcome's bytes can be read");
        assert_eq!(&read, outcome);
        serde_json::to_value(outcome).expect("an outcome can be shown as JSON");
        self.see_lanes(engine, decoded, outcome);
        let before = self.balances.clone();
        self.orders.note_placed(decoded, outcome);
        self.begin_command();
        for event in &outcome.events {
            self.take_in(engine, event);
        }
        self.orders.check(engine, outcome);
        self.deals.check(engine, outcome, &self.orders);
        self.check_bids(engine, decoded, outcome);
        self.check_accounts(engine);
        self.check_money(engine, &before);
        let mut trust = std::mem::take(&mut self.trust);
        trust.check(engine, decoded, outcome, self);
        self.trust = trust;
        self.counts.check(decoded, outcome, &self.deals.states);
        self.guards.check(engine, decoded, outcome, &self.orders);
    }

    fn begin_command(&mut self) {
        let burden = |id| self.trust.states.get(id).map_or(Amount::ZERO, |trust| trust.burden);
        let limits = self.accounts.iter().map(|(id, state)| (*id, (state.limit, burden(id)))).collect();
        self.deals.begin_command(Before { limits, share_ppm: self.share_ppm });
        self.trust.begin_command();
    }

    fn take_in(&mut self, engine: &Engine, event: &Event) {
        self.trust.take_in(event);
        self.counts.take_in(event);
        match event {
            Event::Account(state) => drop(self.accounts.insert(state.account, state.clone())),
            Event::Key(state) => drop(self.keys.insert(state.key, state.clone())),
            Event::Balance(state) => drop(self.balances.insert(state.account, state.clone())),
            Event::Order(state) => self.orders.change(engine, state, &self.trust.rates),
            Event::Trade(trade) => {
                self.orders.trade(engine, trade);
                let quote = listing_of(engine, trade.market).quote;
                self.deals.open(trade, self.trust.rates.get(&quote).copied());
            }
            Event::Deal(state) => self.deals.change(state),
            Event::Tranche(tranche) => self.deals.tranche(tranche),
            Event::Default(notice) => self.deals.default(notice),
            Event::Netted(netted) => self.deals.netted(netted),
            Event::Proposal(state) => {
                let waits = state.status == ProposalStatus::Waiting;
                let known = self.waiting.contains_key(&state.proposal);
                assert_ne!(waits, known, "a proposal waits once and ends once: {state:?}");
                if waits {
                    self.waiting.insert(state.proposal, state.clone());
                } else {
                    self.waiting.remove(&state.proposal);
                }
            }
            // Dust is the limit of all accounts that have none of their own.
            Event::Parameters(parameters) => {
                assert_eq!(parameters, engine.parameters());
                self.share_ppm = parameters.share_ppm;
                for state in self.accounts.values_mut() {
                    state.limit = engine.account(&state.account).expect("accounts stay").limit;
                }
            }
            Event::Fork(notice) => assert_ne!(notice.first, notice.second),
            Event::Genesis { .. }
            | Event::Asset(_)
            | Event::Market { .. }
            | Event::Rules { .. }
            | Event::Terms(_)
            | Event::MarketRules { .. }
            | Event::Auction { .. }
            | Event::Protection { .. }
            | Event::Trust(_)
            | Event::TrustTerms(_)
            | Event::Rate { .. }
            | Event::MarketFees { .. }
            | Event::Epoch { .. }
            | Event::Scored { .. }
            | Event::Slash(_)
            | Event::Bitcoin(_)
            | Event::PaymentTerms { .. }
            | Event::Chain(_)
            | Event::Payment(_)
            | Event::Guard(_)
            | Event::DealFees { .. } => {}
        }
    }

    /// A lane has each seq once, each block pointing at its predecessor, and a block takes its place even if refused.
    fn see_lanes(&mut self, engine: &Engine, decoded: &Decoded, outcome: &Outcome) {
        let made_by = decoded.block().map(|(_, id)| *id).or(engine.genesis().map(|genesis| genesis.id()));
        if let Some((block, id)) = decoded.block() {
            let done = matches!(outcome.result, CommandResult::Done(_));
            let registers = matches!(block.body, Body::Register(_));
            let known = self.lanes.get(&block.author).copied();
            let continues = known == block.seq.checked_sub(1).map(|seq| (seq, block.previous));
            let turned_away = outcome.result == CommandResult::Refused(Refusal::NotNext);
            match known {
                Some(_) if registers => assert!(!done, "a key with a lane registers nothing"),
                Some(_) => assert_eq!(continues, !turned_away, "{block:?} after {known:?}: {outcome:?}"),
                None => assert_eq!(done, registers && done, "an unknown key does nothing"),
            }
            if (registers && done) || (!registers && continues) {
                self.lanes.insert(block.author, (block.seq, *id));
            }
        }
        for event in &outcome.events {
            if let (Event::Key(state), Some(id)) = (event, made_by) {
                self.lanes.entry(state.key).or_insert((0, id));
            }
        }
        if let Some(genesis) = engine.genesis() {
            self.lanes.entry(genesis.operator).or_insert((0, genesis.id()));
        }
        for (key, end) in &self.lanes {
            assert_eq!(engine.head(key).map(|head| (head.seq, head.id)), Some(*end));
        }
    }

    /// Open bids and unsettled purchases stay within the bound whenever a bid is added. Each trade rounds up by less
    /// than a unit, so it may add one.
    fn check_bids(&self, engine: &Engine, decoded: &Decoded, outcome: &Outcome) {
        let Some((block, _)) = decoded.block() else { return };
        let new = |event: &&Event| match event {
            Event::Order(state) => state.order.key == block.author && state.order.seq == block.seq,
            _ => false,
        };
        let placed: Vec<&Event> = outcome.events.iter().filter(new).collect();
        for event in placed {
            let Event::Order(state) = event else { continue };
            let listing = listing_of(engine, state.market);
            if state.side == Side::Sell || rails(engine, &listing).1 == Rail::Token {
                continue;
            }
            let sum = self.orders.open_bids(engine, &state.account) + self.deals.unsettled(&state.account);
            let limit = u128::from(engine.account(&state.account).expect("it ordered").limit.get());
            let trades = outcome.events.iter().filter(|event| matches!(event, Event::Trade(_))).count();
            let unit = worth_up(engine.rate(listing.quote), 1) + 1;
            let bound = limit * u128::from(engine.parameters().bid_multiple)
                + u128::try_from(trades).expect("it fits") * unit;
            assert!(sum <= bound, "bids of {sum} above {bound}: {state:?}");
        }
    }

    fn check_accounts(&self, engine: &Engine) {
        assert_eq!(engine.account_count(), self.accounts.len());
        for (id, state) in &self.accounts {
            assert_eq!(engine.account(id).as_ref(), Some(state), "events tell every change of an account");
            assert_eq!(
                u128::from(state.reserved.get()),
                self.deals.reserved(id),
                "reserved is what deals reserve"
            );
            let fatal = state.frozen.is_some_and(|reason| !matches!(reason, FreezeReason::Operator));
            assert!(!fatal || state.limit.is_zero(), "no limit after a default or a fork: {state:?}");
            let open = self.orders.alive().filter(|order| order.account == *id).count();
            assert!(state.frozen.is_none() || open == 0, "a frozen account has no open orders: {state:?}");
        }
        for (key, state) in &self.keys {
            assert_eq!(engine.key(key).as_ref(), Some(state), "events tell every change of a key");
            let open = self.orders.alive().any(|order| order.order.key == *key);
            let ended = state.status != KeyStatus::Active && !state.root;
            assert!(!ended || !open, "a session key that ended has no open orders");
        }
    }

    fn check_money(&self, engine: &Engine, before: &BTreeMap<AccountId, BalanceState>) {
        assert_eq!(engine.ledger().sum(), 0, "balances sum to zero");
        assert!(engine.locks_add_up(), "locks add up");
        let mut right: BTreeMap<AccountId, u128> = BTreeMap::new();
        for (order, account, units) in self.orders.locks(engine) {
            let locked = engine.locked_for(&LockReason::Order(order)).get();
            assert_eq!(u128::from(locked), units, "an order locks what it may still pay: {order}");
            *right.entry(account).or_default() += units;
        }
        for (deal, party, account, units) in self.deals.locks() {
            let locked = engine.locked_for(&LockReason::Deal(deal, party)).get();
            assert_eq!(locked, units, "a deal locks what the {party} still has to deliver: {deal}");
            *right.entry(account).or_default() += u128::from(units);
        }
        for (id, state) in &self.trust.states {
            *right.entry(*id).or_default() += u128::from(state.bond.get()) + u128::from(state.leaving.get());
        }
        for (id, state) in &self.balances {
            assert_eq!(engine.balance(id).as_ref(), Some(state), "events tell every change of a balance");
            let locked = right.get(id).copied().unwrap_or(0);
            assert_eq!(u128::from(state.locked.get()), locked, "nothing else is locked: {state:?}");
            let free = |state: &BalanceState| state.balance - i128::from(state.locked.get());
            let line = engine.account(id).expect("it has a balance").credit_line.get();
            let then = before.get(id).map_or(0, free);
            assert!(free(state) >= then.min(-i128::from(line)), "no debit beyond the credit line: {state:?}");
        }
        let supply: i128 = self.balances.values().map(|state| state.balance).sum();
        assert_eq!(supply, 0);
    }
}

/// What a party of a deal locks, for `Watch::check_money`.
pub type DealLock = (bandex_types::DealId, Party, AccountId, u64);
