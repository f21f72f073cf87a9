//! Reading the engine: what the writer, the audit and tests ask of it.

use crate::accounts::AccountIndex;
use crate::apply::Engine;
use crate::explain::Rulings;
use crate::open::OpenOrder;
use crate::outcome::{AccountState, BalanceState, KeyState, OrderTerms, TrustState};
use bandex_matching::{Indicative, Resting};
use bandex_tradechain::Head;
use bandex_tradechain::body::{
    AssetListing, Fees, MarketListing, MarketRules, MarketState, Parameters, PaymentTerms, TrustTerms,
};
use bandex_types::{
    AccountId, AssetId, MarketId, OrderRef, Price, PublicKey, Quantity, Rail, Ratio, Side, Timestamp,
};

/// A market as the world sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketView {
    /// What it is.
    pub listing: MarketListing,
    /// What it does.
    pub state: MarketState,
    /// How it trades.
    pub rules: MarketRules,
    /// What its trading costs.
    pub fees: Fees,
    /// What it asks of payments, if its quote is paid on the chain.
    pub payments: Option<PaymentTerms>,
    /// The price of the last trade, in ticks; an auction's trades count.
    pub last: Option<Price>,
}

/// One price of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelView {
    /// In ticks.
    pub price: Price,
    /// The sum of what rests there, in lots; may be above 64 bits.
    pub quantity: u128,
    /// How many orders rest there.
    pub orders: u64,
}

/// An order as it rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookOrder {
    /// Its reference.
    pub order: OrderRef,
    /// In ticks.
    pub price: Price,
    /// Lots not yet traded, what it does not show included.
    pub left: Quantity,
    /// Lots that it shows.
    pub shown: Quantity,
}

/// An order as everybody sees it rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownOrder {
    /// Its reference.
    pub order: OrderRef,
    /// Lots that it shows, never 0.
    pub shown: Quantity,
}

impl Engine {
    /// All assets, by number.
    pub fn assets(&self) -> impl Iterator<Item = &AssetListing> {
        self.assets.values()
    }

    /// One asset.
    pub fn asset(&self, id: AssetId) -> Option<&AssetListing> {
        self.assets.get(&id)
    }

    /// All markets, by number.
    pub fn markets(&self) -> impl Iterator<Item = MarketView> {
        self.markets.values().map(|market| MarketView {
            listing: market.listing.clone(),
            state: market.state,
            rules: market.rules,
            fees: market.fees,
            payments: (market.quote_rail == Rail::Bitcoin).then_some(market.payments),
            last: market.last,
        })
    }

    /// The parameters of all accounts.
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// How limits are earned and who is admitted.
    pub const fn trust_terms(&self) -> &TrustTerms {
        &self.trust.terms
    }

    /// What a smallest unit of an asset is worth in the unit of account, if the operator said so.
    pub fn rate(&self, asset: AssetId) -> Option<Ratio> {
        self.trust.rates.get(&asset).copied()
    }

    /// All rates, by asset.
    pub fn rates(&self) -> impl Iterator<Item = (AssetId, Ratio)> {
        self.trust.rates.iter().map(|(asset, rate)| (*asset, *rate))
    }

    /// What explanations of limits follow from.
    pub fn rulings(&self) -> Rulings<'_> {
        let token_rate = self.rate(AssetId::BWT);
        Rulings { terms: &self.trust.terms, parameters: &self.parameters, token_rate }
    }

    /// What an account has at stake, and what follows for its limit.
    pub fn trust(&self, id: &AccountId) -> Option<TrustState> {
        self.accounts.find(id).map(|index| self.trust_state(index))
    }

    /// The place of an account in the order of registration: its name in the trust graph. 0 is the issuance account.
    pub fn position(&self, id: &AccountId) -> Option<u32> {
        self.accounts.find(id).map(AccountIndex::get)
    }

    /// The account at a place in the order of registration.
    pub fn at_position(&self, position: u32) -> Option<AccountId> {
        self.accounts.at(AccountIndex::new(position)).map(|account| account.id)
    }

    /// The levels of one side of a book, best first.
    pub fn levels(&self, market: MarketId, side: Side) -> Vec<LevelView> {
        self.markets.get(&market).map_or_else(Vec::new, |market| market.book.levels(side).map(view).collect())
    }

    /// One level, if anything rests there.
    pub fn level(&self, market: MarketId, side: Side, price: Price) -> Option<LevelView> {
        self.markets.get(&market)?.book.level(side, price).map(view)
    }

    /// The orders of one side of a book, in priority order.
    pub fn book_orders(&self, market: MarketId, side: Side) -> Vec<BookOrder> {
        let Some(market) = self.markets.get(&market) else { return Vec::new() };
        let shown = |resting: Resting| {
            let Resting { price, left, shown, .. } = resting;
            BookOrder { order: self.orders.get(market.order(resting.id)).order, price, left, shown }
        };
        market.book.orders(side).map(shown).collect()
    }

    /// The orders that rest at one price, with the lots that each shows, in the order in which they would trade.
    /// Takes time linear in their number.
    pub fn orders_at(&self, market: MarketId, side: Side, price: Price) -> Vec<ShownOrder> {
        let Some(market) = self.markets.get(&market) else { return Vec::new() };
        let count = market.book.level(side, price).map_or(0, |level| level.orders as usize);
        let mut orders = Vec::with_capacity(count);
        orders.extend(market.book.orders_at(side, price).map(|resting| {
            let order = self.orders.get(market.order(resting.id)).order;
            ShownOrder { order, shown: resting.shown }
        }));
        orders
    }

    /// How many orders rest on all books, or sleep.
    pub fn open_orders(&self) -> usize {
        self.orders.len()
    }

    /// What the auction of a market would do if it ended now; `None` if nothing would trade or the market does not
    /// gather orders.
    pub fn indicative(&self, market: MarketId) -> Option<Indicative> {
        let market = self.markets.get(&market).filter(|market| market.gathers)?;
        market.book.indicative(market.last)
    }

    /// What a market does, and when that changes by itself, if it does.
    pub fn state_of(&self, market: MarketId) -> Option<(MarketState, Option<Timestamp>)> {
        self.markets.get(&market).map(|market| (market.state, market.timer))
    }

    /// The terms of all orders that rest or sleep and are more than plain limit orders, as their events told them.
    pub fn open_terms(&self) -> impl Iterator<Item = OrderTerms> {
        self.orders.iter().filter_map(OpenOrder::special_terms).map(|terms| *terms)
    }

    /// An account.
    pub fn account(&self, id: &AccountId) -> Option<AccountState> {
        self.accounts.find(id).map(|index| self.account_state(index))
    }

    /// An account's tokens.
    pub fn balance(&self, id: &AccountId) -> Option<BalanceState> {
        self.accounts.find(id).map(|index| self.balance_state(index))
    }

    /// A key, and whose it is.
    pub fn key(&self, key: &PublicKey) -> Option<KeyState> {
        let lane = self.accounts.lane(key)?;
        Some(lane.state(*key, self.accounts.get(lane.account).id))
    }

    /// All keys, by key, each with the end of its lane.
    pub fn keys(&self) -> impl Iterator<Item = (KeyState, Head)> {
        self.accounts.lanes().map(|(key, lane)| {
            let account = self.accounts.get(lane.account).id;
            (lane.state(*key, account), lane.head)
        })
    }

    /// The record of the first proof that a key forked.
    pub fn fork_record(&self, key: &PublicKey) -> Option<u64> {
        self.accounts.lane(key).and_then(|lane| lane.fork)
    }

    /// The end of a key's lane.
    pub fn head(&self, key: &PublicKey) -> Option<Head> {
        self.accounts.lane(key).map(|lane| lane.head)
    }

    /// How many accounts there are, the issuance account among them.
    pub fn account_count(&self) -> usize {
        self.accounts.iter().count()
    }

    /// The ledger, for checks.
    pub const fn ledger(&self) -> &crate::Ledger {
        &self.ledger
    }
}

fn view(level: bandex_matching::Level) -> LevelView {
    LevelView { price: level.price, quantity: level.quantity, orders: u64::from(level.orders) }
}
