//! Following the chain block by block, and seeing that everything under way goes on.

use crate::build::Replacement;
use crate::error::{OpenError, PayError, SyncError};
use crate::journal::{Closed, Entry, Purpose, Slot, State, View};
use crate::node::Node;
use crate::wallet::Wallet;
use bandex_types::{DealId, Timestamp};
use bdk_wallet::bitcoin::{BlockHash, OutPoint, Txid};
use bdk_wallet::chain::local_chain::ChangeSet as ChainChange;
use bdk_wallet::chain::{BlockId, CheckPoint};
use bdk_wallet::{ChangeSet, Update};

/// How far below the node's tip a new wallet begins to read: no address was given out before, but a reorganisation may
/// put a later payment into a lower block.
const BIRTHDAY_DEPTH: u32 = 12;
/// After how many blocks what was read is committed.
const BLOCKS_MAX: u32 = 100;
/// How many unconfirmed generations of own transactions are looked through.
const GENERATIONS_MAX: u32 = 16;

/// What a look at the chain found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Synced {
    /// The height of the last block.
    pub height: u32,
    /// How many blocks were read.
    pub blocks: u32,
    /// What does not go on by itself.
    pub troubles: Vec<Trouble>,
}

/// A payment that does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The deal.
    pub deal: DealId,
    /// The demand.
    pub demand: u32,
    /// Why, in words.
    pub why: String,
}

/// What has to be done about a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Todo {
    Nothing,
    Build,
    Announce,
    Close(Closed),
    /// Sign anew, with the coin that all of its transactions spend.
    Rebuild(Purpose),
}

impl<N: Node> Wallet<N> {
    /// Reads what is new in the chain; then builds what was only written down, sends what no node has, and closes what
    /// can no longer confirm.
    ///
    /// # Errors
    /// The node does not answer or the file cannot be written. What was read until then is kept.
    pub async fn sync(&mut self, now: Timestamp) -> Result<Synced, SyncError> {
        let blocks = self.follow().await?;
        let mut troubles = Vec::new();
        let view = self.view();
        let busy = self.journal.slots.values().filter(|slot| self.todo(slot, &view, now) != Todo::Nothing);
        for id in busy.map(|slot| slot.id).collect::<Vec<_>>() {
            let Err(error) = self.tend(id, now).await else { continue };
            match error {
                PayError::Sync(error) => return Err(error),
                other => troubles.extend(self.trouble(id, other.to_string())),
            }
        }
        let refused = self.journal.slots.iter().filter_map(|(id, slot)| {
            let refusal = self.refused.get(&slot.newest()?.txid)?;
            self.trouble(*id, format!("its transaction is not sent: {}", refusal.why))
        });
        troubles.extend(refused.collect::<Vec<_>>());
        Ok(Synced { height: self.chain.latest_checkpoint().height(), blocks, troubles })
    }

    fn trouble(&self, id: i64, why: String) -> Option<Trouble> {
        let slot = self.journal.slots.get(&id)?;
        Some(Trouble { deal: slot.deal, demand: slot.demand, why })
    }

    /// At the first opening, begins the chain near the node's tip.
    pub(crate) async fn begin(&mut self) -> Result<(), OpenError> {
        if self.journal.birthday.is_some() {
            return Ok(());
        }
        self.node.check(self.secret.network).await?;
        let (tip, _) = self.node.tip().await?;
        let height = tip.saturating_sub(BIRTHDAY_DEPTH);
        let genesis = self.chain.local_chain().genesis_hash();
        if let Some(hash) = self.node.hash_at(height).await?.filter(|_| height > 0) {
            let chain =
                CheckPoint::from_block_ids([BlockId { height: 0, hash: genesis }, BlockId { height, hash }])
                    .ok();
            // From a chain of one block any other can be reached.
            let _ = self.chain.apply_update(Update { chain, ..Update::default() });
        }
        self.commit(vec![Entry::Birthday(height)]).await?;
        Ok(())
    }

    /// Brings the wallet's chain to the node's tip. Gives how many blocks were read.
    pub(crate) async fn follow(&mut self) -> Result<u32, SyncError> {
        let (tip, hash) = self.node.tip().await?;
        if self.chain.latest_checkpoint().hash() == hash {
            return Ok(0);
        }
        let mut last = self.common_block(tip).await?;
        if last.height == tip {
            self.cut(tip).await?;
            return Ok(0);
        }
        let birthday = self.journal.birthday.unwrap_or_default();
        let first = last.height.saturating_add(1).max(birthday);
        let mut read = 0_u32;
        for height in first..=tip {
            last = self.read_block(height, last).await?;
            read = read.saturating_add(1);
            if read.is_multiple_of(BLOCKS_MAX) {
                self.commit(Vec::new()).await?;
            }
        }
        self.commit(Vec::new()).await?;
        Ok(read)
    }

    /// The highest block that both know.
    async fn common_block(&self, tip: u32) -> Result<BlockId, SyncError> {
        let known: Vec<BlockId> = self.chain.checkpoints().map(|point| point.block_id()).collect();
        for block in known.into_iter().filter(|block| block.height <= tip) {
            if self.node.hash_at(block.height).await? == Some(block.hash) {
                return Ok(block);
            }
        }
        Err(SyncError::Broken { height: 0, why: "the node has another genesis".to_owned() })
    }

    async fn read_block(&mut self, height: u32, last: BlockId) -> Result<BlockId, SyncError> {
        let broken = |why: String| SyncError::Broken { height, why };
        let hash = self.node.hash_at(height).await?;
        let hash: BlockHash = hash.ok_or_else(|| broken("the block is gone".to_owned()))?;
        let block = self.node.block(hash).await?;
        if block.block_hash() != hash || !block.check_merkle_root() {
            return Err(broken("the block is another one".to_owned()));
        }
        if last.height.saturating_add(1) == height && block.header.prev_blockhash != last.hash {
            return Err(broken("the chain moved meanwhile".to_owned()));
        }
        self.chain
            .apply_block_connected_to(&block, height, last)
            .map_err(|error| broken(error.to_string()))?;
        Ok(BlockId { height, hash })
    }

    /// Forgets the blocks above a height, which the node no longer has. The library only ever puts blocks in the place
    /// of others, so the change goes into the file and the wallet is read again.
    async fn cut(&mut self, tip: u32) -> Result<(), SyncError> {
        self.commit(Vec::new()).await?;
        let above = self.chain.checkpoints().map(|point| point.height()).filter(|height| *height > tip);
        let blocks = above.map(|height| (height, None)).collect();
        let change = ChangeSet { local_chain: ChainChange { blocks }, ..ChangeSet::default() };
        self.store.write(&change).await?;
        self.reload().await
    }

    /// Sees to one payment.
    pub(crate) async fn tend(&mut self, id: i64, now: Timestamp) -> Result<(), PayError> {
        let view = self.view();
        let Some(slot) = self.journal.slots.get(&id) else { return Ok(()) };
        match self.todo(slot, &view, now) {
            Todo::Nothing => Ok(()),
            Todo::Close(closed) => Ok(self.commit(vec![Entry::Close(id, closed)]).await?),
            Todo::Announce => self.announce(id, now).await,
            Todo::Build => {
                self.sign_new(id, Replacement::None, now).await?;
                self.announce(id, now).await
            }
            Todo::Rebuild(purpose) => {
                self.sign_new(id, Replacement::OfConflicted(purpose), now).await?;
                self.announce(id, now).await
            }
        }
    }

    fn todo(&self, slot: &Slot, view: &View, now: Timestamp) -> Todo {
        match slot.state(view) {
            State::Closed | State::Confirmed(..) => Todo::Nothing,
            State::Intent if self.policy.is_too_late(slot.deadline, now) => Todo::Close(Closed::Withdrawn),
            State::Intent => Todo::Build,
            State::Waiting(_) => Todo::Announce,
            State::GivenUp(_, height) => {
                let is_final = view.confirmations(Some(height)) >= self.policy.final_confirmations;
                if is_final { Todo::Close(Closed::Dead) } else { Todo::Nothing }
            }
            State::Conflicted(newest) => {
                let Some(anchor) = slot.anchor() else { return Todo::Nothing };
                let paying: Vec<Txid> = slot.versions.iter().map(|version| version.txid).collect();
                if self.is_spent_finally(anchor, &paying, view, 0) {
                    return Todo::Close(Closed::Dead);
                }
                match newest.purpose {
                    _ if self.chain.get_utxo(anchor).is_none() => Todo::Nothing,
                    Purpose::GiveUp => Todo::Rebuild(Purpose::GiveUp),
                    Purpose::Pay | Purpose::Bump => Todo::Rebuild(Purpose::Pay),
                }
            }
        }
    }

    /// Whether a coin was spent, for good, by another than `except`, or never will be there to be spent.
    fn is_spent_finally(&self, coin: OutPoint, except: &[Txid], view: &View, generation: u32) -> bool {
        let graph = self.chain.tx_graph();
        let is_final =
            |txid: &Txid| view.confirmations(view.height(txid)) >= self.policy.final_confirmations.max(1);
        if graph.outspends(coin).iter().any(|spender| !except.contains(spender) && is_final(spender)) {
            return true;
        }
        if view.canonical.contains_key(&coin.txid) || generation >= GENERATIONS_MAX {
            return false;
        }
        let Some(parent) = graph.get_tx(coin.txid) else { return false };
        let next = generation.saturating_add(1);
        parent
            .input
            .iter()
            .any(|input| self.is_spent_finally(input.previous_output, &[coin.txid], view, next))
    }
}
