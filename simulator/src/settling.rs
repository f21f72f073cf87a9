//! How agents settle: the honest ones as the deals ask, the others as they are.

use crate::agent::{Job, Task};
use crate::broken::Broken;
use crate::setup::Kind;
use crate::story::Act;
use crate::world::World;
use bandex_settlement::{Party, State};
use bandex_tradechain::Body;
use bandex_tradechain::body::{Acknowledge, Pay, Resolve, Scopes, WriteOff};
use bandex_types::{AccountId, Amount, BlockId, DealId, Rail};

/// What is done about a deal that went wrong.
enum Trouble {
    Cure(DealId, Party),
    WriteOff(DealId),
    Resolve(DealId),
}

impl World<'_> {
    /// A client's agent looks what is due.
    pub fn settle(&mut self, index: usize) -> Result<(), Broken> {
        let Some(client) = self.clients.get(index) else { return Ok(()) };
        let Some(account) = client.disk.account else { return Ok(()) };
        let mut coins = Vec::new();
        for task in client.agent.tasks(&account)? {
            match task {
                Task::Name(deal) => self.name(index, deal),
                Task::Coins(asked) => coins.push(asked),
                Task::Pay { .. } => self.pay(index, task),
                Task::Acknowledge { proposal, deal, payer, cumulative } => {
                    let arrived = self.bank.units(deal, payer) >= u128::from(cumulative.get());
                    if arrived {
                        self.acknowledge(index, proposal, Scopes::SETTLE);
                    }
                }
            }
        }
        self.pay_coins(index, coins);
        self.acknowledge_own(index, &account);
        let proposals: Vec<BlockId> = match self.clients.get(index) {
            Some(client) => {
                let for_us = client.agent.proposals.values().filter(|proposal| proposal.to == account);
                for_us.map(|proposal| proposal.proposal).collect()
            }
            None => Vec::new(),
        };
        for proposal in proposals {
            self.acknowledge(index, proposal, Scopes::TOKENS);
        }
        self.end_troubles(index, &account);
        Ok(())
    }

    /// Deals that went wrong: what the other side proposes to end them, what one makes good, and what some give up.
    fn end_troubles(&mut self, index: usize, account: &AccountId) {
        let Some(client) = self.clients.get(index) else { return };
        let ends = client.agent.ends.values().filter(|proposal| proposal.to == *account);
        let ends: Vec<BlockId> =
            ends.map(|end| end.proposal).filter(|proposal| self.agrees(index, proposal)).collect();
        let troubled = client.agent.deals.values().filter_map(|state| {
            let own = if state.seller == *account { Party::Seller } else { Party::Buyer };
            // Some go on waiting for what was claimed and never came.
            let asks =
                client.kind.is_honest() && state.id.as_bytes().last().is_some_and(|byte| byte % 3 == 0);
            match state.deal.state() {
                State::Defaulted { by } if by == own && client.kind.is_honest() => {
                    Some(Trouble::Cure(state.id, own))
                }
                State::Disputed { .. } if client.kind.gives_up() => Some(Trouble::WriteOff(state.id)),
                State::Disputed { by } if by == own && asks => Some(Trouble::Resolve(state.id)),
                _ => None,
            }
        });
        let troubled: Vec<Trouble> = troubled.collect();
        for proposal in ends {
            self.sign_job(index, Job::Acknowledge(proposal), Scopes::SETTLE, Acknowledge { proposal }.into());
        }
        for trouble in troubled {
            match trouble {
                Trouble::Cure(deal, own) => self.cure(index, deal, own),
                Trouble::WriteOff(deal) => {
                    self.sign_job(index, Job::WriteOff(deal), Scopes::SETTLE, WriteOff { deal }.into());
                }
                Trouble::Resolve(deal) => {
                    let resolve = Resolve { deal, deliver: self.fair_delivery(&deal) };
                    self.sign_job(index, Job::Resolve(deal), Scopes::SETTLE, resolve.into());
                }
            }
        }
    }

    /// A liar acknowledges its own payments, as if it were who was paid.
    fn acknowledge_own(&mut self, index: usize, account: &AccountId) {
        let Some(client) = self.clients.get(index).filter(|client| client.kind == Kind::Liar) else { return };
        let flying = client.agent.deals.values().filter_map(|state| {
            let open = state.deal.in_flight()?;
            let payer = if open.party == Party::Seller { state.seller } else { state.buyer };
            (payer == *account).then_some(open.proposal)
        });
        for proposal in flying.collect::<Vec<_>>() {
            self.acknowledge(index, proposal, Scopes::SETTLE);
        }
    }

    fn acknowledge(&mut self, index: usize, proposal: BlockId, scope: Scopes) {
        if self.clients.get(index).is_none_or(|client| client.kind.withholds()) {
            return;
        }
        self.sign_job(index, Job::Acknowledge(proposal), scope, Acknowledge { proposal }.into());
    }

    fn pay(&mut self, index: usize, task: Task) {
        let Task::Pay { deal, party, tranche, cumulative, amount, value } = task else { return };
        let Some(client) = self.clients.get(index) else { return };
        let job = Job::Pay(deal, tranche);
        let first = !client.disk.jobs.contains_key(&job);
        // Its owner has made the default good; an agent that has not heard of it must not pay once more.
        if client.disk.jobs.contains_key(&Job::Cure(deal)) {
            return;
        }
        let Some(state) = client.agent.deals.get(&deal) else { return };
        let outside = state.deal.terms().rail_of(party) == Rail::Attested;
        let payee = if party == Party::Seller { state.buyer } else { state.seller };
        let (moves, cumulative) = match client.kind {
            Kind::NonPayer | Kind::Splitter | Kind::Whitewasher | Kind::Netter => return,
            kind if kind.feeds() => return,
            Kind::BustOut if client.busted => return,
            Kind::WashTrader if !self.is_in_ring(index, &payee) => return,
            Kind::BondRunner => return self.run_off(index),
            kind if kind.claims() => (false, cumulative),
            Kind::WrongPayer => (false, cumulative.checked_add(Amount::new(1)).unwrap_or(cumulative)),
            _ => (outside, cumulative),
        };
        // Money is moved once, before its payment is reported. Of a coarse base that may be no unit at all.
        if first && moves {
            self.bank.pay(deal, party, amount, value);
        }
        let pay = Pay { deal, tranche, cumulative, reference: String::new() };
        self.sign_job(index, job, Scopes::SETTLE, pay.into());
    }

    pub fn is_in_ring(&self, index: usize, account: &AccountId) -> bool {
        let ring = self.ring(index);
        ring.iter().filter_map(|one| self.clients.get(*one)).any(|one| one.disk.account == Some(*account))
    }

    /// Takes its bond back as far as anything is left of it.
    pub fn run_off(&mut self, index: usize) {
        let account = self.clients.get(index).and_then(|client| client.disk.account);
        let bond = account.map_or(0, |account| self.watch.trust.bond_of(&account));
        if bond > 0
            && let Ok(number) = u8::try_from(index)
        {
            self.act(number, &Act::Unbond { key: 0, amount: bond });
        }
    }

    /// Signs a step unless it was signed before; with the root key if another key's signature did not count.
    pub fn sign_job(&mut self, index: usize, job: Job, scope: Scopes, body: Body) {
        let now = self.time();
        let Some(client) = self.clients.get_mut(index) else { return };
        let lane = match client.disk.jobs.get(&job) {
            Some(true) => return,
            Some(false) => Some(client.disk.root),
            None => client.lanes_for(scope, now).first().copied(),
        };
        let Some(lane) = lane else { return };
        let signed = client.sign(lane, body, None, now);
        if signed.is_some() {
            client.disk.jobs.insert(job, true);
        }
        self.send(index, signed);
    }
}
