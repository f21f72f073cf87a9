//! What everybody may see at once, kept in memory: assets, markets, books, keys. Made from committed outcomes only.

use crate::publication::{Applied, LevelChange, MarketChange, Publication};
use bandex_api::{AssetScale, Scale};
use bandex_engine::{
    Engine, Event, GuardState, Indicative, KeyState, KeyStatus, LevelView, OrderState, OrderStatus,
    OrderTerms, ShownOrder,
};
use bandex_journal::{ProjectionReader, ReadError};
use bandex_spv::Network;
use bandex_tradechain::Head;
use bandex_tradechain::body::{
    AssetListing, MarketListing, MarketRules, MarketState, Parameters, PaymentTerms,
};
use bandex_types::{AssetId, BlockId, MarketId, OrderRef, Price, PublicKey, Rail, Side, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

mod bitcoin;
mod traded;
mod trust;

pub(crate) use bitcoin::BitcoinView;
pub(crate) use traded::Traded;
pub(crate) use trust::TrustView;

/// A market with its book.
#[derive(Debug, Clone)]
pub(crate) struct MarketBook {
    pub market: Arc<MarketInfo>,
    pub rules: MarketRules,
    /// What it asks of payments, if its quote is paid on the Bitcoin chain.
    pub payments: Option<PaymentTerms>,
    /// The price of the last trade.
    pub last: Option<Price>,
    /// When the state changes by itself.
    pub ends: Option<Timestamp>,
    /// What an auction would give if it ended now.
    pub indicative: Option<Indicative>,
    pub bids: Levels,
    pub asks: Levels,
    /// What was traded lately.
    pub traded: Traded,
}

/// One side of a book, by price.
pub(crate) type Levels = BTreeMap<Price, BookLevel>;

/// One price of a book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BookLevel {
    pub level: LevelView,
    /// What rests there, in the order in which it would trade.
    pub orders: Arc<[ShownOrder]>,
}

/// A market as the wire names it.
#[derive(Debug, Clone)]
pub(crate) struct MarketInfo {
    pub listing: MarketListing,
    pub state: MarketState,
    pub symbol: String,
    pub base: AssetListing,
    pub quote: AssetListing,
    pub scale: Scale,
    pub base_scale: AssetScale,
    pub quote_scale: AssetScale,
    /// The network that its quote is paid on, if it is paid on the Bitcoin chain.
    pub network: Option<Network>,
}

/// All of it, after the record `seq`.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub seq: u64,
    /// The time of that record.
    pub time: Timestamp,
    pub rules: u32,
    pub parameters: Parameters,
    pub trust: TrustView,
    pub bitcoin: BitcoinView,
    pub assets: BTreeMap<AssetId, AssetListing>,
    pub markets: BTreeMap<MarketId, MarketBook>,
    /// Of open and sleeping orders that are more than plain limit orders.
    terms: BTreeMap<OrderRef, OrderTerms>,
    keys: BTreeMap<PublicKey, KeyState>,
    heads: BTreeMap<PublicKey, Head>,
    /// What becomes of the orders of keys that have said so when their programs fall silent.
    guards: BTreeMap<PublicKey, GuardState>,
    /// The record of each key's first fork proof.
    forks: BTreeMap<PublicKey, u64>,
}

impl View {
    /// What a replayed engine shows: the same as if every record had been taken in.
    pub fn of(engine: &Engine) -> Self {
        let mut view = Self {
            seq: engine.seq(),
            time: engine.time(),
            rules: engine.rules(),
            parameters: engine.parameters().clone(),
            trust: TrustView::of(engine),
            bitcoin: BitcoinView::of(engine),
            assets: engine.assets().map(|asset| (asset.id, asset.clone())).collect(),
            ..Self::default()
        };
        for market in engine.markets() {
            view.set_market(&market.listing, market.state);
            if let Some(book) = view.markets.get_mut(&market.listing.id) {
                (book.rules, book.payments, book.last) = (market.rules, market.payments, market.last);
            }
            view.set_state(MarketChange::of(engine, market.listing.id).as_ref());
        }
        view.guards = engine.guards().map(|guard| (guard.key, guard)).collect();
        view.terms = engine.open_terms().map(|terms| (terms.order, terms)).collect();
        let operator = engine.genesis().map(|genesis| genesis.operator);
        for (state, head) in engine.keys() {
            let key = state.key;
            view.forks.extend(engine.fork_record(&key).map(|record| (key, record)));
            // Genesis makes the operator's lane without a word about its key.
            let unsaid = Some(key) == operator && state.status == KeyStatus::Active;
            if !unsaid {
                view.keys.insert(key, state);
            }
            if !unsaid || head.seq > 0 {
                view.heads.insert(key, head);
            }
        }
        view.read_books(engine);
        view
    }

    /// Reads what was traded lately, which no engine knows; the projections must hold all that the view does.
    ///
    /// # Errors
    /// They do not answer.
    pub async fn read_traded(&mut self, projections: &ProjectionReader) -> Result<(), ReadError> {
        for (id, book) in &mut self.markets {
            book.traded = Traded::read(projections, *id, self.time).await?;
        }
        Ok(())
    }

    pub fn key(&self, key: &PublicKey) -> Option<&KeyState> {
        self.keys.get(key)
    }

    /// The end of a key's lane.
    pub fn head(&self, key: &PublicKey) -> Option<Head> {
        self.heads.get(key).copied()
    }

    /// What becomes of a key's orders when its program falls silent, if it has said so.
    pub fn guard(&self, key: &PublicKey) -> Option<&GuardState> {
        self.guards.get(key)
    }

    /// The record that proves a key's fork.
    pub fn fork(&self, key: &PublicKey) -> Option<u64> {
        self.forks.get(key).copied()
    }

    /// A market by its name.
    pub fn market(&self, symbol: &str) -> Option<&MarketBook> {
        self.markets.values().find(|book| book.market.symbol == symbol)
    }

    pub fn market_info(&self, id: MarketId) -> Option<Arc<MarketInfo>> {
        self.markets.get(&id).map(|book| Arc::clone(&book.market))
    }

    /// Takes in one record; the books follow by [`View::set_levels`].
    fn take(&mut self, applied: &Applied) {
        (self.seq, self.time) = (applied.seq, applied.time);
        self.rules = applied.leaf.rules;
        for event in &applied.outcome.events {
            self.trust.take(event);
            self.bitcoin.take(event);
            match event {
                Event::Key(key) => {
                    let made_by = applied.block.map_or(BlockId::ZERO, |block| block.id);
                    self.heads.entry(key.key).or_insert(Head { seq: 0, id: made_by });
                    self.keys.insert(key.key, key.clone());
                }
                Event::Guard(guard) if guard.is_off() => {
                    self.guards.remove(&guard.key);
                }
                Event::Guard(guard) => {
                    self.guards.insert(guard.key, *guard);
                }
                Event::Fork(notice) => {
                    self.forks.entry(notice.key).or_insert(applied.seq);
                }
                Event::Asset(asset) => {
                    self.assets.insert(asset.id, asset.clone());
                }
                // From the record after this one on.
                Event::Rules { version } => self.rules = *version,
                Event::Parameters(parameters) => self.parameters = parameters.clone(),
                Event::Market { listing, state } => self.set_market(listing, *state),
                Event::MarketRules { market, rules } => {
                    self.change(*market, |book| book.rules = *rules);
                }
                Event::PaymentTerms { market, terms } => {
                    self.change(*market, |book| book.payments = Some(*terms));
                }
                Event::Trade(trade) => self.change(trade.market, |book| {
                    book.last = Some(trade.price);
                    book.traded.take(trade, applied.seq, applied.time);
                }),
                Event::Terms(terms) => {
                    self.terms.insert(terms.order, **terms);
                }
                _ => {}
            }
        }
        if let Some(block) = applied.block {
            self.heads.insert(block.author, Head { seq: block.lane_seq, id: block.id });
        }
    }

    /// Takes in a publication, and gives it the terms of its orders.
    pub fn publish(&mut self, publication: &Publication) {
        publication.records().iter().for_each(|applied| self.take(applied));
        self.set_levels(publication.levels());
        publication.markets().iter().for_each(|change| self.set_state(Some(change)));
        publication.add_terms(self.tell_terms(publication));
    }

    /// The terms of a publication's orders; those of closed orders are forgotten here.
    fn tell_terms(&mut self, publication: &Publication) -> BTreeMap<OrderRef, OrderTerms> {
        if self.terms.is_empty() {
            return BTreeMap::new();
        }
        let events = publication.records().iter().flat_map(|applied| &applied.outcome.events);
        let orders: Vec<&OrderState> = events
            .filter_map(|event| match event {
                Event::Order(order) => Some(order),
                _ => None,
            })
            .collect();
        let terms = orders.iter().filter_map(|order| Some((order.order, *self.terms.get(&order.order)?)));
        let terms = terms.collect();
        for order in orders {
            if matches!(order.status, OrderStatus::Filled | OrderStatus::Cancelled(_)) {
                self.terms.remove(&order.order);
            }
        }
        terms
    }

    fn change(&mut self, market: MarketId, change: impl FnOnce(&mut MarketBook)) {
        if let Some(book) = self.markets.get_mut(&market) {
            change(book);
        }
    }

    fn set_state(&mut self, change: Option<&MarketChange>) {
        if let Some(MarketChange { market, ends, indicative, .. }) = change {
            self.change(*market, |book| (book.ends, book.indicative) = (*ends, *indicative));
        }
    }

    fn set_market(&mut self, listing: &MarketListing, state: MarketState) {
        let (Some(base), Some(quote)) = (self.assets.get(&listing.base), self.assets.get(&listing.quote))
        else {
            return;
        };
        let network = self.bitcoin.network();
        let Some(info) = MarketInfo::new(listing.clone(), state, base.clone(), quote.clone(), network) else {
            tracing::warn!(market = %listing.id, "the steps of this market have no decimal form; it is not shown");
            return;
        };
        let info = Arc::new(info);
        self.markets
            .entry(listing.id)
            .and_modify(|book| book.market = Arc::clone(&info))
            .or_insert_with(|| MarketBook::new(info));
    }

    fn set_levels(&mut self, levels: &[LevelChange]) {
        for change in levels {
            let Some(book) = self.markets.get_mut(&change.market) else { continue };
            set_level(book.side_mut(change.side), change);
        }
    }

    fn read_books(&mut self, engine: &Engine) {
        for (id, book) in &mut self.markets {
            let at = |side, level: LevelView| {
                let orders = engine.orders_at(*id, side, level.price).into();
                (level.price, BookLevel { level, orders })
            };
            let levels = |side| engine.levels(*id, side).into_iter().map(|level| at(side, level)).collect();
            (book.bids, book.asks) = (levels(Side::Buy), levels(Side::Sell));
        }
    }
}

impl MarketInfo {
    fn new(
        listing: MarketListing,
        state: MarketState,
        base: AssetListing,
        quote: AssetListing,
        network: Option<Network>,
    ) -> Option<Self> {
        let tick = listing.tick_value;
        let scale =
            Scale::new(base.decimals, quote.decimals, listing.lot_units, tick.num(), tick.den()).ok()?;
        Some(Self {
            symbol: format!("{}-{}", base.symbol, quote.symbol),
            base_scale: AssetScale::new(base.decimals),
            quote_scale: AssetScale::new(quote.decimals),
            // A chain is chosen before anything on it is listed, and never another.
            network: network.filter(|_| quote.rail == Rail::Bitcoin),
            listing,
            state,
            base,
            quote,
            scale,
        })
    }
}

impl MarketBook {
    fn new(market: Arc<MarketInfo>) -> Self {
        let (rules, bids, asks) = (MarketRules::default(), Levels::new(), Levels::new());
        let payments = (market.quote.rail == Rail::Bitcoin).then(PaymentTerms::default);
        let traded = Traded::default();
        Self { market, rules, payments, last: None, ends: None, indicative: None, bids, asks, traded }
    }

    const fn side_mut(&mut self, side: Side) -> &mut Levels {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Levels of one side, best first.
    pub fn best_first(&self, side: Side) -> impl Iterator<Item = &BookLevel> {
        best_first(&self.bids, &self.asks, side)
    }
}

/// The levels of one of two sides, best first.
pub(crate) fn best_first<'a>(
    bids: &'a Levels,
    asks: &'a Levels,
    side: Side,
) -> impl Iterator<Item = &'a BookLevel> {
    let (bids, asks) = match side {
        Side::Buy => (Some(bids.values().rev()), None),
        Side::Sell => (None, Some(asks.values())),
    };
    bids.into_iter().flatten().chain(asks.into_iter().flatten())
}

/// Brings a side up to a change.
pub(crate) fn set_level(side: &mut Levels, change: &LevelChange) {
    match change.level {
        Some(level) => {
            let orders = Arc::clone(&change.orders);
            side.insert(change.price, BookLevel { level, orders })
        }
        None => side.remove(&change.price),
    };
}

#[cfg(test)]
mod tests;
