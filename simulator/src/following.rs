//! How the node follows the Bitcoin chain: it asks a Bitcoin node that may be behind, and tells the engine what it hears.

use crate::chain::{hash_at, header_of};
use crate::node::{Input, Node};
use crate::world::World;
use bandex_sequencer::Observation;
use bandex_spv::{prove, strip};
use bandex_tradechain::{Headers, MAX_HEADERS, Payment};
use bitcoin::Block;
use std::collections::BTreeSet;

impl World<'_> {
    /// The node looks at a Bitcoin node that knows of all blocks but so many of the last.
    pub fn follow(&mut self, behind: u8) {
        let room = usize::from(self.setup.queue_max.max(1));
        let (view, fee_rate) = (self.chain.view(behind), self.chain.fee_rate);
        if let Some(node) = self.node.as_mut().filter(|_| self.setup.chain.is_some()) {
            node.look(view, fee_rate, room);
        }
    }

    /// In the calm: blocks are found as long as anybody waits for one, and the node hears of all.
    pub fn confirm(&mut self) {
        if self.setup.chain.is_none() {
            return;
        }
        if self.chain.is_waiting() || self.watch.coins.is_waiting(&self.watch.deals) {
            self.chain.mine(false, false);
            self.stats.blocks = self.stats.blocks.saturating_add(1);
        }
        self.follow(0);
    }
}

impl Node {
    /// Puts what a Bitcoin node knows and the engine does not into the queue, as far as there is room: first headers, then
    /// payments.
    fn look(&mut self, view: &[Block], fee_rate: Option<u64>, room: usize) {
        let engine = self.sequencer.engine();
        let Some((_, headers)) = engine.bitcoin() else { return };
        let mut inputs = Vec::new();
        let (height, _) = headers.tip();
        let top = u32::try_from(view.len()).unwrap_or(u32::MAX);
        let known = |at: &u32| hash_at(view, *at) == headers.hash_at(*at);
        let fork = (0..=height.min(top)).rev().find(known).unwrap_or(0);
        let is_new = hash_at(view, top).is_some_and(|hash| !headers.contains(&hash));
        let above = usize::try_from(fork).unwrap_or(usize::MAX);
        let news: Vec<[u8; 80]> =
            view.iter().skip(above).filter(|_| is_new).take(MAX_HEADERS).map(header_of).collect();
        let fee_rate = fee_rate.filter(|rate| self.told_rate != Some(*rate));
        if !news.is_empty() || fee_rate.is_some() {
            inputs.push((Observation::Headers(Headers { headers: news, fee_rate }), None));
        }
        let hashes: BTreeSet<_> = view.iter().map(Block::block_hash).collect();
        // A block that has left the view may come back to it, and another may have been proven meanwhile.
        self.told_payments.retain(|(_, block)| hashes.contains(block));
        let scripts: BTreeSet<Vec<u8>> =
            engine.watched_scripts().into_iter().map(|(script, _)| script).collect();
        for block in view {
            for (at, transaction) in block.txdata.iter().enumerate() {
                let pays = |output: &bitcoin::TxOut| scripts.contains(output.script_pubkey.as_bytes());
                let told = (transaction.compute_txid(), block.block_hash());
                if !transaction.output.iter().any(pays) || self.told_payments.contains(&told) {
                    continue;
                }
                if let Some(proof) = prove(block, at) {
                    let payment = Payment { proof, transaction: strip(transaction) };
                    inputs.push((Observation::Payment(payment), Some(told)));
                }
            }
        }
        for (observation, told) in inputs {
            if self.queue.len() >= room {
                return;
            }
            // Told once it waits: what a node that dies forgets is told anew by the next.
            self.told_payments.extend(told);
            if let Observation::Headers(headers) = &observation {
                self.told_rate = headers.fee_rate.or(self.told_rate);
            }
            self.queue.push_back(Input::Observation(observation));
        }
    }
}
