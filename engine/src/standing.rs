//! How a block stands before it is sequenced: what the writer answers without a place in the journal.

use crate::Refusal;
use crate::apply::Engine;
use bandex_tradechain::{Block, Body, Head, LaneAnswer};
use bandex_types::{BlockId, Timestamp};

/// How a verified block stands to the lanes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is next: sequence it.
    Next,
    /// It was sequenced before, as this record: answer as then.
    Duplicate {
        /// The record's seq.
        record: u64,
    },
    /// Another block was sequenced in its place, as this record: both together prove a fork.
    Fork {
        /// The record's seq.
        record: u64,
    },
    /// Something before it is missing; the lane ends here.
    Gap(Head),
    /// It cannot be sequenced at all.
    Refused(Refusal),
}

impl Engine {
    /// How a block stands if it is sequenced at `now`; the same that [`Engine::apply`] is then given. Nothing changes.
    pub fn standing(&self, block: &Block, id: BlockId, now: Timestamp) -> Standing {
        let Some(lane) = self.accounts.lane(&block.author) else {
            return match &block.body {
                Body::Register(register) => {
                    match self.check_register(register, block, id, self.time.max(now)) {
                        Ok(()) => Standing::Next,
                        Err(refusal) => Standing::Refused(refusal),
                    }
                }
                _ => Standing::Refused(Refusal::UnknownKey),
            };
        };
        match (lane.head.judge(block.seq, block.previous), lane.block(block.seq)) {
            (LaneAnswer::Next, _) if matches!(block.body, Body::Register(_)) => {
                Standing::Refused(Refusal::KeyTaken)
            }
            (LaneAnswer::Next, _) => Standing::Next,
            (LaneAnswer::Taken, Some((first, record))) if first == id => Standing::Duplicate { record },
            (LaneAnswer::Taken, Some((_, record))) => Standing::Fork { record },
            (LaneAnswer::Taken, None) => Standing::Gap(lane.head),
            (LaneAnswer::Gap(head), _) => Standing::Gap(head),
        }
    }
}
