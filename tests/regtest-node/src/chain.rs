//! The chain as the kernel judges it: every block known, which of them are active, and what is unspent after them.
//!
//! The kernel decides what is valid and which chain is active; this room follows it and keeps the views that the
//! kernel's interface does not give: unspent outputs by outpoint, transactions by id, side branches.

mod follow;
mod place;
mod rebuild;

pub(crate) use place::is_unspendable;
pub use place::{Coin, Record, Standing};

use crate::kernel::{self, Kernel};
use crate::store::{Declared, Store};
use bitcoin::{Block, BlockHash, Network, OutPoint, Transaction, Txid};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Blocks after which a coinbase output may be spent (a consensus rule).
pub(crate) const COINBASE_MATURITY: u32 = 100;
/// A height later than any block's, which Core gives to outputs of the mempool.
pub(crate) const MEMPOOL_HEIGHT: u32 = 0x7FFF_FFFF;

/// Why the chain could not be opened or changed. None of these is a verdict on a block.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel could not do its work.
    #[error(transparent)]
    Kernel(#[from] kernel::Error),
    /// The folder of the chain could not be read or written.
    #[error("the chain's folder: {0}")]
    Store(#[from] io::Error),
    /// The kernel and the views of this crate have come apart, which is a bug.
    #[error("the kernel is at block {0}, which is not known here")]
    Apart(BlockHash),
}

/// How the active chain changed.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Blocks no longer active, the last of them first.
    pub disconnected: Vec<Arc<Block>>,
    /// Blocks now active, the first of them first.
    pub connected: Vec<Arc<Block>>,
}

/// What the kernel said of a block handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Valid and now the tip, or connected on the way to it.
    Active,
    /// Kept, but on a branch with no more work than the active chain, so that its transactions are not yet checked.
    Inconclusive,
    /// Known before; whether it is valid.
    Known(Standing),
    /// Refused, with Core's reason.
    Refused(String),
}

/// A chain in a folder.
pub struct Chain {
    network: Network,
    store: Store,
    declared: Declared,
    kernel: Kernel,
    records: BTreeMap<BlockHash, Record>,
    /// Every block known after the genesis block, in the order they came.
    order: Vec<BlockHash>,
    active: Vec<BlockHash>,
    coins: BTreeMap<OutPoint, Coin>,
    /// Outputs spent by each active block, by transaction after the coinbase and then by input.
    spent: BTreeMap<BlockHash, Vec<Vec<Coin>>>,
    /// The last block seen active with each transaction, as Core's txindex keeps it: a reorganisation leaves it.
    places: BTreeMap<Txid, BlockHash>,
}

impl Chain {
    /// Opens the chain in `folder`, which is made if it is not there, and has the kernel judge every block of it anew.
    ///
    /// # Errors
    /// The folder cannot be used, or the kernel cannot be started.
    pub fn open(network: Network, folder: &Path) -> Result<Self, Error> {
        let (store, blocks, declared) = Store::open(folder)?;
        let kernel = Kernel::open(network, &store.kernel_folder()?)?;
        let genesis = Arc::new(kernel.genesis()?);
        let hash = genesis.block_hash();
        let mut chain = Self {
            network,
            store,
            declared,
            kernel,
            records: BTreeMap::from([(hash, Record::genesis(genesis))]),
            order: Vec::new(),
            active: vec![hash],
            coins: BTreeMap::new(),
            spent: BTreeMap::new(),
            places: BTreeMap::new(),
        };
        for block in blocks {
            chain.record(Arc::new(block));
        }
        chain.feed()?;
        chain.follow()?;
        Ok(chain)
    }

    /// Hands a block to the kernel and follows where it goes.
    ///
    /// # Errors
    /// The kernel or the folder fails; a refusal of the block is a [`Verdict`].
    pub fn submit(&mut self, block: Block) -> Result<(Verdict, Change), Error> {
        let hash = block.block_hash();
        if let Some(record) = self.records.get(&hash) {
            return Ok((Verdict::Known(self.standing(record)), Change::default()));
        }
        // The kernel knows nothing of blocks declared invalid, nor of their descendants.
        if self.records.contains_key(&block.header.prev_blockhash)
            && self.is_declared_invalid(block.header.prev_blockhash)
        {
            return Ok((Verdict::Refused("bad-prevblk".to_owned()), Change::default()));
        }
        let processed = self.kernel.process(&block)?;
        let own = processed.judged.iter().find(|judged| judged.hash == hash).cloned();
        if processed.kept && processed.new {
            let block = Arc::new(block);
            self.store.append(&block)?;
            self.record(block);
        }
        self.note(&processed.judged);
        let change = self.follow()?;
        let verdict = match own {
            Some(kernel::Judged { refusal: Some(reason), .. }) => Verdict::Refused(reason),
            Some(_) => Verdict::Active,
            None if processed.kept => Verdict::Inconclusive,
            None => Verdict::Refused("rejected".to_owned()),
        };
        Ok((verdict, change))
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> Network {
        self.network
    }

    /// The hash of the last active block.
    #[must_use]
    pub fn tip(&self) -> BlockHash {
        self.active.last().copied().unwrap_or_else(|| self.genesis())
    }

    /// The height of the last active block; that of the genesis block is 0.
    #[must_use]
    pub fn height(&self) -> u32 {
        u32::try_from(self.active.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// The active block of a height.
    #[must_use]
    pub fn at_height(&self, height: u32) -> Option<BlockHash> {
        self.active.get(usize::try_from(height).ok()?).copied()
    }

    /// A block known, active or not.
    #[must_use]
    pub fn get(&self, hash: BlockHash) -> Option<&Record> {
        self.records.get(&hash)
    }

    /// Whether a block is active.
    #[must_use]
    pub fn is_active(&self, hash: BlockHash) -> bool {
        self.records.get(&hash).is_some_and(|record| self.at_height(record.height) == Some(hash))
    }

    /// Every block known, the genesis block among them.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// An unspent output of an active block.
    #[must_use]
    pub fn coin(&self, outpoint: &OutPoint) -> Option<&Coin> {
        self.coins.get(outpoint)
    }

    /// The block that last held a transaction while it was active, and the transaction.
    #[must_use]
    pub fn place(&self, txid: &Txid) -> Option<(&Record, &Transaction)> {
        let record = self.records.get(self.places.get(txid)?)?;
        Some((record, record.block.txdata.iter().find(|one| one.compute_txid() == *txid)?))
    }

    /// The outputs spent by an active block, by transaction after the coinbase.
    pub(crate) fn spent(&self, hash: BlockHash) -> Option<&[Vec<Coin>]> {
        self.spent.get(&hash).map(Vec::as_slice)
    }

    /// The median time of a block and the ten before it (BIP 113), in seconds since 1970; 0 for an unknown block.
    #[must_use]
    pub fn median_time(&self, hash: BlockHash) -> u32 {
        let mut times = Vec::with_capacity(11);
        let mut at = self.records.get(&hash);
        while let Some(record) = at.filter(|_| times.len() < 11) {
            times.push(record.block.header.time);
            at = self.records.get(&record.block.header.prev_blockhash);
        }
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or(0)
    }

    /// What is known of a block's validity, its ancestors and what was declared considered.
    #[must_use]
    pub fn standing(&self, record: &Record) -> Standing {
        let mut at = Some(record);
        while let Some(one) = at {
            if one.own_standing == Standing::Invalid || self.declared.invalid.contains(&one.hash) {
                return Standing::Invalid;
            }
            at = self.records.get(&one.block.header.prev_blockhash);
        }
        record.own_standing
    }

    /// Up to which height blocks are not given out; none if nothing is pruned.
    #[must_use]
    pub fn pruned_height(&self) -> Option<u32> {
        self.declared.pruned_height
    }

    /// Whether a block's contents are no longer given out.
    #[must_use]
    pub fn is_pruned(&self, record: &Record) -> bool {
        self.declared.pruned_height.is_some_and(|height| record.height <= height)
    }

    /// Gives out no block up to `height` from now on.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn prune(&mut self, height: u32) -> Result<(), Error> {
        self.declared.pruned_height = self.declared.pruned_height.max(Some(height));
        Ok(self.store.declare(&self.declared)?)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    fn genesis(&self) -> BlockHash {
        self.active
            .first()
            .copied()
            .unwrap_or_else(|| BlockHash::from_raw_hash(bitcoin::hashes::Hash::all_zeros()))
    }

    /// Keeps a block whose parent is known.
    fn record(&mut self, block: Arc<Block>) {
        let Some(parent) = self.records.get(&block.header.prev_blockhash) else { return };
        let record = Record::after(parent, block);
        self.order.push(record.hash);
        self.records.insert(record.hash, record);
    }

    fn note(&mut self, judged: &[kernel::Judged]) {
        for one in judged {
            if let Some(record) = self.records.get_mut(&one.hash) {
                record.own_standing = if one.refusal.is_none() { Standing::Valid } else { Standing::Invalid };
            }
        }
    }

    fn is_declared_invalid(&self, hash: BlockHash) -> bool {
        let mut at = Some(hash);
        while let Some(hash) = at {
            if self.declared.invalid.contains(&hash) {
                return true;
            }
            at = self.records.get(&hash).map(|record| record.block.header.prev_blockhash);
        }
        false
    }

    /// The block and all known descendants of it.
    pub(crate) fn family(&self, hash: BlockHash) -> BTreeSet<BlockHash> {
        let mut family = BTreeSet::from([hash]);
        for hash in &self.order {
            let parent = self.records.get(hash).map(|record| record.block.header.prev_blockhash);
            if parent.is_some_and(|parent| family.contains(&parent)) {
                family.insert(*hash);
            }
        }
        family
    }
}
