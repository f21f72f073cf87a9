//! The ends of orders: cancelled by their owner, by date, by what happens to their account, or filled.

use crate::Refusal;
use crate::accounts::AccountIndex;
use crate::apply::{Engine, Signer};
use crate::effects::Effects;
use crate::open::{OpenOrder, OrderIndex, Spot};
use crate::orders::terms::direction;
use crate::outcome::{CancelReason, Event, OrderStatus};
use crate::timers::Timer;
use bandex_tradechain::body::MarketState;
use bandex_types::{Amount, MarketId, Side};

impl Engine {
    pub(super) fn cancel_requested(
        &mut self,
        signer: Signer<'_>,
        index: OrderIndex,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let order = self.orders.get(index);
        if order.account != signer.account {
            return Err(Refusal::NotYourOrder);
        }
        self.check_grant(signer, order.market, Amount::ZERO)?;
        let state = self.market_state(order.market);
        if state == MarketState::Halted {
            return Err(Refusal::MarketClosed { state });
        }
        // From here it is cancelled.
        self.take_off(index, CancelReason::Requested, effects);
        Ok(())
    }

    /// Cancels every open order of the account that the key may cancel and the filters do not leave out. What rests on
    /// a halted market stays.
    pub(super) fn cancel_all(
        &mut self,
        signer: Signer<'_>,
        market: Option<MarketId>,
        side: Option<Side>,
        effects: &mut Effects,
    ) {
        let goes = |order: &OpenOrder| {
            market.is_none_or(|market| market == order.market)
                && side.is_none_or(|side| side == order.side)
                && self.market_state(order.market) != MarketState::Halted
                && self.check_grant(signer, order.market, Amount::ZERO).is_ok()
        };
        let gone: Vec<OrderIndex> =
            self.orders.of_account(signer.account).filter(|index| goes(self.orders.get(*index))).collect();
        for index in gone {
            self.take_off(index, CancelReason::Requested, effects);
        }
    }

    /// Cancels the open orders of an account that `which` picks, oldest first.
    pub(crate) fn cancel_where(
        &mut self,
        account: AccountIndex,
        reason: CancelReason,
        effects: &mut Effects,
        which: impl Fn(&OpenOrder) -> bool,
    ) {
        let picked: Vec<OrderIndex> =
            self.orders.of_account(account).filter(|index| which(self.orders.get(*index))).collect();
        for index in picked {
            self.take_off(index, reason, effects);
        }
    }

    /// The date of an order has come.
    pub(crate) fn expire_order(&mut self, number: u64, effects: &mut Effects) {
        if let Some(index) = self.orders.find_number(number) {
            self.take_off(index, CancelReason::Expired, effects);
        }
    }

    /// Takes an order off its book, or out of its sleep, and ends it.
    pub(crate) fn take_off(&mut self, index: OrderIndex, reason: CancelReason, effects: &mut Effects) {
        let order = self.orders.get(index);
        if let Some(market) = self.markets.get_mut(&order.market) {
            match (order.spot, order.trigger()) {
                (Spot::Book(id), _) => {
                    let taken = market.book.cancel(id);
                    assert!(taken.is_ok(), "what is open rests on the book");
                }
                (Spot::Asleep, Some(trigger)) => {
                    let way = direction(order.side, trigger);
                    market.triggers.remove(order.number, way, trigger.price);
                }
                (Spot::Asleep | Spot::Nowhere, _) => {}
            }
        }
        self.forget(index, reason, effects);
    }

    /// Ends an order that is on no book any more.
    pub(crate) fn forget(&mut self, index: OrderIndex, reason: CancelReason, effects: &mut Effects) {
        self.close(index, OrderStatus::Cancelled(reason), effects);
    }

    /// Ends an order that is on no book any more: frees what it still locks and says so.
    pub(super) fn close(&mut self, index: OrderIndex, status: OrderStatus, effects: &mut Effects) {
        let order = self.orders.get(index);
        if let Some(expires) = order.expires() {
            self.timers.clear(expires, Timer::Order(order.number));
        }
        let account = self.accounts.get_mut(order.account);
        account.open_bids -= u128::from(order.bid_notional.get());
        if let Some(locked) = order.lock {
            self.ledger.unlock(order.account, locked);
            effects.balance(order.account);
        }
        effects.push(Event::Order(order.state(account.id, status)));
        self.orders.remove(index);
    }
}
