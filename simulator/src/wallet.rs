//! How clients settle on the Bitcoin chain: payees name scripts, buyers pay them; each as it is.

use crate::agent::Job;
use crate::chain::script_of;
use crate::setup::Kind;
use crate::watch::Reckoned;
use crate::world::World;
use bandex_settlement::Party;
use bandex_tradechain::body::{Receive, Scopes};
use bandex_types::{Amount, DealId, Rail};

/// Quote units in a satoshi.
const MSAT: u64 = 1_000;

/// What a deal asks of its buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub deal: DealId,
    /// Where its payee wants to be paid.
    pub script: Vec<u8>,
    /// What it is to have paid in all, in quote units.
    pub demand: Amount,
    /// The number of that demand.
    pub number: u32,
    /// The deal is over, for it did not pay in time.
    pub late: bool,
}

impl World<'_> {
    /// The payee of a deal names a script, once.
    pub fn name(&mut self, index: usize, deal: DealId) {
        let Some(kind) = self.clients.get(index).map(|client| client.kind) else { return };
        if kind == Kind::Nameless || kind.withholds() {
            return;
        }
        let mut salt = [0; 20];
        let own = u8::try_from(index).unwrap_or(u8::MAX);
        for (to, from) in salt.iter_mut().zip(deal.as_bytes()) {
            *to = if kind == Kind::Reuser { own } else { *from };
        }
        let script = script_of(salt);
        self.sign_job(index, Job::Name(deal), Scopes::SETTLE, Receive { deal, script }.into());
    }

    /// A client pays what its deals ask for, less what it has paid already, in one transaction.
    pub fn pay_coins(&mut self, index: usize, asked: Vec<Asked>) {
        let Some(kind) = self.clients.get(index).map(|client| client.kind) else { return };
        let mut outputs = Vec::new();
        for Asked { deal, script, demand, number, late } in asked {
            let wanted = demand.get().div_ceil(MSAT).saturating_sub(self.chain.paid_by(index, &deal));
            let (job, again) = (Job::Coins(deal, number), Job::Again(deal, number));
            let Some(client) = self.clients.get(index) else { return };
            let first = !client.disk.jobs.contains_key(&job);
            let seller = client.agent.deals.get(&deal).map(|state| state.seller);
            let pays = match kind {
                Kind::NonPayer | Kind::Splitter | Kind::Whitewasher | Kind::Netter => 0,
                kind if kind.feeds() || kind.claims() => 0,
                Kind::BustOut if client.busted => 0,
                Kind::WashTrader if !seller.is_some_and(|seller| self.is_in_ring(index, &seller)) => 0,
                Kind::BondRunner => {
                    self.run_off(index);
                    0
                }
                Kind::Underpayer if first => wanted.saturating_mul(6).div_euclid(10),
                Kind::Underpayer => 0,
                Kind::WrongPayer if first => wanted.saturating_sub(1),
                Kind::WrongPayer => 0,
                // Two payments, of which the second is in another block as a rule.
                Kind::DoublePayer if late => 0,
                Kind::DoublePayer if first => wanted.min(demand.get().div_ceil(MSAT)),
                Kind::DoublePayer if !client.disk.jobs.contains_key(&again) => demand.get().div_ceil(MSAT),
                Kind::DoublePayer => 0,
                // Of whoever is late on purpose nothing comes in time.
                kind => wanted.saturating_mul(u64::from((kind == Kind::LatePayer) == late)),
            };
            if pays > 0
                && let Some(client) = self.clients.get_mut(index)
            {
                client.disk.jobs.insert(if first { job } else { again }, true);
                outputs.push((deal, script, pays));
            }
        }
        self.chain.pay(index, &outputs, kind == Kind::DoubleSpender);
    }

    /// What a party of a deal has really sent outside the exchange, in quote value, with what counted as sent before.
    pub fn moved_outside(&self, deal: &Reckoned, party: Party) -> u128 {
        if deal.terms().rail_of(party) == Rail::Bitcoin {
            let script = self.watch.coins.script_of(&deal.told.id);
            let satoshi = script.map_or(0, |script| self.chain.got(script));
            return u128::from(satoshi).saturating_mul(u128::from(MSAT));
        }
        self.bank.value(deal.told.id, party).saturating_add(deal.carried(party))
    }

    /// Whether a reorganisation went deeper than final under a deal: nobody answers for what it took.
    pub fn is_spoiled(&self, deal: &Reckoned) -> bool {
        deal.is_on_chain()
            && self.watch.coins.script_of(&deal.told.id).is_some_and(|script| self.chain.is_spoiled(script))
    }
}
