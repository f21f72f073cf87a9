//! What must hold after every step, and of every receipt.

use crate::broken::{Broken, Invariant, hold};
use crate::client::NETWORK;
use crate::watch::{Reckoned, worth_down};
use crate::world::World;
use bandex_settlement::{Party, State, Terms};
use bandex_tradechain::{Block, Body, Receipt, outcome_digest, root_from_proof};
use bandex_types::{AccountId, BlockId, DealId, Rail};
use std::collections::BTreeMap;

impl World<'_> {
    /// Holds a receipt against the node's key, the block it is for, and the journal.
    pub fn check_receipt(&mut self, index: usize, id: BlockId, receipt: &Receipt) -> Result<(), Broken> {
        self.stats.receipts = self.stats.receipts.saturating_add(1);
        let broken =
            |what: String| Broken::new(Invariant::Receipt, format!("client {index}, block {id}: {what}"));
        let lanes = self.clients.get(index).map_or(&[][..], |client| &client.disk.lanes);
        let mut entries = lanes.iter().flat_map(|lane| &lane.entries);
        let signed = entries.find(|entry| entry.verified.id() == id).map(|entry| entry.verified.signed());
        let known = self.proven.get(&receipt.batch.batch_id()) == Some(&receipt.batch);
        match signed {
            // A signature need be checked once only.
            Some(signed) if !known => {
                let node = self.keys.node.public();
                receipt.check_for(signed, &node, NETWORK).map_err(|error| broken(error.to_string()))?;
                self.proven.insert(receipt.batch.batch_id(), receipt.batch.clone());
            }
            _ => check_path(receipt).map_err(|what| broken(what.to_owned()))?,
        }
        let seq = receipt.leaf.seq;
        hold(self.watch.blocks.get(&id) == Some(&seq), Invariant::Acknowledged, || {
            format!("block {id} was acknowledged as record {seq}; the journal says otherwise")
        })?;
        let same = self.watch.leaf(seq) == Some(&receipt.leaf);
        hold(same, Invariant::Receipt, || format!("the receipt of record {seq} is not the journal's"))
    }

    /// What must hold after every step.
    pub fn check(&mut self) -> Result<(), Broken> {
        self.check_losses()?;
        self.check_loot()?;
        let Some(node) = self.node.as_ref().filter(|node| node.pending.is_none()) else { return Ok(()) };
        let engine = node.sequencer.engine();
        hold(engine.seq() == self.watch.seq(), Invariant::Published, || {
            format!("the engine is at record {}, {} are committed", engine.seq(), self.watch.seq())
        })?;
        if self.compared != engine.seq() {
            self.watch.compare(engine)?;
            self.compared = engine.seq();
            self.check_rings()?;
        }
        Ok(())
    }

    /// What an honest party gave in a deal, money that nobody acknowledged included, is never more than its cap above
    /// what it got.
    fn check_losses(&self) -> Result<(), Broken> {
        for deal in self.watch.deals.iter().filter(|deal| !deal.terms().settles_at_once()) {
            for party in [Party::Seller, Party::Buyer] {
                if !self.watch.honest.contains(&deal.account(party)) {
                    continue;
                }
                if self.is_spoiled(deal) {
                    continue;
                }
                let given = match deal.terms().rail_of(party) {
                    Rail::Token => deal.value(party),
                    Rail::Attested | Rail::Bitcoin => self.moved_outside(deal, party),
                };
                // Of what the other side says it sent outside, only what really came counts.
                let other = party.other();
                let came = self.moved_outside(deal, other);
                let got = match deal.terms().rail_of(other) {
                    Rail::Token => deal.value(other),
                    Rail::Attested | Rail::Bitcoin => deal.value(other).min(came),
                };
                // Nobody was paying outside when a deal was netted.
                let lost_in_netting = deal.told.deal.state() == State::Netted && given != deal.value(party);
                hold(!lost_in_netting, Invariant::Netting, || {
                    format!(
                        "the {party} of deal {} sent {given}, {} counted",
                        deal.told.id,
                        deal.value(party)
                    )
                })?;
                let lost = given.saturating_sub(got);
                let cap = u128::from(deal.terms().cap_of(party).get());
                // Base follows value, rounded down: of a coarse base less than one unit may be counted and not sent.
                let rounding = if other == Party::Seller { rounding(deal) } else { 0 };
                hold(lost <= cap.saturating_add(rounding), Invariant::HonestLoss, || {
                    format!("the {party} of deal {} is short of {lost}, its cap is {cap}", deal.told.id)
                })?;
            }
        }
        Ok(())
    }

    /// What any account really holds of honest parties, over all its deals and less what its bond paid, is never more
    /// than the largest limit that it was ever granted.
    fn check_loot(&self) -> Result<(), Broken> {
        let mut loot: BTreeMap<AccountId, Vec<(DealId, u128)>> = BTreeMap::new();
        for deal in self.watch.deals.iter().filter(|deal| !deal.terms().settles_at_once() && !deal.is_over())
        {
            for victim in [Party::Seller, Party::Buyer] {
                // What somebody sent too late, the exchange never heard of: it defaulted itself, and nothing is reserved.
                let too_late = deal.told.deal.state() == State::Defaulted { by: victim };
                let spoiled = self.is_spoiled(deal);
                if self.watch.honest.contains(&deal.account(victim)) && !too_late && !spoiled {
                    let held = (deal.told.id, self.held_of(deal, victim));
                    loot.entry(deal.account(victim.other())).or_default().push(held);
                }
            }
        }
        for (account, deals) in loot {
            let limit = self.watch.largest_limit(&account);
            let held: u128 = deals.iter().map(|(_, held)| held).sum();
            hold(held <= u128::from(limit.get()), Invariant::Loot, || {
                let deals: Vec<String> = deals.iter().map(|(id, held)| format!("{held} in {id}")).collect();
                let deals = deals.join(", ");
                format!(
                    "{account} holds {held} of honest parties ({deals}), its limit was never above {limit}"
                )
            })?;
        }
        Ok(())
    }

    /// What the other side of a deal really holds of a victim, in the unit of account and rounded down.
    fn held_of(&self, deal: &Reckoned, victim: Party) -> u128 {
        let moved = |party: Party| match deal.terms().rail_of(party) {
            Rail::Token => deal.value(party),
            Rail::Attested | Rail::Bitcoin => self.moved_outside(deal, party),
        };
        let covered = u128::from(deal.told.deal.covered().get());
        let paid = moved(victim.other()).min(deal.value(victim.other()));
        let held = moved(victim).saturating_sub(paid).saturating_sub(covered);
        // Of a coarse base less than one unit may be counted and not sent.
        let rounding = if victim == Party::Buyer { rounding(deal) } else { 0 };
        worth_down(deal.rate, held.saturating_sub(rounding))
    }

    /// All accounts of one cheat together win no more than they have paid for.
    fn check_rings(&self) -> Result<(), Broken> {
        for client in self.clients.iter().filter(|client| client.owner == client.index) {
            let ring = self.ring(client.index);
            let accounts: Vec<AccountId> =
                ring.iter().filter_map(|index| self.clients.get(*index)?.disk.account).collect();
            let (won, paid) = self.watch.trust.won_and_paid(&accounts);
            hold(won <= paid, Invariant::Ring, || {
                format!("the accounts of client {} won {won} for {paid}", client.index)
            })?;
        }
        Ok(())
    }
}

/// What one smallest unit of the base is worth in quote units, rounded up.
fn unit_value(terms: &Terms) -> u128 {
    u128::from(terms.quote_total.get()).div_ceil(u128::from(terms.base_total.get()).max(1))
}

/// What a buyer may be short of though all was delivered: less than one unit of a coarse base, and on the chain less than a
/// satoshi.
fn rounding(deal: &Reckoned) -> u128 {
    let satoshi = if deal.is_on_chain() { 999 } else { 0 };
    unit_value(deal.terms()).saturating_sub(1).saturating_add(satoshi)
}

/// All of a receipt but the signature, which was checked before.
fn check_path(receipt: &Receipt) -> Result<(), &'static str> {
    let block = Block::decode(&receipt.batch.payload).map_err(|_| "no batch block")?;
    let Body::Batch(batch) = block.body else { return Err("no batch block") };
    let index = receipt.leaf.seq.checked_sub(batch.first_seq).ok_or("outside its batch")?;
    let root = root_from_proof(receipt.leaf.hash(), index, u64::from(batch.count), &receipt.path);
    let digest = outcome_digest(&receipt.outcome);
    if root != Ok(batch.root) {
        return Err("not under the batch's root");
    }
    if digest == receipt.leaf.outcome_digest { Ok(()) } else { Err("another outcome") }
}
