//! Operations on orders: place, cancel, and what follows from them.

use crate::Refusal;
use crate::accounts::{AccountIndex, Role};
use crate::admission::{Exhausted, Limits, MarketTerms, owner_of};
use crate::apply::{Engine, Signer};
use crate::deals::Fill;
use crate::effects::Effects;
use crate::ledger::LockReason;
use crate::market::{Market, OpenOrder};
use crate::outcome::{CancelReason, Event, OrderStatus, Trade};
use bandex_matching::{self as matching, NewOrder, OrderId, Placed, Removal, Rest};
use bandex_settlement::Terms;
use bandex_tradechain::body::{MarketState, Operation, Place};
use bandex_types::{
    Amount, MarketId, OrderRef, OrderType, PostOnly, Quantity, Rail, SelfTrade, Side, TimeInForce,
};

impl Engine {
    pub(crate) fn operation(
        &mut self,
        signer: Signer<'_>,
        index: u8,
        operation: &Operation,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let key = signer.block.author;
        match operation {
            Operation::Place(place) => {
                let order = OrderRef { key, seq: signer.block.seq, op: index };
                self.place(signer, order, place, effects)
            }
            Operation::Cancel { order } => {
                let id = self.orders.find(order).ok_or(Refusal::UnknownOrder)?;
                self.cancel_requested(signer, id, effects)
            }
            Operation::CancelClient { market, client_id } => {
                let id = self.orders.find_client_id(key, *market, client_id).ok_or(Refusal::UnknownOrder)?;
                self.cancel_requested(signer, id, effects)
            }
            Operation::Amend { .. } => not_served("amend"),
            Operation::CancelAll { .. } => not_served("cancel_all"),
            Operation::Quote(_) => not_served("quote"),
            Operation::Protect { .. } => not_served("protect"),
        }
    }

    fn place(
        &mut self,
        signer: Signer<'_>,
        order: OrderRef,
        place: &Place,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let market = self.markets.get(&place.market).ok_or(Refusal::UnknownMarket)?;
        if market.state != MarketState::Trading {
            return Err(Refusal::MarketClosed { state: market.state });
        }
        self.refuse_frozen(signer.account)?;
        check_served(place)?;
        if place.quantity.is_zero() {
            return Err(Refusal::ZeroQuantity);
        }
        if let Some(client_id) = &place.client_id
            && self.orders.find_client_id(order.key, place.market, client_id).is_some()
        {
            return Err(Refusal::DuplicateClientId);
        }
        let notional = market.quote_units(place.quantity, place.price).ok_or(Refusal::TooLarge)?;
        self.check_grant(signer, place.market, most_notional(market, place))?;
        let paying = market.paying_units(place.side, place.quantity, place.price).ok_or(Refusal::TooLarge)?;
        market.base_units(place.quantity).ok_or(Refusal::TooLarge)?;
        let locks = market.paying_rail(place.side) == Rail::Token;
        if locks {
            self.ledger.check_free(signer.account, paying)?;
        } else if place.side == Side::Buy {
            self.check_bids(signer.account, notional)?;
        }
        let taker = OpenOrder {
            order,
            account: signer.account,
            market: place.market,
            side: place.side,
            price: place.price,
            quantity: place.quantity,
            filled: Quantity::ZERO,
            own_cap: place.own_cap,
            client_id: place.client_id.clone(),
            bid_notional: 0,
        };
        self.match_order(taker, place, locks.then_some(paying), effects)
    }

    fn check_grant(&self, signer: Signer<'_>, market: MarketId, notional: Amount) -> Result<(), Refusal> {
        let Some(Role::Session(grant)) = self.accounts.lane(&signer.block.author).map(|lane| &lane.role)
        else {
            return Ok(());
        };
        if !grant.markets.is_empty() && !grant.markets.contains(&market) {
            return Err(Refusal::MarketNotGranted);
        }
        match grant.largest_notional.filter(|largest| notional > *largest) {
            Some(largest) => Err(Refusal::AboveGrant { notional, largest }),
            None => Ok(()),
        }
    }

    /// Open bids and unsettled purchases stay below a multiple of the account's limit.
    fn check_bids(&self, account: AccountIndex, notional: Amount) -> Result<(), Refusal> {
        let account = self.accounts.get(account);
        let sum = account.open_bids + account.unsettled + u128::from(notional.get());
        let limit = u128::from(account.limit(&self.parameters).get());
        let bound = limit * u128::from(self.parameters.bid_multiple);
        if sum <= bound {
            return Ok(());
        }
        let shown = |amount: u128| Amount::new(u64::try_from(amount).unwrap_or(u64::MAX));
        Err(Refusal::BidsAboveBound { notional: shown(sum), bound: shown(bound) })
    }

    /// Lets the book match an order that passed every check, and carries out what the book says.
    fn match_order(
        &mut self,
        mut taker: OpenOrder,
        place: &Place,
        lock: Option<Amount>,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let id = OrderId::new(self.next_order);
        let market = self.markets.get_mut(&place.market).ok_or(Refusal::UnknownMarket)?;
        let terms = MarketTerms::of(market);
        let mut limits = Limits::new(&self.accounts, &self.orders, &self.parameters, &terms, &taker);
        let mut events = Vec::new();
        let arriving = NewOrder {
            id,
            owner: owner_of(taker.account),
            side: place.side,
            price: place.price,
            quantity: place.quantity,
            time_in_force: place.time_in_force,
            post_only: place.post_only,
            self_trade: place.self_trade,
        };
        let placed = market.book.place(&arriving, &mut limits, &mut events).map_err(from_book)?;
        let terms = limits.terms;
        if let (Rest::Cancelled(matching::CancelReason::NotAdmitted(exhausted)), true) =
            (&placed.rest, events.is_empty())
        {
            return Err(Refusal::LimitExhausted { limit: exhausted.limit, free: exhausted.free });
        }
        // From here the order is accepted.
        self.next_order += 1;
        if let Some(amount) = lock {
            let locked = self.ledger.lock(LockReason::Order(taker.order), taker.account, amount);
            assert!(locked.is_ok(), "the tokens were free when the order was judged");
            effects.balance(taker.account);
        }
        self.carry_out(&mut taker, events, terms, effects);
        self.finish(id, taker, &placed, effects);
        Ok(())
    }

    fn carry_out(
        &mut self,
        taker: &mut OpenOrder,
        events: Vec<matching::Event<Exhausted>>,
        terms: Vec<Terms>,
        effects: &mut Effects,
    ) {
        let mut terms = terms.into_iter();
        for event in events {
            match event {
                matching::Event::Trade { maker, price, quantity, .. } => {
                    let terms = terms.next().expect("the admission keeps terms for each trade");
                    self.trade(taker, maker, price, quantity, terms, effects);
                }
                matching::Event::MakerRemoved { maker, reason, .. } => {
                    let reason = match reason {
                        Removal::SelfTrade => CancelReason::SelfTrade,
                        Removal::NotAdmitted(_) => CancelReason::LimitExhausted,
                    };
                    self.forget_order(maker, reason, effects);
                }
            }
        }
    }

    fn trade(
        &mut self,
        taker: &mut OpenOrder,
        maker: OrderId,
        price: bandex_types::Price,
        quantity: Quantity,
        terms: Terms,
        effects: &mut Effects,
    ) {
        let maker_id = maker;
        let resting = self.orders.get_mut(maker_id).expect("what rests on the book is known here");
        let add = |filled: Quantity| filled.checked_add(quantity).expect("fills stay within the order");
        resting.filled = add(resting.filled);
        taker.filled = add(taker.filled);
        let maker = resting.clone();
        let deal = self.open_deal(&Fill { taker, maker: &maker, terms }, effects);
        let number = self.markets.get_mut(&taker.market).map_or(0, |market| {
            market.trades += 1;
            market.trades
        });
        effects.push(Event::Trade(Trade {
            market: taker.market,
            number,
            price,
            quantity,
            taker_side: taker.side,
            taker: taker.order,
            maker: maker.order,
            taker_account: self.accounts.get(taker.account).id,
            maker_account: self.accounts.get(maker.account).id,
            deal,
        }));
        self.recount_bid(maker_id);
        if maker.left().is_zero() {
            self.orders.remove(maker_id);
            self.close_order(&maker, OrderStatus::Filled, effects);
        } else {
            self.trim_lock(&maker, effects);
            effects.push(Event::Order(maker.state(self.accounts.get(maker.account).id, OrderStatus::Open)));
        }
    }

    /// Says what became of the arriving order, and lets it rest if it does.
    fn finish(&mut self, id: OrderId, taker: OpenOrder, placed: &Placed<Exhausted>, effects: &mut Effects) {
        let status = match &placed.rest {
            Rest::Filled => OrderStatus::Filled,
            Rest::Resting => OrderStatus::Open,
            Rest::Cancelled(reason) => OrderStatus::Cancelled(match reason {
                matching::CancelReason::Unfilled => CancelReason::Unfilled,
                matching::CancelReason::WouldCross => CancelReason::WouldCross,
                matching::CancelReason::NotAdmitted(_) => CancelReason::LimitExhausted,
            }),
        };
        if status == OrderStatus::Open {
            self.trim_lock(&taker, effects);
            effects.push(Event::Order(taker.state(self.accounts.get(taker.account).id, status)));
            self.orders.insert(id, taker);
            self.recount_bid(id);
        } else {
            self.close_order(&taker, status, effects);
        }
    }

    /// Brings an account's open bids into line with one of its orders.
    fn recount_bid(&mut self, id: OrderId) {
        let Some(order) = self.orders.get_mut(id) else { return };
        let Some(market) = self.markets.get(&order.market) else { return };
        if order.side != Side::Buy || market.quote_rail == Rail::Token {
            return;
        }
        let now = market.quote_units(order.left(), order.price).map_or(0, |amount| u128::from(amount.get()));
        let then = std::mem::replace(&mut order.bid_notional, now);
        let account = self.accounts.get_mut(order.account);
        account.open_bids = account.open_bids - then + now;
    }

    /// Frees what an order that goes on resting has locked beyond what it may still pay: where it bought below its
    /// limit, or where rounding spared a unit.
    fn trim_lock(&mut self, order: &OpenOrder, effects: &mut Effects) {
        let Some(market) = self.markets.get(&order.market) else { return };
        let keep = market.paying_units(order.side, order.left(), order.price).unwrap_or(Amount::ZERO);
        let lock = LockReason::Order(order.order);
        let spare = self.ledger.locked_for(&lock).saturating_sub(keep);
        if !spare.is_zero() && self.ledger.unlock(&lock, spare).is_some() {
            effects.balance(order.account);
        }
    }

    /// Ends an order that is on no book any more: frees what it still locks and says so.
    fn close_order(&mut self, order: &OpenOrder, status: OrderStatus, effects: &mut Effects) {
        if let Some(owner) = self.ledger.unlock_all(&LockReason::Order(order.order)) {
            effects.balance(owner);
        }
        effects.push(Event::Order(order.state(self.accounts.get(order.account).id, status)));
    }

    /// Ends an order that the book has let go.
    fn forget_order(&mut self, id: OrderId, reason: CancelReason, effects: &mut Effects) {
        let Some(order) = self.orders.remove(id) else { return };
        let account = self.accounts.get_mut(order.account);
        account.open_bids -= order.bid_notional;
        self.close_order(&order, OrderStatus::Cancelled(reason), effects);
    }

    fn cancel_requested(
        &mut self,
        signer: Signer<'_>,
        id: OrderId,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let order = self.orders.get(id).ok_or(Refusal::UnknownOrder)?;
        if order.account != signer.account {
            return Err(Refusal::NotYourOrder);
        }
        self.check_grant(signer, order.market, Amount::ZERO)?;
        let state = self.markets.get(&order.market).map_or(MarketState::Halted, |market| market.state);
        if state == MarketState::Halted {
            return Err(Refusal::MarketClosed { state });
        }
        // From here it is cancelled.
        self.take_off(id, CancelReason::Requested, effects);
        Ok(())
    }

    fn take_off(&mut self, id: OrderId, reason: CancelReason, effects: &mut Effects) {
        let Some(market) = self.orders.get(id).map(|order| order.market) else { return };
        if let Some(market) = self.markets.get_mut(&market) {
            let taken = market.book.cancel(id);
            assert!(taken.is_ok(), "what is open rests on the book");
        }
        self.forget_order(id, reason, effects);
    }

    /// Cancels the open orders of an account that `which` picks.
    pub(crate) fn cancel_where(
        &mut self,
        account: AccountIndex,
        reason: CancelReason,
        effects: &mut Effects,
        which: impl Fn(&OpenOrder) -> bool,
    ) {
        for id in self.orders.of_account(account) {
            if self.orders.get(id).is_some_and(&which) {
                self.take_off(id, reason.clone(), effects);
            }
        }
    }
}

/// The most that an order can come to in quote units: a sell trades at the bids above its limit.
fn most_notional(market: &Market, place: &Place) -> Amount {
    let price = match place.side {
        Side::Buy => place.price,
        Side::Sell => market.book.best(Side::Buy).unwrap_or_default().max(place.price),
    };
    market.quote_units(place.quantity, price).unwrap_or(Amount::MAX)
}

fn not_served<T>(what: &str) -> Result<T, Refusal> {
    Err(Refusal::NotServed { what: what.to_owned() })
}

/// Refuses by name what the bytes can say and the engine does not do yet.
fn check_served(place: &Place) -> Result<(), Refusal> {
    match place {
        _ if place.order_type != OrderType::Limit => not_served("order_type market"),
        _ if place.quote_quantity.is_some() => not_served("quote_quantity"),
        _ if place.time_in_force == TimeInForce::Gtd || place.expires.is_some() => {
            not_served("time_in_force gtd")
        }
        _ if place.post_only == PostOnly::Slide => not_served("post_only slide"),
        _ if place.self_trade != SelfTrade::CancelOldest => not_served("self_trade other than cancel_oldest"),
        _ if place.display.is_some() => not_served("display"),
        _ if place.minimum.is_some() => not_served("minimum"),
        _ if place.trigger.is_some() => not_served("trigger"),
        _ if place.least_score.is_some() => not_served("least_score"),
        _ => Ok(()),
    }
}

fn from_book(refusal: matching::Refusal) -> Refusal {
    match refusal {
        matching::Refusal::ZeroQuantity => Refusal::ZeroQuantity,
        matching::Refusal::WouldTrade => Refusal::WouldTrade,
        matching::Refusal::FokUnfilled => Refusal::FokUnfilled,
        matching::Refusal::NotServed(what) => Refusal::NotServed { what: what.to_owned() },
        // The engine counts order numbers itself, so the book has never seen this one.
        matching::Refusal::DuplicateId => Refusal::Misplaced,
    }
}
