//! Lanes: each seq once, each block pointing at its predecessor, each block in one record only.

use super::Seen;
use crate::broken::{Broken, Invariant, hold};
use bandex_engine::{CommandResult, Engine, Event, Refusal};
use bandex_tradechain::{Body, Head};
use bandex_types::{AccountId, BlockId, PublicKey};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Lanes {
    heads: BTreeMap<PublicKey, Head>,
    accounts: BTreeMap<PublicKey, AccountId>,
}

impl Lanes {
    pub fn account_of(&self, key: &PublicKey) -> Option<AccountId> {
        self.accounts.get(key).copied()
    }

    pub fn take(&mut self, seen: &Seen<'_>, blocks: &mut BTreeMap<BlockId, u64>) -> Result<(), Broken> {
        let mut made_by = BlockId::ZERO;
        if let Some((block, id)) = seen.block {
            made_by = id;
            let twin = blocks.insert(id, seen.seq);
            hold(twin.is_none(), Invariant::Acknowledged, || {
                format!("block {id} is in record {} and in record {}", twin.unwrap_or(0), seen.seq)
            })?;
            let misplaced = matches!(
                seen.result,
                CommandResult::Refused(Refusal::NotNext | Refusal::UnknownKey | Refusal::Misplaced)
            );
            hold(!misplaced, Invariant::Lane, || format!("record {} has no place in a lane", seen.seq))?;
            let head = match self.heads.get(&block.author) {
                Some(head) => *head,
                // The operator's lane begins at genesis, which says so by no event.
                None if matches!(block.body, Body::Configure(_)) => Head { seq: 0, id: block.previous },
                None => Head { seq: 0, id: BlockId::ZERO },
            };
            let follows = block.seq == head.seq.saturating_add(1) && block.previous == head.id;
            hold(follows, Invariant::Lane, || {
                format!("record {}: block {} does not follow block {}", seen.seq, block.seq, head.seq)
            })?;
            self.heads.insert(block.author, Head { seq: block.seq, id });
        }
        for event in seen.events {
            if let Event::Key(key) = event {
                self.heads.entry(key.key).or_insert(Head { seq: 0, id: made_by });
                self.accounts.insert(key.key, key.account);
            }
        }
        Ok(())
    }

    pub fn compare(&self, engine: &Engine) -> Result<(), Broken> {
        for (key, head) in &self.heads {
            hold(engine.head(key) == Some(*head), Invariant::Lane, || {
                format!("the lane of {key} ends at {:?}, not at {head:?}", engine.head(key))
            })?;
        }
        Ok(())
    }
}
