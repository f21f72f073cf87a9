//! Following the kernel from its last tip to its next: what the blocks between spend and make.

use super::{Chain, Change, Coin, Error, place};
use bitcoin::{Block, OutPoint};
use std::sync::Arc;

impl Chain {
    /// Follows the kernel to its tip.
    pub(super) fn follow(&mut self) -> Result<Change, Error> {
        let mut ahead = Vec::new();
        let mut at = self.kernel.tip();
        while !self.is_active(at) {
            let record = self.records.get(&at).ok_or(Error::Apart(at))?;
            ahead.push(Arc::clone(&record.block));
            at = record.block.header.prev_blockhash;
        }
        let mut change = Change::default();
        while self.tip() != at {
            change.disconnected.push(self.disconnect()?);
        }
        for block in ahead.into_iter().rev() {
            self.connect(&block);
            change.connected.push(block);
        }
        Ok(change)
    }

    fn connect(&mut self, block: &Arc<Block>) {
        let hash = block.block_hash();
        let height = u32::try_from(self.active.len()).unwrap_or(u32::MAX);
        let mut spent_in_block = Vec::with_capacity(block.txdata.len());
        for (index, transaction) in block.txdata.iter().enumerate() {
            let txid = transaction.compute_txid();
            let coinbase = index == 0;
            if !coinbase {
                let inputs = transaction.input.iter();
                let spent = inputs.filter_map(|input| self.coins.remove(&input.previous_output)).collect();
                spent_in_block.push(spent);
            }
            for (vout, output) in (0_u32..).zip(&transaction.output) {
                if !place::is_unspendable(&output.script_pubkey) {
                    let coin = Coin { output: output.clone(), height, coinbase };
                    self.coins.insert(OutPoint { txid, vout }, coin);
                }
            }
            self.places.insert(txid, hash);
        }
        self.spent.insert(hash, spent_in_block);
        self.active.push(hash);
    }

    fn disconnect(&mut self) -> Result<Arc<Block>, Error> {
        let hash = self.tip();
        let block =
            self.records.get(&hash).map(|record| Arc::clone(&record.block)).ok_or(Error::Apart(hash))?;
        let mut spent = self.spent.remove(&hash).unwrap_or_default();
        for transaction in block.txdata.iter().rev() {
            let txid = transaction.compute_txid();
            for vout in 0..u32::try_from(transaction.output.len()).unwrap_or(u32::MAX) {
                self.coins.remove(&OutPoint { txid, vout });
            }
            if !transaction.is_coinbase() {
                let coins = spent.pop().unwrap_or_default();
                let outpoints = transaction.input.iter().map(|input| input.previous_output);
                self.coins.extend(outpoints.zip(coins));
            }
        }
        self.active.pop();
        Ok(block)
    }
}
