//! Followers of private channels who are behind: told from the projections what they missed, page by page, until the
//! news take over.
//!
//! `heard` is the record up to which news have come, or are too many to be waited for; every record behind it is still
//! to come as news. So whoever is behind is told up to `heard` from the projections and from then on by the news, and
//! misses nothing in between. News that come meanwhile move `heard` on, so the end runs away from whoever reads slowly.
//! Once a page was short the end is near, and news wait until it is reached.

use super::messages::{Asked, succeeded};
use super::news::{Ended, Follower};
use super::private::{Subscription, Told, block_in_lane, some, value};
use crate::http::problem::Fault;
use crate::proof::ProvenBatch;
use crate::sessions::Who;
use bandex_api::{Channel, Subscribed};
use bandex_engine::{Event, OrderTerms, Outcome};
use bandex_journal::{OutcomeRow, ReadError};
use bandex_tradechain::Receipt;
use bandex_types::{AccountId, OrderRef};
use std::collections::BTreeMap;

/// The outcomes that are read at a time: an outcome may be large, and each connection may hold so many.
const PAGE: usize = 32;

impl Follower {
    /// Subscribes to a private channel from the record `from` on.
    pub(super) async fn resume(
        &mut self,
        asked: Asked,
        channel: Channel,
        who: Who,
        from: u64,
    ) -> Result<(), Fault> {
        let head = self.shared.view().seq;
        if from > head {
            return Err(Fault::beyond_head(from, head));
        }
        // From here it is followed.
        self.heard = self.heard.max(head);
        let is_behind = from < self.heard;
        let mut new = Subscription::new(channel, who, &self.shared.edge.metrics);
        (new.seq, new.seen, new.is_behind) = (from, from, is_behind);
        self.subscriptions.push(new);
        self.say(succeeded(asked, &Subscribed { seq: from })).await;
        Ok(())
    }

    /// What the projections must get past before there is something to tell to those who are behind; none if nobody is.
    pub(super) fn waits_past(&self) -> Option<u64> {
        self.behind().map(|subscription| subscription.seen).min()
    }

    fn behind(&self) -> impl Iterator<Item = &Subscription> {
        self.subscriptions.iter().filter(|subscription| subscription.is_behind)
    }

    /// Tells a page of what was missed.
    ///
    /// # Errors
    /// The key that logged in was ended, or a store cannot be read: nothing more can be told.
    pub(super) async fn catch_up(&mut self) -> Result<(), Ended> {
        let up_to = self.heard.min(*self.shared.checkpoint.borrow());
        if let Some(at) = self.subscriptions.iter().position(|one| one.is_behind && one.is_whole()) {
            return self.catch_up_whole(at, up_to).await;
        }
        let furthest = self.behind().min_by_key(|one| one.seen);
        let Some((after, account)) = furthest.map(|one| (one.seen, one.who.account)) else { return Ok(()) };
        let rows = self.shared.projections.records_of(account, after, up_to, PAGE).await?;
        let is_last = rows.len() < PAGE;
        let told = if is_last { up_to } else { rows.last().map_or(up_to, |row| row.seq) };
        let mut batch = None;
        for row in rows {
            self.tell_again(account, row, &mut batch).await?;
        }
        self.is_near = is_last;
        let heard = self.heard;
        for one in
            self.subscriptions.iter_mut().filter(|one| one.is_behind && !one.is_whole() && one.is_of(account))
        {
            one.seen = one.seen.max(told);
            one.is_behind = one.seen < heard;
        }
        Ok(())
    }

    /// Tells one record of long ago to the account's channels that are behind it.
    async fn tell_again(
        &mut self,
        account: AccountId,
        row: OutcomeRow,
        batch: &mut Option<ProvenBatch>,
    ) -> Result<(), Ended> {
        let outcome = outcome(&row)?;
        let terms = self.terms(account, &outcome.events).await?;
        let terms_of = |order: &OrderRef| terms.get(order).copied();
        let told =
            Told { seq: row.seq, time: row.time, events: &outcome.events, block: None, terms: &terms_of };
        let wants =
            |one: &Subscription| one.is_behind && !one.is_whole() && one.is_of(account) && one.seen < row.seq;
        let wants_fills = |one: &Subscription| one.channel == Channel::Fills && wants(one);
        let mut receipt = None;
        if self.subscriptions.iter().any(wants_fills) && told.has_fill(account) {
            receipt = self.receipt(row.seq, row.outcome, batch).await?;
        }
        for at in 0..self.subscriptions.len() {
            let Some(one) = self.subscriptions.get_mut(at).filter(|one| wants(one)) else { continue };
            one.seen = row.seq;
            let items = told.items(&self.shared, one.channel, account, || receipt.clone());
            if let Some(data) = some(items) {
                self.push(at, &data, row.seq).await?;
            }
        }
        Ok(())
    }

    /// Tells all that was missed of a channel whose news are not in the account's records alone.
    async fn catch_up_whole(&mut self, at: usize, up_to: u64) -> Result<(), Ended> {
        let Some(one) = self.subscriptions.get(at) else { return Ok(()) };
        let (channel, account, after) = (one.channel, one.who.account, one.seen);
        if after < up_to {
            match channel {
                Channel::Limits => self.tell_limits(at, up_to).await?,
                _ => self.tell_lanes(at, account, after, up_to).await?,
            }
        }
        let heard = self.heard;
        if let Some(one) = self.subscriptions.get_mut(at) {
            one.seen = one.seen.max(up_to);
            one.is_behind = one.seen < heard;
            self.is_near = true;
        }
        Ok(())
    }

    /// Tells what became of the account's keys and their lanes, page by page. A block whose operations were all refused
    /// is in no record that is about the account, so blocks have pages of their own: the one that ends first counts.
    async fn tell_lanes(
        &mut self,
        at: usize,
        account: AccountId,
        after: u64,
        up_to: u64,
    ) -> Result<(), Ended> {
        let mut from = after;
        while from < up_to {
            self.out.drained().await;
            let rows = self.shared.projections.records_of(account, from, up_to, PAGE).await?;
            let blocks = self.shared.projections.blocks_of(account, from, up_to, PAGE).await?;
            let end = |count: usize, last: Option<u64>| last.filter(|_| count >= PAGE).unwrap_or(up_to);
            let of_blocks = end(blocks.len(), blocks.last().map(|(block, _)| block.record_seq));
            let told = end(rows.len(), rows.last().map(|row| row.seq)).min(of_blocks);
            let mut items = Vec::new();
            for row in rows.into_iter().filter(|row| row.seq <= told) {
                let outcome = outcome(&row)?;
                let terms = |_: &OrderRef| None;
                let (seq, time, events) = (row.seq, row.time, &outcome.events);
                let record = Told { seq, time, events, block: None, terms: &terms };
                let changed = record.items(&self.shared, Channel::Lane, account, || None);
                items.extend(changed.into_iter().map(|item| (seq, item)));
            }
            for (block, row) in blocks.into_iter().filter(|(block, _)| block.record_seq <= told) {
                let (seq, id) = (block.record_seq, (block.id, block.lane_seq));
                let news = block_in_lane(&self.shared.view(), &block.author, id, seq, row.time);
                items.extend(news.map(|news| (seq, value(news))));
            }
            // A block stands before what it did to keys, as it does in the news.
            items.sort_by_key(|(seq, item)| {
                (*seq, item.get("block_id").is_none_or(serde_json::Value::is_null))
            });
            if let Some(data) = some(items.into_iter().map(|(_, item)| item).collect()) {
                self.push(at, &data, told).await?;
            }
            from = told;
        }
        Ok(())
    }

    /// The terms of the account's orders in a record; none if no one who is behind follows orders.
    async fn terms(
        &self,
        account: AccountId,
        events: &[Event],
    ) -> Result<BTreeMap<OrderRef, OrderTerms>, Ended> {
        let follows = |one: &Subscription| one.channel == Channel::Orders && one.is_of(account);
        if !self.behind().any(follows) {
            return Ok(BTreeMap::new());
        }
        let own = events.iter().filter_map(|event| match event {
            Event::Order(order) if order.account == account => Some(order.order),
            _ => None,
        });
        let found = self.shared.projections.terms(&own.collect::<Vec<_>>()).await?;
        Ok(found.into_iter().map(|terms| (terms.order, terms)).collect())
    }

    /// The receipt of a record, from its batch: consecutive records often share one.
    async fn receipt(
        &self,
        seq: u64,
        outcome: Vec<u8>,
        batch: &mut Option<ProvenBatch>,
    ) -> Result<Option<Receipt>, Ended> {
        if !batch.as_ref().is_some_and(|batch| batch.holds(seq)) {
            *batch = ProvenBatch::of(&self.shared, seq).await?;
        }
        Ok(batch.as_ref().and_then(|batch| batch.receipt(seq, outcome)))
    }
}

impl Subscription {
    fn is_of(&self, account: AccountId) -> bool {
        self.who.account == account
    }

    /// Whether it is caught up by itself: what it tells is not in the account's records alone.
    const fn is_whole(&self) -> bool {
        matches!(self.channel, Channel::Limits | Channel::Lane)
    }
}

/// What came of a record of long ago.
fn outcome(row: &OutcomeRow) -> Result<Outcome, ReadError> {
    borsh::from_slice(&row.outcome)
        .map_err(|error| ReadError::Store(format!("the outcome of record {}: {error}", row.seq)))
}
