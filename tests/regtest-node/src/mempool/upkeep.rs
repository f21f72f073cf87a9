//! What blocks do to the mempool, coming and going.

use super::accept::{Attempt, is_final, sequence_locks_hold};
use super::{Entry, Mempool};
use crate::chain::{COINBASE_MATURITY, Chain, Change, Coin};
use bitcoin::{Block, Txid};

/// How many blocks deep a disconnection by invalidateblock gives transactions back to the mempool; Core's own bound.
pub const GIVEN_BACK_BLOCKS_MAX: usize = 10;

impl Mempool {
    /// Follows a change of the active chain: takes out what is confirmed or in conflict with a block, takes the
    /// transactions of the last `give_back_blocks` disconnected blocks in again where they are still valid, and takes
    /// out what the new tip no longer lets through.
    pub fn follow(&mut self, chain: &Chain, change: &Change, time_s: u64, give_back_blocks: usize) {
        for block in &change.connected {
            self.confirm(block);
        }
        if change.disconnected.is_empty() {
            return;
        }
        let attempt = Attempt { time_s, from_block: true, may_replace: true };
        for block in change.disconnected.iter().take(give_back_blocks).rev() {
            for transaction in block.txdata.iter().skip(1) {
                let txid = transaction.compute_txid();
                if chain.place(&txid).is_some_and(|(record, _)| chain.is_active(record.hash)) {
                    continue;
                }
                match self.attempt(chain, transaction, attempt) {
                    Ok(accepted) => self.enter(&accepted),
                    Err(_) => self.remove_spenders(txid, transaction.output.len()),
                }
            }
        }
        while let Some(txid) =
            self.entries.values().find(|entry| !self.holds(chain, entry)).map(|entry| entry.txid)
        {
            self.remove_family(txid);
        }
    }

    fn confirm(&mut self, block: &Block) {
        for transaction in &block.txdata {
            let txid = transaction.compute_txid();
            self.remove(txid);
            self.deltas_sat.remove(&txid);
            for input in &transaction.input {
                if let Some(conflict) = self.spender(&input.previous_output) {
                    self.remove_family(conflict);
                }
            }
        }
    }

    fn remove_spenders(&mut self, txid: Txid, outputs: usize) {
        for vout in 0..u32::try_from(outputs).unwrap_or(u32::MAX) {
            if let Some(spender) = self.spender(&bitcoin::OutPoint { txid, vout }) {
                self.remove_family(spender);
            }
        }
    }

    /// Whether a transaction of the mempool may still be in the next block.
    fn holds(&self, chain: &Chain, entry: &Entry) -> bool {
        let transaction = &entry.transaction;
        let coins: Option<Vec<Coin>> =
            transaction.input.iter().map(|input| self.coin(chain, &input.previous_output)).collect();
        let Some(coins) = coins else { return false };
        let next = chain.height().saturating_add(1);
        let mature = |coin: &Coin| !coin.coinbase || next.saturating_sub(coin.height) >= COINBASE_MATURITY;
        coins.iter().all(mature)
            && is_final(chain, transaction)
            && sequence_locks_hold(chain, transaction, &coins)
    }
}
