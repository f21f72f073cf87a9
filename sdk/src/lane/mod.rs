//! A lane on this side: every block is stored before it is sent, and what was stored is sent again until it is
//! answered. Signing one seq twice is a fork, which freezes the account; forgetting what was sent leads there.

mod file;
mod memory;
mod own;

pub use file::{Durability, FileLane, StoredOrders};
pub use memory::MemoryLane;
pub use own::{OwnOrder, Version};

use crate::OwnBlock;
use bandex_tradechain::{Block, Head, LaneAnswer, SignedBlock};
use bandex_types::PublicKey;
use own::OwnRecord;
use std::collections::VecDeque;

/// One line of a lane's store. Lines are only ever added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Whose lane this is and where it begins here: always first, and only once.
    Start {
        /// The lane's key.
        key: PublicKey,
        /// The end of the lane before the first stored block.
        head: Head,
    },
    /// A block that was signed, and may have been sent.
    Block(SignedBlock),
    /// The exchange has sequenced every block up to this seq.
    Confirmed(u64),
}

/// Why a store cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("the lane's store: {0}")]
    Io(#[from] std::io::Error),
    /// Another process holds it.
    #[error("another process uses this lane; give each process a key of its own")]
    InUse,
    /// A line in the midst of it is no entry.
    #[error("line {line} of the lane's store is damaged: {why}")]
    Damaged {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// It holds the lane of another key.
    #[error("the store holds the lane of key {0}")]
    OtherKey(PublicKey),
}

/// Where a lane is kept. A store is dumb: it keeps lines in order and gives them back.
pub trait LaneStore: Send {
    /// Every entry from the first on.
    ///
    /// # Errors
    /// The store cannot be read, or is damaged other than by a write that was cut short.
    fn read(&mut self) -> Result<Vec<Entry>, StoreError>;

    /// Adds an entry. When this returns, the entry survives whatever the store promises to survive.
    ///
    /// # Errors
    /// The entry is not stored; the store is as before.
    fn append(&mut self, entry: &Entry) -> Result<(), StoreError>;
}

/// What the entries of a store add up to.
#[derive(Debug)]
pub(crate) struct LaneState {
    pub key: PublicKey,
    /// The end of the lane, everything signed included.
    pub head: Head,
    /// How far the exchange has sequenced it, as far as is known here.
    pub confirmed: Head,
    /// What was signed and not answered yet, in order.
    pub pending: VecDeque<OwnBlock>,
    /// What its blocks ordered and paid.
    pub own: OwnRecord,
}

impl LaneState {
    pub fn new(key: PublicKey, head: Head) -> Self {
        Self { key, head, confirmed: head, pending: VecDeque::new(), own: OwnRecord::default() }
    }

    /// Adds up a store's entries; `None` if it is empty.
    pub fn from_entries(entries: &[Entry]) -> Result<Option<Self>, StoreError> {
        let Some((Entry::Start { key, head }, rest)) = entries.split_first() else {
            let damaged = StoreError::Damaged { line: 1, why: "the lane's beginning is missing".to_owned() };
            return if entries.is_empty() { Ok(None) } else { Err(damaged) };
        };
        let mut state = Self::new(*key, *head);
        for (entry, line) in rest.iter().zip(2..) {
            state.take(entry).map_err(|why| StoreError::Damaged { line, why })?;
        }
        Ok(Some(state))
    }

    fn take(&mut self, entry: &Entry) -> Result<(), String> {
        match entry {
            Entry::Start { .. } => Err("the lane begins twice".to_owned()),
            Entry::Block(signed) => {
                let block = Block::decode(&signed.payload).map_err(|error| error.to_string())?;
                if block.author != self.key || self.head.judge(block.seq, block.previous) != LaneAnswer::Next
                {
                    return Err(format!("block {} does not continue the lane", block.seq));
                }
                let (id, key, seq) = (signed.id(), block.author, block.seq);
                self.push(OwnBlock { signed: signed.clone(), id, key, seq }, &block);
                Ok(())
            }
            Entry::Confirmed(seq) => {
                self.confirm(*seq);
                Ok(())
            }
        }
    }

    /// Takes in a block that continues the lane.
    pub fn push(&mut self, own: OwnBlock, block: &Block) {
        self.own.note(block);
        self.head = Head { seq: own.seq, id: own.id };
        self.pending.push_back(own);
    }

    /// The exchange refused these operations of block `seq`, which is still pending.
    pub fn forget(&mut self, seq: u64, refused: &[usize]) {
        let Some(own) = self.pending.iter().find(|block| block.seq == seq) else { return };
        if let Ok(block) = Block::decode(&own.signed.payload) {
            self.own.forget(&block, refused);
        }
    }

    /// Everything up to `seq` was sequenced.
    pub fn confirm(&mut self, seq: u64) {
        while let Some(block) = self.pending.pop_front_if(|block| block.seq <= seq) {
            self.confirmed = Head { seq: block.seq, id: block.id };
        }
    }

    /// How the lane's head at the exchange fits what is stored here.
    pub fn compare(&self, theirs: Head) -> Comparison {
        if theirs.seq > self.head.seq {
            return Comparison::Ahead;
        }
        let known = if theirs.seq == self.confirmed.seq {
            Some(self.confirmed.id)
        } else {
            self.pending.iter().find(|block| block.seq == theirs.seq).map(|block| block.id)
        };
        match known {
            Some(id) if id == theirs.id => Comparison::Fits,
            Some(_) => Comparison::Differs,
            None => Comparison::Forgot,
        }
    }
}

/// See [`LaneState::compare`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// It is the last confirmed block or one of the pending ones.
    Fits,
    /// It has blocks that are not stored here: signing on would fork.
    Ahead,
    /// It has another block in the place of ours.
    Differs,
    /// It lacks blocks that it has confirmed.
    Forgot,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signer;
    use crate::testing::{NETWORK, NOW, ORIGIN, keypair, place};
    use bandex_types::BlockId;
    use proptest::prelude::*;

    fn blocks(count: u64) -> Vec<OwnBlock> {
        let mut signer = Signer::new(keypair(1), NETWORK, ORIGIN);
        (1..=count).map(|lots| signer.orders(NOW, vec![place(lots)]).unwrap()).collect()
    }

    fn start() -> Entry {
        Entry::Start { key: keypair(1).public(), head: ORIGIN }
    }

    fn entries(blocks: &[OwnBlock], confirmed: u64) -> Vec<Entry> {
        let blocks = blocks.iter().map(|block| Entry::Block(block.signed.clone()));
        std::iter::once(start()).chain(blocks).chain([Entry::Confirmed(confirmed)]).collect()
    }

    #[test]
    fn heads_of_the_exchange_are_told_apart() {
        let blocks = blocks(4);
        let state = LaneState::from_entries(&entries(&blocks, 2)).unwrap().unwrap();
        let id = |seq: usize| blocks[seq - 1].id;
        let check = |seq, id, expected| assert_eq!(state.compare(Head { seq, id }), expected, "{seq}");
        check(2, id(2), Comparison::Fits);
        check(3, id(3), Comparison::Fits);
        check(4, id(4), Comparison::Fits);
        check(4, id(3), Comparison::Differs);
        check(2, id(3), Comparison::Differs);
        check(1, id(1), Comparison::Forgot);
        check(0, ORIGIN.id, Comparison::Forgot);
        check(5, id(4), Comparison::Ahead);
    }

    #[test]
    fn damaged_stores_are_refused_by_line() {
        let blocks = blocks(3);
        let check = |entries: &[Entry], expected| {
            let refused = LaneState::from_entries(entries);
            assert!(
                matches!(refused, Err(StoreError::Damaged { line, .. }) if line == expected),
                "{refused:?}"
            );
        };
        let whole = entries(&blocks, 1);
        check(&whole[1..], 1);
        check(&[whole[0].clone(), whole[2].clone()], 2);
        check(&[whole[0].clone(), whole[1].clone(), whole[1].clone()], 3);
        check(&[whole[0].clone(), start()], 2);
        let foreign = Entry::Start { key: keypair(2).public(), head: ORIGIN };
        check(&[foreign, whole[1].clone()], 2);
        let elsewhere = Head { seq: 0, id: BlockId::new([9; 32]) };
        check(&[Entry::Start { key: keypair(1).public(), head: elsewhere }, whole[1].clone()], 2);
        assert!(LaneState::from_entries(&[]).unwrap().is_none());
    }

    proptest! {
        /// Wherever a lane is cut off, its head is the last stored block and what is pending is what was not confirmed.
        #[test]
        fn any_prefix_adds_up(count in 0u64..8, confirmed in 0u64..10) {
            let blocks = blocks(count);
            let state = LaneState::from_entries(&entries(&blocks, confirmed)).unwrap().unwrap();
            let head = blocks.last().map_or(ORIGIN, |block| Head { seq: block.seq, id: block.id });
            prop_assert_eq!(state.head, head);
            let left: Vec<u64> = state.pending.iter().map(|block| block.seq).collect();
            prop_assert_eq!(left, (confirmed + 1..=count).collect::<Vec<_>>());
            prop_assert_eq!(state.confirmed.seq, confirmed.min(count));
            prop_assert_eq!(state.compare(state.confirmed), Comparison::Fits);
        }
    }
}
