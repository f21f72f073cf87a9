//! The questions of the REST API and of resuming channels.
//!
//! Pages are newest first; `before` is the cursor of the last row of the page before. A limit of a thousand rows or
//! so is the caller's to keep.

use super::candles::CandleInterval;
use super::extras::DealExtras;
use super::parse;
use super::rows::{
    AuctionRow, BlockRow, CandleRow, Cursor, DealFilter, DealOutcomeRow, DealRecord, DealRow, DefaultRow,
    ForkRow, OrderFilter, OrderRow, OrderStand, OutcomeRow, PaymentRow, ProposalRow, ProtectionRow,
    TradeFilter, TradeRow,
};
use super::write::{self, DEALS_AT_ONCE, length};
use crate::port::ReadError;
use crate::sql::{Pool, Row, Statement, Value, bound, limit as sql_limit};
use bandex_engine::OrderTerms;
use bandex_types::{AccountId, BlockId, DealId, MarketId, OrderRef, PublicKey, Timestamp};
use std::collections::BTreeMap;

/// The orders whose terms are asked for in one question: SQLite nests conditions a thousand deep at most.
const TERMS_AT_ONCE: usize = 100;

/// Queries over the projections. Clones share their connections.
#[derive(Debug, Clone)]
pub struct ProjectionReader(Pool);

/// As two numbers that stand behind every row if there is no cursor.
fn before_numbers(before: Option<Cursor>) -> (i64, i64) {
    before.map_or((i64::MAX, 0), |cursor| (bound(cursor.seq), i64::from(cursor.index)))
}

impl ProjectionReader {
    pub(super) const fn new(pool: Pool) -> Self {
        Self(pool)
    }

    pub(super) async fn close(&self) {
        self.0.close().await;
    }

    pub(super) async fn all<T>(
        &self,
        query: Statement<'_>,
        parse: impl Fn(&Row) -> Result<T, String>,
    ) -> Result<Vec<T>, ReadError> {
        let rows = self.0.rows(query).await.map_err(|error| ReadError::Store(error.to_string()))?;
        let damaged = |what| ReadError::Store(format!("{what}; `bandex projections rebuild` mends it"));
        rows.iter().map(|row| parse(row).map_err(damaged)).collect()
    }

    pub(super) async fn one<T>(
        &self,
        query: Statement<'_>,
        parse: impl Fn(&Row) -> Result<T, String>,
    ) -> Result<Option<T>, ReadError> {
        Ok(self.all(query, parse).await?.pop())
    }

    /// The last record that is projected: what an answer is as of.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn checkpoint(&self) -> Result<u64, ReadError> {
        let query = Statement::new("SELECT checkpoint FROM progress");
        Ok(self.one(query, |row| parse::number(row, "checkpoint")).await?.unwrap_or(0))
    }

    /// The outcome of a record.
    ///
    /// # Errors
    /// The store does not answer or the row is damaged; so with all queries below.
    pub async fn outcome(&self, seq: u64) -> Result<Option<OutcomeRow>, ReadError> {
        let mut query = Statement::new("SELECT seq, time, outcome FROM outcomes WHERE seq = ");
        query.bind(bound(seq));
        self.one(query, parse::outcome).await
    }

    /// At most `limit` outcomes of the records after `after_seq` up to `up_to_seq` with an event of the account, its
    /// orders, trades, deals, balances, keys or proposals; ascending. What a client missed that was away.
    ///
    /// # Errors
    /// As above.
    pub async fn records_of(
        &self,
        account: AccountId,
        after_seq: u64,
        up_to_seq: u64,
        limit: usize,
    ) -> Result<Vec<OutcomeRow>, ReadError> {
        let mut query = Statement::new(
            "SELECT outcomes.seq AS seq, outcomes.time AS time, outcomes.outcome AS outcome
             FROM account_records AS touched JOIN outcomes ON outcomes.seq = touched.record_seq
             WHERE touched.account = ",
        );
        query.bind(account.as_bytes()).push(" AND touched.record_seq > ").bind(bound(after_seq));
        query.push(" AND touched.record_seq <= ").bind(bound(up_to_seq));
        query.push(" ORDER BY touched.record_seq LIMIT ").bind(sql_limit(limit));
        self.all(query, parse::outcome).await
    }

    /// A sequenced block.
    ///
    /// # Errors
    /// As above.
    pub async fn block(&self, id: BlockId) -> Result<Option<BlockRow>, ReadError> {
        let mut query = Statement::new("SELECT * FROM blocks WHERE id = ");
        query.bind(id.as_bytes());
        self.one(query, parse::block).await
    }

    /// At most `limit` blocks of a key's lane from `from_seq` on, ascending.
    ///
    /// # Errors
    /// As above.
    pub async fn lane(
        &self,
        author: PublicKey,
        from_seq: u64,
        limit: usize,
    ) -> Result<Vec<BlockRow>, ReadError> {
        let mut query = Statement::new("SELECT * FROM blocks WHERE author = ");
        query.bind(author.as_bytes()).push(" AND lane_seq >= ").bind(bound(from_seq));
        query.push(" ORDER BY lane_seq LIMIT ").bind(sql_limit(limit));
        self.all(query, parse::block).await
    }

    /// At most `limit` blocks by keys of an account in the records after `after_seq` up to `up_to_seq`, ascending, with
    /// what came of them.
    ///
    /// # Errors
    /// As above.
    pub async fn blocks_of(
        &self,
        account: AccountId,
        after_seq: u64,
        up_to_seq: u64,
        limit: usize,
    ) -> Result<Vec<(BlockRow, OutcomeRow)>, ReadError> {
        let mut query = Statement::new(
            "SELECT blocks.record_seq AS record_seq, blocks.id AS id, blocks.author AS author,
             blocks.lane_seq AS lane_seq, outcomes.seq AS seq, outcomes.time AS time, outcomes.outcome AS outcome
             FROM keys JOIN blocks ON blocks.author = keys.key JOIN outcomes ON outcomes.seq = blocks.record_seq
             WHERE keys.account = ",
        );
        query.bind(account.as_bytes()).push(" AND blocks.record_seq > ").bind(bound(after_seq));
        query.push(" AND blocks.record_seq <= ").bind(bound(up_to_seq));
        query.push(" ORDER BY blocks.record_seq LIMIT ").bind(sql_limit(limit));
        self.all(query, |row| Ok((parse::block(row)?, parse::outcome(row)?))).await
    }

    /// Orders, newest first.
    ///
    /// # Errors
    /// As above.
    pub async fn orders(
        &self,
        filter: &OrderFilter,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<OrderRow>, ReadError> {
        let mut query = Statement::new("SELECT * FROM orders WHERE account = ");
        query.bind(filter.account.as_bytes());
        if let Some(market) = filter.market {
            query.push(" AND market = ").bind(i64::from(market.get()));
        }
        match filter.stand {
            OrderStand::Open => query.push(" AND open = 1"),
            OrderStand::Closed => query.push(" AND open = 0"),
            OrderStand::All => &mut query,
        };
        if let Some(name) = &filter.client_id {
            query.push(" AND client_id = ").bind(name.as_bytes());
        }
        page(&mut query, ("placed_seq", "placed_index"), before, limit);
        self.all(query, parse::order).await
    }

    /// One order.
    ///
    /// # Errors
    /// As above.
    pub async fn order(&self, reference: OrderRef) -> Result<Option<OrderRow>, ReadError> {
        let mut query = Statement::new("SELECT * FROM orders WHERE key = ");
        query.bind(reference.key.as_bytes()).push(" AND seq = ").bind(bound(reference.seq));
        query.push(" AND op = ").bind(i64::from(reference.op));
        self.one(query, parse::order).await
    }

    /// The records that amended an order, oldest first.
    ///
    /// # Errors
    /// As above.
    pub async fn amendments(&self, order: OrderRef) -> Result<Vec<u64>, ReadError> {
        let mut query = Statement::new("SELECT record_seq FROM amendments WHERE key = ");
        query.bind(order.key.as_bytes()).push(" AND seq = ").bind(bound(order.seq));
        query.push(" AND op = ").bind(i64::from(order.op)).push(" ORDER BY record_seq");
        self.all(query, |row| parse::number(row, "record_seq")).await
    }

    /// The terms of those among `orders` that have any.
    ///
    /// # Errors
    /// As above.
    pub async fn terms(&self, orders: &[OrderRef]) -> Result<Vec<OrderTerms>, ReadError> {
        let mut found = Vec::new();
        for some in orders.chunks(TERMS_AT_ONCE) {
            // Alternatives that all name a whole primary key are looked up one by one; one that does not, be it never
            // true, makes SQLite read the whole table.
            let mut query = Statement::new("SELECT terms FROM orders WHERE terms IS NOT NULL AND (");
            for (at, order) in some.iter().enumerate() {
                query.push(if at == 0 { "(key = " } else { " OR (key = " }).bind(order.key.as_bytes());
                query.push(" AND seq = ").bind(bound(order.seq));
                query.push(" AND op = ").bind(i64::from(order.op)).push(")");
            }
            query.push(")");
            found.extend(self.all(query, parse::order_terms).await?);
        }
        Ok(found)
    }

    /// A market's auctions that ended, newest first.
    ///
    /// # Errors
    /// As above.
    pub async fn auctions(
        &self,
        market: MarketId,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<AuctionRow>, ReadError> {
        let mut query = Statement::new("SELECT * FROM auctions WHERE market = ");
        query.bind(i64::from(market.get()));
        page(&mut query, ("record_seq", "record_index"), before, limit);
        self.all(query, parse::auction).await
    }

    /// An account's protections that are set, tripped or not, by market.
    ///
    /// # Errors
    /// As above.
    pub async fn protections(&self, account: AccountId) -> Result<Vec<ProtectionRow>, ReadError> {
        let mut query = Statement::new("SELECT * FROM protections WHERE active = 1 AND account = ");
        query.bind(account.as_bytes()).push(" ORDER BY market");
        self.all(query, parse::protection).await
    }

    /// A market's trades, newest first, with numbers below `before_number`.
    ///
    /// # Errors
    /// As above.
    pub async fn trades(
        &self,
        market: MarketId,
        before_number: Option<u64>,
        limit: usize,
    ) -> Result<Vec<TradeRow>, ReadError> {
        let mut query = Statement::new("SELECT * FROM trades WHERE market = ");
        query.bind(i64::from(market.get()));
        query.push(" AND number < ").bind(before_number.map_or(i64::MAX, bound));
        query.push(" ORDER BY number DESC LIMIT ").bind(sql_limit(limit));
        self.all(query, parse::trade).await
    }

    /// A market's trades, oldest first, with numbers above `after_number`.
    ///
    /// # Errors
    /// As above.
    pub async fn trades_after(
        &self,
        market: MarketId,
        after_number: u64,
        limit: usize,
    ) -> Result<Vec<TradeRow>, ReadError> {
        let mut query = Statement::new("SELECT * FROM trades WHERE market = ");
        query.bind(i64::from(market.get())).push(" AND number > ").bind(bound(after_number));
        query.push(" ORDER BY number LIMIT ").bind(sql_limit(limit));
        self.all(query, parse::trade).await
    }

    /// A market's candles, newest first, with starts before `before_start`. Intervals without a trade have none.
    ///
    /// # Errors
    /// As above.
    pub async fn candles(
        &self,
        market: MarketId,
        interval: CandleInterval,
        before_start: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<CandleRow>, ReadError> {
        let mut query = Statement::new("SELECT * FROM candles WHERE market = ");
        query.bind(i64::from(market.get())).push(" AND interval_us = ").bind(length(interval));
        query.push(" AND start < ").bind(before_start.map_or(i64::MAX, |start| bound(start.as_micros())));
        query.push(" ORDER BY start DESC LIMIT ").bind(sql_limit(limit));
        self.all(query, parse::candle).await
    }

    /// Trades in which an account was taker or maker, newest first.
    ///
    /// # Errors
    /// As above.
    pub async fn trades_of(
        &self,
        filter: &TradeFilter,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<TradeRow>, ReadError> {
        // Two sorted halves that the store merges: with OR it would sort all the account's trades for each page.
        let order = filter.order.as_ref().map(write::bytes);
        let (account, market) = (filter.account.as_bytes(), filter.market);
        let (seq, index) = before_numbers(before);
        let mut query = Statement::new("SELECT * FROM trades WHERE taker_account = ");
        query.bind(account);
        narrow_trades(&mut query, "taker", order.clone(), market);
        query.push(" AND (record_seq, record_index) < (").bind(seq).push(", ").bind(index);
        query.push(") UNION ALL SELECT * FROM trades WHERE maker_account = ").bind(account);
        query.push(" AND taker_account <> ").bind(account);
        narrow_trades(&mut query, "maker", order, market);
        page(&mut query, ("record_seq", "record_index"), before, limit);
        self.all(query, parse::trade).await
    }

    /// The trades that these deals settle, oldest first.
    ///
    /// # Errors
    /// As above.
    pub async fn trades_of_deals(&self, deals: &[DealId]) -> Result<Vec<TradeRow>, ReadError> {
        let mut found = Vec::new();
        for some in deals.chunks(DEALS_AT_ONCE) {
            let mut query = Statement::new("SELECT * FROM trades WHERE deal IN (");
            list(&mut query, some);
            found.extend(self.all(query, parse::trade).await?);
        }
        found.sort_by_key(|row| row.at);
        Ok(found)
    }

    /// Everybody's defaults, newest first, each with its deal as it stands now.
    ///
    /// # Errors
    /// As above.
    pub async fn defaults(&self, before: Option<Cursor>, limit: usize) -> Result<Vec<DefaultRow>, ReadError> {
        let mut query = Statement::new(
            "SELECT record_seq, record_index, time, defaults.state AS state, deals.state AS deal
             FROM defaults JOIN deals ON deals.id = defaults.deal WHERE 1 = 1",
        );
        page(&mut query, ("record_seq", "record_index"), before, limit);
        self.all(query, parse::default).await
    }

    /// Everybody's forks, newest first.
    ///
    /// # Errors
    /// As above.
    pub async fn forks(&self, before: Option<Cursor>, limit: usize) -> Result<Vec<ForkRow>, ReadError> {
        let mut query = Statement::new("SELECT * FROM forks WHERE 1 = 1");
        page(&mut query, ("record_seq", "record_index"), before, limit);
        self.all(query, parse::fork).await
    }

    /// At most `limit` records that touched a deal after `after_seq`, oldest first, with what came of them.
    ///
    /// # Errors
    /// As above.
    pub async fn deal_outcomes(
        &self,
        deal: DealId,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<DealOutcomeRow>, ReadError> {
        let mut query = Statement::new(
            "SELECT outcomes.seq AS seq, outcomes.time AS time, outcomes.outcome AS outcome, blocks.id AS id
             FROM deal_records AS touched JOIN outcomes ON outcomes.seq = touched.record_seq
             LEFT JOIN blocks ON blocks.record_seq = touched.record_seq WHERE touched.deal = ",
        );
        query.bind(deal.as_bytes()).push(" AND touched.record_seq > ").bind(bound(after_seq));
        query.push(" ORDER BY touched.record_seq LIMIT ").bind(sql_limit(limit));
        self.all(query, |row| {
            let block = parse::optional(row, "id")?.map(BlockId::new);
            Ok(DealOutcomeRow { record: parse::outcome(row)?, block })
        })
        .await
    }

    /// The trades that a deal settles, oldest first.
    ///
    /// # Errors
    /// As above.
    pub async fn trades_of_deal(&self, deal: DealId) -> Result<Vec<TradeRow>, ReadError> {
        let mut query = Statement::new("SELECT * FROM trades WHERE deal = ");
        query.bind(deal.as_bytes()).push(" ORDER BY record_seq, record_index");
        self.all(query, parse::trade).await
    }

    /// Deals, newest first.
    ///
    /// # Errors
    /// As above.
    pub async fn deals(
        &self,
        filter: &DealFilter,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<DealRow>, ReadError> {
        let mut query = Statement::new("");
        match filter.account.as_ref().map(AccountId::as_bytes) {
            None => {
                query.push("SELECT * FROM deals WHERE 1 = 1");
            }
            // As with trades: two sorted halves.
            Some(account) => {
                query.push("SELECT * FROM deals WHERE seller = ").bind(account);
                narrow(&mut query, filter, before);
                query.push(" UNION ALL SELECT * FROM deals WHERE buyer = ").bind(account);
                query.push(" AND seller <> ").bind(account);
            }
        }
        narrow(&mut query, filter, before);
        query.push(" ORDER BY opened_seq DESC, opened_index DESC LIMIT ").bind(sql_limit(limit));
        self.all(query, parse::deal).await
    }

    /// One deal.
    ///
    /// # Errors
    /// As above.
    pub async fn deal(&self, id: DealId) -> Result<Option<DealRow>, ReadError> {
        let mut query = Statement::new("SELECT * FROM deals WHERE id = ");
        query.bind(id.as_bytes());
        self.one(query, parse::deal).await
    }

    /// The outputs on the Bitcoin chain that pay a deal's script, in the order in which they were first told of.
    ///
    /// # Errors
    /// As above.
    pub async fn payments(&self, deal: DealId) -> Result<Vec<PaymentRow>, ReadError> {
        let mut query = Statement::new("SELECT * FROM payments WHERE deal = ");
        query.bind(deal.as_bytes()).push(" ORDER BY first_seq, first_index");
        self.all(query, parse::payment).await
    }

    /// Every record that touched a deal, oldest first: the evidence of its match, payments, acknowledgements and end.
    ///
    /// # Errors
    /// As above.
    pub async fn deal_records(&self, deal: DealId) -> Result<Vec<DealRecord>, ReadError> {
        let mut query = Statement::new(
            "SELECT touched.record_seq AS record_seq, blocks.id AS id FROM deal_records AS touched
             LEFT JOIN blocks USING (record_seq) WHERE touched.deal = ",
        );
        query.bind(deal.as_bytes()).push(" ORDER BY touched.record_seq");
        self.all(query, |row| {
            let block = parse::optional(row, "id")?.map(BlockId::new);
            Ok(DealRecord { record_seq: parse::number(row, "record_seq")?, block })
        })
        .await
    }

    /// Proposals that wait for an account's acknowledgement, oldest first.
    ///
    /// # Errors
    /// As above.
    pub async fn proposals_for(&self, account: AccountId) -> Result<Vec<ProposalRow>, ReadError> {
        let mut query = Statement::new("SELECT * FROM proposals WHERE waiting = 1 AND to_account = ");
        query.bind(account.as_bytes()).push(" ORDER BY proposed_seq, proposal");
        self.all(query, |row| {
            let proposed_time = parse::instant(row, "proposed_time")?;
            let proposed_seq = parse::number(row, "proposed_seq")?;
            Ok(ProposalRow { state: parse::state(row)?, proposed_seq, proposed_time })
        })
        .await
    }

    /// What netting, bonds and fees did to these deals; only those that any of them touched.
    ///
    /// # Errors
    /// As above.
    pub async fn deal_extras(&self, deals: &[DealId]) -> Result<BTreeMap<DealId, DealExtras>, ReadError> {
        let mut found = BTreeMap::new();
        for some in deals.chunks(DEALS_AT_ONCE) {
            found.extend(self.all(extras_of(some), parse::extras).await?);
        }
        Ok(found)
    }
}

/// The extras of some deals.
pub(super) fn extras_of(deals: &[DealId]) -> Statement<'_> {
    let mut query = Statement::new("SELECT deal, state FROM deal_extras WHERE deal IN (");
    list(&mut query, deals);
    query
}

/// The rest of a list of deals, of which there is one at least.
fn list<'a>(query: &mut Statement<'a>, deals: &'a [DealId]) {
    for (at, deal) in deals.iter().enumerate() {
        query.push(if at == 0 { "" } else { ", " }).bind(deal.as_bytes());
    }
    query.push(")");
}

/// What stands before the cursor, newest first.
fn page<'a>(
    query: &mut Statement<'a>,
    columns: (&'static str, &'static str),
    before: Option<Cursor>,
    limit: usize,
) {
    let ((seq, index), (seq_column, index_column)) = (before_numbers(before), columns);
    query.push(format_args!(" AND ({seq_column}, {index_column}) < (")).bind(seq);
    query.push(", ").bind(index);
    query.push(format_args!(") ORDER BY {seq_column} DESC, {index_column} DESC LIMIT "));
    query.bind(sql_limit(limit));
}

/// A trade filter's conditions besides the account; `side` is the column of the order that is the account's.
fn narrow_trades<'a>(
    query: &mut Statement<'a>,
    side: &'static str,
    order: Option<Value<'a>>,
    market: Option<MarketId>,
) {
    if let Some(order) = order {
        query.push(format_args!(" AND {side} = ")).bind(order);
    }
    if let Some(market) = market {
        query.push(" AND market = ").bind(i64::from(market.get()));
    }
}

/// A deal filter's conditions besides the account.
fn narrow<'a>(query: &mut Statement<'a>, filter: &'a DealFilter, before: Option<Cursor>) {
    if let Some(due_by) = &filter.due_by {
        query.push(" AND due_by = ").bind(due_by.as_bytes());
    }
    if filter.open_only {
        query.push(" AND open = 1");
    }
    let (seq, index) = before_numbers(before);
    query.push(" AND (opened_seq, opened_index) < (").bind(seq);
    query.push(", ").bind(index).push(")");
}
