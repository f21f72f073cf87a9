//! Books by orders.

use super::super::messages::raw;
use super::content::{Change, Content};
use crate::publication::{LevelChange, Publication};
use crate::shared::Shared;
use crate::view::{BookLevel, MarketBook, MarketInfo};
use crate::wire;
use bandex_api as api;
use bandex_api::checksum::{self, Joined};
use bandex_engine::ShownOrder;
use bandex_tradechain::body::MarketState;
use bandex_types::{OrderRef, Price, Quantity, Side};
use serde_json::value::RawValue;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A level, with its part of the checksum once that was asked for.
struct Level {
    book: BookLevel,
    text: OnceCell<Joined>,
}

/// A book by orders.
pub(super) struct Orders {
    info: Arc<MarketInfo>,
    state: MarketState,
    bids: BTreeMap<Price, Level>,
    asks: BTreeMap<Price, Level>,
}

/// The changes of a batch, by the order in which they are told: whatever goes makes room before anything comes.
#[derive(Default)]
struct Changes {
    gone: Vec<(OrderRef, Side, Price)>,
    shown: Vec<(ShownOrder, Side, Price)>,
    new: Vec<(ShownOrder, Side, Price)>,
}

impl Changes {
    /// What leads from one queue to another, if orders only leave, change what they show, or join at the end. An order
    /// that did both, leave and join again, is told as gone and then as new.
    fn add(&mut self, side: Side, price: Price, before: &[ShownOrder], after: &[ShownOrder]) {
        let (mut before, mut after) = (before.iter(), after.iter().peekable());
        // Those of the new queue that stand in the old one in this order have kept their places.
        let mut kept = 0;
        let mut old = before.clone();
        for order in after.clone() {
            if old.any(|one| one.order == order.order) {
                kept += 1;
            } else {
                break;
            }
        }
        for order in after.by_ref().take(kept) {
            for one in before.by_ref() {
                if one.order != order.order {
                    self.gone.push((one.order, side, price));
                    continue;
                }
                if one.shown != order.shown {
                    self.shown.push((*order, side, price));
                }
                break;
            }
        }
        self.gone.extend(before.map(|one| (one.order, side, price)));
        self.new.extend(after.map(|order| (*order, side, price)));
    }

    fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.shown.is_empty() && self.new.is_empty()
    }

    fn on_the_wire(&self, info: &MarketInfo) -> Vec<api::OrderChange> {
        let gone = self.gone.iter().map(|(order, side, price)| {
            let shown = Quantity::ZERO;
            (ShownOrder { order: *order, shown }, *side, *price)
        });
        let all = gone.chain(self.shown.iter().copied()).chain(self.new.iter().copied());
        all.map(|(order, side, price)| {
            let api::RestingOrder { order, price, quantity } = wire::resting(info, price, &order);
            api::OrderChange { order, side: wire::side(side).to_owned(), price, quantity }
        })
        .collect()
    }
}

impl Orders {
    pub fn new(book: &MarketBook) -> Self {
        let side = |side| {
            let levels = book.best_first(side);
            levels.map(|level| (level.level.price, Level::from(level.clone()))).collect()
        };
        let (info, state) = (Arc::clone(&book.market), book.market.state);
        Self { info, state, bids: side(Side::Buy), asks: side(Side::Sell) }
    }

    fn take_level(&mut self, change: &LevelChange, changes: &mut Changes) {
        let side = match change.side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        let before = match change.level {
            Some(level) => {
                let orders = Arc::clone(&change.orders);
                side.insert(change.price, Level::from(BookLevel { level, orders }))
            }
            None => side.remove(&change.price),
        };
        let before = before.as_ref().map_or(&[][..], |level| &level.book.orders);
        changes.add(change.side, change.price, before, &change.orders);
    }

    fn checksum(&self) -> u32 {
        let mut text = Joined::default();
        let bids = self.bids.values().rev().take(checksum::LEVELS);
        for level in bids.chain(self.asks.values().take(checksum::LEVELS)) {
            text.append(level.text.get_or_init(|| wire::joined(&self.info, &level.book)));
        }
        text.checksum()
    }
}

impl From<BookLevel> for Level {
    fn from(book: BookLevel) -> Self {
        Self { book, text: OnceCell::new() }
    }
}

impl Content for Orders {
    fn snapshot(&self, seq: u64) -> Box<RawValue> {
        let texts = |level: &Level| {
            let price = level.book.level.price;
            level.book.orders.iter().map(|order| wire::resting(&self.info, price, order)).collect::<Vec<_>>()
        };
        raw(&api::BookOrders {
            market: self.info.symbol.clone(),
            seq,
            state: wire::market_state(self.state).to_owned(),
            bids: self.bids.values().rev().flat_map(texts).collect(),
            asks: self.asks.values().flat_map(texts).collect(),
            checksum: self.checksum(),
        })
    }

    fn take(&mut self, _shared: &Shared, publication: &Publication) -> Option<Change> {
        let id = self.info.listing.id;
        let state = publication.market(id)?.state;
        let mut changes = Changes::default();
        for change in publication.levels().iter().filter(|change| change.market == id) {
            self.take_level(change, &mut changes);
        }
        let is_decided = std::mem::replace(&mut self.state, state) != state;
        if changes.is_empty() && !is_decided {
            return None;
        }
        let seq = publication.last_seq();
        let update = api::BookOrdersUpdate {
            market: self.info.symbol.clone(),
            seq,
            state: wire::market_state(state).to_owned(),
            changes: changes.on_the_wire(&self.info),
            checksum: self.checksum(),
        };
        Some(Change { seq, data: raw(&update) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bandex_types::PublicKey;
    use proptest::prelude::*;

    const PRICE: Price = Price::new(7);

    fn order(seq: u64, shown: u64) -> ShownOrder {
        let key = PublicKey::new([1; 32]);
        ShownOrder { order: OrderRef { key, seq, op: 0 }, shown: Quantity::new(shown) }
    }

    fn queue(orders: &[(u64, u64)]) -> Vec<ShownOrder> {
        orders.iter().map(|(seq, shown)| order(*seq, *shown)).collect()
    }

    /// The changes as a client takes them.
    fn applied(before: &[ShownOrder], changes: &Changes) -> Vec<ShownOrder> {
        let mut queue = before.to_vec();
        for (order, ..) in &changes.gone {
            queue.retain(|one| one.order != *order);
        }
        for (order, ..) in changes.shown.iter().chain(&changes.new) {
            match queue.iter_mut().find(|one| one.order == order.order) {
                Some(one) => *one = *order,
                None => queue.push(*order),
            }
        }
        queue
    }

    fn changes(before: &[ShownOrder], after: &[ShownOrder]) -> Changes {
        let mut changes = Changes::default();
        changes.add(Side::Buy, PRICE, before, after);
        changes
    }

    #[test]
    fn changes_are_as_few_as_they_can_be() {
        let check = |before: &[(u64, u64)], after: &[(u64, u64)], counts: [usize; 3]| {
            let (before, after) = (queue(before), queue(after));
            let changes = changes(&before, &after);
            assert_eq!([changes.gone.len(), changes.shown.len(), changes.new.len()], counts, "{after:?}");
            assert_eq!(applied(&before, &changes), after);
        };
        check(&[], &[], [0, 0, 0]);
        check(&[], &[(1, 5), (2, 5)], [0, 0, 2]);
        check(&[(1, 5), (2, 5)], &[], [2, 0, 0]);
        check(&[(1, 5), (2, 5), (3, 5)], &[(1, 4), (3, 5), (4, 1)], [1, 1, 1]);
        // An iceberg that shows its next part stands behind all others.
        check(&[(1, 5), (2, 5), (3, 5)], &[(2, 5), (3, 5), (1, 5)], [1, 0, 1]);
        check(&[(1, 5), (2, 5), (3, 5)], &[(3, 5), (2, 5), (1, 5)], [2, 0, 2]);
        check(&[(1, 5)], &[(2, 5), (1, 5)], [1, 0, 2]);
    }

    proptest! {
        #[test]
        fn a_client_that_takes_the_changes_holds_the_queue(
            before in prop::collection::vec((0_u64..12, 1_u64..4), 0..12),
            after in prop::collection::vec((0_u64..12, 1_u64..4), 0..12),
        ) {
            let once = |orders: Vec<(u64, u64)>| {
                let mut seen = std::collections::BTreeSet::new();
                queue(&orders.into_iter().filter(|(seq, _)| seen.insert(*seq)).collect::<Vec<_>>())
            };
            let (before, after) = (once(before), once(after));
            prop_assert_eq!(applied(&before, &changes(&before, &after)), after);
        }
    }
}
