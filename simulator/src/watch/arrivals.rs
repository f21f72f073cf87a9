//! What may become of an order that arrives, and of one that rests, each by its own terms.

use super::orders::{Known, Orders};
use super::{Market, Seen};
use bandex_engine::{CancelReason, OrderState, OrderStatus};
use bandex_tradechain::body::MarketState;
use bandex_types::{MarketId, OrderRef, OrderType, PostOnly, Price, Quantity, SelfTrade, Side, TimeInForce};
use std::collections::BTreeMap;

/// The trades of an order that arrived.
#[derive(Debug)]
pub(super) struct Trades {
    pub filled: Quantity,
    /// The lowest and the highest price.
    pub range: Option<(Price, Price)>,
    /// In lots times ticks.
    pub value: u128,
    /// It left the last maker something.
    pub exhausted: bool,
    /// An amendment let it arrive anew.
    pub moved: bool,
    pub woken: bool,
}

impl Known {
    pub fn slides(&self) -> bool {
        self.terms.post_only == PostOnly::Slide
    }

    pub fn decrements(&self) -> bool {
        self.terms.self_trade == SelfTrade::Decrement
    }
}

impl Orders {
    /// An order that arrives keeps to its terms; `known` is what it came with.
    pub(super) fn check_arrival(
        &mut self,
        seen: &Seen<'_>,
        known: &Known,
        told: &OrderState,
        trades: &Trades,
        markets: &BTreeMap<MarketId, Market>,
    ) -> Result<(), String> {
        let broken = |what: &str| Err(format!("{what}: {known:?} is now {told:?} by {trades:?}"));
        let state = self.floors.get(&told.market).map(|floor| floor.state);
        let gathers = state == Some(MarketState::Auction);
        if state != Some(MarketState::Trading) && !gathers {
            return broken("its market is closed");
        }
        if gathers && !trades.filled.is_zero() {
            return broken("its market gathers");
        }
        if Some(told.filled) != known.state.filled.checked_add(trades.filled) {
            return broken("its trades come to another sum");
        }
        if trades.range.is_some_and(|(low, high)| !known.accepts(low) || !known.accepts(high)) {
            return broken("it traded beyond its limit");
        }
        if !adds_up(known, told) {
            return broken("its quantities do not add up");
        }
        // Of an order that lost lots to one of its account, the end is told as self-trade prevention.
        let reduced = told.status == OrderStatus::Cancelled(CancelReason::SelfTrade) && known.decrements();
        let done = told.status == OrderStatus::Filled || (reduced && told.filled == told.quantity);
        if trades.exhausted && !done && known.terms.quote_quantity.is_none() {
            return broken("it left somebody something");
        }
        self.check_lost(known, told, trades)?;
        self.check_status(seen, known, told, trades)?;
        self.note_passed(known, told);
        self.check_price(known, told)?;
        if !gathers {
            check_terms(known, told, trades).or_else(broken)?;
        }
        if let (Some(budget), Some(market)) = (known.terms.quote_quantity, markets.get(&told.market)) {
            let tick = market.listing.tick_value;
            let paid = trades.value.saturating_mul(u128::from(tick.num()));
            if paid > u128::from(budget.get()).saturating_mul(u128::from(tick.den())) {
                return broken("it traded for more than its amount");
            }
        }
        Ok(())
    }

    /// Self-trade prevention takes the same from both orders.
    fn check_lost(&mut self, known: &Known, told: &OrderState, trades: &Trades) -> Result<(), String> {
        let (lots, whose) = std::mem::take(&mut self.reducing);
        if known.terms.quote_quantity.is_some() || !self.asked.amends.is_empty() {
            return Ok(());
        }
        let lost = u128::from(known.state.quantity.saturating_sub(told.quantity).get());
        let fits = lost == lots && (lots == 0 || (known.decrements() && whose == Some(told.account)));
        if fits {
            return Ok(());
        }
        Err(format!("an own order lost {lots} lots and this {lost}: {known:?} is {told:?} by {trades:?}"))
    }

    fn check_status(
        &self,
        seen: &Seen<'_>,
        known: &Known,
        told: &OrderState,
        trades: &Trades,
    ) -> Result<(), String> {
        let floor = self.floors.get(&told.market).ok_or("no market")?;
        let gathers = floor.state == MarketState::Auction;
        let at_once = matches!(known.terms.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        let is_new = !trades.moved && !trades.woken;
        let of_others = |order: &&Known| order.state.side != told.side && order.state.account != told.account;
        let reachable = self.resting(told.market).filter(of_others);
        let mut reachable = reachable.filter(|order| known.accepts(order.state.price));
        let sound = match told.status {
            OrderStatus::Open => {
                (!at_once || gathers)
                    && (!is_new || known.terms.trigger.is_none())
                    && !told.quantity.is_zero()
            }
            OrderStatus::Sleeping => {
                is_new
                    && known.terms.trigger.is_some()
                    && !floor.last.is_some_and(|last| known.wakes_at(last))
                    && !gathers
                    && told.filled.is_zero()
            }
            OrderStatus::Filled => !gathers && !trades.filled.is_zero(),
            OrderStatus::Cancelled(CancelReason::SelfTrade) => true,
            OrderStatus::Cancelled(_) if gathers => false,
            OrderStatus::Cancelled(CancelReason::Unfilled) => {
                at_once || (trades.woken && known.terms.minimum.is_some())
            }
            OrderStatus::Cancelled(CancelReason::WouldTrade) => {
                trades.woken && known.terms.post_only != PostOnly::Off
            }
            // Whoever stands there, and whether they may trade with each other.
            OrderStatus::Cancelled(CancelReason::OutsideBand) => self.resting(told.market).any(|order| {
                let price = order.state.price;
                order.state.side != told.side && known.accepts(price) && !floor.in_band(price)
            }),
            OrderStatus::Cancelled(CancelReason::WouldCross) => reachable.next().is_some(),
            OrderStatus::Cancelled(CancelReason::LimitExhausted) => !is_new || !trades.filled.is_zero(),
            // Those it met before may have left, or self-trade prevention made it smaller.
            OrderStatus::Cancelled(CancelReason::BelowTranche) => true,
            OrderStatus::Cancelled(_) => false,
        };
        if sound {
            return Ok(());
        }
        let (at, band) = (seen.time, floor.reference);
        Err(format!("at {at}, by {band:?}, it is no way to end: {known:?} is now {told:?} by {trades:?}"))
    }

    /// Of an order that could not go on, everybody whom it might have traded with was passed over.
    fn note_passed(&mut self, known: &Known, told: &OrderState) {
        let ends = match told.status {
            OrderStatus::Cancelled(CancelReason::WouldCross) => true,
            OrderStatus::Cancelled(CancelReason::Unfilled) => {
                known.terms.time_in_force == TimeInForce::Ioc && known.terms.minimum.is_none()
            }
            _ => false,
        };
        let Some(floor) = self.floors.get(&told.market) else { return };
        if !ends || known.terms.quote_quantity.is_some() {
            return;
        }
        let passed = self.resting(told.market).filter(|order| {
            let of_another = order.state.side != told.side && order.state.account != told.account;
            let price = order.state.price;
            of_another && !order.unsure && known.accepts(price) && floor.in_band(price)
        });
        let passed: Vec<OrderRef> = passed.map(|order| order.state.order).collect();
        self.passed.extend(passed.into_iter().map(|first| (told.order, first)));
    }

    /// It stands at its own price, or beside the first that it would trade with.
    pub(super) fn check_price(&self, known: &Known, told: &OrderState) -> Result<(), String> {
        if told.price == known.state.price {
            return Ok(());
        }
        let across = self.resting(told.market).filter(|order| order.state.side != told.side);
        let across =
            across.filter(|order| order.state.order != told.order).map(|order| order.state.price.get());
        let beside = match told.side {
            Side::Buy => across.min().and_then(|ask| ask.checked_sub(1)),
            Side::Sell => across.max().and_then(|bid| bid.checked_add(1)),
        };
        let slid = known.slides() && beside == Some(told.price.get());
        let inward = known.accepts(told.price);
        if slid && inward && told.status == OrderStatus::Open {
            return Ok(());
        }
        Err(format!("{known:?} stands at {}, the next that does not trade is {beside:?}", told.price))
    }

    /// Where it stands suits the others.
    pub(super) fn check_place(&mut self, told: &OrderState) -> Result<(), String> {
        let Some(known) = self.all.get(&told.order) else { return Ok(()) };
        let Some(floor) = self.floors.get(&told.market) else { return Ok(()) };
        if told.status == OrderStatus::Open
            && floor.state == MarketState::Trading
            && let Some((bid, ask)) = self.crossed(told.market)
        {
            return Err(format!("{told:?} rests: {bid} bid, {ask} asked"));
        }
        if told.status == OrderStatus::Open
            && let Some(own) = self.resting(told.market).find(|order| {
                order.state.account == told.account
                    && order.state.side != told.side
                    && known.accepts(order.state.price)
            })
        {
            return Err(format!("{told:?} rests across {:?} of the same account", own.state));
        }
        let others = self.resting(told.market).filter(|order| {
            let (one, other) = (order.state.order, told.order);
            let together = (one.key, one.seq, order.operation) == (other.key, other.seq, known.operation);
            order.terms.quote && order.state.account == told.account && !together
        });
        match (known.terms.quote && !self.asked.amends(&told.order), others.count()) {
            (true, 1..) => Err(format!("quote {} rests beside older ones", told.order)),
            _ => Ok(()),
        }
    }

    /// No account has more orders than its market allows, when it places one more.
    pub(super) fn check_count(&self, told: &OrderState) -> Result<(), String> {
        let most = self.floors.get(&told.market).map_or(0, |floor| floor.rules.most_orders);
        if most == 0 || !matches!(told.status, OrderStatus::Open | OrderStatus::Sleeping) {
            return Ok(());
        }
        let here = |order: &&OrderState| (order.account, order.market) == (told.account, told.market);
        let count = self.alive().map(|(order, _)| order).filter(here).count();
        if count as u64 <= u64::from(most) {
            return Ok(());
        }
        Err(format!("{} has {count} orders on market {}, at most {most}", told.account, told.market))
    }

    /// What may become of an order that rests or sleeps without its arriving again.
    pub(super) fn check_change(
        &mut self,
        seen: &Seen<'_>,
        known: &Known,
        told: &OrderState,
    ) -> Result<(), String> {
        let state = self.floors.get(&told.market).map(|floor| floor.state);
        let (open, own) = (state != Some(MarketState::Halted), seen.signer == Some(told.account));
        let shrinks = told.quantity < known.state.quantity;
        let amended = self.asked.amends(&told.order);
        if shrinks && !amended {
            let lots = u128::from(known.state.quantity.saturating_sub(told.quantity).get());
            self.reducing = (self.reducing.0.saturating_add(lots), Some(told.account));
        }
        let uncrosses = self.floors.get(&told.market).is_some_and(|floor| floor.uncrossing.is_some());
        let terms = &known.terms;
        let sound = match told.status {
            OrderStatus::Open => {
                known.state.status == OrderStatus::Open && told.filled < told.quantity && (!shrinks || open)
            }
            OrderStatus::Filled => told.filled == told.quantity && !shrinks,
            OrderStatus::Sleeping => false,
            OrderStatus::Cancelled(reason) => {
                let ends = match reason {
                    CancelReason::Requested => open && own,
                    CancelReason::Replaced => open && own && terms.quote,
                    CancelReason::Expired => terms.expires.is_some_and(|expires| expires <= seen.time),
                    CancelReason::Protection => {
                        terms.quote && self.guards.bars(told.account, told.market, seen.time)
                    }
                    CancelReason::Timer | CancelReason::Disconnected => self.silence.ends(told, reason),
                    CancelReason::AuctionUnfilled => terms.order_type == OrderType::Market,
                    CancelReason::WouldCross => uncrosses,
                    CancelReason::SelfTrade
                    | CancelReason::LimitExhausted
                    | CancelReason::AccountFrozen
                    | CancelReason::NotAdmitted
                    | CancelReason::BelowTranche
                    | CancelReason::KeyEnded => true,
                    CancelReason::Unfilled | CancelReason::OutsideBand | CancelReason::WouldTrade => false,
                };
                let self_traded = reason == CancelReason::SelfTrade;
                ends && (self_traded || (told.filled < told.quantity && !shrinks) || told.quantity.is_zero())
                    && told.filled <= told.quantity
            }
        };
        if sound && told.filled == known.state.filled && told.price == known.state.price {
            return Ok(());
        }
        Err(format!("{known:?} is now {told:?}, though nothing was done to it that does that"))
    }
}

/// Filled + open + cancelled = ordered.
fn adds_up(known: &Known, told: &OrderState) -> bool {
    if known.terms.quote_quantity.is_some() {
        return match told.status {
            OrderStatus::Open => false,
            OrderStatus::Filled => told.filled == told.quantity && !told.filled.is_zero(),
            OrderStatus::Sleeping => told.quantity.is_zero(),
            OrderStatus::Cancelled(_) => told.filled == told.quantity,
        };
    }
    let within = told.quantity <= known.state.quantity;
    within
        && match told.status {
            OrderStatus::Cancelled(CancelReason::SelfTrade) => told.filled <= told.quantity,
            OrderStatus::Open | OrderStatus::Cancelled(_) | OrderStatus::Sleeping => {
                told.filled < told.quantity
            }
            OrderStatus::Filled => told.filled == told.quantity,
        }
}

/// Terms that are about trading on arrival.
fn check_terms(known: &Known, told: &OrderState, trades: &Trades) -> Result<(), &'static str> {
    let refused = trades.woken && matches!(told.status, OrderStatus::Cancelled(_)) && trades.filled.is_zero();
    let asleep = told.status == OrderStatus::Sleeping;
    if known.terms.post_only != PostOnly::Off && !trades.filled.is_zero() {
        return Err("it is post-only and traded");
    }
    if known.terms.time_in_force == TimeInForce::Fok
        && told.status != OrderStatus::Filled
        && !refused
        && !asleep
    {
        return Err("it is fill or kill and was not filled");
    }
    let enough = known.terms.minimum.is_none_or(|minimum| trades.filled >= minimum);
    if enough || refused || asleep { Ok(()) } else { Err("it traded less than its minimum") }
}
