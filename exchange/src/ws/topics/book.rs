//! Books by levels: all of them, or the best so many of each side.

use super::super::messages::raw;
use super::content::{Change, Content};
use crate::publication::{LevelChange, Publication};
use crate::shared::Shared;
use crate::view::{MarketBook, MarketInfo};
use crate::wire;
use bandex_api as api;
use bandex_api::{Depth, checksum};
use bandex_engine::LevelView;
use bandex_tradechain::body::MarketState;
use bandex_types::{Price, Side};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One side of the book, whole, and what was told of it if that is less.
struct OneSide {
    side: Side,
    levels: BTreeMap<Price, LevelView>,
    /// The best levels that were told, best first; none if all are told.
    told: Option<Vec<LevelView>>,
}

/// A book by levels.
pub(super) struct Levels {
    info: Arc<MarketInfo>,
    state: MarketState,
    /// How many levels of a side are told; none: all.
    depth: Option<usize>,
    bids: OneSide,
    asks: OneSide,
}

/// What is said of a level that is gone.
const fn gone(price: Price) -> LevelView {
    LevelView { price, quantity: 0, orders: 0 }
}

impl OneSide {
    fn new(book: &MarketBook, side: Side, depth: Option<usize>) -> Self {
        let levels = book.best_first(side).map(|found| (found.level.price, found.level)).collect();
        let mut new = Self { side, levels, told: None };
        new.told = depth.map(|depth| new.best(depth));
        new
    }

    fn best_first(&self) -> impl Iterator<Item = &LevelView> {
        let (bids, asks) = match self.side {
            Side::Buy => (Some(self.levels.values().rev()), None),
            Side::Sell => (None, Some(self.levels.values())),
        };
        bids.into_iter().flatten().chain(asks.into_iter().flatten())
    }

    fn best(&self, count: usize) -> Vec<LevelView> {
        self.best_first().take(count).copied().collect()
    }

    /// Whether the first price is better than the second.
    fn is_better(&self, one: Price, other: Price) -> bool {
        match self.side {
            Side::Buy => one > other,
            Side::Sell => one < other,
        }
    }

    /// Takes in levels that a batch touched; gives what is to be told of it, best first.
    fn take<'a>(
        &mut self,
        changes: impl Iterator<Item = &'a LevelChange>,
        depth: Option<usize>,
    ) -> Vec<LevelView> {
        let mut changed = Vec::new();
        for change in changes {
            let before = match change.level {
                Some(level) => self.levels.insert(change.price, level),
                None => self.levels.remove(&change.price),
            };
            if before != change.level {
                changed.push(change.level.unwrap_or(gone(change.price)));
            }
        }
        if self.side == Side::Buy {
            changed.reverse();
        }
        match depth {
            Some(depth) if !changed.is_empty() => self.tell(depth),
            _ => changed,
        }
    }

    /// What leads from the best levels that were told to those of now.
    fn tell(&mut self, depth: usize) -> Vec<LevelView> {
        let now = self.best(depth);
        let before = self.told.replace(now.clone()).unwrap_or_default();
        let (mut before, mut told) = (before.into_iter().peekable(), Vec::new());
        for level in now {
            while let Some(left) = before.next_if(|old| self.is_better(old.price, level.price)) {
                told.push(gone(left.price));
            }
            match before.next_if(|old| old.price == level.price) {
                Some(old) if old == level => {}
                _ => told.push(level),
            }
        }
        told.extend(before.map(|left| gone(left.price)));
        told
    }
}

impl Levels {
    pub fn new(book: &MarketBook, depth: Option<Depth>) -> Self {
        let depth = depth.and_then(Depth::levels).map(|levels| levels as usize);
        let side = |side| OneSide::new(book, side, depth);
        let (info, state) = (Arc::clone(&book.market), book.market.state);
        Self { info, state, depth, bids: side(Side::Buy), asks: side(Side::Sell) }
    }

    fn on_the_wire(&self, seq: u64, bids: &[LevelView], asks: &[LevelView]) -> Box<RawValue> {
        let texts = |levels: &[LevelView]| -> Vec<api::Level> {
            levels.iter().map(|level| wire::level(&self.info, level)).collect()
        };
        let [best_bids, best_asks] = [&self.bids, &self.asks].map(|side| texts(&side.best(checksum::LEVELS)));
        raw(&api::Book {
            market: self.info.symbol.clone(),
            seq,
            state: wire::market_state(self.state).to_owned(),
            bids: texts(bids),
            asks: texts(asks),
            checksum: wire::level_checksum(&best_bids, &best_asks),
        })
    }
}

impl Content for Levels {
    fn snapshot(&self, seq: u64) -> Box<RawValue> {
        let all = |side: &OneSide| side.best(self.depth.unwrap_or(usize::MAX));
        self.on_the_wire(seq, &all(&self.bids), &all(&self.asks))
    }

    fn take(&mut self, _shared: &Shared, publication: &Publication) -> Option<Change> {
        let id = self.info.listing.id;
        let state = publication.market(id)?.state;
        let of = |side| publication.levels().iter().filter(move |one| one.market == id && one.side == side);
        let bids = self.bids.take(of(Side::Buy), self.depth);
        let asks = self.asks.take(of(Side::Sell), self.depth);
        let is_decided = std::mem::replace(&mut self.state, state) != state;
        if bids.is_empty() && asks.is_empty() && !is_decided {
            return None;
        }
        let seq = publication.last_seq();
        Some(Change { seq, data: self.on_the_wire(seq, &bids, &asks) })
    }
}
