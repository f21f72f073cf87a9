//! The questions of the REST API.
//!
//! Pages are newest first; `before` is the cursor of the last row of the page before. A limit of a thousand rows or
//! so is the caller's to keep.

use super::rows::{
    BlockRow, Cursor, DealFilter, DealRecord, DealRow, OrderFilter, OrderRow, OutcomeRow, ProposalRow,
    TradeRow,
};
use crate::port::ReadError;
use crate::sql::{bound, fixed, limit as sql_limit, time, unsigned};
use bandex_engine::{AccountState, BalanceState, KeyState};
use bandex_types::{AccountId, BlockId, DealId, MarketId, OrderRef, PublicKey};
use borsh::BorshDeserialize;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow};
use sqlx::{QueryBuilder, Row, Sqlite, SqlitePool};
use std::path::Path;
use std::time::Duration;

/// How many queries run at once.
const CONNECTIONS: u32 = 4;

/// Queries over the projections. Clones share their connections.
#[derive(Debug, Clone)]
pub struct ProjectionReader(SqlitePool);

type Query = QueryBuilder<Sqlite>;

/// As two numbers that stand behind every row if there is no cursor.
fn before_numbers(before: Option<Cursor>) -> (i64, i64) {
    before.map_or((i64::MAX, 0), |cursor| (bound(cursor.seq), i64::from(cursor.index)))
}

impl ProjectionReader {
    pub(super) fn open(path: &Path) -> Self {
        let options =
            SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(Duration::from_secs(5));
        Self(SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(options))
    }

    pub(super) async fn close(&self) {
        self.0.close().await;
    }

    async fn all<T>(
        &self,
        mut query: Query,
        parse: impl Fn(&SqliteRow) -> Result<T, RowError>,
    ) -> Result<Vec<T>, ReadError> {
        let rows = query.build().fetch_all(&self.0).await.map_err(|error| failed(&error))?;
        rows.iter().map(|row| parse(row).map_err(|RowError(what)| ReadError::Store(what))).collect()
    }

    async fn one<T>(
        &self,
        query: Query,
        parse: impl Fn(&SqliteRow) -> Result<T, RowError>,
    ) -> Result<Option<T>, ReadError> {
        Ok(self.all(query, parse).await?.pop())
    }

    /// The last record that is projected: what an answer is as of.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn checkpoint(&self) -> Result<u64, ReadError> {
        let query = Query::new("SELECT checkpoint FROM progress");
        Ok(self.one(query, |row| number(row, "checkpoint")).await?.unwrap_or(0))
    }

    /// The outcome of a record.
    ///
    /// # Errors
    /// The store does not answer or the row is damaged; so with all queries below.
    pub async fn outcome(&self, seq: u64) -> Result<Option<OutcomeRow>, ReadError> {
        let mut query = Query::new("SELECT seq, time, outcome FROM outcomes WHERE seq = ");
        query.push_bind(bound(seq));
        self.one(query, |row| {
            let time = time("time", row.try_get("time")?)?;
            Ok(OutcomeRow { seq: number(row, "seq")?, time, outcome: row.try_get("outcome")? })
        })
        .await
    }

    /// A sequenced block.
    ///
    /// # Errors
    /// As above.
    pub async fn block(&self, id: BlockId) -> Result<Option<BlockRow>, ReadError> {
        let mut query = Query::new("SELECT * FROM blocks WHERE id = ");
        query.push_bind(id.as_bytes().to_vec());
        self.one(query, block).await
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
        let mut query = Query::new("SELECT * FROM blocks WHERE author = ");
        query.push_bind(author.as_bytes().to_vec()).push(" AND lane_seq >= ").push_bind(bound(from_seq));
        query.push(" ORDER BY lane_seq LIMIT ").push_bind(sql_limit(limit));
        self.all(query, block).await
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
        let mut query = Query::new("SELECT * FROM orders WHERE account = ");
        query.push_bind(filter.account.as_bytes().to_vec());
        if let Some(market) = filter.market {
            query.push(" AND market = ").push_bind(i64::from(market.get()));
        }
        if filter.open_only {
            query.push(" AND open = 1");
        }
        page(&mut query, ("placed_seq", "placed_index"), before, limit);
        self.all(query, order).await
    }

    /// One order.
    ///
    /// # Errors
    /// As above.
    pub async fn order(&self, reference: OrderRef) -> Result<Option<OrderRow>, ReadError> {
        let mut query = Query::new("SELECT * FROM orders WHERE key = ");
        query
            .push_bind(reference.key.as_bytes().to_vec())
            .push(" AND seq = ")
            .push_bind(bound(reference.seq));
        query.push(" AND op = ").push_bind(i64::from(reference.op));
        self.one(query, order).await
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
        let mut query = Query::new("SELECT * FROM trades WHERE market = ");
        query.push_bind(i64::from(market.get()));
        query.push(" AND number < ").push_bind(before_number.map_or(i64::MAX, bound));
        query.push(" ORDER BY number DESC LIMIT ").push_bind(sql_limit(limit));
        self.all(query, trade).await
    }

    /// Trades in which an account was taker or maker, newest first.
    ///
    /// # Errors
    /// As above.
    pub async fn trades_of(
        &self,
        account: AccountId,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<TradeRow>, ReadError> {
        // Two sorted halves that SQLite merges: with OR it would sort all the account's trades for each page.
        let account = account.as_bytes().to_vec();
        let (seq, index) = before_numbers(before);
        let mut query = Query::new("SELECT * FROM trades WHERE taker_account = ");
        query.push_bind(account.clone()).push(" AND (record_seq, record_index) < (").push_bind(seq);
        query.push(", ").push_bind(index).push(") UNION ALL SELECT * FROM trades WHERE maker_account = ");
        query.push_bind(account.clone()).push(" AND taker_account <> ").push_bind(account);
        page(&mut query, ("record_seq", "record_index"), before, limit);
        self.all(query, trade).await
    }

    /// The trades that a deal settles, oldest first.
    ///
    /// # Errors
    /// As above.
    pub async fn trades_of_deal(&self, deal: DealId) -> Result<Vec<TradeRow>, ReadError> {
        let mut query = Query::new("SELECT * FROM trades WHERE deal = ");
        query.push_bind(deal.as_bytes().to_vec()).push(" ORDER BY record_seq, record_index");
        self.all(query, trade).await
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
        let mut query = Query::new("");
        match filter.account.map(|account| account.as_bytes().to_vec()) {
            None => {
                query.push("SELECT * FROM deals WHERE 1");
            }
            // As with trades: two sorted halves.
            Some(account) => {
                query.push("SELECT * FROM deals WHERE seller = ").push_bind(account.clone());
                narrow(&mut query, filter, before);
                query.push(" UNION ALL SELECT * FROM deals WHERE buyer = ").push_bind(account.clone());
                query.push(" AND seller <> ").push_bind(account);
            }
        }
        narrow(&mut query, filter, before);
        query.push(" ORDER BY opened_seq DESC, opened_index DESC LIMIT ").push_bind(sql_limit(limit));
        self.all(query, deal).await
    }

    /// One deal.
    ///
    /// # Errors
    /// As above.
    pub async fn deal(&self, id: DealId) -> Result<Option<DealRow>, ReadError> {
        let mut query = Query::new("SELECT * FROM deals WHERE id = ");
        query.push_bind(id.as_bytes().to_vec());
        self.one(query, deal).await
    }

    /// Every record that touched a deal, oldest first: the evidence of its match, payments, acknowledgements and end.
    ///
    /// # Errors
    /// As above.
    pub async fn deal_records(&self, deal: DealId) -> Result<Vec<DealRecord>, ReadError> {
        let mut query = Query::new(
            "SELECT touched.record_seq AS record_seq, blocks.id AS id FROM deal_records AS touched
             LEFT JOIN blocks USING (record_seq) WHERE touched.deal = ",
        );
        query.push_bind(deal.as_bytes().to_vec()).push(" ORDER BY touched.record_seq");
        self.all(query, |row| {
            let block = optional(row, "id")?.map(BlockId::new);
            Ok(DealRecord { record_seq: number(row, "record_seq")?, block })
        })
        .await
    }

    /// Proposals that wait for an account's acknowledgement, oldest first.
    ///
    /// # Errors
    /// As above.
    pub async fn proposals_for(&self, account: AccountId) -> Result<Vec<ProposalRow>, ReadError> {
        let mut query = Query::new("SELECT * FROM proposals WHERE waiting = 1 AND to_account = ");
        query.push_bind(account.as_bytes().to_vec()).push(" ORDER BY proposed_seq, proposal");
        self.all(query, |row| {
            let proposed_time = time("proposed_time", row.try_get("proposed_time")?)?;
            Ok(ProposalRow { state: state(row)?, proposed_seq: number(row, "proposed_seq")?, proposed_time })
        })
        .await
    }

    /// An account's balances, by asset.
    ///
    /// # Errors
    /// As above.
    pub async fn balances(&self, account: AccountId) -> Result<Vec<BalanceState>, ReadError> {
        let mut query = Query::new("SELECT state FROM balances WHERE account = ");
        query.push_bind(account.as_bytes().to_vec()).push(" ORDER BY asset");
        self.all(query, state).await
    }

    /// An account.
    ///
    /// # Errors
    /// As above.
    pub async fn account(&self, id: AccountId) -> Result<Option<AccountState>, ReadError> {
        let mut query = Query::new("SELECT state FROM accounts WHERE account = ");
        query.push_bind(id.as_bytes().to_vec());
        self.one(query, state).await
    }

    /// An account's keys, those that ended included.
    ///
    /// # Errors
    /// As above.
    pub async fn keys(&self, account: AccountId) -> Result<Vec<KeyState>, ReadError> {
        let mut query = Query::new("SELECT state FROM keys WHERE account = ");
        query.push_bind(account.as_bytes().to_vec()).push(" ORDER BY key");
        self.all(query, state).await
    }

    /// A key.
    ///
    /// # Errors
    /// As above.
    pub async fn key(&self, key: PublicKey) -> Result<Option<KeyState>, ReadError> {
        let mut query = Query::new("SELECT state FROM keys WHERE key = ");
        query.push_bind(key.as_bytes().to_vec());
        self.one(query, state).await
    }
}

/// What stands before the cursor, newest first.
fn page(query: &mut Query, columns: (&'static str, &'static str), before: Option<Cursor>, limit: usize) {
    let ((seq, index), (seq_column, index_column)) = (before_numbers(before), columns);
    query.push(format_args!(" AND ({seq_column}, {index_column}) < (")).push_bind(seq);
    query.push(", ").push_bind(index);
    query.push(format_args!(") ORDER BY {seq_column} DESC, {index_column} DESC LIMIT "));
    query.push_bind(sql_limit(limit));
}

/// A deal filter's conditions besides the account.
fn narrow(query: &mut Query, filter: &DealFilter, before: Option<Cursor>) {
    if let Some(due_by) = filter.due_by {
        query.push(" AND due_by = ").push_bind(due_by.as_bytes().to_vec());
    }
    if filter.open_only {
        query.push(" AND open = 1");
    }
    let (seq, index) = before_numbers(before);
    query.push(" AND (opened_seq, opened_index) < (").push_bind(seq);
    query.push(", ").push_bind(index).push(")");
}

/// Why a row cannot be read, in words.
struct RowError(String);

impl From<String> for RowError {
    fn from(what: String) -> Self {
        Self(format!("{what}; delete the projections to have them written anew"))
    }
}

impl From<sqlx::Error> for RowError {
    fn from(error: sqlx::Error) -> Self {
        Self::from(error.to_string())
    }
}

fn failed(error: &sqlx::Error) -> ReadError {
    ReadError::Store(error.to_string())
}

fn number(row: &SqliteRow, column: &str) -> Result<u64, RowError> {
    Ok(unsigned(column, row.try_get(column)?)?)
}

fn bytes<const N: usize>(row: &SqliteRow, column: &str) -> Result<[u8; N], RowError> {
    Ok(fixed(column, row.try_get(column)?)?)
}

fn optional<const N: usize>(row: &SqliteRow, column: &str) -> Result<Option<[u8; N]>, RowError> {
    let stored: Option<&[u8]> = row.try_get(column)?;
    Ok(stored.map(|stored| fixed(column, stored)).transpose()?)
}

/// The state in a row's canonical bytes.
fn state<T: BorshDeserialize>(row: &SqliteRow) -> Result<T, RowError> {
    let bytes: &[u8] = row.try_get("state")?;
    T::try_from_slice(bytes).map_err(|error| RowError::from(format!("a stored state: {error}")))
}

fn cursor(row: &SqliteRow, seq: &str, index: &str) -> Result<Cursor, RowError> {
    let stored = number(row, index)?;
    let index = u32::try_from(stored).map_err(|_| format!("{index} is {stored}"))?;
    Ok(Cursor { seq: number(row, seq)?, index })
}

fn block(row: &SqliteRow) -> Result<BlockRow, RowError> {
    Ok(BlockRow {
        record_seq: number(row, "record_seq")?,
        id: BlockId::new(bytes(row, "id")?),
        author: PublicKey::new(bytes(row, "author")?),
        lane_seq: number(row, "lane_seq")?,
        account: optional(row, "account")?.map(AccountId::new),
        deal: optional(row, "deal")?.map(DealId::new),
    })
}

fn order(row: &SqliteRow) -> Result<OrderRow, RowError> {
    Ok(OrderRow {
        state: state(row)?,
        placed: cursor(row, "placed_seq", "placed_index")?,
        placed_time: time("placed_time", row.try_get("placed_time")?)?,
        updated_seq: number(row, "updated_seq")?,
        updated_time: time("updated_time", row.try_get("updated_time")?)?,
    })
}

fn trade(row: &SqliteRow) -> Result<TradeRow, RowError> {
    Ok(TradeRow {
        trade: state(row)?,
        at: cursor(row, "record_seq", "record_index")?,
        time: time("time", row.try_get("time")?)?,
    })
}

fn deal(row: &SqliteRow) -> Result<DealRow, RowError> {
    Ok(DealRow {
        state: state(row)?,
        opened: cursor(row, "opened_seq", "opened_index")?,
        updated_seq: number(row, "updated_seq")?,
        updated_time: time("updated_time", row.try_get("updated_time")?)?,
    })
}
