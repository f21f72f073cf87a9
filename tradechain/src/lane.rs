//! The rules of a lane: each seq once, each block pointing at its predecessor.

use bandex_types::BlockId;
use borsh::{BorshDeserialize, BorshSerialize};

/// The end of a lane: how far it has grown, and the block there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Head {
    /// The seq of the last sequenced block, 0 if there is none yet.
    pub seq: u64,
    /// The id of that block, or of the block that made the key.
    pub id: BlockId,
}

/// How a block stands to a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneAnswer {
    /// It continues the lane.
    Next,
    /// It comes too early, or points at another predecessor: the sender must first send what is missing.
    Gap(Head),
    /// Its seq is taken: the very same block, or a fork.
    Taken,
}

impl Head {
    /// Judges a block with `seq` and `previous`.
    pub fn judge(&self, seq: u64, previous: BlockId) -> LaneAnswer {
        if seq <= self.seq {
            return LaneAnswer::Taken;
        }
        match self.seq.checked_add(1) {
            Some(next) if next == seq && previous == self.id => LaneAnswer::Next,
            _ => LaneAnswer::Gap(*self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_takes_only_its_next_block() {
        let (here, other) = (BlockId::new([1; 32]), BlockId::new([2; 32]));
        let head = Head { seq: 4, id: here };
        let check = |seq, previous, answer| assert_eq!(head.judge(seq, previous), answer, "{seq}");
        check(5, here, LaneAnswer::Next);
        check(5, other, LaneAnswer::Gap(head));
        check(6, here, LaneAnswer::Gap(head));
        check(4, here, LaneAnswer::Taken);
        check(1, other, LaneAnswer::Taken);
    }
}
