//! What clients sign about trust: bonds, fees, certificates, whom they trade with, and how deals end that went wrong.

use crate::agent::Job;
use crate::client::NETWORK;
use crate::story::Act;
use crate::watch::Reckoned;
use crate::world::World;
use bandex_settlement::{Party, State};
use bandex_tradechain::body::{
    Bond, Certify, Claim, Cure, Decertify, Fee, Prefer, Resolve, Scopes, Unbond, WriteOff, leading_zero_bits,
};
use bandex_tradechain::{Block, Body, Verified};
use bandex_types::{Amount, BlockId, DealId, Rail, Rounding};
use std::rc::Rc;

/// How many nonces are tried for a first grant.
const NONCES: u64 = 64;

impl World<'_> {
    /// Signs an act about trust.
    pub fn stake(&mut self, index: usize, act: &Act) -> Option<Rc<Verified>> {
        let amount = |amount: &u64| Amount::new(*amount);
        let (key, body): (u8, Body) = match act {
            Act::Bond { key, amount: units } => (*key, Bond { amount: amount(units) }.into()),
            Act::Unbond { key, amount: units } => (*key, Unbond { amount: amount(units) }.into()),
            Act::Fee { key, amount: units } => (*key, Fee { amount: amount(&(*units).max(1)) }.into()),
            Act::Claim { key } => return self.claim(index, *key),
            Act::Certify { to, lasts_us } => {
                let expires = lasts_us.map(|us| self.time().plus(us));
                let account = self.account(*to)?;
                return self.sign_root(index, Certify { account, expires }.into());
            }
            Act::Decertify { to } => {
                let account = self.account(*to)?;
                return self.sign_root(index, Decertify { account }.into());
            }
            Act::Prefer { largest, least } => {
                let (largest_exposure, least_score) = (largest.map(Amount::new), *least);
                return self.sign_root(index, Prefer { largest_exposure, least_score }.into());
            }
            Act::Resolve { key, deal, deliver } => return self.resolve(index, *key, *deal, *deliver),
            Act::WriteOff { key, deal } => {
                let (deal, _) = self.troubled(index, *deal, |deal, own| match deal.told.deal.state() {
                    State::Disputed { .. } => true,
                    State::Defaulted { by } => by != own,
                    _ => false,
                })?;
                return self.sign_with(index, *key, Scopes::SETTLE, WriteOff { deal }.into(), None);
            }
            Act::Cure { deal } => {
                let own_fault = |deal: &Reckoned, own| deal.told.deal.state() == State::Defaulted { by: own };
                let (deal, own) = self.troubled(index, *deal, own_fault)?;
                self.cure(index, deal, own);
                return None;
            }
            _ => return None,
        };
        self.sign_with(index, key, Scopes::TOKENS, body, None)
    }

    fn sign_root(&mut self, index: usize, body: Body) -> Option<Rc<Verified>> {
        let now = self.time();
        let client = self.clients.get_mut(index)?;
        client.sign(client.disk.root, body, None, now)
    }

    /// Searches a nonce, and signs the block that has it; whatever block there is if none is found soon.
    fn claim(&mut self, index: usize, key: u8) -> Option<Rc<Verified>> {
        let (bits, time) = (u32::from(self.watch.trust.terms.grant_work_bits), self.time());
        let client = self.clients.get(index)?;
        let lanes = client.lanes_for(Scopes::TOKENS, time);
        let number = lanes.get(usize::from(key).checked_rem(lanes.len())?).copied()?;
        let lane = client.disk.lanes.get(number)?;
        let (author, seq) = (lane.keypair.public(), (lane.entries.len() as u64).saturating_add(1));
        let previous = lane.head();
        let found = (0..NONCES).find(|nonce| {
            let body = Claim { nonce: *nonce }.into();
            let block = Block { network: NETWORK, author, seq, previous, time, expiry: None, body };
            leading_zero_bits(&block.id()) >= bits
        });
        let body = Claim { nonce: found.unwrap_or(0) }.into();
        self.clients.get_mut(index)?.sign(number, body, None, time)
    }

    /// One of the client's deals that fit, and which side of it the client is; the number counts them.
    fn troubled(
        &self,
        index: usize,
        number: u8,
        fits: impl Fn(&Reckoned, Party) -> bool,
    ) -> Option<(DealId, Party)> {
        let account = self.clients.get(index)?.disk.account?;
        let own = |deal: &Reckoned| deal.party(&account).filter(|own| fits(deal, *own));
        let fitting: Vec<_> =
            self.watch.deals.iter().filter_map(|deal| own(deal).map(|own| (deal.told.id, own))).collect();
        fitting.get(usize::from(number).checked_rem(fitting.len())?).copied()
    }

    fn resolve(&mut self, index: usize, key: u8, number: u8, deliver: u64) -> Option<Rc<Verified>> {
        let went_wrong = |deal: &Reckoned, _| {
            let state = deal.told.deal.state();
            matches!(state, State::Disputed { .. } | State::Defaulted { .. } | State::WrittenOff { .. })
        };
        let (deal, _) = self.troubled(index, number, went_wrong)?;
        let honest = self.clients.get(index)?.kind.is_honest();
        if honest && self.waits_for_blocks(&deal) {
            return None;
        }
        let deliver = if honest { self.fair_delivery(&deal) } else { Amount::new(deliver) };
        self.sign_with(index, key, Scopes::SETTLE, Resolve { deal, deliver }.into(), None)
    }

    /// What whoever has tokens locked for a deal has really been paid for and not delivered.
    pub fn fair_delivery(&self, id: &DealId) -> Amount {
        let Some(deal) = self.watch.deals.get(id) else { return Amount::ZERO };
        let disputed = matches!(deal.told.deal.state(), State::Disputed { .. });
        let locks = |party: &Party| disputed && deal.terms().rail_of(*party) == Rail::Token;
        let Some(payer) = [Party::Seller, Party::Buyer].into_iter().find(locks) else { return Amount::ZERO };
        let carried = deal.carried(payer.other());
        let came = self.bank.value(*id, payer.other()).saturating_add(carried);
        let came = Amount::new(u64::try_from(came).unwrap_or(u64::MAX)).min(deal.terms().quote_total);
        let own = Amount::new(u64::try_from(deal.carried(payer)).unwrap_or(u64::MAX));
        let paid_for = deal.terms().units_after(payer, came, own, Rounding::Down);
        paid_for.saturating_sub(deal.told.deal.sent_units(payer))
    }

    /// Whether what was paid for a deal on the chain before its default is still to be delivered for.
    fn waits_for_blocks(&self, id: &DealId) -> bool {
        self.watch.deals.get(id).is_some_and(|deal| deal.kept_units() > 0)
    }

    /// Makes a default good, once: honest clients move the money first.
    pub fn cure(&mut self, index: usize, id: DealId, own: Party) {
        let Some(deal) = self.watch.deals.get(&id) else { return };
        let Ok(units) = deal.told.deal.cure_units(own) else { return };
        let outside = deal.terms().rail_of(own) == Rail::Attested;
        let value = deal.told.deal.owing(own);
        // On the chain what is owed is paid, and signed for only where nothing is. What the other side has for nothing would
        // be given up by it.
        let given_up = deal.told.deal.owed_by(own.other());
        if deal.is_on_chain() && (!units.is_zero() || deal.kept_units() > 0 || !given_up.is_zero()) {
            return;
        }
        let Some(client) = self.clients.get(index) else { return };
        let Some(account) = client.disk.account else { return };
        let has_enough = outside || self.watch.free_tokens(&account) >= i128::from(units.get());
        let job = Job::Cure(id);
        if client.disk.jobs.contains_key(&job) || !has_enough {
            return;
        }
        if outside && client.kind.is_honest() {
            // What it sent too late is there already.
            let (sent, counted) =
                (self.bank.units(id, own), u128::from(deal.told.deal.sent_units(own).get()));
            let units = rest(counted.saturating_add(u128::from(units.get())), sent);
            let moved = self.bank.value(id, own).saturating_add(deal.carried(own));
            let value = rest(deal.value(own).saturating_add(u128::from(value.get())), moved);
            self.bank.pay(id, own, units, value);
        }
        self.sign_job(index, job, Scopes::SETTLE, Cure { deal: id, reference: String::new() }.into());
    }

    /// Whether a client agrees to what another proposed: a cure that arrived, an end that takes nothing from it.
    pub fn agrees(&self, index: usize, proposal: &BlockId) -> bool {
        let Some(client) = self.clients.get(index) else { return false };
        let own = |deal: &Reckoned| client.disk.account.and_then(|account| deal.party(&account));
        match self.watch.proposed_end(proposal) {
            Some(Body::Cure(cure)) => self.watch.deals.get(&cure.deal).is_some_and(|deal| {
                let Some(debtor) = own(deal).map(Party::other) else { return false };
                let Ok(units) = deal.told.deal.cure_units(debtor) else { return false };
                let came = self.bank.units(cure.deal, debtor);
                let owed = u128::from(deal.told.deal.sent_units(debtor).get()) + u128::from(units.get());
                came >= owed && !client.kind.withholds()
            }),
            Some(Body::Resolve(resolve)) => self.watch.deals.get(&resolve.deal).is_some_and(|deal| {
                let fair = self.fair_delivery(&resolve.deal);
                match own(deal).map(|own| deal.terms().rail_of(own)) {
                    _ if !client.kind.is_honest() => true,
                    _ if self.waits_for_blocks(&resolve.deal) => false,
                    Some(Rail::Token) => resolve.deliver <= fair,
                    Some(Rail::Attested | Rail::Bitcoin) => resolve.deliver >= fair,
                    None => false,
                }
            }),
            _ => false,
        }
    }
}

/// What is missing of a sum.
fn rest(sum: u128, there: u128) -> Amount {
    Amount::new(u64::try_from(sum.saturating_sub(there)).unwrap_or(u64::MAX))
}
