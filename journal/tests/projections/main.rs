//! Projections: the same rows however the records come, pages, and beginning anew.

#![allow(clippy::unwrap_used, clippy::panic)]

mod history;

use bandex_engine::{DealState, OrderState};
use bandex_journal::{
    Cursor, DealFilter, DealRow, OrderFilter, OrderRow, Projected, ProjectionError, Projections, TradeRow,
};
use bandex_types::{AssetId, BlockId, MarketId};
use history::{account, history, key, order};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use std::path::Path;
use tempfile::{TempDir, tempdir};

const JOURNAL: &[u8] = b"a journal";

async fn projected(records: &[Projected]) -> (TempDir, Projections) {
    let dir = tempdir().unwrap();
    let mut projections = Projections::open(dir.path(), JOURNAL).await.unwrap();
    projections.apply(records).await.unwrap();
    (dir, projections)
}

async fn connect(dir: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(dir.join("projections.sqlite")).connect().await.unwrap()
}

/// Every row of every table as text.
async fn dump(dir: &Path) -> Vec<String> {
    let mut connection = connect(dir).await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY name",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut lines = Vec::new();
    for table in tables {
        let columns: Vec<String> =
            sqlx::query_scalar("SELECT 'quote(' || name || ')' FROM pragma_table_info(?)")
                .bind(&table)
                .fetch_all(&mut connection)
                .await
                .unwrap();
        let row = columns.join(" || ' ' || ");
        let sql = format!("SELECT {row} FROM {table} ORDER BY 1");
        let rows: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        lines.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
    }
    lines
}

#[tokio::test]
async fn rows_are_the_same_however_the_records_come() {
    let records = history(60);
    let (at_once, mut projections) = projected(&records).await;
    projections.apply(&[]).await.unwrap();
    assert_eq!(projections.checkpoint(), 60);
    let expected = dump(at_once.path()).await;
    for table in [
        "accounts",
        "balances",
        "blocks",
        "deal_records",
        "deals",
        "keys",
        "orders",
        "outcomes",
        "progress",
        "proposals",
        "trades",
    ] {
        assert!(expected.iter().any(|line| line.starts_with(&format!("{table}: "))), "{table} is empty");
    }
    for step in [1, 2, 7, 59] {
        let dir = tempdir().unwrap();
        for some in records.chunks(step) {
            // Opened again each time, as after a restart.
            let mut projections = Projections::open(dir.path(), JOURNAL).await.unwrap();
            assert_eq!(projections.checkpoint() + 1, some[0].seq);
            projections.apply(some).await.unwrap();
        }
        assert!(dump(dir.path()).await == expected, "in steps of {step}");
    }
    drop(projections);
    std::fs::remove_file(at_once.path().join("projections.sqlite")).unwrap();
    let mut projections = Projections::open(at_once.path(), JOURNAL).await.unwrap();
    assert_eq!(projections.checkpoint(), 0);
    projections.apply(&records).await.unwrap();
    assert!(dump(at_once.path()).await == expected, "dropped and made anew");
}

#[tokio::test]
async fn gaps_and_repetitions_are_refused_and_write_nothing() {
    let records = history(9);
    let (dir, mut projections) = projected(&records[..5]).await;
    let before = dump(dir.path()).await;
    let mut check = async |records: &[Projected], found| {
        let error = ProjectionError::Gap { checkpoint: 5, found };
        assert_eq!(projections.apply(records).await, Err(error));
        assert_eq!(projections.checkpoint(), 5);
        assert_eq!(dump(dir.path()).await, before);
    };
    check(&records[6..], 7).await;
    check(&records[4..], 5).await;
    check(&records[..1], 1).await;
    // The store's own refusal, halfway: a second block with one id.
    let mut twice = records[5..].to_vec();
    twice[3].block = records[0].block;
    assert!(matches!(projections.apply(&twice).await, Err(ProjectionError::Store(_))));
    assert_eq!(dump(dir.path()).await, before);
    projections.apply(&records[5..]).await.unwrap();
    assert_eq!(projections.reader().checkpoint().await.unwrap(), 9);
}

#[tokio::test]
async fn what_does_not_fit_is_begun_anew() {
    let check = async |name: &str, journal: &[u8], sql: Option<&str>, kept: bool| {
        let (dir, projections) = projected(&history(5)).await;
        projections.close().await.unwrap();
        match sql {
            Some("") => std::fs::write(dir.path().join("projections.sqlite"), "no database").unwrap(),
            Some(sql) => {
                let mut connection = connect(dir.path()).await;
                sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            None => {}
        }
        let mut projections = Projections::open(dir.path(), journal).await.unwrap();
        assert_eq!(projections.checkpoint(), if kept { 5 } else { 0 }, "{name}");
        if !kept {
            assert_eq!(projections.reader().outcome(1).await.unwrap(), None, "{name}");
            projections.apply(&history(2)).await.unwrap();
        }
    };
    check("the same", JOURNAL, None, true).await;
    check("another journal", b"another", None, false).await;
    check("another version", JOURNAL, Some("UPDATE progress SET version = 0"), false).await;
    check("another schema", JOURNAL, Some("UPDATE _sqlx_migrations SET checksum = x'00'"), false).await;
    check("no progress", JOURNAL, Some("DROP TABLE progress"), false).await;
    check("no database", JOURNAL, Some(""), false).await;
}

/// All pages of `limit` rows, one after the other.
async fn pages<T>(
    limit: usize,
    mut page: impl AsyncFnMut(Option<Cursor>) -> Vec<T>,
    at: impl Fn(&T) -> Cursor,
) -> Vec<T> {
    let mut rows: Vec<T> = Vec::new();
    loop {
        let more = page(rows.last().map(&at)).await;
        assert!(more.len() <= limit);
        if more.is_empty() {
            return rows;
        }
        rows.extend(more);
    }
}

#[tokio::test]
async fn orders_are_found_page_by_page() {
    let records = history(60);
    let (_dir, projections) = projected(&records).await;
    let reader = projections.reader();
    let last_states = |keep: &dyn Fn(&OrderState) -> bool| {
        let mut states = history::last_orders(&records);
        states.retain(|state| keep(state));
        states
    };
    let check = async |filter: OrderFilter, expected: Vec<OrderState>| {
        assert!(!expected.is_empty(), "{filter:?}");
        for limit in [1, 2, 7, 1000] {
            let page = async |before| reader.orders(&filter, before, limit).await.unwrap();
            let rows: Vec<OrderRow> = pages(limit, page, |row| row.placed).await;
            assert!(rows.is_sorted_by(|a, b| a.placed > b.placed));
            let mut states: Vec<OrderState> = rows.into_iter().map(|row| row.state).collect();
            states.sort_by_key(|state| state.order);
            assert_eq!(states, expected, "{filter:?} by {limit}");
        }
    };
    for who in [1, 2] {
        let account = account(who);
        let filter = OrderFilter { account, market: None, open_only: false };
        check(filter, last_states(&|state| state.account == account)).await;
        let market = MarketId::new(2);
        let other = OrderFilter { market: Some(market), ..filter };
        check(other, last_states(&|state| state.account == account && state.market == market)).await;
        let open = OrderFilter { open_only: true, ..filter };
        check(open, last_states(&|state| state.account == account && history::is_open(state))).await;
    }
    let found = reader.order(order(1, 4, 0)).await.unwrap().unwrap();
    assert_eq!((found.placed.seq, found.updated_seq), (4, 6));
    assert_eq!(found.placed_time, records[3].time);
    assert_eq!(found.updated_time, records[5].time);
    assert_eq!(reader.order(order(1, 4, 9)).await.unwrap(), None);
}

#[tokio::test]
async fn trades_and_deals_are_found_page_by_page() {
    let (_dir, projections) = projected(&history(60)).await;
    let reader = projections.reader();
    let market = MarketId::new(1);
    let all = reader.trades(market, None, 1000).await.unwrap();
    let numbers: Vec<u64> = all.iter().map(|row| row.trade.number).collect();
    assert_eq!(numbers, (1..=20).rev().collect::<Vec<_>>());
    assert_eq!(reader.trades(market, Some(4), 2).await.unwrap(), all[17..19]);
    assert_eq!(reader.trades(MarketId::new(9), None, 5).await.unwrap(), []);
    for who in [1, 2, 3] {
        let account = account(who);
        let of = |row: &&TradeRow| row.trade.taker_account == account || row.trade.maker_account == account;
        let expected: Vec<TradeRow> = all.iter().filter(of).cloned().collect();
        for limit in [1, 3, 1000] {
            let page = async |before| reader.trades_of(account, before, limit).await.unwrap();
            assert_eq!(pages(limit, page, |row| row.at).await, expected, "{who} by {limit}");
        }
    }
    let deals = reader.deals(&DealFilter::default(), None, 1000).await.unwrap();
    assert!(deals.is_sorted_by(|a, b| a.opened > b.opened));
    let check = async |filter: DealFilter, keep: &dyn Fn(&DealState) -> bool| {
        let expected: Vec<DealRow> = deals.iter().filter(|row| keep(&row.state)).cloned().collect();
        assert!(!expected.is_empty() && expected.len() < deals.len(), "{filter:?}");
        for limit in [1, 3, 1000] {
            let page = async |before| reader.deals(&filter, before, limit).await.unwrap();
            assert_eq!(pages(limit, page, |row| row.opened).await, expected, "{filter:?} by {limit}");
        }
    };
    let (one, none) = (account(1), DealFilter::default());
    let is_side = |state: &DealState| state.seller == one || state.buyer == one;
    let owes = |state: &DealState| history::due_by(state) == Some(one);
    let open = |state: &DealState| !state.deal.state().is_closed();
    check(DealFilter { account: Some(one), ..none }, &is_side).await;
    check(DealFilter { due_by: Some(one), ..none }, &owes).await;
    check(DealFilter { open_only: true, ..none }, &open).await;
    let both = DealFilter { account: Some(one), open_only: true, ..none };
    check(both, &|state| is_side(state) && open(state)).await;
    let other = DealFilter { account: Some(one), due_by: Some(account(2)), open_only: true };
    check(other, &|state| is_side(state) && history::due_by(state) == Some(account(2))).await;
    for row in &deals {
        assert_eq!(reader.deal(row.state.id).await.unwrap().as_ref(), Some(row));
        let settled = reader.trades_of_deal(row.state.id).await.unwrap();
        let mut expected: Vec<_> =
            all.iter().filter(|trade| trade.trade.deal == row.state.id).cloned().collect();
        expected.reverse();
        assert_eq!(settled, expected);
    }
}

#[tokio::test]
async fn blocks_outcomes_and_holders_are_found() {
    let records = history(60);
    let (_dir, projections) = projected(&records).await;
    let reader = projections.reader();
    let found = reader.outcome(7).await.unwrap().unwrap();
    assert_eq!((found.outcome, found.time), (records[6].outcome_bytes.clone(), records[6].time));
    assert_eq!(reader.outcome(61).await.unwrap(), None);
    let block = records[3].block.unwrap();
    let row = reader.block(block.id).await.unwrap().unwrap();
    assert_eq!((row.record_seq, row.author, row.lane_seq), (4, block.author, block.lane_seq));
    assert_eq!((row.account, row.deal), (block.account, block.deal));
    assert_eq!(reader.block(BlockId::ZERO).await.unwrap(), None);
    let lane: Vec<u64> = reader.lane(key(1), 10, 4).await.unwrap().iter().map(|row| row.lane_seq).collect();
    assert_eq!(lane, [10, 13, 16, 19]);
    let balances = reader.balances(account(1)).await.unwrap();
    assert_eq!(
        balances.iter().map(|balance| balance.asset).collect::<Vec<_>>(),
        [AssetId::BWT, AssetId::BTC]
    );
    assert_eq!(balances[0].balance, -58, "the last state wins");
    assert_eq!(reader.account(account(1)).await.unwrap().unwrap().limit.get(), 58);
    assert_eq!(reader.account(account(77)).await.unwrap(), None);
    assert_eq!(reader.keys(account(1)).await.unwrap(), [reader.key(key(1)).await.unwrap().unwrap()]);
    assert_eq!(reader.key(key(77)).await.unwrap(), None);
}

#[tokio::test]
async fn a_deals_evidence_and_waiting_proposals_are_found() {
    let (_dir, projections) = projected(&history::one_deal()).await;
    let reader = projections.reader();
    let touched = reader.deal_records(history::deal_id()).await.unwrap();
    let seqs: Vec<(u64, bool)> = touched.iter().map(|row| (row.record_seq, row.block.is_some())).collect();
    // Match, payment, acknowledgement; a stranger's block that only stands between them; a tick that ends it.
    assert_eq!(seqs, [(2, true), (3, true), (5, true), (6, false)]);
    let waiting = async |who| reader.proposals_for(account(who)).await.unwrap();
    let rows = waiting(1).await;
    assert_eq!(rows.iter().map(|row| row.proposed_seq).collect::<Vec<_>>(), [4]);
    assert!(waiting(2).await.is_empty());
}
