//! How a block stands before it is sequenced: what the writer answers without a place in the journal.

use crate::Refusal;
use crate::apply::Engine;
use bandex_tradechain::{Block, Body, Head, LaneAnswer};
use bandex_types::BlockId;

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
    /// How a block stands now. Nothing changes.
    pub fn standing(&self, block: &Block, id: BlockId) -> Standing {
        let Some(lane) = self.accounts.lane(&block.author) else {
            return match &block.body {
                Body::Register(register) => match self.check_register(register, block, id) {
                    Ok(()) => Standing::Next,
                    Err(refusal) => Standing::Refused(refusal),
                },
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

/// How many zero bits an id begins with: the work in it.
pub(crate) fn leading_zero_bits(id: &BlockId) -> u32 {
    let bytes = id.as_bytes();
    let whole = bytes.iter().take_while(|byte| **byte == 0).count();
    let partial = bytes.get(whole).map_or(0, |byte| byte.leading_zeros());
    u32::try_from(whole).unwrap_or(0) * 8 + partial
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_in_bits() {
        let check = |head: [u8; 3], bits| {
            let mut bytes = [0xff; 32];
            bytes[..3].copy_from_slice(&head);
            assert_eq!(leading_zero_bits(&BlockId::new(bytes)), bits);
        };
        check([0x80, 0, 0], 0);
        check([0x01, 0, 0], 7);
        check([0, 0x10, 0], 11);
        assert_eq!(leading_zero_bits(&BlockId::ZERO), 256);
    }
}
