//! How agents settle: the honest ones as the deals ask, the others as they are.

use crate::agent::{Job, Task};
use crate::broken::Broken;
use crate::story::Kind;
use crate::world::World;
use bandex_settlement::Party;
use bandex_tradechain::Body;
use bandex_tradechain::body::{Acknowledge, Pay, Scopes};
use bandex_types::{AccountId, Amount, BlockId, Rail};

impl World<'_> {
    /// A client's agent looks what is due.
    pub fn settle(&mut self, index: usize) -> Result<(), Broken> {
        let Some(client) = self.clients.get(index) else { return Ok(()) };
        let Some(account) = client.disk.account else { return Ok(()) };
        for task in client.agent.tasks(&account)? {
            match task {
                Task::Pay { .. } => self.pay(index, task),
                Task::Acknowledge { proposal, deal, payer, cumulative } => {
                    let arrived = self.bank.units(deal, payer) >= u128::from(cumulative.get());
                    if arrived {
                        self.acknowledge(index, proposal, Scopes::SETTLE);
                    }
                }
            }
        }
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
        Ok(())
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
        if self.clients.get(index).is_none_or(|client| client.kind == Kind::NonAcknowledger) {
            return;
        }
        self.sign_job(index, Job::Acknowledge(proposal), scope, Acknowledge { proposal }.into());
    }

    fn pay(&mut self, index: usize, task: Task) {
        let Task::Pay { deal, party, tranche, cumulative, amount, value } = task else { return };
        let Some(client) = self.clients.get(index) else { return };
        let job = Job::Pay(deal, tranche);
        let first = !client.disk.jobs.contains_key(&job);
        let outside = client
            .agent
            .deals
            .get(&deal)
            .is_some_and(|state| state.deal.terms().rail_of(party) == Rail::Attested);
        let (moves, cumulative) = match client.kind {
            Kind::NonPayer | Kind::Splitter => return,
            Kind::Liar => (false, cumulative),
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

    /// Signs a step unless it was signed before; with the root key if another key's signature did not count.
    fn sign_job(&mut self, index: usize, job: Job, scope: Scopes, body: Body) {
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
