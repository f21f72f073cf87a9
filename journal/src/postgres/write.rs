//! One append: one transaction.

use super::session::is_lost;
use crate::port::Committed;
use crate::sql::signed;
use bandex_tradechain::{Batch, Record};
use sqlx::{Connection, PgConnection};

/// Why a transaction did not end with an answered commit.
#[derive(Debug)]
pub(super) enum Fault {
    /// Another writer has the epoch; nothing was written.
    Fenced,
    /// The database refused, and the transaction is rolled back: nothing was written, and the connection is good.
    Refused(sqlx::Error),
    /// The connection is gone, or it is the commit that failed: anything may have happened.
    Lost(sqlx::Error),
}

impl Fault {
    /// Of a statement before the commit.
    fn of(error: sqlx::Error) -> Self {
        if is_lost(&error) { Self::Lost(error) } else { Self::Refused(error) }
    }
}

/// The SQL states of refusals that pass: a serialization failure, a deadlock, a lock not given in time, a statement
/// that somebody cancelled (appendix A of PostgreSQL's manual).
const PASSING: [&str; 4] = ["40001", "40P01", "55P03", "57014"];

/// Whether the same transaction may succeed a moment later.
pub(super) fn passes(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| PASSING.contains(&&*code))
}

/// A batch as columns, its numbers known to fit.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    batch: &'a Batch,
    first_seq: i64,
    count: i64,
    seqs: Vec<i64>,
    times: Vec<i64>,
    rules: Vec<i64>,
    commands: Vec<&'a [u8]>,
    outcome_digests: Vec<&'a [u8]>,
    previous: Vec<&'a [u8]>,
}

impl<'a> Rows<'a> {
    pub(super) fn of(batch: &'a Batch, committed: Committed) -> Result<Self, String> {
        let records = || batch.records.iter();
        let bytes = |column: fn(&Record) -> &[u8]| records().map(column).collect::<Vec<_>>();
        Ok(Self {
            batch,
            first_seq: signed(committed.first_seq())?,
            count: i64::try_from(batch.records.len()).map_err(|error| error.to_string())?,
            seqs: records().map(|record| signed(record.seq)).collect::<Result<_, _>>()?,
            times: records().map(|record| signed(record.time.as_micros())).collect::<Result<_, _>>()?,
            rules: records().map(|record| i64::from(record.rules)).collect(),
            commands: bytes(|record| &record.command),
            outcome_digests: bytes(|record| record.outcome_digest.as_bytes()),
            previous: bytes(|record| record.previous.as_bytes()),
        })
    }
}

/// Writes all rows if the epoch is still ours.
///
/// Once it has returned, the transaction has ended, unless the fault is [`Fault::Lost`].
pub(super) async fn transaction(
    connection: &mut PgConnection,
    epoch: i64,
    rows: &Rows<'_>,
) -> Result<(), Fault> {
    // A server may be set up for a stricter level, under which the lock on the epoch would fail instead of waiting.
    let begun = connection.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await;
    let mut transaction = begun.map_err(Fault::of)?;
    let fault = match insert_in_epoch(&mut transaction, epoch, rows).await {
        // An error here is hardly ever a plain no, so it is never taken for one.
        Ok(()) => return transaction.commit().await.map_err(Fault::Lost),
        Err(fault) => fault,
    };
    transaction.rollback().await.map_err(Fault::Lost)?;
    Err(fault)
}

async fn insert_in_epoch(connection: &mut PgConnection, epoch: i64, rows: &Rows<'_>) -> Result<(), Fault> {
    // The row stays locked until the commit, so that the epoch cannot change in between, and so that whoever takes the
    // next one waits until this transaction has ended.
    let stored: i64 = sqlx::query_scalar("SELECT epoch FROM writer WHERE id = 1 FOR UPDATE")
        .fetch_one(&mut *connection)
        .await
        .map_err(Fault::of)?;
    if stored != epoch {
        return Err(Fault::Fenced);
    }
    insert(connection, rows).await.map_err(Fault::of)
}

/// One statement, whatever the number of records.
async fn insert(connection: &mut PgConnection, rows: &Rows<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "WITH written AS (
             INSERT INTO records (seq, time, rules, command, outcome_digest, previous)
             SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[])
         )
         INSERT INTO batches (first_seq, count, payload, signature) VALUES ($7, $8, $9, $10)",
    )
    .bind(&rows.seqs)
    .bind(&rows.times)
    .bind(&rows.rules)
    .bind(&rows.commands)
    .bind(&rows.outcome_digests)
    .bind(&rows.previous)
    .bind(rows.first_seq)
    .bind(rows.count)
    .bind(rows.batch.block.payload.as_slice())
    .bind(rows.batch.block.signature.as_bytes().as_slice())
    .execute(connection)
    .await?;
    Ok(())
}
