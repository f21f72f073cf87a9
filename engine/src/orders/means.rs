//! What an order needs to be placed: tokens to lock, room for its bid, room among the account's orders.

use crate::Refusal;
use crate::accounts::AccountIndex;
use crate::apply::Engine;
use crate::effects::Effects;
use crate::market::{Legs, Market};
use crate::open::{OpenOrder, OrderIndex, Spot};
use bandex_settlement::draw_cap;
use bandex_types::{Amount, MarketId, Price, Quantity, Rail, Side};

/// What an order of some size comes to, and how much of that its account has committed already.
#[derive(Debug, Clone, Copy)]
pub(super) struct Means {
    pub side: Side,
    /// In units of the asset it pays with; locked if the ledger keeps that asset.
    pub paying: Amount,
    /// What counts as an open bid if it is one, in the unit of account.
    pub notional: Amount,
    /// Locks that end if it is accepted.
    pub released_lock: Amount,
    /// Open bids that end if it is accepted, in the unit of account.
    pub released_bids: u128,
}

impl Means {
    /// What lots at a price come to.
    pub fn new(market: &Market, side: Side, price: Price, quantity: Quantity) -> Result<Self, Refusal> {
        let legs = market.legs();
        let notional = legs.quote_units(quantity, price).ok_or(Refusal::TooLarge)?;
        let paying = legs.paying_units(side, quantity, price).ok_or(Refusal::TooLarge)?;
        legs.base_units(quantity).ok_or(Refusal::TooLarge)?;
        Ok(Self {
            side,
            paying,
            notional: legs.worth(notional),
            released_lock: Amount::ZERO,
            released_bids: 0,
        })
    }

    /// With what an order has committed that ends if this is accepted.
    pub fn instead_of(self, order: &OpenOrder) -> Self {
        let released_bids = u128::from(order.bid_notional.get());
        Self { released_lock: order.locked(), released_bids, ..self }
    }
}

/// The most that an order can come to in quote units: a sell trades at the bids above its limit.
pub(super) fn most_notional(market: &Market, side: Side, price: Price, quantity: Quantity) -> Amount {
    let price = match side {
        Side::Buy => price,
        Side::Sell => market.book.best(Side::Buy).unwrap_or_default().max(price),
    };
    market.legs().quote_units(quantity, price).unwrap_or(Amount::MAX)
}

impl Engine {
    /// Refuses what the account has no tokens or no room for.
    pub(super) fn check_means(
        &self,
        account: AccountIndex,
        rail: Rail,
        means: &Means,
    ) -> Result<(), Refusal> {
        match (rail, means.side) {
            (Rail::Token, _) => Ok(self.ledger.check_free(account, means.paying, means.released_lock)?),
            (Rail::Attested | Rail::Bitcoin, Side::Buy) => {
                self.check_bids(account, u128::from(means.notional.get()), means.released_bids)
            }
            (Rail::Attested | Rail::Bitcoin, Side::Sell) => Ok(()),
        }
    }

    /// Open bids and unsettled purchases stay below a multiple of the account's limit.
    pub(super) fn check_bids(
        &self,
        account: AccountIndex,
        notional: u128,
        released: u128,
    ) -> Result<(), Refusal> {
        let account = self.accounts.get(account);
        let sum = account.open_bids - released + account.unsettled + notional;
        let limit = u128::from(account.limit().get());
        let bound = limit * u128::from(self.parameters.bid_multiple);
        if sum <= bound {
            return Ok(());
        }
        let shown = |amount: u128| Amount::new(u64::try_from(amount).unwrap_or(u64::MAX));
        Err(Refusal::BidsAboveBound { notional: shown(sum), bound: shown(bound) })
    }

    /// Refuses an account whose limit is used up, before an auction rather than in it.
    pub(super) fn check_limit(&self, index: AccountIndex, legs: &Legs) -> Result<(), Refusal> {
        let account = self.accounts.get(index);
        let free = account.free_limit();
        if draw_cap(Amount::MAX, None, legs.units(free), self.parameters.share_ppm).is_zero() {
            return Err(self.limit_refusal(index, account.limit(), free));
        }
        Ok(())
    }

    /// Refuses to let an account have more open orders on a market than its rules allow: `more`, after `less` ended.
    pub(super) fn check_most_orders(
        &self,
        account: AccountIndex,
        market: MarketId,
        more: usize,
        less: usize,
    ) -> Result<(), Refusal> {
        let most = self.markets.get(&market).map_or(0, |market| market.rules.most_orders);
        if most == 0 {
            return Ok(());
        }
        let here = |index: &OrderIndex| self.orders.get(*index).market == market;
        let open = self.orders.of_account(account).filter(here).count();
        let bound = usize::try_from(most).unwrap_or(usize::MAX);
        if open - less + more > bound { Err(Refusal::TooManyOrders { most }) } else { Ok(()) }
    }

    /// Brings what an order locks to `paying`, where the ledger keeps what it pays with.
    pub(super) fn promise(&mut self, index: OrderIndex, paying: Amount, effects: &mut Effects) {
        let order = self.orders.get_mut(index);
        let rail = self.markets.get(&order.market).map(|market| market.legs().paying_rail(order.side));
        if rail != Some(Rail::Token) {
            return;
        }
        let before = order.locked();
        order.lock = Some(paying);
        let account = order.account;
        self.ledger.unlock(account, before);
        self.ledger.lock(account, paying);
        effects.balance(account);
    }

    /// Brings an account's open bids into line with one of its orders.
    pub(super) fn recount_bid(&mut self, index: OrderIndex) {
        let order = self.orders.get_mut(index);
        let Some(market) = self.markets.get(&order.market) else { return };
        if order.side != Side::Buy || market.quote_rail == Rail::Token {
            return;
        }
        let now = match order.budget() {
            Some(budget) if order.spot == Spot::Asleep => budget,
            _ => market.legs().quote_units(order.left(), order.price).unwrap_or_default(),
        };
        let now = market.legs().worth(now);
        let then = std::mem::replace(&mut order.bid_notional, now);
        let account = self.accounts.get_mut(order.account);
        account.open_bids = account.open_bids - u128::from(then.get()) + u128::from(now.get());
    }

    /// Frees what an order that goes on resting has locked beyond what it may still pay: where it bought below its
    /// limit, or where rounding spared a unit.
    pub(super) fn trim_lock(&mut self, index: OrderIndex, effects: &mut Effects) {
        let order = self.orders.get_mut(index);
        if order.lock.is_none() {
            return;
        }
        let Some(market) = self.markets.get(&order.market) else { return };
        let keep = market.legs().paying_units(order.side, order.left(), order.price).unwrap_or_default();
        let spare = order.locked().saturating_sub(keep);
        if !spare.is_zero() {
            order.take_locked(spare);
            let account = order.account;
            self.ledger.unlock(account, spare);
            effects.balance(account);
        }
    }
}
