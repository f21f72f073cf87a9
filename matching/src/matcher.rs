//! How an arriving order meets the book: refusals, the trial of fill-or-kill, the trades, and what becomes of the rest.

use crate::{
    Admission, Book, CancelReason, Event, NewOrder, Pair, Placed, Refusal, Removal, Rest, Resting, Verdict,
};
use bandex_types::{PostOnly, Quantity, SelfTrade, TimeInForce};

/// What the book does about one maker.
enum Step<R> {
    Trade(Quantity),
    Remove(Removal<R>),
    Skip,
    Stop(R),
}

/// How far an order came through the makers it accepts.
struct Walk<R> {
    left: Quantity,
    refused: Option<R>,
}

impl Book {
    /// Places an order: trades what can be traded at its limit or better, at the makers' prices, best price first and
    /// oldest order first, and rests or cancels what is left. Appends to `events` what happened to makers.
    ///
    /// A maker of the same owner that would trade is removed, and matching goes on. A fill-or-kill order trades in
    /// full or is refused; makers of its owner do not count. An order that the admission refuses before its first
    /// trade is cancelled whole and leaves the book as it was.
    ///
    /// # Errors
    /// A refusal changes nothing at all; see [`Refusal`].
    pub fn place<A: Admission>(
        &mut self,
        order: &NewOrder,
        admission: &mut A,
        events: &mut Vec<Event<A::Reason>>,
    ) -> Result<Placed<A::Reason>, Refusal> {
        self.refuse(order)?;
        if self.meets_other_owner(order)
            && let Err(reason) = admission.taker(order)
        {
            return Ok(self.finish(order, Walk { left: order.quantity, refused: Some(reason) }));
        }
        if order.time_in_force == TimeInForce::Fok {
            let trial = self.trial(order, admission);
            if trial.refused.is_some() {
                return Ok(self.finish(order, Walk { left: order.quantity, refused: trial.refused }));
            }
            if !trial.left.is_zero() {
                return Err(Refusal::FokUnfilled);
            }
        }

        // From here the order succeeds.
        let walk = self.trade(order, admission, events);
        debug_assert!(
            order.time_in_force != TimeInForce::Fok || walk.left.is_zero(),
            "the admission did not repeat in earnest what it answered in the trial"
        );
        Ok(self.finish(order, walk))
    }

    /// Everything an order can be refused for before anybody else is asked.
    fn refuse(&self, order: &NewOrder) -> Result<(), Refusal> {
        if order.quantity.is_zero() {
            return Err(Refusal::ZeroQuantity);
        }
        if order.post_only == PostOnly::Slide {
            return Err(Refusal::NotServed("post-only slide"));
        }
        match order.self_trade {
            SelfTrade::CancelOldest => {}
            SelfTrade::CancelNewest => return Err(Refusal::NotServed("self-trade mode cancel_newest")),
            SelfTrade::CancelBoth => return Err(Refusal::NotServed("self-trade mode cancel_both")),
            SelfTrade::Decrement => return Err(Refusal::NotServed("self-trade mode decrement")),
        }
        if self.get(order.id).is_some() {
            return Err(Refusal::DuplicateId);
        }
        if order.post_only == PostOnly::Refuse && self.crosses(order.side, order.price) {
            return Err(Refusal::WouldTrade);
        }
        if self.arena.is_full() {
            return Err(Refusal::NotServed("a book of more than 4294967295 orders"));
        }
        Ok(())
    }

    /// The makers an order accepts, in the order in which it would trade with them.
    fn acceptable(&self, order: &NewOrder) -> impl Iterator<Item = Resting> {
        let (side, limit) = (order.side.opposite(), order.price);
        self.orders(side).take_while(move |maker| self.ladder(side).accepts(limit, maker.price))
    }

    fn meets_other_owner(&self, order: &NewOrder) -> bool {
        self.acceptable(order).any(|maker| maker.owner != order.owner)
    }

    /// Walks the makers as [`Self::trade`] would and changes nothing.
    fn trial<A: Admission>(&self, order: &NewOrder, admission: &mut A) -> Walk<A::Reason> {
        let mut walk = Walk { left: order.quantity, refused: None };
        admission.trial_begins();
        for maker in self.acceptable(order) {
            if walk.left.is_zero() {
                break;
            }
            match judge(order, walk.left, &maker, admission) {
                Step::Trade(quantity) => walk.left = walk.left.saturating_sub(quantity),
                Step::Remove(_) | Step::Skip => {}
                Step::Stop(reason) => {
                    walk.refused = Some(reason);
                    break;
                }
            }
        }
        admission.trial_ends();
        walk
    }

    /// Trades with one maker after the other until nothing is left of the order or of those it may trade with.
    fn trade<A: Admission>(
        &mut self,
        order: &NewOrder,
        admission: &mut A,
        events: &mut Vec<Event<A::Reason>>,
    ) -> Walk<A::Reason> {
        let mut left = order.quantity;
        let makers = order.side.opposite();
        let mut cursor = self.ladder(makers).first();
        while let Some(slot) = cursor
            && !left.is_zero()
        {
            let maker = *self.arena.order(slot);
            if !self.ladder(makers).accepts(order.price, maker.price) {
                break;
            }
            // Read before the maker may leave and take its links along.
            cursor = self.after(slot);
            match judge(order, left, &maker, admission) {
                Step::Trade(quantity) => {
                    left = left.saturating_sub(quantity);
                    let maker_left = self.fill(slot, quantity);
                    events.push(trade_event(&maker, quantity, maker_left));
                }
                Step::Remove(reason) => {
                    self.take(slot);
                    events.push(removal_event(&maker, reason));
                }
                Step::Skip => {}
                Step::Stop(reason) => return Walk { left, refused: Some(reason) },
            }
        }
        Walk { left, refused: None }
    }

    /// Rests what is left of an order, or says why it may not.
    fn finish<R>(&mut self, order: &NewOrder, walk: Walk<R>) -> Placed<R> {
        let left = walk.left;
        let may_rest = matches!(order.time_in_force, TimeInForce::Gtc | TimeInForce::Gtd);
        let rest = match walk.refused {
            Some(reason) => Rest::Cancelled(CancelReason::NotAdmitted(reason)),
            None if left.is_zero() => Rest::Filled,
            None if !may_rest => Rest::Cancelled(CancelReason::Unfilled),
            None if self.crosses(order.side, order.price) => Rest::Cancelled(CancelReason::WouldCross),
            None => {
                let NewOrder { id, owner, side, price, .. } = *order;
                self.rest(Resting { id, owner, side, price, left });
                Rest::Resting
            }
        };
        Placed { filled: order.quantity.saturating_sub(left), left, rest }
    }
}

/// Decides about one maker at an acceptable price. `left` is what the order has still to trade.
fn judge<A: Admission>(
    order: &NewOrder,
    left: Quantity,
    maker: &Resting,
    admission: &mut A,
) -> Step<A::Reason> {
    if maker.owner == order.owner {
        return Step::Remove(Removal::SelfTrade);
    }
    let pair = Pair {
        taker: order.id,
        taker_owner: order.owner,
        maker: maker.id,
        maker_owner: maker.owner,
        taker_side: order.side,
        price: maker.price,
        quantity: left.min(maker.left),
    };
    match admission.pair(&pair) {
        Verdict::Admit => Step::Trade(pair.quantity),
        Verdict::RefuseTaker(reason) => Step::Stop(reason),
        Verdict::RemoveMaker(reason) => Step::Remove(Removal::NotAdmitted(reason)),
        Verdict::Skip => Step::Skip,
    }
}

fn trade_event<R>(maker: &Resting, quantity: Quantity, maker_left: Quantity) -> Event<R> {
    Event::Trade { maker: maker.id, maker_owner: maker.owner, price: maker.price, quantity, maker_left }
}

fn removal_event<R>(maker: &Resting, reason: Removal<R>) -> Event<R> {
    Event::MakerRemoved { maker: maker.id, maker_owner: maker.owner, left: maker.left, reason }
}
