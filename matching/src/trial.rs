//! The walk that an order must come through before it trades, if it has to trade all or a minimum: the same makers in
//! the same order with the same questions as in earnest, and nothing changes.

use crate::matcher::{Halt, Walk, pair_of};
use crate::{Admission, Book, NewOrder, Verdict};
use bandex_types::{Quantity, SelfTrade};
use std::collections::VecDeque;

impl Book {
    /// Walks the makers until `needed` would have traded.
    pub(crate) fn trial<A: Admission>(
        &self,
        order: &NewOrder,
        needed: Quantity,
        admission: &mut A,
    ) -> Walk<A::Reason> {
        let mut walk = Walk::new(order);
        let makers = self.ladder(order.side.opposite());
        for (price, queue) in makers.queues() {
            if !makers.accepts(order.price, price) {
                break;
            }
            // Whoever shows its next part comes again after all who have not had their turn.
            let mut again = VecDeque::new();
            let mut fresh = self.arena.queue(queue.first()).map(|slot| self.resting(slot));
            while let Some(mut maker) = fresh.next().or_else(|| again.pop_front()) {
                if walk.left.is_zero() || walk.filled >= needed {
                    return walk;
                }
                if maker.owner == order.owner {
                    match order.self_trade {
                        SelfTrade::CancelOldest => continue,
                        SelfTrade::Decrement => {
                            walk.decrement(walk.left.min(maker.left));
                            continue;
                        }
                        SelfTrade::CancelNewest | SelfTrade::CancelBoth => {
                            walk.halt = Some(Halt::SelfTrade);
                            return walk;
                        }
                    }
                }
                if !self.band.holds(price) {
                    walk.halt = Some(Halt::OutsideBand);
                    return walk;
                }
                let quantity = walk.left.min(maker.shown);
                match admission.pair(&pair_of(order, maker.id, maker.owner, price, quantity)) {
                    Verdict::Admit => {
                        walk.trade(quantity);
                        maker.left = maker.left.saturating_sub(quantity);
                        maker.shown = maker.display.min(maker.left);
                        if !maker.shown.is_zero() {
                            again.push_back(maker);
                        }
                    }
                    Verdict::RefuseTaker(reason) => {
                        walk.halt = Some(Halt::Refused(reason));
                        return walk;
                    }
                    Verdict::RemoveMaker(_) | Verdict::Skip => {}
                }
            }
        }
        walk
    }
}
