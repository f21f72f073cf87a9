//! Counting: how deep each payment lies, what that comes to for its deal, and what follows.

use super::{Bitcoin, Outpoint};
use crate::apply::Engine;
use crate::deal_table::DealIndex;
use crate::effects::Effects;
use crate::outcome::{Event, PaymentState, PaymentStatus};
use bandex_settlement::{Counted, Deal, Party, State};
use bandex_types::{Amount, Hash};
use std::collections::BTreeMap;

/// What changed of a payment.
struct Change {
    outpoint: Outpoint,
    deal: DealIndex,
    value: Amount,
    block: Hash,
    height: u32,
    status: PaymentStatus,
}

/// What a deal's payments come to that are not final, and what of them has become final.
#[derive(Default)]
struct Sums {
    included: u64,
    paid: u64,
    buried: u64,
}

fn add(sum: &mut u64, value: Amount) {
    *sum = sum.saturating_add(value.get());
}

impl Bitcoin {
    /// Where a payment of a deal stands that lies `depth` deep; 0: in no block of the chain.
    fn status(depth: u32, deal: &Deal) -> PaymentStatus {
        let Some(chain) = deal.chain() else { return PaymentStatus::Reversed };
        match depth {
            0 => PaymentStatus::Reversed,
            depth if depth >= u32::from(chain.terms.final_confirmations) => PaymentStatus::Final,
            depth if depth >= u32::from(chain.terms.confirmations) => PaymentStatus::Paid,
            _ => PaymentStatus::Included,
        }
    }
}

impl Engine {
    /// Looks at all payments that are not final, tells those that stand otherwise than before, and moves their deals.
    pub(crate) fn count_payments(&mut self, effects: &mut Effects) {
        let Some(bitcoin) = self.bitcoin.as_mut() else { return };
        let (tip, _) = bitcoin.headers.tip();
        let mut sums: BTreeMap<DealIndex, Sums> = BTreeMap::new();
        let mut changes = Vec::new();
        for outpoint in &bitcoin.live {
            let Some(found) = bitcoin.payments.get_mut(outpoint) else { continue };
            // A block that left the chain may come back: no proof need be given twice.
            let place =
                |block: &Hash| bitcoin.headers.height_of(block.as_bytes()).map(|height| (*block, height));
            let place = found.blocks.iter().find_map(place);
            let depth = place.map_or(0, |(_, height)| tip.saturating_sub(height).saturating_add(1));
            let status = Bitcoin::status(depth, &self.deals.at(found.deal).deal);
            let sum = sums.entry(found.deal).or_default();
            match status {
                PaymentStatus::Reversed => {}
                PaymentStatus::Included => add(&mut sum.included, found.value),
                PaymentStatus::Paid => add(&mut sum.paid, found.value),
                PaymentStatus::Final => add(&mut sum.buried, found.value),
            }
            if status != found.status {
                found.status = status;
                let (deal, value) = (found.deal, found.value);
                let left = found.blocks.last().copied().unwrap_or(Hash::ZERO);
                let (block, height) = place.unwrap_or((left, 0));
                changes.push(Change { outpoint: *outpoint, deal, value, block, height, status });
            }
        }
        for change in &changes {
            if change.status == PaymentStatus::Final {
                bitcoin.live.remove(&change.outpoint);
            }
        }
        self.tell_payments(changes, effects);
        for (deal, sum) in sums {
            self.observe(deal, &sum, effects);
        }
    }

    fn tell_payments(&self, changes: Vec<Change>, effects: &mut Effects) {
        for Change { outpoint: (txid, output), deal, value, block, height, status } in changes {
            let late = self.deals.at(deal).deal.state().is_closed();
            let deal = self.deals.id(deal);
            let state = PaymentState { deal, txid, output, value, block, height, status, late };
            effects.push(Event::Payment(state));
        }
    }

    /// Tells a deal what has arrived for it, and carries out what follows.
    fn observe(&mut self, index: DealIndex, sum: &Sums, effects: &mut Effects) {
        let now = self.time;
        let deal = &mut self.deals.at_mut(index).deal;
        let Some(chain) = deal.chain() else { return };
        let up_to = |sum: Amount, more: u64| sum.checked_add(Amount::new(more)).unwrap_or(Amount::MAX);
        let buried = up_to(chain.counted.buried, sum.buried);
        let paid = up_to(buried, sum.paid);
        let counted = Counted { included: up_to(paid, sum.included), paid, buried };
        let before = deal.clone();
        let moves = deal.observe(counted, now);
        if *deal == before {
            return;
        }
        if before.state().is_over() {
            // It is told, and nothing follows from it: nothing of the deal is counted elsewhere any more.
            effects.deal(index);
            return;
        }
        let good = deal.is_made_good() && deal.kept_base().is_zero();
        self.settle(index, &moves, effects);
        if matches!(self.deals.at(index).deal.state(), State::Defaulted { .. }) {
            // What nothing more is delivered for goes back.
            self.unlock_deal(index, effects);
        }
        if good {
            let made = self.made_good(index, Party::Buyer, effects);
            assert!(made.is_ok(), "a default that is made good can be cured");
        }
    }
}
