//! Followers of private channels who are behind: told from the projections what they missed, page by page, until the
//! news take over.
//!
//! `heard` is the record up to which news have come, or are too many to be waited for; every record behind it is still
//! to come as news. So whoever is behind is told up to `heard` from the projections and from then on by the news, and
//! misses nothing in between. News that come meanwhile move `heard` on, so the end runs away from whoever reads slowly.
//! Once a page was short the end is near, and news wait until it is reached.

use super::channels::{Subscription, Told, some};
use super::messages::{succeeded, text};
use super::news::{Ended, Follower};
use crate::http::problem::Fault;
use crate::proof::ProvenBatch;
use bandex_api::{Channel, Push, PushKind, Subscribe};
use bandex_engine::{Event, OrderTerms, Outcome};
use bandex_journal::{OutcomeRow, ReadError};
use bandex_tradechain::Receipt;
use bandex_types::{AccountId, OrderRef};
use serde_json::json;
use std::collections::BTreeMap;

/// The outcomes that are read at a time: an outcome may be large, and each connection may hold so many.
const PAGE: usize = 32;

impl Follower {
    /// Subscribes to a private channel from the record `from` on.
    pub(super) async fn resume(&mut self, id: u64, wanted: &Subscribe, from: u64) -> Result<(), Fault> {
        if !wanted.channel.is_private() {
            let detail =
                "public channels begin with a snapshot; only orders, fills, deals and protections resume";
            return Err(Fault::bad_request(detail));
        }
        let (who, market) = (self.reader()?, self.market_of(wanted)?);
        let head = self.shared.view().seq;
        if from > head {
            return Err(Fault::beyond_head(from, head));
        }
        // From here it is followed.
        self.heard = self.heard.max(head);
        let (channel, is_behind) = (wanted.channel, from < self.heard);
        self.follow(Subscription { channel, market, who: Some(who), seq: from, seen: from, is_behind });
        self.say(succeeded(id, &json!({ "seq": from }))).await;
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
        let furthest = self.behind().min_by_key(|one| one.seen);
        let Some((after, who)) = furthest.and_then(|one| Some((one.seen, one.who?))) else { return Ok(()) };
        let account = who.account;
        let up_to = self.heard.min(*self.shared.checkpoint.borrow());
        let rows = self.shared.projections.records_of(account, after, up_to, PAGE).await?;
        let is_last = rows.len() < PAGE;
        let told = if is_last { up_to } else { rows.last().map_or(up_to, |row| row.seq) };
        let mut batch = None;
        for row in rows {
            self.tell_again(account, row, &mut batch).await?;
        }
        self.is_near = is_last;
        let heard = self.heard;
        for one in self.subscriptions.iter_mut().filter(|one| one.is_behind && one.is_of(account)) {
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
        let outcome: Outcome = borsh::from_slice(&row.outcome)
            .map_err(|error| ReadError::Store(format!("the outcome of record {}: {error}", row.seq)))?;
        let terms = self.terms(account, &outcome.events).await?;
        let terms_of = |order: &OrderRef| terms.get(order).copied();
        let told = Told { seq: row.seq, time: row.time, events: &outcome.events, terms: &terms_of };
        let wants = |one: &Subscription| one.is_behind && one.is_of(account) && one.seen < row.seq;
        let wants_fills = |one: &Subscription| one.channel == Channel::Fills && wants(one);
        let mut receipt = None;
        if self.subscriptions.iter().any(wants_fills) && told.has_fill(account) {
            receipt = self.receipt(row.seq, row.outcome, batch).await?;
        }
        for at in 0..self.subscriptions.len() {
            let Some(one) = self.subscriptions.get_mut(at).filter(|one| wants(one)) else { continue };
            one.seen = row.seq;
            let items = told.items(&self.shared, one.channel, account, || receipt.clone());
            let Some(data) = some(items) else { continue };
            let prev_seq = std::mem::replace(&mut one.seq, row.seq);
            let (market, kind) = (one.market_symbol().map(str::to_owned), PushKind::Update);
            let push = Push {
                channel: one.channel,
                market,
                depth: None,
                interval: None,
                kind,
                prev_seq,
                seq: row.seq,
                data,
            };
            // A slow peer may have kept this waiting since the page was read.
            if !self.may_hear() {
                return Err(Ended::Key);
            }
            self.say(text(&push)).await;
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
        self.who.is_some_and(|who| who.account == account)
    }
}
