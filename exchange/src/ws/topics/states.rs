//! Channels that say how something stands, whole each time: they are read from the view, and told when they changed.

use super::super::messages::raw;
use super::content::{Change, Content};
use crate::clock;
use crate::publication::Publication;
use crate::shared::Shared;
use crate::view::{MarketBook, View};
use crate::wire;
use bandex_api as api;
use bandex_engine::Event;
use bandex_types::MarketId;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The best prices of a market.
pub(super) struct Best {
    market: MarketId,
    told: api::Bbo,
}

impl Best {
    pub fn new(book: &MarketBook, seq: u64) -> Self {
        Self { market: book.market.listing.id, told: wire::bbo(book, seq) }
    }
}

impl Content for Best {
    fn snapshot(&self, seq: u64) -> Box<RawValue> {
        raw(&api::Bbo { seq, ..self.told.clone() })
    }

    fn take(&mut self, shared: &Shared, publication: &Publication) -> Option<Change> {
        publication.market(self.market)?;
        let view = shared.view();
        let now = wire::bbo(view.markets.get(&self.market)?, view.seq);
        let is_new = api::Bbo { seq: self.told.seq, ..now.clone() } != self.told;
        self.told = now;
        is_new.then(|| Change { seq: view.seq, data: raw(&self.told) })
    }
}

/// A market in short.
pub(super) struct Ticker {
    market: MarketId,
    told: api::Ticker,
}

impl Ticker {
    pub fn new(book: &MarketBook, seq: u64) -> Self {
        Self { market: book.market.listing.id, told: wire::ticker(book, seq, clock::now()) }
    }

    fn read(&mut self, shared: &Shared) -> Option<Change> {
        let view = shared.view();
        let now = wire::ticker(view.markets.get(&self.market)?, view.seq, clock::now());
        let api::Ticker { seq, time_us, since_us, .. } = self.told;
        let is_new = api::Ticker { seq, time_us, since_us, ..now.clone() } != self.told;
        self.told = now;
        is_new.then(|| Change { seq: view.seq, data: raw(&self.told) })
    }
}

impl Content for Ticker {
    fn snapshot(&self, seq: u64) -> Box<RawValue> {
        raw(&api::Ticker { seq, ..self.told.clone() })
    }

    fn take(&mut self, shared: &Shared, publication: &Publication) -> Option<Change> {
        publication.market(self.market)?;
        self.read(shared)
    }

    /// Minutes fall out of the last 24 hours without a word.
    fn look(&mut self, shared: &Shared) -> Option<Change> {
        self.read(shared)
    }
}

/// All markets.
pub(super) struct Markets {
    told: BTreeMap<MarketId, api::Market>,
}

fn markets(view: &View) -> BTreeMap<MarketId, api::Market> {
    view.markets.iter().map(|(id, book)| (*id, wire::market(view, book))).collect()
}

impl Markets {
    pub fn new(view: &View) -> Self {
        Self { told: markets(view) }
    }
}

/// Whether an event changes how a market trades.
const fn is_of_terms(event: &Event) -> bool {
    matches!(
        event,
        Event::Market { .. }
            | Event::MarketRules { .. }
            | Event::MarketFees { .. }
            | Event::PaymentTerms { .. }
            | Event::Chain(_)
    )
}

impl Content for Markets {
    fn snapshot(&self, _seq: u64) -> Box<RawValue> {
        raw(&self.told.values().collect::<Vec<_>>())
    }

    fn take(&mut self, shared: &Shared, publication: &Publication) -> Option<Change> {
        let mut events = publication.records().iter().flat_map(|applied| &applied.outcome.events);
        if publication.markets().is_empty() && !events.any(is_of_terms) {
            return None;
        }
        let view = shared.view();
        let now = markets(&view);
        let before = std::mem::replace(&mut self.told, now);
        let changed = self.told.iter().filter(|(id, market)| before.get(id) != Some(market));
        let changed: Vec<&api::Market> = changed.map(|(_, market)| market).collect();
        (!changed.is_empty()).then(|| Change { seq: view.seq, data: raw(&changed) })
    }
}

/// How the node and its markets stand.
pub(super) struct Status {
    told: api::Status,
}

impl Status {
    pub fn new(shared: &Shared, view: &View) -> Self {
        Self { told: wire::status(shared, view) }
    }

    fn read(&mut self, shared: &Shared) -> Option<Change> {
        let view = shared.view();
        let now = wire::status(shared, &view);
        let api::Status { seq, time_us, .. } = self.told;
        let is_new = api::Status { seq, time_us, ..now.clone() } != self.told;
        self.told = now;
        is_new.then(|| Change { seq: view.seq, data: raw(&self.told) })
    }
}

impl Content for Status {
    fn snapshot(&self, seq: u64) -> Box<RawValue> {
        raw(&api::Status { seq, ..self.told.clone() })
    }

    fn take(&mut self, shared: &Shared, _publication: &Publication) -> Option<Change> {
        self.read(shared)
    }

    fn look(&mut self, shared: &Shared) -> Option<Change> {
        self.read(shared)
    }
}
