//! How an arriving order meets the book: refusals, the trial of those that need to trade, the trades, and what becomes
//! of the rest.

use crate::arena::Slot;
use crate::{
    Admission, Book, CancelReason, Event, MOST_PARTS, NewOrder, OrderId, Pair, Placed, Refusal, Removal,
    Rest, Verdict,
};
use bandex_types::{PostOnly, Price, Quantity, SelfTrade, Side, TimeInForce};

/// Why an order came no further, though something is left of it and of the makers.
pub(crate) enum Halt<R> {
    Refused(R),
    SelfTrade,
    OutsideBand,
}

/// How far an order came through the makers it accepts.
pub(crate) struct Walk<R> {
    pub filled: Quantity,
    pub left: Quantity,
    pub decremented: Quantity,
    pub halt: Option<Halt<R>>,
}

impl<R> Walk<R> {
    pub fn new(order: &NewOrder) -> Self {
        Self { filled: Quantity::ZERO, left: order.quantity, decremented: Quantity::ZERO, halt: None }
    }

    /// Counts lots traded; they are at most what was left.
    #[inline]
    pub fn trade(&mut self, quantity: Quantity) {
        self.left = self.left.saturating_sub(quantity);
        // At most the order's quantity.
        self.filled = Quantity::new(self.filled.get().wrapping_add(quantity.get()));
    }

    /// Counts lots that self-trade prevention takes away; they are at most what was left.
    pub fn decrement(&mut self, by: Quantity) {
        self.left = self.left.saturating_sub(by);
        self.decremented = Quantity::new(self.decremented.get() + by.get());
    }
}

/// What bounds an order beside its quantity.
trait Budget {
    /// The most lots it can pay for at a price.
    fn lots_at(&self, price: Price) -> Quantity;
    fn pay(&mut self, price: Price, quantity: Quantity);
}

/// Nothing does.
struct Unbounded;

impl Budget for Unbounded {
    #[inline]
    fn lots_at(&self, _: Price) -> Quantity {
        Quantity::MAX
    }
    #[inline]
    fn pay(&mut self, _: Price, _: Quantity) {}
}

/// The sum of price times lots.
struct Sum(u128);

impl Budget for Sum {
    fn lots_at(&self, price: Price) -> Quantity {
        let lots = self.0.checked_div(u128::from(price.get())).unwrap_or(u128::MAX);
        Quantity::new(u64::try_from(lots).unwrap_or(u64::MAX))
    }

    fn pay(&mut self, price: Price, quantity: Quantity) {
        // Never below zero: the lots were bounded by the budget.
        self.0 -= u128::from(price.get()) * u128::from(quantity.get());
    }
}

impl Book {
    /// Places an order: trades what can be traded at its limit or better, at the makers' prices, best price first and
    /// oldest order first, and rests or cancels what is left. Appends to `events` what happened to makers.
    ///
    /// A maker of the same owner is treated as the order's self-trade mode says. An order that must trade all
    /// (fill-or-kill) or a minimum is tried first, and refused if it cannot. An order that the admission refuses before
    /// its first trade is cancelled whole.
    ///
    /// # Errors
    /// A refusal changes nothing at all; see [`Refusal`].
    #[inline(always)]
    pub fn place<A: Admission>(
        &mut self,
        order: &NewOrder,
        admission: &mut A,
        events: &mut Vec<Event<A::Reason>>,
    ) -> Result<Placed<A::Reason>, Refusal> {
        self.refuse(order)?;
        // The rarer ways take a copy, so that on the common one the order need not lie in memory at all.
        if is_special(order) {
            return self.place_special(&{ *order }, admission, events);
        }
        if self.crosses(order.side, order.price) {
            return self.place_crossing(&{ *order }, admission, events);
        }
        Ok(self.place_quiet(order))
    }

    /// An order that needs more than a look at the other side's best price.
    #[cold]
    #[inline(never)]
    fn place_special<A: Admission>(
        &mut self,
        order: &NewOrder,
        admission: &mut A,
        events: &mut Vec<Event<A::Reason>>,
    ) -> Result<Placed<A::Reason>, Refusal> {
        let order = &self.judge_special(order)?;
        if self.crosses(order.side, order.price) {
            return self.place_crossing(order, admission, events);
        }
        if order.needed().is_zero() { Ok(self.place_quiet(order)) } else { Err(unmet(order)) }
    }

    /// An order that meets nobody.
    #[inline(always)]
    fn place_quiet<R>(&mut self, order: &NewOrder) -> Placed<R> {
        let rest = if order.may_rest() {
            Rest::Resting(self.rest(order, order.quantity))
        } else {
            Rest::Cancelled(CancelReason::Unfilled)
        };
        Placed { filled: Quantity::ZERO, left: order.quantity, decremented: Quantity::ZERO, rest }
    }

    #[inline(never)]
    fn place_crossing<A: Admission>(
        &mut self,
        order: &NewOrder,
        admission: &mut A,
        events: &mut Vec<Event<A::Reason>>,
    ) -> Result<Placed<A::Reason>, Refusal> {
        if let Some(reason) = self.not_admitted(order, order.needed(), admission)? {
            return Ok(whole(order, reason));
        }
        // From here the order succeeds.
        let walk = self.trade(order, Unbounded, admission, events);
        debug_assert!(
            walk.filled >= order.needed(),
            "the admission did not repeat in earnest what it answered in the trial"
        );
        Ok(self.finish(order, walk))
    }

    /// Places an order that is never to rest and whose trades come to at most `budget`, in lots times ticks: a market
    /// order by quote quantity. It trades with one maker after the other as many lots as the rest of the budget pays
    /// for, and stops at the first of which it can pay none. Its quantity bounds it too; its time in force, display,
    /// minimum and post-only are not looked at.
    ///
    /// # Errors
    /// As [`Book::place`].
    pub fn place_budget<A: Admission>(
        &mut self,
        order: &NewOrder,
        budget: u128,
        admission: &mut A,
        events: &mut Vec<Event<A::Reason>>,
    ) -> Result<Placed<A::Reason>, Refusal> {
        let NewOrder { owner, side, price, quantity, self_trade, .. } = *order;
        let plain = NewOrder::limit(owner, side, price, quantity);
        let order = &NewOrder { time_in_force: TimeInForce::Ioc, self_trade, ..plain };
        self.refuse(order)?;
        if let Some(reason) = self.not_admitted(order, Quantity::ZERO, admission)? {
            return Ok(whole(order, reason));
        }
        // From here the order succeeds.
        let walk = self.trade(order, Sum(budget), admission, events);
        Ok(self.finish(order, walk))
    }

    /// Takes an order off the book and places another of the same owner and side in its stead, as if it arrived now: an
    /// amendment that loses priority. If the admission refuses it before its first trade, and nothing else happened,
    /// the old order stays where it was.
    ///
    /// # Errors
    /// A refusal changes nothing at all; see [`Refusal`].
    #[inline(always)]
    pub fn replace<A: Admission>(
        &mut self,
        id: OrderId,
        order: &NewOrder,
        admission: &mut A,
        events: &mut Vec<Event<A::Reason>>,
    ) -> Result<Placed<A::Reason>, Refusal> {
        let slot = self.arena.find(id).ok_or(Refusal::UnknownOrder)?;
        let old = self.arena.node(slot);
        if (old.owner, old.side()) != (order.owner, order.side) {
            return Err(Refusal::UnknownOrder);
        }
        self.refuse(order)?;
        if is_special(order) || self.crosses(order.side, order.price) {
            return self.replace_judged(slot, &{ *order }, admission, events);
        }
        // From here it succeeds.
        self.take(slot);
        Ok(self.place_quiet(order))
    }

    #[inline(never)]
    fn replace_judged<A: Admission>(
        &mut self,
        slot: Slot,
        order: &NewOrder,
        admission: &mut A,
        events: &mut Vec<Event<A::Reason>>,
    ) -> Result<Placed<A::Reason>, Refusal> {
        let order = &self.judge_special(order)?;
        if self.crosses(order.side, order.price) {
            return self.replace_crossing(slot, order, admission, events);
        }
        if !order.needed().is_zero() {
            return Err(unmet(order));
        }
        // From here it succeeds.
        self.take(slot);
        Ok(self.place_quiet(order))
    }

    fn replace_crossing<A: Admission>(
        &mut self,
        slot: Slot,
        order: &NewOrder,
        admission: &mut A,
        events: &mut Vec<Event<A::Reason>>,
    ) -> Result<Placed<A::Reason>, Refusal> {
        // One lot is tried at least, so that an order that may not trade at all keeps its place.
        match self.not_admitted(order, order.needed().max(Quantity::new(1)), admission) {
            Ok(Some(reason)) => return Ok(whole(order, reason)),
            Err(refusal) if !order.needed().is_zero() => return Err(refusal),
            Ok(None) | Err(_) => {}
        }
        // From here it succeeds.
        self.take(slot);
        let walk = self.trade(order, Unbounded, admission, events);
        Ok(self.finish(order, walk))
    }

    /// What every order can be refused for.
    #[inline(always)]
    fn refuse(&self, order: &NewOrder) -> Result<(), Refusal> {
        if order.quantity.is_zero() {
            return Err(Refusal::ZeroQuantity);
        }
        if self.arena.is_full() {
            return Err(Refusal::BookFull);
        }
        Ok(())
    }

    /// What special orders can be refused for before anybody else is asked; gives the order with the price it slid to.
    #[cold]
    fn judge_special(&self, order: &NewOrder) -> Result<NewOrder, Refusal> {
        refuse_display(order)?;
        if order.minimum > order.quantity || (!order.minimum.is_zero() && order.post_only != PostOnly::Off) {
            return Err(Refusal::BadMinimum);
        }
        match order.post_only {
            PostOnly::Off => Ok(*order),
            _ if !self.crosses(order.side, order.price) => Ok(*order),
            PostOnly::Refuse => Err(Refusal::WouldTrade),
            PostOnly::Slide => {
                let price = self.slide(order.side).ok_or(Refusal::WouldTrade)?;
                Ok(NewOrder { price, ..*order })
            }
        }
    }

    /// The price next to the best of the other side: the last that does not trade.
    fn slide(&self, side: Side) -> Option<Price> {
        let best = self.best(side.opposite())?;
        match side {
            Side::Buy => best.checked_sub(Price::new(1)),
            Side::Sell => best.checked_add(Price::new(1)),
        }
    }

    /// Why the order may not trade, asked before anything changes; refuses it if it cannot trade what it needs.
    fn not_admitted<A: Admission>(
        &self,
        order: &NewOrder,
        needed: Quantity,
        admission: &mut A,
    ) -> Result<Option<A::Reason>, Refusal> {
        if self.meets_other_owner(order)
            && let Err(reason) = admission.taker(order)
        {
            return Ok(Some(reason));
        }
        if needed.is_zero() {
            return Ok(None);
        }
        admission.trial_begins();
        let trial = self.trial(order, needed, admission);
        admission.trial_ends();
        match trial.halt {
            _ if trial.filled >= needed => Ok(None),
            Some(Halt::Refused(reason)) => Ok(Some(reason)),
            _ => Err(unmet(order)),
        }
    }

    #[inline]
    fn meets_other_owner(&self, order: &NewOrder) -> bool {
        let first = self.ladder(order.side.opposite()).first();
        let differs = self.arena.node(first).owner != order.owner;
        // Mostly the first maker settles it.
        self.crosses(order.side, order.price) && (differs || self.meets_other_behind(order))
    }

    #[cold]
    fn meets_other_behind(&self, order: &NewOrder) -> bool {
        let makers = self.ladder(order.side.opposite());
        let acceptable = self.slots(order.side.opposite()).map(|slot| self.arena.node(slot));
        acceptable
            .take_while(|maker| makers.accepts(order.price, maker.price))
            .any(|maker| maker.owner != order.owner)
    }

    /// Trades with one maker after the other until nothing is left of the order or of those it may trade with.
    #[inline(always)]
    fn trade<A: Admission, B: Budget>(
        &mut self,
        order: &NewOrder,
        mut budget: B,
        admission: &mut A,
        events: &mut Vec<Event<A::Reason>>,
    ) -> Walk<A::Reason> {
        let mut walk = Walk::new(order);
        let side = order.side.opposite();
        let mut slot = self.ladder(side).first();
        // Once a maker was skipped, the first of the side is not the next any more.
        let mut skipped = false;
        while !slot.is_none() && !walk.left.is_zero() {
            let maker = self.arena.node(slot);
            // The links are read before the maker may leave and take them along.
            let (id, price, maker_owner) = (maker.id(slot), maker.price, maker.owner);
            let (shown, next, hides) = (maker.shown, maker.next, maker.hides());
            if !self.ladder(side).accepts(order.price, price) {
                break;
            }
            // An own order in the way is no trade to come, so it breaks no band.
            if maker_owner == order.owner {
                slot = self.meet_own(order, slot, &mut walk, events);
                continue;
            }
            if !self.band.holds(price) {
                walk.halt = Some(Halt::OutsideBand);
                break;
            }
            let quantity = walk.left.min(shown).min(budget.lots_at(price));
            if quantity.is_zero() {
                break;
            }
            let pair = pair_of(order, id, maker_owner, price, quantity);
            match admission.pair(&pair) {
                Verdict::Admit => {
                    walk.trade(quantity);
                    budget.pay(price, quantity);
                    let maker_left = if quantity == shown && !hides && !skipped {
                        self.pop(side, price, slot, shown, next);
                        Quantity::ZERO
                    } else {
                        self.fill(slot, quantity)
                    };
                    events.push(Event::Trade { maker: id, maker_owner, price, quantity, maker_left });
                    slot = match next {
                        // Only the end of the order or of its budget leaves a part of what a maker shows.
                        _ if quantity < shown => break,
                        Slot::NONE if !skipped => self.ladder(side).first(),
                        // It was the last of its price, and shows its next part there.
                        Slot::NONE if !maker_left.is_zero() => slot,
                        Slot::NONE => self.ladder(side).first_worse_than(price),
                        next => next,
                    };
                }
                Verdict::RefuseTaker(reason) => {
                    walk.halt = Some(Halt::Refused(reason));
                    break;
                }
                Verdict::RemoveMaker(reason) => {
                    slot = self.remove(slot, Removal::NotAdmitted(reason), events);
                }
                Verdict::Skip => {
                    skipped = true;
                    slot = self.after(slot);
                }
            }
        }
        walk
    }

    /// Takes a maker off the book; gives the one after it.
    #[cold]
    fn remove<R>(&mut self, slot: Slot, reason: Removal<R>, events: &mut Vec<Event<R>>) -> Slot {
        let next = self.after(slot);
        let maker = self.resting(slot);
        self.take(slot);
        events.push(Event::MakerRemoved {
            maker: maker.id,
            maker_owner: maker.owner,
            left: maker.left,
            reason,
        });
        next
    }

    /// Prevents a trade between two orders of one owner; gives the maker after it.
    #[cold]
    fn meet_own<R>(
        &mut self,
        order: &NewOrder,
        slot: Slot,
        walk: &mut Walk<R>,
        events: &mut Vec<Event<R>>,
    ) -> Slot {
        match order.self_trade {
            SelfTrade::CancelOldest => self.remove(slot, Removal::SelfTrade, events),
            SelfTrade::CancelNewest => {
                walk.halt = Some(Halt::SelfTrade);
                Slot::NONE
            }
            SelfTrade::CancelBoth => {
                self.remove(slot, Removal::SelfTrade, events);
                walk.halt = Some(Halt::SelfTrade);
                Slot::NONE
            }
            SelfTrade::Decrement => {
                let next = self.after(slot);
                let maker = self.resting(slot);
                let by = walk.left.min(maker.left);
                walk.decrement(by);
                if walk.left.is_zero() {
                    walk.halt = Some(Halt::SelfTrade);
                }
                let left = self.reduce(maker.id, by).unwrap_or(Quantity::ZERO);
                events.push(Event::MakerReduced { maker: maker.id, maker_owner: maker.owner, by, left });
                next
            }
        }
    }

    /// Rests what is left of an order, or says why it may not.
    fn finish<R>(&mut self, order: &NewOrder, walk: Walk<R>) -> Placed<R> {
        let Walk { filled, left, decremented, halt } = walk;
        let rest = match halt {
            Some(Halt::Refused(reason)) => Rest::Cancelled(CancelReason::NotAdmitted(reason)),
            Some(Halt::SelfTrade) => Rest::Cancelled(CancelReason::SelfTrade),
            _ if left.is_zero() => Rest::Filled,
            Some(Halt::OutsideBand) => Rest::Cancelled(CancelReason::OutsideBand),
            None if !order.may_rest() => Rest::Cancelled(CancelReason::Unfilled),
            None if self.crosses(order.side, order.price) => Rest::Cancelled(CancelReason::WouldCross),
            None => Rest::Resting(self.rest(order, left)),
        };
        Placed { filled, left, decremented, rest }
    }
}

/// An order that may not trade at all.
fn whole<R>(order: &NewOrder, reason: R) -> Placed<R> {
    let rest = Rest::Cancelled(CancelReason::NotAdmitted(reason));
    Placed { filled: Quantity::ZERO, left: order.quantity, decremented: Quantity::ZERO, rest }
}

/// The refusal of an order that does not trade what it needs.
fn unmet(order: &NewOrder) -> Refusal {
    match order.time_in_force {
        TimeInForce::Fok => Refusal::FokUnfilled,
        _ => Refusal::MinimumUnfilled,
    }
}

/// Whether the order asks for more than to trade at its limit and rest, or not to rest.
#[inline(always)]
fn is_special(order: &NewOrder) -> bool {
    let asks = order.display.get() | order.minimum.get();
    asks != 0 || order.post_only != PostOnly::Off || order.time_in_force == TimeInForce::Fok
}

/// A part that is shown is neither more than the whole nor so small that the whole takes too many of them.
pub(crate) fn refuse_display(order: &NewOrder) -> Result<(), Refusal> {
    let (display, quantity) = (order.display.get(), order.quantity.get());
    if display != 0 && (display > quantity || quantity.div_ceil(display) > MOST_PARTS) {
        return Err(Refusal::BadDisplay);
    }
    Ok(())
}

#[inline]
pub(crate) fn pair_of(
    order: &NewOrder,
    maker: OrderId,
    maker_owner: crate::Owner,
    price: Price,
    quantity: Quantity,
) -> Pair {
    let (taker_owner, taker_side): (_, Side) = (order.owner, order.side);
    Pair { taker_owner, maker, maker_owner, taker_side, price, quantity }
}
