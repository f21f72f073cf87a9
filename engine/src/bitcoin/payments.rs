//! Payees name their scripts, and payments to them are proven.

use super::{Bitcoin, Found};
use crate::Refusal;
use crate::apply::{Engine, Signer};
use crate::effects::Effects;
use crate::outcome::{Payee, PaymentStatus};
use crate::refusal::check_serves;
use bandex_settlement::Party;
use bandex_spv::{ProofError, check_proof, is_payable};
use bandex_tradechain::Payment;
use bandex_tradechain::body::Receive;
use bandex_types::{Amount, Hash, MSAT_PER_SATOSHI};

impl From<ProofError> for Refusal {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Inactive(_) => Self::UnknownHeader,
            error => Self::BadProof { rule: error.to_string() },
        }
    }
}

impl Engine {
    /// The payee of a deal says where it wants to be paid.
    pub(crate) fn receive(
        &mut self,
        signer: Signer<'_>,
        receive: &Receive,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        check_serves(self.serves_bitcoin(), "receive")?;
        let index = self.deals.find(&receive.deal).ok_or(Refusal::UnknownDeal)?;
        let entry = self.deals.at(index);
        let party = entry.party(signer.account).ok_or(Refusal::NotYourDeal)?;
        if !is_payable(&receive.script) {
            return Err(Refusal::BadScript);
        }
        let now = self.time;
        let bitcoin = self.bitcoin.as_mut().ok_or(Refusal::NoBitcoin)?;
        if bitcoin.scripts.contains_key(&receive.script) {
            return Err(Refusal::ScriptUsed);
        }
        if party != Party::Seller {
            return Err(Refusal::NotDue);
        }
        let entry = self.deals.at_mut(index);
        entry.deal.name_payee(now)?;
        // From here payments to it count.
        let (height, _) = bitcoin.headers.tip();
        entry.rare_mut().payee = Some(Payee { script: receive.script.clone(), block: signer.id, height });
        bitcoin.scripts.insert(receive.script.clone(), index);
        self.settle(index, &[], effects);
        Ok(())
    }

    /// A transaction is proven to be in a block: what it pays to scripts that deals name counts.
    pub(crate) fn take_payment(&mut self, payment: &Payment, effects: &mut Effects) -> Result<(), Refusal> {
        check_serves(self.serves_bitcoin(), "payment")?;
        let bitcoin = self.bitcoin.as_mut().ok_or(Refusal::NoBitcoin)?;
        let proven = check_proof(&bitcoin.headers, &payment.proof, &payment.transaction)?;
        let (txid, block) = (Hash::new(proven.txid), Hash::new(proven.block));
        let mut news = false;
        for paid in &proven.outputs {
            let Some(deal) = bitcoin.scripts.get(&paid.script).copied() else { continue };
            let outpoint = (txid, paid.output);
            match bitcoin.payments.get_mut(&outpoint) {
                // It is counted already; only a reorganisation gives it another block.
                Some(found) if found.blocks.contains(&block) || !bitcoin.live.contains(&outpoint) => {}
                Some(found) => {
                    found.blocks.push(block);
                    news = true;
                }
                None => {
                    let value = Amount::new(paid.satoshi.saturating_mul(MSAT_PER_SATOSHI));
                    // Told as included when it is counted, below.
                    let (blocks, status) = (vec![block], PaymentStatus::Reversed);
                    let found = Found { deal, value, blocks, status };
                    bitcoin.payments.insert(outpoint, found);
                    bitcoin.live.insert(outpoint);
                    news = true;
                }
            }
        }
        if !news {
            return Err(Refusal::UnknownPayment);
        }
        // From here it counts.
        self.count_payments(effects);
        Ok(())
    }

    /// Every payment that was proven: its transaction and each block that it was proven to be in.
    pub fn proven_payments(&self) -> impl Iterator<Item = (Hash, Hash)> {
        let payments = self.bitcoin.iter().flat_map(|bitcoin| &bitcoin.payments);
        payments.flat_map(|((txid, _), found)| found.blocks.iter().map(|block| (*txid, *block)))
    }

    /// The scripts that payments may still come to, with the height of the chain when they were named.
    pub fn watched_scripts(&self) -> Vec<(Vec<u8>, u32)> {
        let Some(Bitcoin { scripts, .. }) = self.bitcoin.as_deref() else { return Vec::new() };
        let of = |(script, index): (&Vec<u8>, &crate::deal_table::DealIndex)| {
            let entry = self.deals.at(*index);
            let payee = entry.rare()?.payee.as_ref()?;
            (!entry.deal.state().is_over()).then(|| (script.clone(), payee.height))
        };
        scripts.iter().filter_map(of).collect()
    }
}
