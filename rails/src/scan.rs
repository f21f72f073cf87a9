//! Reading blocks for payments: which block is next, and what in it pays a watched script.

use crate::exchange::{Exchange, Observation};
use crate::follower::PassError;
use crate::source::{Source, SourceError};
use bandex_spv::{BlockAt, Headers, REORGANISATION_MAX, prove, strip};
use bitcoin::hashes::Hash as _;
use bitcoin::{Block, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The scripts watched, each with the lowest height of a block that may pay it.
type Scripts = Arc<BTreeMap<Vec<u8>, u32>>;

/// How far blocks have been read.
#[derive(Debug, Default)]
pub struct Scan {
    /// The last block that has been read, or that nobody asked for.
    done: Option<BlockAt>,
    /// The scripts that were looked for up to there.
    covered: Scripts,
    /// Blocks that were not on the node's disk any more.
    pruned: BTreeSet<BlockAt>,
    /// The payments that the exchange was told of.
    told: BTreeSet<(BlockAt, [u8; 32])>,
}

impl Scan {
    /// The first block that could not be read because the node has thrown it away.
    pub fn pruned(&self) -> Option<BlockAt> {
        self.pruned.first().copied()
    }

    /// The block to read next, and how many are left with it. `None` if all have been read.
    pub fn next(&mut self, exchange: &impl Exchange) -> Option<(BlockAt, u32)> {
        let watched = exchange.watched();
        let floor = exchange.scan_from();
        exchange.headers(|headers| {
            let lowest = watched.values().copied().min().unwrap_or(u32::MAX);
            self.forget(headers, lowest);
            let next = self.next_height(headers, &watched).max(lowest).max(floor).max(headers.begins_at());
            self.covered = watched;
            let tip = headers.tip().0;
            // Nobody asks for the blocks in between, so they count as read.
            let below = next.min(tip.saturating_add(1)).checked_sub(1);
            self.done = below.and_then(|height| block_at(headers, height));
            block_at(headers, next).map(|block| (block, tip.saturating_sub(next).saturating_add(1)))
        })
    }

    /// The lowest height that has not been read for every script watched, whether there is such a block yet or not.
    fn next_height(&self, headers: &Headers, watched: &Scripts) -> u32 {
        // After a reorganisation what it brought has to be read, from where it left the blocks that were read.
        let read_to = self.done.and_then(|done| headers.fork_height(&done.hash));
        let next = read_to.map_or(0, |height| height.saturating_add(1));
        let added = watched.iter().filter(|(script, from)| {
            !Arc::ptr_eq(watched, &self.covered) && self.covered.get(*script).is_none_or(|had| had > *from)
        });
        added.map(|(_, from)| *from).fold(next, u32::min)
    }

    /// Forgets what a reorganisation undid, what none can undo any more, and what nobody asks for any more.
    fn forget(&mut self, headers: &Headers, lowest: u32) {
        self.pruned.retain(|block| block.height >= lowest && headers.height_of(&block.hash).is_some());
        let floor = headers.tip().0.saturating_sub(REORGANISATION_MAX);
        let lowest = (BlockAt { height: floor, hash: [0; 32] }, [0; 32]);
        self.told = self.told.split_off(&lowest);
    }

    /// Reads a block and tells the exchange of its payments.
    pub async fn read(
        &mut self,
        source: &impl Source,
        exchange: &impl Exchange,
        at: BlockAt,
    ) -> Result<(), PassError> {
        match source.block(&at.hash).await {
            Ok(block) => self.tell(exchange, at, &block).await?,
            Err(SourceError::Pruned) => {
                self.pruned.insert(at);
            }
            Err(error) => return Err(error.into()),
        }
        self.done = Some(at);
        Ok(())
    }

    /// Tries again to read a block that was pruned: somebody may have fetched it.
    pub async fn read_pruned(
        &mut self,
        source: &impl Source,
        exchange: &impl Exchange,
    ) -> Result<(), PassError> {
        let Some(at) = self.pruned() else { return Ok(()) };
        match source.block(&at.hash).await {
            Ok(block) => {
                self.tell(exchange, at, &block).await?;
                self.pruned.remove(&at);
                Ok(())
            }
            Err(SourceError::Pruned | SourceError::Missing) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn tell(&mut self, exchange: &impl Exchange, at: BlockAt, block: &Block) -> Result<(), PassError> {
        let watched = Arc::clone(&self.covered);
        for (position, transaction) in block.txdata.iter().enumerate() {
            if !pays(transaction, &watched, at.height) {
                continue;
            }
            let txid = transaction.compute_txid().to_byte_array();
            if self.told.contains(&(at, txid)) || exchange.knows(&txid, &at.hash) {
                continue;
            }
            let Some(proof) = prove(block, position) else { continue };
            let transaction = strip(transaction);
            exchange.submit(Observation::Payment { proof, transaction }).await?;
            self.told.insert((at, txid));
        }
        Ok(())
    }
}

/// Whether a transaction pays a script that a block at this height may pay.
fn pays(transaction: &Transaction, watched: &BTreeMap<Vec<u8>, u32>, height: u32) -> bool {
    let mut outputs = transaction.output.iter();
    outputs.any(|paid| watched.get(paid.script_pubkey.as_bytes()).is_some_and(|from| *from <= height))
}

fn block_at(headers: &Headers, height: u32) -> Option<BlockAt> {
    headers.hash_at(height).map(|hash| BlockAt { height, hash })
}
