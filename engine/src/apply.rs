//! The engine's one door: a command goes in, an outcome comes out.

use crate::accounts::{AccountIndex, Accounts, LaneIndex, Role};
use crate::bitcoin::Bitcoin;
use crate::deal_table::Deals;
use crate::effects::Effects;
use crate::ledger::Ledger;
use crate::market::Market;
use crate::open::OpenOrders;
use crate::orders::Scratch;
use crate::outcome::{BalanceState, CommandResult, Event, KeyStatus, OperationResult, Outcome};
use crate::protection::Guards;
use crate::refusal::not_served;
use crate::timers::{Timer, Timers};
use crate::trust::Trust;
use crate::{Refusal, proposals::Proposal};
use bandex_tradechain::body::{AssetListing, MarketState, Parameters, Scopes};
use bandex_tradechain::{Block, Body, Command, Decoded, Genesis, LaneAnswer};
use bandex_types::{AssetId, BlockId, MarketId, Price, Side, Timestamp};
use std::collections::BTreeMap;

/// The version of the rules that every journal begins under.
pub const FIRST_RULES: u32 = 1;
/// The newest version of the rules that this code applies; it applies all from the first.
///
/// 2 serves the whole of trading: market, stop, iceberg and GTD orders, amendments, quotes, bands, auctions.
/// 3 serves trust: bonds, fees, scores, admission, preferences, the ends of deals that went wrong, netting.
/// 4 serves payments on the Bitcoin chain.
/// 5 serves guards: orders that go when their key's program falls silent.
pub const RULES_VERSION: u32 = 5;

/// The state machine of one exchange.
#[derive(Debug, Default)]
pub struct Engine {
    pub(crate) seq: u64,
    pub(crate) time: Timestamp,
    pub(crate) rules: u32,
    pub(crate) genesis: Option<Genesis>,
    pub(crate) parameters: Parameters,
    pub(crate) accounts: Accounts,
    pub(crate) ledger: Ledger,
    pub(crate) assets: BTreeMap<AssetId, AssetListing>,
    pub(crate) markets: BTreeMap<MarketId, Market>,
    pub(crate) orders: OpenOrders,
    pub(crate) next_order: u64,
    pub(crate) guards: Guards,
    pub(crate) deals: Deals,
    pub(crate) proposals: BTreeMap<BlockId, Proposal>,
    pub(crate) timers: Timers,
    pub(crate) trust: Trust,
    /// The Bitcoin chain, once the operator has said which.
    pub(crate) bitcoin: Option<Box<Bitcoin>>,
    /// What a step needs for its trades, kept so that it is not allocated again and again.
    pub(crate) scratch: Scratch,
    /// What the last command touched, kept for its memory only.
    pub(crate) effects: Effects,
    /// Levels that orders left in the last command by being amended.
    pub(crate) left_levels: Vec<(MarketId, Side, Price)>,
}

/// Who signed the block being applied, and with which key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signer<'a> {
    pub account: AccountIndex,
    pub lane: LaneIndex,
    pub block: &'a Block,
    pub id: BlockId,
}

impl Engine {
    /// An engine before its first command, which must be `genesis`.
    pub fn new() -> Self {
        Self { rules: FIRST_RULES, ..Self::default() }
    }

    /// The seq of the last applied command, 0 before the first.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The sequenced time of the last applied command.
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// The version of the rules that the next command is judged by.
    pub const fn rules(&self) -> u32 {
        self.rules
    }

    /// The command that brings the rules up to the newest; whoever keeps a journal sequences it before anything else.
    /// `None` if they are the newest, or before genesis.
    pub fn due_upgrade(&self) -> Option<Command> {
        let due = self.genesis.is_some() && self.rules < RULES_VERSION;
        due.then_some(Command::Upgrade { rules: RULES_VERSION })
    }

    /// Whether the whole of trading is served.
    pub(crate) const fn serves_trading(&self) -> bool {
        self.rules >= 2
    }

    /// Whether trust is served: limits that are earned.
    pub(crate) const fn serves_trust(&self) -> bool {
        self.rules >= 3
    }

    /// The levels that orders left in the last command by being amended. Events tell where orders stand now; whoever
    /// keeps books by level must look at these too.
    pub fn left_levels(&self) -> &[(MarketId, Side, Price)] {
        &self.left_levels
    }

    /// Record 1, once it was applied.
    pub const fn genesis(&self) -> Option<&Genesis> {
        self.genesis.as_ref()
    }

    /// When something next happens by itself.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    /// Applies the next command at sequenced `time`, after everything that was due by then.
    ///
    /// A time before that of the last command counts as that time: sequenced time never runs backwards.
    pub fn apply(&mut self, time: Timestamp, decoded: &Decoded) -> Outcome {
        self.seq += 1;
        self.time = self.time.max(time);
        self.left_levels.clear();
        self.deals.begin();
        let mut effects = std::mem::take(&mut self.effects);
        self.expire_due(&mut effects);
        let result = self.command(decoded, &mut effects);
        self.describe(&mut effects);
        // One copy of the right size: an outcome may be kept for long, the memory it grew in is used again.
        let mut events = Vec::with_capacity(effects.events.len());
        events.append(&mut effects.events);
        self.effects = effects;
        Outcome { result, events }
    }

    /// A copy to try a command on that would be next: it gives the outcome that this engine would give. It does not know
    /// which blocks were sequenced before, so [`Engine::standing`] is asked of this one.
    pub fn stand_in(&self) -> Self {
        Self {
            seq: self.seq,
            time: self.time,
            rules: self.rules,
            genesis: self.genesis.clone(),
            parameters: self.parameters.clone(),
            accounts: self.accounts.without_history(),
            ledger: self.ledger.clone(),
            assets: self.assets.clone(),
            markets: self.markets.clone(),
            orders: self.orders.clone(),
            next_order: self.next_order,
            guards: self.guards.clone(),
            deals: self.deals.clone(),
            proposals: self.proposals.clone(),
            timers: self.timers.clone(),
            trust: self.trust.clone(),
            bitcoin: self.bitcoin.clone(),
            scratch: Scratch::default(),
            effects: Effects::default(),
            left_levels: Vec::new(),
        }
    }

    fn command(&mut self, decoded: &Decoded, effects: &mut Effects) -> CommandResult {
        let done = match (decoded.command(), decoded.block()) {
            (Command::Genesis(genesis), _) => self.begin(genesis, effects),
            _ if self.genesis.is_none() => Err(Refusal::Misplaced),
            (Command::Block(_), Some((block, id))) => return self.block(block, *id, effects),
            (Command::Fork(proof), _) => self.fork(proof, effects),
            (Command::Tick, _) => Ok(()),
            (Command::Upgrade { rules }, _) => self.upgrade(*rules, effects),
            (Command::Scores(scores), _) => self.take_scores(scores, effects),
            (Command::Headers(headers), _) => self.take_headers(headers, effects),
            (Command::Payment(payment), _) => self.take_payment(payment, effects),
            (Command::Disconnected(disconnected), _) => self.disconnected(disconnected, effects),
            (Command::Block(_), None) => Err(Refusal::Misplaced),
        };
        done.map_or_else(CommandResult::Refused, |()| CommandResult::Done(Vec::new()))
    }

    fn begin(&mut self, genesis: &Genesis, effects: &mut Effects) -> Result<(), Refusal> {
        if self.genesis.is_some() || self.seq != 1 {
            return Err(Refusal::Misplaced);
        }
        // From here the exchange begins.
        let issuance = self.accounts.add(genesis.issuance);
        self.ledger.set_credit_line(issuance, genesis.issuance_cap);
        self.accounts.add_lane(genesis.operator, issuance, Role::Operator, genesis.id());
        self.genesis = Some(genesis.clone());
        effects.push(Event::Genesis { network: genesis.network });
        effects.push(Event::Parameters(self.parameters.clone()));
        self.refresh(issuance, effects);
        effects.account(issuance);
        effects.balance(issuance);
        Ok(())
    }

    fn upgrade(&mut self, rules: u32, effects: &mut Effects) -> Result<(), Refusal> {
        if !(self.rules..=RULES_VERSION).contains(&rules) {
            return not_served(&format!("version {rules} of the rules"));
        }
        // From here other rules hold. Markets that gather have gathered nothing yet.
        let trust_begins = self.rules < 3 && rules >= 3;
        self.rules = rules;
        for market in self.markets.values_mut() {
            market.gathers = rules >= 2 && market.state == MarketState::Auction;
        }
        effects.push(Event::Rules { version: rules });
        if trust_begins {
            self.begin_trust(effects);
        }
        Ok(())
    }

    fn block(&mut self, block: &Block, id: BlockId, effects: &mut Effects) -> CommandResult {
        if let Body::Register(register) = &block.body {
            return match self.register(register, block, id, effects) {
                Ok(()) => CommandResult::Done(Vec::new()),
                Err(refusal) => CommandResult::Refused(refusal),
            };
        }
        let record = self.seq;
        let Some(index) = self.accounts.find_lane(&block.author) else {
            return CommandResult::Refused(Refusal::UnknownKey);
        };
        let lane = self.accounts.lane_at_mut(index);
        if lane.head.judge(block.seq, block.previous) != LaneAnswer::Next {
            return CommandResult::Refused(Refusal::NotNext);
        }
        // From here the block has its place in the lane, whatever becomes of what it says.
        lane.push(block.seq, id, record);
        let account = lane.account;
        let signer = Signer { account, lane: index, block, id };
        match self.authorise(signer) {
            Err(refusal) => CommandResult::Refused(refusal),
            Ok(()) => self.body(signer, effects),
        }
    }

    /// Whether the key may sign this kind of block now.
    fn authorise(&self, signer: Signer<'_>) -> Result<(), Refusal> {
        let block = signer.block;
        if let Some(expiry) = block.expiry.filter(|expiry| *expiry < self.time) {
            return Err(Refusal::Expired { expiry, sequenced: self.time });
        }
        let lane = self.accounts.lane_at(signer.lane);
        match lane.status {
            KeyStatus::Active => {}
            KeyStatus::Revoked => return Err(Refusal::KeyRevoked),
            KeyStatus::Forked => return Err(Refusal::KeyForked),
        }
        let configures = matches!(block.body, Body::Configure(_));
        match &lane.role {
            Role::Operator if configures => Ok(()),
            Role::Operator => Err(Refusal::OutOfScope),
            Role::Root | Role::Session(_) if configures => Err(Refusal::NotOperator),
            Role::Root => Ok(()),
            Role::Session(grant) => {
                if let Some(expired) = grant.expires.filter(|expires| *expires <= self.time) {
                    return Err(Refusal::GrantExpired { expired });
                }
                let needed = self.needed_scope(&block.body).ok_or(Refusal::RootOnly)?;
                if grant.scopes.covers(needed) { Ok(()) } else { Err(Refusal::OutOfScope) }
            }
        }
    }

    /// What a session key must be granted to sign this; `None` if only the root key may.
    fn needed_scope(&self, body: &Body) -> Option<Scopes> {
        match body {
            Body::Orders(_) | Body::Guard(_) => Some(Scopes::ORDERS),
            Body::Pay(_) | Body::Receive(_) | Body::Resolve(_) | Body::WriteOff(_) | Body::Cure(_) => {
                Some(Scopes::SETTLE)
            }
            Body::Acknowledge(acknowledge) => Some(self.scope_to_acknowledge(&acknowledge.proposal)),
            Body::Transfer(_)
            | Body::Bandwidth(_)
            | Body::Bond(_)
            | Body::Unbond(_)
            | Body::Fee(_)
            | Body::Claim(_) => Some(Scopes::TOKENS),
            _ => None,
        }
    }

    fn body(&mut self, signer: Signer<'_>, effects: &mut Effects) -> CommandResult {
        let done = match &signer.block.body {
            Body::Orders(orders) => {
                self.ask_ahead(signer, &orders.operations);
                let mut results = Vec::with_capacity(orders.operations.len());
                for (number, operation) in orders.numbered() {
                    results.push(as_result(self.operation(signer, number, operation, effects)));
                }
                return CommandResult::Done(results);
            }
            Body::Configure(configure) => {
                let judge = |change| self.configure(change, effects);
                return CommandResult::Done(configure.changes.iter().map(judge).map(as_result).collect());
            }
            Body::Rotate(rotate) => self.rotate(signer, rotate, effects),
            Body::Grant(grant) => self.grant(signer, grant, effects),
            Body::Revoke(revoke) => self.revoke(signer, revoke, effects),
            Body::Heal(heal) => self.heal(signer, heal, effects),
            Body::Pay(pay) => self.pay(signer, pay, effects),
            Body::Acknowledge(acknowledge) => self.acknowledge(signer, acknowledge.proposal, effects),
            Body::Transfer(transfer) => self.transfer(signer, transfer, effects),
            Body::Bandwidth(bandwidth) => self.propose_bandwidth(signer, bandwidth, effects),
            Body::Bond(_)
            | Body::Unbond(_)
            | Body::Fee(_)
            | Body::Claim(_)
            | Body::Certify(_)
            | Body::Decertify(_)
            | Body::Prefer(_)
            | Body::Resolve(_)
            | Body::WriteOff(_)
            | Body::Cure(_)
                if !self.serves_trust() =>
            {
                not_served(signer.block.body.kind().name())
            }
            Body::Bond(bond) => self.bond(signer, bond.amount, effects),
            Body::Unbond(unbond) => self.unbond(signer, unbond.amount, effects),
            Body::Fee(fee) => self.fee(signer, fee.amount, effects),
            Body::Claim(_) => self.claim(signer, effects),
            Body::Certify(certify) => self.certify(signer, certify, effects),
            Body::Decertify(decertify) => self.decertify(signer, &decertify.account, effects),
            Body::Prefer(prefer) => {
                self.prefer(signer, *prefer, effects);
                Ok(())
            }
            Body::Resolve(resolve) => self.propose_resolution(signer, resolve, effects),
            Body::WriteOff(write_off) => self.write_off(signer, write_off, effects),
            Body::Cure(cure) => self.cure(signer, cure, effects),
            Body::Receive(receive) => self.receive(signer, receive, effects),
            Body::Guard(guard) => self.guard(signer, *guard, effects),
            Body::Register(_) | Body::Batch(_) => Err(Refusal::Misplaced),
        };
        done.map_or_else(CommandResult::Refused, |()| CommandResult::Done(Vec::new()))
    }

    fn expire_due(&mut self, effects: &mut Effects) {
        while let Some(timer) = self.timers.take_due(self.time, &self.deals) {
            match timer {
                Timer::Deal(deal) => self.expire_deal(deal, effects),
                Timer::Proposal(proposal) => self.expire_proposal(proposal, effects),
                Timer::Order(number) => self.expire_order(number, effects),
                Timer::Market(market) => self.market_is_due(market, effects),
                Timer::Epoch => self.end_epoch(effects),
                Timer::Certificate(account) => self.end_certificate(account, effects),
                Timer::Guard(lane) => self.guard_is_due(lane, effects),
            }
        }
    }

    /// Ends the outcome with the new state of every deal, account and balance that was touched.
    fn describe(&self, effects: &mut Effects) {
        let Effects { events, balances, accounts, trust, deals } = effects;
        let deals = deals.drain_by_key(|index| self.deals.id(*index));
        events.extend(deals.map(|index| Event::Deal(Box::new(self.deal_state(index)))));
        let accounts = accounts.drain_by_key(|index| *index);
        events.extend(accounts.map(|index| Event::Account(self.account_state(index))));
        let trust = trust.drain_by_key(|index| *index);
        events.extend(trust.map(|index| Event::Trust(Box::new(self.trust_state(index)))));
        let balances = balances.drain_by_key(|index| *index);
        events.extend(balances.map(|index| Event::Balance(self.balance_state(index))));
    }

    pub(crate) fn account_state(&self, index: AccountIndex) -> crate::AccountState {
        self.accounts.get(index).state(self.ledger.entry(index).credit_line)
    }

    pub(crate) fn balance_state(&self, index: AccountIndex) -> BalanceState {
        let entry = self.ledger.entry(index);
        let account = self.accounts.get(index).id;
        BalanceState { account, asset: AssetId::BWT, balance: entry.balance, locked: entry.locked }
    }
}

fn as_result(done: Result<(), Refusal>) -> OperationResult {
    done.map_or_else(OperationResult::Refused, |()| OperationResult::Done)
}
