//! What people do with deals that went wrong, and what the operator asks for trading.

use super::*;
use bandex_tradechain::body::{Change, Cure, Fees, Resolve, WriteOff};
use bandex_types::DealId;

impl World {
    /// Proposes an end with so much delivered; gives the proposal's id and the outcome.
    pub fn resolve(&mut self, name: &str, deal: DealId, deliver: u64) -> (BlockId, Outcome) {
        let signed = self.sign(name, Resolve { deal, deliver: Amount::new(deliver) });
        (signed.id(), self.apply_block(signed))
    }

    pub fn write_off(&mut self, name: &str, deal: DealId) -> Outcome {
        self.send(name, WriteOff { deal })
    }

    /// Makes a default good; gives the id of the block, which may be a proposal, and the outcome.
    pub fn cure(&mut self, name: &str, deal: DealId) -> (BlockId, Outcome) {
        let signed = self.sign(name, Cure { deal, reference: String::new() });
        (signed.id(), self.apply_block(signed))
    }

    pub fn set_fees(&mut self, market: MarketId, maker_ppm: u32, taker_ppm: u32) -> Outcome {
        self.configure(vec![Change::SetFees { market, fees: Fees { maker_ppm, taker_ppm } }])
    }
}
