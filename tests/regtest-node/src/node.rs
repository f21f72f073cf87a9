//! The node: chain, mempool, clock and miner together, without HTTP.

use crate::chain::{self, Chain, Change, Verdict};
use crate::mempool::{GIVEN_BACK_BLOCKS_MAX, Mempool};
use crate::miner;
use bitcoin::{Block, BlockHash, Network, ScriptBuf, Transaction, Txid};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A chain with its tip no older than this counts as downloaded, in seconds.
const FRESH_S: u64 = 24 * 60 * 60;

/// How a node is set up.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The network. Only regtest can be mined; of the others the node knows the genesis block, to stand for a node of
    /// the wrong network.
    pub network: Network,
    /// Whether transactions of blocks are found by id alone.
    pub txindex: bool,
    /// Whether blocks may be pruned by hand.
    pub prune: bool,
    /// How many of the last blocks are never pruned; 288 in Core.
    pub prune_keep_blocks: u32,
    /// Whether the mempool is kept over an orderly end.
    pub persist_mempool: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let network = Network::Regtest;
        Self { network, txindex: true, prune: false, prune_keep_blocks: 288, persist_mempool: true }
    }
}

/// A node on a folder.
pub struct Node {
    /// How it is set up.
    pub settings: Settings,
    pub(crate) chain: Chain,
    pub(crate) mempool: Mempool,
    /// Fee rates set by `setestimate`, by the number of blocks they are for; in satoshi per 1000 virtual bytes.
    pub(crate) estimates: BTreeMap<u16, u64>,
    /// Transactions handed in here that no block has held yet, which Core would go on sending to peers.
    pub(crate) unbroadcast: BTreeSet<Txid>,
    pub(crate) started: Instant,
    /// Set by the call `stop`.
    pub(crate) stopping: bool,
    /// Whether a tip of the last day was seen; from then on the chain counts as downloaded, as in Core.
    pub(crate) downloaded: bool,
    mock_time_s: Option<u64>,
    blocks_made: u64,
}

/// Why mining failed.
#[derive(Debug, thiserror::Error)]
pub enum MineError {
    /// Not on regtest.
    #[error("only regtest can be mined")]
    Network,
    /// The kernel refused the block, for the reason given.
    #[error("{0}")]
    Refused(String),
    /// The chain failed.
    #[error(transparent)]
    Chain(#[from] chain::Error),
}

impl Node {
    /// Opens a node on `folder`, which is made if it is not there; the same folder goes on with the same chain.
    ///
    /// # Errors
    /// The folder cannot be used, or the kernel cannot be started.
    pub fn open(settings: Settings, folder: &Path) -> Result<Self, chain::Error> {
        let chain = Chain::open(settings.network, folder)?;
        let mut node = Self {
            settings,
            chain,
            mempool: Mempool::new(),
            estimates: BTreeMap::new(),
            unbroadcast: BTreeSet::new(),
            started: Instant::now(),
            stopping: false,
            downloaded: false,
            mock_time_s: None,
            blocks_made: seed(),
        };
        node.note_downloaded();
        for transaction in node.chain.store().take_mempool()? {
            // What a block has meanwhile made invalid stays out, as when Core loads its mempool.
            let _ = node.mempool.accept(&node.chain, &transaction, node.time_s());
        }
        Ok(node)
    }

    /// Keeps the mempool for the next start, if the settings say so.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn close(&self) -> Result<(), chain::Error> {
        if !self.settings.persist_mempool {
            return Ok(());
        }
        let transactions: Vec<Transaction> =
            self.mempool.parents_first().iter().map(|entry| Transaction::clone(&entry.transaction)).collect();
        Ok(self.chain.store().save_mempool(&transactions)?)
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The mempool.
    #[must_use]
    pub fn mempool(&self) -> &Mempool {
        &self.mempool
    }

    /// The time in seconds since 1970: as set by [`Node::set_mock_time`], or that of the machine.
    #[must_use]
    pub fn time_s(&self) -> u64 {
        let machine = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.mock_time_s.unwrap_or_else(machine)
    }

    /// Sets the clock of mining and of the mempool; 0 gives it back to the machine. The kernel goes on with the
    /// machine's time, by which it refuses blocks of more than two hours ahead.
    pub fn set_mock_time(&mut self, time_s: u64) {
        self.mock_time_s = (time_s != 0).then_some(time_s);
    }

    /// Sets the fee rate below which nothing enters the mempool, in satoshi per 1000 virtual bytes, and puts out what
    /// pays less.
    pub fn set_mempool_floor(&mut self, sat_per_kvb: u64) {
        self.mempool.set_floor(sat_per_kvb);
        self.forget_gone();
    }

    /// Hands a block in, and lets the mempool follow.
    ///
    /// # Errors
    /// The chain fails; a refusal of the block is a [`Verdict`].
    pub fn submit(&mut self, block: Block) -> Result<Verdict, chain::Error> {
        let (verdict, change) = self.chain.submit(block)?;
        self.follow(&change, usize::MAX);
        Ok(verdict)
    }

    /// Takes a transaction into the mempool; what it puts out.
    ///
    /// # Errors
    /// Why it may not enter, in Core's words.
    pub fn send(&mut self, transaction: &Transaction) -> Result<BTreeSet<Txid>, crate::mempool::Reject> {
        let accepted = self.mempool.accept(&self.chain, transaction, self.time_s())?;
        self.unbroadcast.insert(accepted.entry.txid);
        self.forget_gone();
        Ok(accepted.replaced)
    }

    /// Mines a block of the mempool, paid to `script`.
    ///
    /// # Errors
    /// See [`MineError`].
    pub fn mine(&mut self, script: ScriptBuf) -> Result<BlockHash, MineError> {
        let (transactions, fees_sat) = miner::pick(&self.mempool);
        let block = self.make(script, transactions, fees_sat)?;
        self.submit_own(block)
    }

    /// Makes a block of the transactions given and of no other, without their fees, and does not hand it in.
    ///
    /// # Errors
    /// Not on regtest.
    pub fn make(
        &mut self,
        script: ScriptBuf,
        transactions: Vec<Transaction>,
        fees_sat: u64,
    ) -> Result<Block, MineError> {
        if self.settings.network != Network::Regtest {
            return Err(MineError::Network);
        }
        self.blocks_made = self.blocks_made.wrapping_add(1);
        let (time_s, extra) = (self.time_s(), self.blocks_made);
        Ok(miner::assemble(&self.chain, script, transactions, fees_sat, time_s, extra))
    }

    /// Hands in a block made here, which is to become the tip.
    ///
    /// # Errors
    /// See [`MineError`].
    pub fn submit_own(&mut self, block: Block) -> Result<BlockHash, MineError> {
        let hash = block.block_hash();
        match self.submit(block)? {
            Verdict::Active => Ok(hash),
            Verdict::Refused(reason) => Err(MineError::Refused(reason)),
            Verdict::Inconclusive | Verdict::Known(_) => Err(MineError::Refused("inconclusive".to_owned())),
        }
    }

    /// Declares a known block invalid.
    ///
    /// # Errors
    /// The chain fails.
    pub fn invalidate(&mut self, hash: BlockHash) -> Result<(), chain::Error> {
        let change = self.chain.invalidate(hash)?;
        self.follow(&change, GIVEN_BACK_BLOCKS_MAX);
        Ok(())
    }

    /// Takes back what was declared of a known block and its relatives.
    ///
    /// # Errors
    /// The chain fails.
    pub fn reconsider(&mut self, hash: BlockHash) -> Result<(), chain::Error> {
        let change = self.chain.reconsider(hash)?;
        self.follow(&change, usize::MAX);
        Ok(())
    }

    fn follow(&mut self, change: &Change, give_back_blocks: usize) {
        let time_s = self.time_s();
        self.mempool.follow(&self.chain, change, time_s, give_back_blocks);
        self.forget_gone();
        self.note_downloaded();
    }

    fn note_downloaded(&mut self) {
        let tip = self.chain.get(self.chain.tip()).map_or(0, |record| record.block.header.time);
        self.downloaded |= u64::from(tip).saturating_add(FRESH_S) >= self.time_s();
    }

    fn forget_gone(&mut self) {
        let mempool = &self.mempool;
        self.unbroadcast.retain(|txid| mempool.get(txid).is_some());
    }
}

/// Where the count in coinbases starts, so that two nodes of one test do not mine the same blocks.
fn seed() -> u64 {
    getrandom::u64().unwrap_or(0)
}
