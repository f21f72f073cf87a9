//! Channels that tell one thing after another: trades, candles, auctions.

use super::super::messages::raw;
use super::content::{Change, Content};
use crate::http::problem::Fault;
use crate::publication::{Applied, Publication};
use crate::shared::Shared;
use crate::view::MarketInfo;
use crate::wire;
use bandex_api as api;
use bandex_engine::{Event, Trade};
use bandex_journal::{AuctionState, Candle, CandleInterval, CandleRow, Cursor};
use bandex_tradechain::body::MarketState;
use bandex_types::{MarketId, Timestamp};
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::sync::Arc;

/// The trades of a snapshot.
const TRADES: usize = 100;
/// The candles of a snapshot.
const CANDLES: usize = 100;

fn events(publication: &Publication) -> impl Iterator<Item = (&Applied, &Event)> {
    let records = publication.records().iter();
    records.flat_map(|applied| applied.outcome.events.iter().map(move |event| (applied, event)))
}

fn trades(publication: &Publication, market: MarketId) -> impl Iterator<Item = (&Applied, &Trade)> {
    events(publication).filter_map(move |(applied, event)| match event {
        Event::Trade(trade) if trade.market == market => Some((applied, trade)),
        _ => None,
    })
}

/// The trades of a market.
pub(super) struct Trades {
    info: Arc<MarketInfo>,
    /// The last ones, oldest first.
    last: VecDeque<api::Trade>,
}

impl Trades {
    /// As they were after the record `seq`.
    ///
    /// # Errors
    /// The projections do not answer, or do not catch up.
    pub async fn read(shared: &Shared, info: Arc<MarketInfo>, seq: u64) -> Result<Self, Fault> {
        shared.caught_up_to(seq).await?;
        let rows = shared.projections.trades(info.listing.id, None, TRADES).await?;
        // What was projected meanwhile is told by the updates.
        let then = rows.iter().rev().filter(|row| row.at.seq <= seq);
        let last = then.map(|row| wire::trade(&info, &row.trade, row.at.seq, row.time)).collect();
        Ok(Self { info, last })
    }
}

impl Content for Trades {
    fn snapshot(&self, _seq: u64) -> Box<RawValue> {
        raw(&self.last)
    }

    fn take(&mut self, _shared: &Shared, publication: &Publication) -> Option<Change> {
        let new = trades(publication, self.info.listing.id);
        let new: Vec<api::Trade> =
            new.map(|(at, trade)| wire::trade(&self.info, trade, at.seq, at.time)).collect();
        if new.is_empty() {
            return None;
        }
        let data = raw(&new);
        self.last.extend(new);
        let old = self.last.len().saturating_sub(TRADES);
        self.last.drain(..old);
        Some(Change { seq: publication.last_seq(), data })
    }
}

/// The candles of a market, of one interval.
pub(super) struct Candles {
    info: Arc<MarketInfo>,
    interval: CandleInterval,
    /// The last ones, oldest first.
    last: VecDeque<CandleRow>,
}

impl Candles {
    /// As they were after the record `seq`, when `newest` was the last one.
    ///
    /// # Errors
    /// The projections do not answer, or do not catch up.
    pub async fn read(
        shared: &Shared,
        info: Arc<MarketInfo>,
        interval: CandleInterval,
        newest: Option<CandleRow>,
        seq: u64,
    ) -> Result<Self, Fault> {
        let mut last: VecDeque<CandleRow> = newest.into_iter().collect();
        if let Some(newest) = newest {
            // Those before it do not change any more, whatever was projected meanwhile.
            shared.caught_up_to(seq).await?;
            let before = Some(newest.start);
            let rows = shared.projections.candles(info.listing.id, interval, before, CANDLES - 1).await?;
            rows.into_iter().for_each(|row| last.push_front(row));
        }
        Ok(Self { info, interval, last })
    }

    fn fold(&mut self, trade: &Trade, seq: u64, time: Timestamp) {
        let (start, one) = (self.interval.start_of(time), Candle::of(trade));
        let before = self.last.pop_back_if(|row| row.start == start);
        let candle = before.map_or(one, |row| row.candle.then(one));
        self.last.push_back(CandleRow { start, candle, updated_seq: seq });
    }
}

impl Content for Candles {
    fn snapshot(&self, _seq: u64) -> Box<RawValue> {
        raw(&self.last.iter().map(|row| wire::candle(&self.info, row)).collect::<Vec<_>>())
    }

    fn take(&mut self, _shared: &Shared, publication: &Publication) -> Option<Change> {
        let mut first = None;
        for (at, trade) in trades(publication, self.info.listing.id) {
            first.get_or_insert(self.interval.start_of(at.time));
            self.fold(trade, at.seq, at.time);
        }
        let first = first?;
        let changed = self.last.iter().filter(|row| row.start >= first);
        let data = raw(&changed.map(|row| wire::candle(&self.info, row)).collect::<Vec<_>>());
        let old = self.last.len().saturating_sub(CANDLES);
        self.last.drain(..old);
        Some(Change { seq: publication.last_seq(), data })
    }
}

/// The state of a market with its auctions.
pub(super) struct Auctions {
    info: Arc<MarketInfo>,
    now: api::Auction,
}

impl Auctions {
    /// As it was after the record `seq`.
    ///
    /// # Errors
    /// The projections do not answer, or do not catch up.
    pub async fn read(shared: &Shared, info: Arc<MarketInfo>, seq: u64) -> Result<Self, Fault> {
        let now = state(shared, &info, seq)?;
        shared.caught_up_to(seq).await?;
        // What was projected meanwhile is told by the updates.
        let after = Cursor { seq: seq.saturating_add(1), index: 0 };
        let rows = shared.projections.auctions(info.listing.id, Some(after), 1).await?;
        let ended = rows.iter().map(|row| wire::auction_result(&info, row.state, row.at.seq, row.time));
        let now = api::Auction { ended: ended.collect(), ..now };
        Ok(Self { info, now })
    }
}

/// The state of a market's auction as the view has it, told as of the record `seq`.
pub(super) fn state(shared: &Shared, info: &MarketInfo, seq: u64) -> Result<api::Auction, Fault> {
    let view = shared.view();
    let book = view.markets.get(&info.listing.id);
    let book = book.ok_or_else(|| Fault::not_found("the market is not listed"))?;
    Ok(api::Auction {
        market: info.symbol.clone(),
        seq,
        state: wire::market_state(book.market.state).to_owned(),
        ends_us: book.ends.map(Timestamp::as_micros),
        indicative: book.indicative.as_ref().map(|found| wire::indicative(info, found)),
        ended: Vec::new(),
    })
}

impl Content for Auctions {
    fn snapshot(&self, seq: u64) -> Box<RawValue> {
        raw(&api::Auction { seq, ..self.now.clone() })
    }

    /// The state that was set, what an auction that gathers would give now, and what those gave that ended.
    fn take(&mut self, _shared: &Shared, publication: &Publication) -> Option<Change> {
        let (id, info) = (self.info.listing.id, &self.info);
        let change = publication.market(id)?;
        let sets = |event: &Event| matches!(event, Event::Market { listing, .. } if listing.id == id);
        let is_decided = events(publication).any(|(_, event)| sets(event));
        if change.state == MarketState::Trading && !is_decided {
            return None;
        }
        let ended = events(publication).filter_map(|(applied, event)| match event {
            Event::Auction { market, price, volume } if *market == id => {
                let state = AuctionState { price: *price, volume: *volume };
                Some(wire::auction_result(info, state, applied.seq, applied.time))
            }
            _ => None,
        });
        let seq = publication.last_seq();
        let told = api::Auction {
            market: info.symbol.clone(),
            seq,
            state: wire::market_state(change.state).to_owned(),
            ends_us: change.ends.map(Timestamp::as_micros),
            indicative: change.indicative.as_ref().map(|found| wire::indicative(info, found)),
            ended: ended.collect(),
        };
        let last = told.ended.last().or(self.now.ended.last()).cloned();
        self.now = api::Auction { ended: last.into_iter().collect(), ..told.clone() };
        Some(Change { seq, data: raw(&told) })
    }
}
