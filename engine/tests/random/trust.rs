//! Turns acts that have to do with trust into signed blocks and commands.

use crate::driver::{Driver, MARKETS, pick};
use crate::strategies::{Terms, TrustAct};
use bandex_settlement::{Party, State};
use bandex_tradechain::body::*;
use bandex_tradechain::{Command, Scores};
use bandex_types::{Amount, AssetId, DealId, Hash, Ratio};

impl Driver {
    pub fn trust(&mut self, act: &TrustAct) {
        match *act {
            TrustAct::Bond { actor, key, units } => {
                self.send(actor, key, Bond { amount: Amount::new(units) });
            }
            TrustAct::Unbond { actor, units } => {
                self.send(actor, 0, Unbond { amount: Amount::new(units) });
            }
            TrustAct::Fee { actor, units } => self.send(actor, 0, Fee { amount: Amount::new(units) }),
            TrustAct::Claim { actor, enough } => {
                let name = self.key(actor, 0);
                let outcome = self.world.claim(&name, enough);
                self.note(&outcome);
            }
            TrustAct::Certify { actor, of, lives_us } => {
                let expires = lives_us.map(|micros| self.world.now().plus(micros));
                let account = self.account(of);
                self.send(actor, 0, Certify { account, expires });
            }
            TrustAct::Decertify { actor, of } => {
                let account = self.account(of);
                self.send(actor, 0, Decertify { account });
            }
            TrustAct::Prefer { actor, largest, least_score } => {
                let largest_exposure = largest.map(Amount::new);
                self.send(actor, 0, Prefer { largest_exposure, least_score });
            }
            TrustAct::Resolve { deal, by_debtor, deliver } => {
                let Some((deal, actor)) = self.gone_wrong(deal, by_debtor) else { return };
                self.send(actor, 0, Resolve { deal, deliver: Amount::new(deliver) });
            }
            TrustAct::WriteOff { deal, by_debtor } => {
                let Some((deal, actor)) = self.gone_wrong(deal, by_debtor) else { return };
                self.send(actor, 0, WriteOff { deal });
            }
            TrustAct::Cure { deal, by_debtor } => {
                let Some((deal, actor)) = self.gone_wrong(deal, by_debtor) else { return };
                self.send(actor, 0, Cure { deal, reference: String::new() });
            }
            TrustAct::Scores { ref forged, right_epoch } => self.scores(forged.as_ref(), right_epoch),
            _ => self.weigh(act),
        }
    }

    /// A deal that went wrong, or any if there is none, and the side of it that owes, or the other.
    fn gone_wrong(&self, deal: usize, by_debtor: bool) -> Option<(DealId, usize)> {
        let states = &self.world.watch.deals.states;
        let wrong = |state: State| {
            matches!(state, State::Disputed { .. } | State::Defaulted { .. } | State::WrittenOff { .. })
        };
        let mut ids: Vec<DealId> =
            states.values().filter(|state| wrong(state.deal.state())).map(|state| state.id).collect();
        if ids.is_empty() {
            ids = states.keys().copied().collect();
        }
        let deal = pick(&ids, deal)?;
        let state = &states[&deal];
        let debtor = match state.deal.state() {
            State::Defaulted { by } => by,
            _ => Party::Buyer,
        };
        let seller = by_debtor == (debtor == Party::Seller);
        Some((deal, self.actor(if seller { state.seller } else { state.buyer })))
    }

    fn scores(&mut self, forged: Option<&Vec<(u32, u32)>>, right_epoch: bool) {
        let due = self.world.engine.checkpoint();
        let scores = match (due, forged) {
            (None, _) => Scores { epoch: 1, checkpoint: Hash::ZERO, scores: Vec::new() },
            (Some(due), Some(forged)) => {
                Scores { epoch: due.epoch, checkpoint: due.key, scores: forged.clone() }
            }
            (Some(due), None) => due.scores(),
        };
        let epoch = scores.epoch + u64::from(!right_epoch);
        let outcome = self.world.apply(Command::Scores(Scores { epoch, ..scores }));
        self.note(&outcome);
    }

    fn weigh(&mut self, act: &TrustAct) {
        match *act {
            TrustAct::Terms(ref terms) => self.configure(Change::SetTrust(trust_terms(terms))),
            TrustAct::Rate { asset, rate } => {
                let rate = rate.and_then(|(num, den)| Ratio::new(num, den).ok());
                self.configure(Change::SetRate { asset: AssetId::new(asset), rate });
            }
            TrustAct::Seed { actor, seed } => {
                self.configure(Change::SetSeed { account: self.account(actor), seed });
            }
            TrustAct::Registrar { actor, registrar } => {
                self.configure(Change::SetRegistrar { account: self.account(actor), registrar });
            }
            TrustAct::Fees { market, maker_ppm, taker_ppm } => {
                let fees = Fees { maker_ppm, taker_ppm };
                self.configure(Change::SetFees { market: MARKETS[market], fees });
            }
            _ => {}
        }
    }
}

fn trust_terms(terms: &Terms) -> TrustTerms {
    TrustTerms {
        epoch_us: terms.epoch_us,
        keep_ppm: terms.keep_ppm,
        largest_limit: Amount::new(terms.largest),
        loss_budget: Amount::new(terms.budget),
        score_ppm: terms.score_ppm,
        bond_ppm: terms.bond_ppm,
        fee_ppm: terms.fee_ppm,
        admission: match terms.admission {
            0 => Admission::Work,
            1 => Admission::Certificate,
            amount => Admission::Fee { amount: Amount::new(amount) },
        },
        first_grant: Amount::new(terms.first_grant),
        grant_work_bits: 4,
        standing_threshold: 0,
    }
}
