//! A market: its listing, its book, and what the engine knows of the orders on it.

use crate::accounts::AccountIndex;
use crate::outcome::{OrderState, OrderStatus};
use bandex_matching::{Book, OrderId};
use bandex_tradechain::body::{MarketListing, MarketState};
use bandex_types::{
    AccountId, Amount, MarketId, OrderRef, Price, PublicKey, Quantity, Rail, Rounding, Side, quote_amount,
};
use std::collections::{BTreeMap, BTreeSet};

/// One market.
#[derive(Debug)]
pub(crate) struct Market {
    pub listing: MarketListing,
    pub state: MarketState,
    pub base_rail: Rail,
    pub quote_rail: Rail,
    pub book: Book,
    /// Counts trades.
    pub trades: u64,
}

/// An order that rests, or is being placed.
#[derive(Debug, Clone, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub(crate) struct OpenOrder {
    pub order: OrderRef,
    pub account: AccountIndex,
    pub market: MarketId,
    pub side: Side,
    pub price: Price,
    pub quantity: Quantity,
    pub filled: Quantity,
    pub own_cap: Option<Amount>,
    pub client_id: Option<String>,
    /// What it adds to its account's open bids.
    pub bid_notional: u128,
}

/// All open orders, found by number, reference, client id and account.
#[derive(Debug, Default)]
pub(crate) struct OpenOrders {
    by_id: BTreeMap<OrderId, OpenOrder>,
    by_ref: BTreeMap<OrderRef, OrderId>,
    by_client_id: BTreeMap<(PublicKey, MarketId, String), OrderId>,
    by_account: BTreeSet<(AccountIndex, OrderId)>,
}

/// Lots at a price in smallest quote units, rounded as [`Market::quote_units`] says.
pub(crate) fn quote_units(
    rail: Rail,
    listing: &MarketListing,
    quantity: Quantity,
    price: Price,
) -> Option<Amount> {
    let rounding = match rail {
        Rail::Token => Rounding::Down,
        Rail::Attested => Rounding::Up,
    };
    quote_amount(quantity, price, listing.tick_value, rounding)
}

impl Market {
    /// The rail on which the owner of an order on `side` pays.
    pub fn paying_rail(&self, side: Side) -> Rail {
        match side {
            Side::Buy => self.quote_rail,
            Side::Sell => self.base_rail,
        }
    }

    /// Lots in smallest base units.
    pub fn base_units(&self, quantity: Quantity) -> Option<Amount> {
        quantity.get().checked_mul(self.listing.lot_units).map(Amount::new)
    }

    /// Lots at a price in smallest quote units, rounded for the payee; on the `token` rail down, so that an order's
    /// lock always covers its trades.
    pub fn quote_units(&self, quantity: Quantity, price: Price) -> Option<Amount> {
        quote_units(self.quote_rail, &self.listing, quantity, price)
    }

    /// What the owner of an order would have to lock, in units of the asset it pays with.
    pub fn paying_units(&self, side: Side, quantity: Quantity, price: Price) -> Option<Amount> {
        match side {
            Side::Buy => self.quote_units(quantity, price),
            Side::Sell => self.base_units(quantity),
        }
    }
}

impl OpenOrder {
    /// Lots not yet traded.
    pub fn left(&self) -> Quantity {
        self.quantity.saturating_sub(self.filled)
    }

    pub fn state(&self, account: AccountId, status: OrderStatus) -> OrderState {
        OrderState {
            order: self.order,
            account,
            market: self.market,
            side: self.side,
            price: self.price,
            quantity: self.quantity,
            filled: self.filled,
            status,
            client_id: self.client_id.clone(),
        }
    }
}

impl OpenOrders {
    pub fn insert(&mut self, id: OrderId, order: OpenOrder) {
        self.by_ref.insert(order.order, id);
        if let Some(client_id) = &order.client_id {
            self.by_client_id.insert((order.order.key, order.market, client_id.clone()), id);
        }
        self.by_account.insert((order.account, id));
        self.by_id.insert(id, order);
    }

    pub fn remove(&mut self, id: OrderId) -> Option<OpenOrder> {
        let order = self.by_id.remove(&id)?;
        self.by_ref.remove(&order.order);
        if let Some(client_id) = &order.client_id {
            self.by_client_id.remove(&(order.order.key, order.market, client_id.clone()));
        }
        self.by_account.remove(&(order.account, id));
        Some(order)
    }

    pub fn get(&self, id: OrderId) -> Option<&OpenOrder> {
        self.by_id.get(&id)
    }

    pub fn get_mut(&mut self, id: OrderId) -> Option<&mut OpenOrder> {
        self.by_id.get_mut(&id)
    }

    pub fn find(&self, order: &OrderRef) -> Option<OrderId> {
        self.by_ref.get(order).copied()
    }

    pub fn find_client_id(&self, key: PublicKey, market: MarketId, client_id: &str) -> Option<OrderId> {
        self.by_client_id.get(&(key, market, client_id.to_owned())).copied()
    }

    pub fn of_account(&self, account: AccountIndex) -> Vec<OrderId> {
        let range = (account, OrderId::new(0))..=(account, OrderId::new(u64::MAX));
        self.by_account.range(range).map(|(_, id)| *id).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&OrderId, &OpenOrder)> {
        self.by_id.iter()
    }
}
