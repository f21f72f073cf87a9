//! Rows into tables, many at a time.
//!
//! A row that exists keeps where it first appeared and takes over the rest. What can never change (trades, blocks,
//! outcomes) is inserted plainly, so that a second one is an error and not a silent loss.

use super::ProjectionError;
use super::gather::Gathered;
use crate::sql::{ROWS_MAX, signed};
use bandex_engine::{DealState, OrderStatus, ProposalStatus};
use borsh::BorshSerialize;
use sqlx::query_builder::Separated;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

type Row<'a> = Separated<'a, Sqlite, &'static str>;

/// Inserts `rows`: `insert` up to VALUES, `bind` one row's columns, `conflict` what follows.
async fn insert<R>(
    connection: &mut SqliteConnection,
    insert: &'static str,
    rows: impl IntoIterator<Item = R>,
    bind: impl Fn(&mut Row<'_>, &R),
    conflict: &'static str,
) -> Result<(), sqlx::Error> {
    let rows: Vec<R> = rows.into_iter().collect();
    for chunk in rows.chunks(ROWS_MAX) {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(insert);
        query.push_values(chunk, |mut row, item| bind(&mut row, item));
        query.push(conflict);
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// A state's canonical bytes.
fn bytes<T: BorshSerialize>(state: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    let written = state.serialize(&mut bytes);
    debug_assert!(written.is_ok(), "a state is far below the u32::MAX entries that a Vec can take");
    bytes
}

/// Writes all rows.
pub(super) async fn all(
    connection: &mut SqliteConnection,
    gathered: &Gathered<'_>,
) -> Result<(), sqlx::Error> {
    records(connection, gathered).await?;
    holders(connection, gathered).await?;
    orders(connection, gathered).await?;
    trades(connection, gathered).await?;
    deals(connection, gathered).await?;
    proposals(connection, gathered).await
}

/// Moves the checkpoint, if it still is where this writer thinks it is.
pub(super) async fn checkpoint(
    connection: &mut SqliteConnection,
    from: u64,
    to: u64,
) -> Result<(), ProjectionError> {
    let moved = sqlx::query("UPDATE progress SET checkpoint = ? WHERE id = 1 AND checkpoint = ?")
        .bind(signed(to).map_err(ProjectionError::Store)?)
        .bind(signed(from).map_err(ProjectionError::Store)?)
        .execute(connection)
        .await
        .map_err(ProjectionError::store)?;
    if moved.rows_affected() == 1 {
        Ok(())
    } else {
        Err(ProjectionError::Store("another writer has moved the checkpoint".to_owned()))
    }
}

async fn records(connection: &mut SqliteConnection, gathered: &Gathered<'_>) -> Result<(), sqlx::Error> {
    insert(
        connection,
        "INSERT INTO outcomes (seq, time, outcome) ",
        &gathered.outcomes,
        |row, (at, outcome)| {
            row.push_bind(at.seq).push_bind(at.time).push_bind(*outcome);
        },
        "",
    )
    .await?;
    insert(
        connection,
        "INSERT INTO blocks (record_seq, id, author, lane_seq, account, deal) ",
        &gathered.blocks,
        |row, seen| {
            row.push_bind(seen.record_seq)
                .push_bind(seen.block.id.as_bytes().as_slice())
                .push_bind(seen.block.author.as_bytes().as_slice())
                .push_bind(seen.lane_seq)
                .push_bind(seen.block.account.map(|account| account.as_bytes().to_vec()))
                .push_bind(seen.block.deal.map(|deal| deal.as_bytes().to_vec()));
        },
        "",
    )
    .await
}

/// Accounts, their keys, their balances.
async fn holders(connection: &mut SqliteConnection, gathered: &Gathered<'_>) -> Result<(), sqlx::Error> {
    insert(
        connection,
        "INSERT INTO accounts (account, updated_seq, state) ",
        &gathered.accounts,
        |row, (account, seen)| {
            row.push_bind(account.as_bytes().as_slice())
                .push_bind(seen.last.seq)
                .push_bind(bytes(seen.state));
        },
        " ON CONFLICT DO UPDATE SET updated_seq = excluded.updated_seq, state = excluded.state",
    )
    .await?;
    insert(
        connection,
        "INSERT INTO keys (key, account, updated_seq, state) ",
        &gathered.keys,
        |row, (key, seen)| {
            row.push_bind(key.as_bytes().as_slice())
                .push_bind(seen.state.account.as_bytes().as_slice())
                .push_bind(seen.last.seq)
                .push_bind(bytes(seen.state));
        },
        " ON CONFLICT DO UPDATE SET account = excluded.account, updated_seq = excluded.updated_seq,
          state = excluded.state",
    )
    .await?;
    insert(
        connection,
        "INSERT INTO balances (account, asset, updated_seq, state) ",
        &gathered.balances,
        |row, ((account, asset), seen)| {
            row.push_bind(account.as_bytes().as_slice())
                .push_bind(i64::from(asset.get()))
                .push_bind(seen.last.seq)
                .push_bind(bytes(seen.state));
        },
        " ON CONFLICT DO UPDATE SET updated_seq = excluded.updated_seq, state = excluded.state",
    )
    .await
}

async fn orders(connection: &mut SqliteConnection, gathered: &Gathered<'_>) -> Result<(), sqlx::Error> {
    insert(
        connection,
        "INSERT INTO orders (key, seq, op, account, market, open, placed_seq, placed_index, placed_time,
         updated_seq, updated_time, state) ",
        &gathered.orders,
        |row, ((key, seq, op), seen)| {
            row.push_bind(key.as_bytes().as_slice())
                .push_bind(*seq)
                .push_bind(i64::from(*op))
                .push_bind(seen.state.account.as_bytes().as_slice())
                .push_bind(i64::from(seen.state.market.get()))
                .push_bind(seen.state.status == OrderStatus::Open)
                .push_bind(seen.first.seq)
                .push_bind(seen.first.index)
                .push_bind(seen.first.time)
                .push_bind(seen.last.seq)
                .push_bind(seen.last.time)
                .push_bind(bytes(seen.state));
        },
        " ON CONFLICT DO UPDATE SET open = excluded.open, updated_seq = excluded.updated_seq,
          updated_time = excluded.updated_time, state = excluded.state",
    )
    .await
}

async fn trades(connection: &mut SqliteConnection, gathered: &Gathered<'_>) -> Result<(), sqlx::Error> {
    insert(
        connection,
        "INSERT INTO trades (market, number, record_seq, record_index, time, taker_account, maker_account,
         deal, state) ",
        &gathered.trades,
        |row, ((market, number), seen)| {
            row.push_bind(i64::from(market.get()))
                .push_bind(*number)
                .push_bind(seen.first.seq)
                .push_bind(seen.first.index)
                .push_bind(seen.first.time)
                .push_bind(seen.state.taker_account.as_bytes().as_slice())
                .push_bind(seen.state.maker_account.as_bytes().as_slice())
                .push_bind(seen.state.deal.as_bytes().as_slice())
                .push_bind(bytes(seen.state));
        },
        "",
    )
    .await
}

/// The seller's number in canonical bytes. Settlement's own name for it is out of reach: the arrow ends at the engine.
const SELLER: u8 = 0;

/// Who has to pay now, if anybody.
fn due_by(state: &DealState) -> Option<Vec<u8>> {
    let party = state.deal.due()?.party as u8;
    let account = if party == SELLER { state.seller } else { state.buyer };
    Some(account.as_bytes().to_vec())
}

async fn deals(connection: &mut SqliteConnection, gathered: &Gathered<'_>) -> Result<(), sqlx::Error> {
    insert(
        connection,
        "INSERT INTO deals (id, seller, buyer, due_by, open, opened_seq, opened_index, updated_seq,
         updated_time, state) ",
        &gathered.deals,
        |row, (id, seen)| {
            row.push_bind(id.as_bytes().as_slice())
                .push_bind(seen.state.seller.as_bytes().as_slice())
                .push_bind(seen.state.buyer.as_bytes().as_slice())
                .push_bind(due_by(seen.state))
                .push_bind(!seen.state.deal.state().is_closed())
                .push_bind(seen.first.seq)
                .push_bind(seen.first.index)
                .push_bind(seen.last.seq)
                .push_bind(seen.last.time)
                .push_bind(bytes(seen.state));
        },
        " ON CONFLICT DO UPDATE SET due_by = excluded.due_by, open = excluded.open,
          updated_seq = excluded.updated_seq, updated_time = excluded.updated_time, state = excluded.state",
    )
    .await?;
    insert(
        connection,
        "INSERT INTO deal_records (deal, record_seq) ",
        &gathered.deal_records,
        |row, (deal, record_seq)| {
            row.push_bind(deal.as_bytes().as_slice()).push_bind(*record_seq);
        },
        "",
    )
    .await
}

async fn proposals(connection: &mut SqliteConnection, gathered: &Gathered<'_>) -> Result<(), sqlx::Error> {
    insert(
        connection,
        "INSERT INTO proposals (proposal, to_account, waiting, proposed_seq, proposed_time, updated_seq, state) ",
        &gathered.proposals,
        |row, (proposal, seen)| {
            row.push_bind(proposal.as_bytes().as_slice())
                .push_bind(seen.state.to.as_bytes().as_slice())
                .push_bind(seen.state.status == ProposalStatus::Waiting)
                .push_bind(seen.first.seq)
                .push_bind(seen.first.time)
                .push_bind(seen.last.seq)
                .push_bind(bytes(seen.state));
        },
        " ON CONFLICT DO UPDATE SET waiting = excluded.waiting, updated_seq = excluded.updated_seq,
          state = excluded.state",
    )
    .await
}
