//! Orders: what was ordered is filled, open or cancelled, by its own terms, and nobody trades out of turn.

use super::asked::{Asked, Ordered, is_plain};
use super::floor::Floor;
use super::guards::Guards;
use super::silence::Silence;
use super::{Market, Seen};
use crate::broken::{Broken, Invariant};
use bandex_engine::{CancelReason, Event, OrderState, OrderStatus, OrderTerms, Trade};
use bandex_tradechain::body::{MarketState, TriggerKind};
use bandex_types::{AccountId, Amount, MarketId, OrderRef, Price, Quantity, Side, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub(super) all: BTreeMap<OrderRef, Known>,
    /// The most that a counterparty may owe, of orders that say so.
    own_caps: BTreeMap<OrderRef, Amount>,
    /// The least score of a counterparty in parts per million, of orders that say so.
    least_scores: BTreeMap<OrderRef, u32>,
    pub(super) floors: BTreeMap<MarketId, Floor>,
    pub(super) guards: Guards,
    pub(super) silence: Silence,
    pub(super) asked: Asked,
    /// The order that trades now.
    pub(super) arriving: Option<Arriving>,
    /// The bids that came or grew in this record.
    pub bidders: BTreeSet<OrderRef>,
    /// Who was passed over by whom in this record.
    pub passed: Vec<(OrderRef, OrderRef)>,
    /// Orders whose terms were told and of which nothing else was.
    told: BTreeSet<OrderRef>,
    /// Lots that an arriving order has taken from others of its account, and whose they are.
    pub(super) reducing: (u128, Option<AccountId>),
    /// Whether the order that traded last had woken.
    pub(super) woke_last: bool,
    places: u64,
    pub counts: Counts,
}

/// What happened to orders, that no event tells.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub refreshed: u64,
    pub woken: u64,
    pub cascades: u64,
    pub slid: u64,
    pub moved: u64,
    pub reduced: u64,
    pub passed: u64,
}

/// An order that was accepted.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub state: OrderState,
    pub terms: OrderTerms,
    /// The number of its operation.
    pub operation: u8,
    /// Counts the orders that were accepted.
    pub number: u64,
    /// Its place in the queue of its price: who came there earlier has a smaller one.
    pub place: u64,
    /// Lots that it shows.
    pub shown: Quantity,
    /// The most lots that it shows; none: all.
    pub display: Option<Quantity>,
    /// Whether an amendment may or may not have moved it.
    pub unsure: bool,
}

/// An order that trades, until it is told what became of it.
#[derive(Debug)]
pub(super) struct Arriving {
    pub order: OrderRef,
    filled: Quantity,
    low: Price,
    high: Price,
    /// In lots times ticks.
    value: u128,
    /// It left a maker something: then nothing is left of itself.
    exhausted: bool,
}

impl Known {
    pub fn left(&self) -> Quantity {
        self.state.quantity.saturating_sub(self.state.filled)
    }

    /// What it shows once it begins to.
    pub fn part(&self) -> Quantity {
        self.display.map_or(self.left(), |display| display.min(self.left()))
    }

    pub fn accepts(&self, price: Price) -> bool {
        match self.state.side {
            Side::Buy => price <= self.state.price,
            Side::Sell => price >= self.state.price,
        }
    }

    /// Whether it trades before another order of its side.
    pub fn is_before(&self, other: &Self) -> bool {
        let better = match self.state.side {
            Side::Buy => self.state.price > other.state.price,
            Side::Sell => self.state.price < other.state.price,
        };
        better || (self.state.price == other.state.price && self.place < other.place)
    }

    /// Whether a sleeping order wakes at a price.
    pub fn wakes_at(&self, price: Price) -> bool {
        self.terms.trigger.is_some_and(|trigger| match (self.state.side, trigger.kind) {
            (Side::Buy, TriggerKind::StopLoss) | (Side::Sell, TriggerKind::TakeProfit) => {
                price >= trigger.price
            }
            (Side::Sell, TriggerKind::StopLoss) | (Side::Buy, TriggerKind::TakeProfit) => {
                price <= trigger.price
            }
        })
    }
}

impl Orders {
    pub fn own_cap(&self, order: &OrderRef) -> Option<Amount> {
        self.own_caps.get(order).copied()
    }

    pub fn least_score(&self, order: &OrderRef) -> Option<u32> {
        self.least_scores.get(order).copied()
    }

    /// All that rest or sleep, each with the quote amount that says how large it is, if that does.
    pub fn alive(&self) -> impl Iterator<Item = (&OrderState, Option<Amount>)> {
        let alive = |known: &&Known| matches!(known.state.status, OrderStatus::Open | OrderStatus::Sleeping);
        self.all.values().filter(alive).map(|known| (&known.state, known.terms.quote_quantity))
    }

    /// Whether some order sleeps or shows only a part of itself.
    pub fn hides(&self) -> bool {
        let hidden = |known: &Known| known.state.status == OrderStatus::Open && known.shown < known.left();
        self.all.values().any(|known| known.state.status == OrderStatus::Sleeping || hidden(known))
    }

    /// Whether an operation of this record placed or amended an order.
    pub fn asks_for(&self, order: &OrderRef) -> bool {
        self.asked.placed.contains_key(order) || self.asked.amends(order)
    }

    pub fn both(&self, one: &OrderRef, other: &OrderRef) -> Option<[&OrderState; 2]> {
        Some([&self.all.get(one)?.state, &self.all.get(other)?.state])
    }

    /// Whether an order shows a part of itself at a time.
    pub(super) fn is_iceberg(&self, order: &OrderRef) -> bool {
        self.all.get(order).is_some_and(|known| known.terms.display.is_some())
    }

    pub(super) fn resting(&self, market: MarketId) -> impl Iterator<Item = &Known> {
        let rests =
            move |known: &&Known| known.state.status == OrderStatus::Open && known.state.market == market;
        self.all.values().filter(rests)
    }

    pub(super) fn open_order(&self, order: &OrderRef) -> Result<&Known, String> {
        let open = self.all.get(order).filter(|known| known.state.status == OrderStatus::Open);
        open.ok_or_else(|| format!("order {order} does not rest and trades as if it did"))
    }

    /// Who should trade before an order.
    pub(super) fn first_before<'a>(&'a self, order: &'a Known) -> Option<&'a Known> {
        self.all_before(order).next()
    }

    fn all_before<'a>(&'a self, order: &'a Known) -> impl Iterator<Item = &'a Known> {
        self.resting(order.state.market).filter(move |other| {
            other.state.side == order.state.side && other.is_before(order) && !other.unsure && !order.unsure
        })
    }

    pub(super) fn next_place(&mut self) -> u64 {
        self.places = self.places.saturating_add(1);
        self.places
    }

    pub fn take(&mut self, seen: &Seen<'_>, markets: &BTreeMap<MarketId, Market>) -> Result<(), Broken> {
        self.asked = Asked::of(seen);
        self.bidders.clear();
        self.passed.clear();
        for (order, ordered) in &self.asked.placed {
            self.own_caps.extend(ordered.own_cap.map(|cap| (*order, cap)));
            self.least_scores.extend(ordered.least_score.map(|least| (*order, least)));
        }
        for event in seen.events {
            let taken = match event {
                Event::Terms(terms) => self.terms(terms),
                Event::Trade(trade) => self.trade(seen.time, trade),
                Event::Order(order) => self.order(seen, order, markets),
                Event::Market { listing, state } => self.market(seen, listing.id, *state),
                Event::MarketRules { market, rules } => {
                    if let Some(floor) = self.floors.get_mut(market) {
                        floor.rules = *rules;
                    }
                    Ok(())
                }
                Event::Auction { market, price, volume } => self.end_auction(*market, *price, *volume),
                Event::Protection { account, market, protection, tripped: true } => {
                    let due = self.guards.trip(*account, *market, seen.time, *protection);
                    due.then_some(()).ok_or_else(|| format!("a protection of {account} trips for no reason"))
                }
                Event::Protection { account, market, protection, tripped: false } => {
                    self.guards.set(*account, *market, *protection);
                    let asked = self.asked.protects.contains(&(*market, *protection));
                    asked.then_some(()).ok_or_else(|| "a protection that nobody asked for".to_owned())
                }
                _ => Ok(()),
            };
            taken.map_err(|what| Broken::new(Invariant::Orders, format!("record {}: {what}", seen.seq)))?;
        }
        self.at_rest(seen)
            .map_err(|what| Broken::new(Invariant::Orders, format!("record {}: {what}", seen.seq)))
    }

    /// What must be so once a record is over.
    fn at_rest(&self, seen: &Seen<'_>) -> Result<(), String> {
        if let Some(arriving) = &self.arriving {
            return Err(format!("order {} traded and nothing says what became of it", arriving.order));
        }
        if let Some(order) = self.told.first() {
            return Err(format!("order {order} has terms and nothing says what became of it"));
        }
        for (market, floor) in &self.floors {
            floor.at_rest(*market, seen.time)?;
        }
        for (order, ordered) in &self.asked.placed {
            if ordered.done != self.all.contains_key(order) {
                return Err(format!(
                    "order {order} was accepted: {}; it should not have been",
                    !ordered.done
                ));
            }
        }
        if let Some((account, market)) = self.guards.overdue(seen.time) {
            return Err(format!("the quotes of {account} on market {market} should have been pulled"));
        }
        for known in self.all.values() {
            let (state, terms) = (&known.state, &known.terms);
            if !matches!(state.status, OrderStatus::Open | OrderStatus::Sleeping) {
                continue;
            }
            if terms.quote && self.guards.is_tripped(state.account, state.market) {
                return Err(format!("quote {} should have been pulled", state.order));
            }
            let placed_now = self.asked.placed.contains_key(&state.order);
            if self.silence.takes(&state.order.key) && !placed_now {
                return Err(format!("order {} outlives what its key asked for", state.order));
            }
            if terms.expires.is_some_and(|expires| expires <= seen.time) {
                return Err(format!("order {} is past its date", state.order));
            }
        }
        Ok(())
    }

    fn terms(&mut self, terms: &OrderTerms) -> Result<(), String> {
        let asked = self.asked.placed.get(&terms.order).filter(|asked| asked.terms == *terms);
        if asked.is_none() || is_plain(terms) || !self.told.insert(terms.order) {
            return Err(format!("{terms:?} were not asked for"));
        }
        Ok(())
    }

    fn market(&mut self, seen: &Seen<'_>, market: MarketId, state: MarketState) -> Result<(), String> {
        let Some(floor) = self.floors.get_mut(&market) else {
            self.floors.insert(market, Floor::new());
            return Ok(());
        };
        let changed = floor.change(state, seen.time, seen.is_configured());
        changed.map_err(|what| format!("market {market} {what}"))?;
        if state == MarketState::Trading && floor.gathers {
            self.begin_auction(market);
        }
        Ok(())
    }

    /// Begins to watch an order that arrives: as an operation of its own, or woken by the one before.
    pub(super) fn begin(&mut self, order: OrderRef, market: MarketId) -> Result<(), String> {
        let sleeps = self.all.get(&order).is_some_and(|known| known.state.status == OrderStatus::Sleeping);
        if sleeps {
            let floor = self.floors.get_mut(&market).ok_or("an order on no market")?;
            if floor.state != MarketState::Trading || floor.reached.pop_front() != Some(order) {
                return Err(format!("order {order} wakes out of turn"));
            }
            self.counts.woken = self.counts.woken.saturating_add(1);
        } else {
            for (market, floor) in &mut self.floors {
                floor.woke_all(*market)?;
                floor.reference = floor.last;
            }
        }
        let (filled, low, high) = (Quantity::ZERO, Price::new(u64::MAX), Price::new(0));
        self.arriving = Some(Arriving { order, filled, low, high, value: 0, exhausted: false });
        Ok(())
    }

    /// A trade of an arriving order with one that rests.
    fn trade(&mut self, now: Timestamp, trade: &Trade) -> Result<(), String> {
        let floor = self.floors.get(&trade.market).ok_or("a trade on no market")?;
        if trade.taker_account == trade.maker_account || trade.quantity.is_zero() {
            return Err(format!("{trade:?} is no trade"));
        }
        if floor.uncrossing.is_some() {
            return self.auction_trade(now, trade);
        }
        if floor.state != MarketState::Trading {
            return Err(format!("market {} is {:?} and trades", trade.market, floor.state));
        }
        if self.arriving.is_none() {
            self.begin(trade.taker, trade.market)?;
        }
        let maker = self.open_order(&trade.maker)?;
        let fits = maker.state.price == trade.price
            && maker.state.side == trade.taker_side.opposite()
            && maker.state.market == trade.market
            && maker.state.account == trade.maker_account
            && trade.quantity <= maker.shown;
        if !fits {
            return Err(format!("order {maker:?} does not rest as it trades: {trade:?}"));
        }
        self.check_guard(maker, now)?;
        if self.floors.get(&trade.market).is_some_and(|floor| !floor.in_band(trade.price)) {
            return Err(format!("{trade:?} is outside the band"));
        }
        let passed: Vec<OrderRef> = self.all_before(maker).map(|first| first.state.order).collect();
        let leaves = trade.quantity < maker.shown;
        for first in passed {
            self.counts.passed = self.counts.passed.saturating_add(1);
            self.passed.push((trade.taker, first));
        }
        self.fill(&trade.maker, now, trade.quantity)?;
        if self.all.get(&trade.taker).is_some_and(|known| known.terms.quote) {
            self.guards.fill(trade.taker_account, trade.market, now, trade.quantity);
        }
        if let Some(floor) = self.floors.get_mut(&trade.market) {
            floor.traded(trade.price);
        }
        let arriving = self.arriving.as_mut().filter(|arriving| arriving.order == trade.taker);
        let arriving = arriving.ok_or("two orders arrive at once")?;
        if arriving.exhausted {
            return Err(format!("order {} trades on, though it left an order something", trade.taker));
        }
        arriving.exhausted = leaves;
        arriving.filled = arriving.filled.checked_add(trade.quantity).ok_or("filled past 64 bits")?;
        (arriving.low, arriving.high) = (arriving.low.min(trade.price), arriving.high.max(trade.price));
        let value = u128::from(trade.quantity.get()).saturating_mul(u128::from(trade.price.get()));
        arriving.value = arriving.value.saturating_add(value);
        Ok(())
    }

    /// Puts those into the queue of waking, the oldest first, that the last trades reached.
    pub(super) fn reach(&mut self, market: MarketId) {
        let Some(floor) = self.floors.get_mut(&market) else { return };
        let Some((low, high)) = floor.range.take() else { return };
        let asleep = self.all.values().filter(|known| {
            known.state.status == OrderStatus::Sleeping
                && known.state.market == market
                && (known.wakes_at(low) || known.wakes_at(high))
                && !floor.reached.contains(&known.state.order)
        });
        let mut reached: Vec<(u64, OrderRef)> =
            asleep.map(|known| (known.number, known.state.order)).collect();
        reached.sort_unstable();
        if self.woke_last {
            self.counts.cascades = self.counts.cascades.saturating_add(reached.len() as u64);
        }
        floor.reached.extend(reached.into_iter().map(|(_, order)| order));
    }

    fn order(
        &mut self,
        seen: &Seen<'_>,
        told: &OrderState,
        markets: &BTreeMap<MarketId, Market>,
    ) -> Result<(), String> {
        let Some(known) = self.all.get(&told.order).cloned() else {
            let asked = self.asked.placed.get(&told.order).filter(|asked| asked.done).cloned();
            let asked = asked.ok_or_else(|| format!("nobody asked for {told:?}"))?;
            return self.accepted(seen, told, &asked, markets);
        };
        let same = (known.state.account, known.state.market, known.state.side)
            == (told.account, told.market, told.side);
        if !same || !matches!(known.state.status, OrderStatus::Open | OrderStatus::Sleeping) {
            return Err(format!("order {} changed after it had ended: {told:?}", told.order));
        }
        let arrives = self.arriving.as_ref().is_some_and(|arriving| arriving.order == told.order);
        let ends = matches!(
            told.status,
            OrderStatus::Cancelled(
                CancelReason::Requested
                    | CancelReason::Expired
                    | CancelReason::AccountFrozen
                    | CancelReason::NotAdmitted
                    | CancelReason::KeyEnded
                    | CancelReason::Timer
                    | CancelReason::Disconnected
            )
        );
        let asleep = known.state.status == OrderStatus::Sleeping;
        let grew = told.price != known.state.price || told.quantity > known.state.quantity;
        let left_band = told.status == OrderStatus::Cancelled(CancelReason::OutsideBand);
        match (asleep, arrives) {
            (_, true) => self.finish(seen, told, known, markets),
            (true, false) if told.status == OrderStatus::Sleeping => self.amended_asleep(known, told),
            (true, false) if ends => self.changed(seen, &known, told),
            (false, false) if !grew && !left_band => self.changed(seen, &known, told),
            (_, false) => {
                self.begin(told.order, told.market)?;
                self.finish(seen, told, known, markets)
            }
        }
    }

    /// A new order.
    fn accepted(
        &mut self,
        seen: &Seen<'_>,
        told: &OrderState,
        asked: &Ordered,
        markets: &BTreeMap<MarketId, Market>,
    ) -> Result<(), String> {
        if (asked.market, asked.side) != (told.market, told.side) || Some(told.account) != seen.signer {
            return Err(format!("{told:?} is not what was asked for: {asked:?}"));
        }
        if self.told.remove(&told.order) == is_plain(&asked.terms) {
            return Err(format!("the terms of order {} were not told as they are", told.order));
        }
        if self.arriving.is_none() {
            self.begin(told.order, told.market)?;
        }
        let known = Known {
            state: OrderState {
                price: asked.price,
                quantity: asked.quantity,
                filled: Quantity::ZERO,
                ..told.clone()
            },
            terms: asked.terms,
            operation: asked.operation,
            number: self.next_place(),
            place: 0,
            shown: Quantity::ZERO,
            display: asked.terms.display,
            unsure: false,
        };
        if told.side == Side::Buy {
            self.bidders.insert(told.order);
        }
        self.finish(seen, told, known, markets)?;
        self.check_count(told)
    }

    /// A sleeping order has another price or quantity.
    fn amended_asleep(&mut self, mut known: Known, told: &OrderState) -> Result<(), String> {
        let asked = self.asked.amends.contains(&(told.order, told.price, told.quantity));
        if !asked || told.filled != known.state.filled {
            return Err(format!("order {} changed in its sleep: {told:?}", told.order));
        }
        if told.side == Side::Buy {
            self.bidders.insert(told.order);
        }
        known.state = told.clone();
        self.all.insert(told.order, known);
        Ok(())
    }

    /// What an order arrives with and what became of it.
    fn finish(
        &mut self,
        seen: &Seen<'_>,
        told: &OrderState,
        mut known: Known,
        markets: &BTreeMap<MarketId, Market>,
    ) -> Result<(), String> {
        let arriving = self.arriving.take().filter(|arriving| arriving.order == told.order);
        let arriving = arriving.ok_or("two orders arrive at once")?;
        let was_open = known.state.status == OrderStatus::Open && self.all.contains_key(&told.order);
        if was_open {
            self.moved(&mut known, told)?;
        }
        let trades = super::arrivals::Trades {
            filled: arriving.filled,
            range: (!arriving.filled.is_zero()).then_some((arriving.low, arriving.high)),
            value: arriving.value,
            exhausted: arriving.exhausted,
            moved: was_open,
            woken: !was_open && self.all.contains_key(&told.order),
        };
        self.check_arrival(seen, &known, told, &trades, markets)?;
        let known_price = known.state.price;
        known.unsure = false;
        known.state = told.clone();
        if told.status == OrderStatus::Open {
            known.place = self.next_place();
            known.shown = known.part();
        }
        if let Some(floor) = self.floors.get_mut(&told.market) {
            floor.left_band |= told.status == OrderStatus::Cancelled(CancelReason::OutsideBand);
        }
        self.woke_last = trades.woken;
        let slid = told.price != known_price;
        self.counts.slid = self.counts.slid.saturating_add(u64::from(slid));
        self.all.insert(told.order, known);
        self.check_place(told)?;
        self.reach(told.market);
        Ok(())
    }

    /// An amendment took an order off and let it arrive anew.
    fn moved(&mut self, known: &mut Known, told: &OrderState) -> Result<(), String> {
        // Of several amendments of one order in a block, that one which explains where it stands.
        let fits = |amend: &&(OrderRef, Price, Quantity)| {
            let mut at = known.clone();
            (at.state.price, at.state.quantity) = (amend.1, amend.2);
            let exact = told.quantity == amend.2 || at.decrements();
            amend.0 == told.order && told.quantity <= amend.2 && exact && self.check_price(&at, told).is_ok()
        };
        let amend = self.asked.amends.iter().find(fits).copied();
        let (_, price, quantity) = amend.ok_or_else(|| format!("nobody asked that it be {told:?}"))?;
        (known.state.price, known.state.quantity) = (price, quantity);
        known.display = known.display.map(|display| display.min(known.left()));
        // Its minimum was for its first arrival.
        known.terms.minimum = None;
        if told.side == Side::Buy {
            self.bidders.insert(told.order);
        }
        self.counts.moved = self.counts.moved.saturating_add(1);
        Ok(())
    }

    /// Something became of an order that rests or sleeps, and not of its own doing or only to make it smaller.
    fn changed(&mut self, seen: &Seen<'_>, known: &Known, told: &OrderState) -> Result<(), String> {
        self.check_change(seen, known, told)?;
        if let OrderStatus::Cancelled(_) = told.status
            && let Some(floor) = self.floors.get_mut(&told.market)
            && let Some(uncrossing) = &mut floor.uncrossing
        {
            uncrossing.removed = true;
        }
        let mut known = known.clone();
        if told.quantity < known.state.quantity && !self.asked.amends(&told.order) {
            self.counts.reduced = self.counts.reduced.saturating_add(1);
        }
        let (price, quantity) = (known.state.price, known.state.quantity);
        let may_move = known.slides() || known.decrements();
        known.unsure |= may_move && self.asked.may_have_moved(&told.order, price, quantity);
        known.state = told.clone();
        known.shown = known.shown.min(known.left());
        self.all.insert(told.order, known);
        Ok(())
    }
}
