//! Private lists that may be longer than a page: open orders, open deals.
//!
//! The store gives pages newest first, a follower is told the oldest page first: whoever has been told all that was
//! placed up to a record can go on from there, so each push is a place to resume from, also one in the middle. First the
//! pages are walked to find where they begin, then they are told. Meanwhile things close and none moves, so a page that
//! is read again reaches down to the one before it at least, and what is told twice is told as it stands.

use crate::http;
use crate::shared::Shared;
use bandex_api::Channel;
use bandex_journal::{Cursor, DealFilter, OrderFilter, OrderStand, ReadError};
use bandex_types::AccountId;
use serde_json::{Value, to_value};
use std::collections::VecDeque;

/// The items of a page.
const ITEMS: usize = 1_000;

/// A list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Orders(AccountId),
    Deals(AccountId),
}

/// A page that is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// It holds what stands before this, and at most so much.
    before: Cursor,
    limit: usize,
    /// The record up to which all has been told with it.
    pub seq: u64,
}

impl List {
    /// The list that a channel begins with.
    pub const fn of(channel: Channel, account: AccountId) -> Option<Self> {
        match channel {
            Channel::Orders => Some(Self::Orders(account)),
            Channel::Deals => Some(Self::Deals(account)),
            _ => None,
        }
    }

    /// The pages of the list as it stands at the record `seq`, in the order in which they are told; there is one at least.
    ///
    /// # Errors
    /// The projections do not answer.
    pub async fn parts(self, shared: &Shared, seq: u64) -> Result<VecDeque<Part>, ReadError> {
        // What comes behind that record is told as news.
        let before = Cursor { seq: seq.saturating_add(1), index: 0 };
        let (mut part, mut parts) = (Part { before, limit: ITEMS, seq }, VecDeque::new());
        while let Some(last) = self.last_of(shared, part).await? {
            // The rest of that record may be on the page before, so of it not all has been told then.
            let told = last.seq.saturating_sub(1);
            if told >= part.seq {
                // One record holds more than a page: only whole ones are told.
                part.limit = part.limit.saturating_add(ITEMS);
                continue;
            }
            parts.push_front(part);
            part = Part { before: last, limit: ITEMS, seq: told };
        }
        parts.push_front(part);
        Ok(parts)
    }

    /// The place of the last item of a page, if there may be more behind it.
    async fn last_of(
        self,
        shared: &Shared,
        Part { before, limit, .. }: Part,
    ) -> Result<Option<Cursor>, ReadError> {
        let places: Vec<Cursor> = match self {
            Self::Orders(account) => {
                let rows = shared.projections.orders(&orders_of(account), Some(before), limit).await?;
                rows.into_iter().map(|row| row.placed).collect()
            }
            Self::Deals(account) => {
                let rows = shared.projections.deals(&deals_of(account), Some(before), limit).await?;
                rows.into_iter().map(|row| row.opened).collect()
            }
        };
        Ok(places.last().copied().filter(|_| places.len() >= limit))
    }

    /// What a page holds, newest first.
    ///
    /// # Errors
    /// As [`List::parts`].
    pub async fn items(self, shared: &Shared, Part { before, limit, .. }: Part) -> Result<Value, ReadError> {
        Ok(match self {
            Self::Orders(account) => {
                let rows = shared.projections.orders(&orders_of(account), Some(before), limit).await?;
                let orders = rows.iter().filter_map(|row| {
                    let info = shared.market_info(row.state.market)?;
                    Some(http::order_on_the_wire(&info, row))
                });
                to_value(orders.collect::<Vec<_>>()).unwrap_or_default()
            }
            Self::Deals(account) => {
                let rows = shared.projections.deals(&deals_of(account), Some(before), limit).await?;
                to_value(http::deals_on_the_wire(shared, &rows).await?).unwrap_or_default()
            }
        })
    }
}

const fn orders_of(account: AccountId) -> OrderFilter {
    OrderFilter { account, market: None, stand: OrderStand::Open, client_id: None }
}

const fn deals_of(account: AccountId) -> DealFilter {
    DealFilter { account: Some(account), due_by: None, open_only: true }
}
