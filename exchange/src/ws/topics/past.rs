//! What was missed of trades and auctions, from the projections: they hold every record ever.

use super::super::messages::{Said, raw};
use super::super::out::Out;
use super::content::{Change, market};
use super::lists;
use crate::http::problem::Fault;
use crate::shared::Shared;
use crate::view::MarketInfo;
use crate::wire;
use axum::extract::ws::Message;
use bandex_api as api;
use bandex_api::{Channel, PushKind, Subscribe};
use bandex_journal::{Cursor, TradeRow};
use std::sync::Arc;

/// How many trades, or auctions, one push tells at most; the trades of one record are told together.
const PAGE: usize = 1_000;

/// Tells somebody what lies behind the record `from` up to the record `up_to`, in at least one push.
///
/// # Errors
/// The projections do not answer, or do not catch up.
pub(super) async fn tell(
    shared: &Shared,
    out: &Out,
    topic: &Subscribe,
    from: u64,
    up_to: u64,
) -> Result<(), Fault> {
    let mut past = Past::begin(shared, topic, from, up_to).await?;
    let mut prev_seq = from;
    while let Some(Change { seq, data }) = past.next(shared).await? {
        out.drained().await;
        let text = Said { topic, kind: PushKind::Update, prev_seq, seq, data: &data }.text();
        if out.say(Message::Text(text)).await.is_err() {
            // Gone; the reader notices.
            return Ok(());
        }
        prev_seq = seq;
    }
    Ok(())
}

/// The same, gathered: for a topic that lost a few moments of news.
///
/// # Errors
/// As [`tell`].
pub(super) async fn changes(
    shared: &Shared,
    topic: &Subscribe,
    from: u64,
    up_to: u64,
) -> Result<Vec<Change>, Fault> {
    let mut past = Past::begin(shared, topic, from, up_to).await?;
    let mut changes = Vec::new();
    while let Some(change) = past.next(shared).await? {
        changes.push(change);
    }
    Ok(changes)
}

/// The way through what was missed.
struct Past {
    info: Arc<MarketInfo>,
    channel: Channel,
    from: u64,
    up_to: u64,
    /// The number of the last trade that was told.
    number: u64,
    /// Trades that were read and not told.
    waiting: Vec<TradeRow>,
    is_over: bool,
}

impl Past {
    async fn begin(shared: &Shared, topic: &Subscribe, from: u64, up_to: u64) -> Result<Self, Fault> {
        let (info, channel) = (market(shared, topic)?, topic.channel);
        shared.caught_up_to(up_to).await?;
        let number = if channel == Channel::Trades { last_number(shared, &info, from).await? } else { 0 };
        Ok(Self { info, channel, from, up_to, number, waiting: Vec::new(), is_over: false })
    }

    async fn next(&mut self, shared: &Shared) -> Result<Option<Change>, Fault> {
        if self.is_over {
            return Ok(None);
        }
        match self.channel {
            Channel::Trades => self.trades(shared).await.map(Some),
            _ => self.auctions(shared).await.map(Some),
        }
    }

    async fn trades(&mut self, shared: &Shared) -> Result<Change, Fault> {
        let whole = loop {
            let rows = shared.projections.trades_after(self.info.listing.id, self.number, PAGE).await?;
            let is_last = rows.len() < PAGE || rows.last().is_some_and(|row| row.at.seq > self.up_to);
            self.number = rows.last().map_or(self.number, |row| row.trade.number);
            self.waiting.extend(rows.into_iter().filter(|row| row.at.seq <= self.up_to));
            let last = self.waiting.last().map_or(0, |row| row.at.seq);
            self.is_over = is_last;
            // The last record may go on on the next page.
            let whole = self.waiting.partition_point(|row| row.at.seq < last);
            if self.is_over {
                break self.waiting.len();
            }
            if whole > 0 {
                break whole;
            }
        };
        let told: Vec<TradeRow> = self.waiting.drain(..whole).collect();
        let last = told.last().map_or(self.up_to, |row| row.at.seq);
        let seq = if self.is_over { self.up_to } else { last };
        let on_wire = |row: &TradeRow| wire::trade(&self.info, &row.trade, row.at.seq, row.time);
        Ok(Change { seq, data: raw(&told.iter().map(on_wire).collect::<Vec<_>>()) })
    }

    /// The auctions that ended, the newest of them if they are too many, and how the market stands.
    async fn auctions(&mut self, shared: &Shared) -> Result<Change, Fault> {
        self.is_over = true;
        let before = Cursor { seq: self.up_to.saturating_add(1), index: 0 };
        let rows = shared.projections.auctions(self.info.listing.id, Some(before), PAGE).await?;
        let missed = rows.iter().rev().filter(|row| row.at.seq > self.from);
        let ended = missed.map(|row| wire::auction_result(&self.info, row.state, row.at.seq, row.time));
        let now = lists::state(shared, &self.info, self.up_to)?;
        Ok(Change { seq: self.up_to, data: raw(&api::Auction { ended: ended.collect(), ..now }) })
    }
}

/// The number of the market's last trade up to the record `seq`; 0 if there was none. Numbers grow with records.
async fn last_number(shared: &Shared, info: &MarketInfo, seq: u64) -> Result<u64, Fault> {
    let at = async |number: u64| shared.projections.trades(info.listing.id, Some(number), 1).await;
    let Some(newest) = at(u64::MAX).await?.pop() else { return Ok(0) };
    let (mut low, mut high) = (0, newest.trade.number);
    // Numbers up to `low` are of records up to `seq`, and those above `high` are not.
    while low < high {
        let middle = high - (high - low) / 2;
        match at(middle.saturating_add(1)).await?.pop() {
            Some(row) if row.at.seq > seq => high = middle - 1,
            _ => low = middle,
        }
    }
    Ok(low)
}
