//! SQL for more than one store: the few conversions between our types and SQL's, and one way to say a statement, a
//! table and a row to SQLite and to PostgreSQL.

mod statement;
mod store;
mod table;

pub(crate) use statement::{Row, Statement, Value};
pub(crate) use store::{Connection, Pool, Transaction, is_passing};
pub(crate) use table::{Column, Table};

use bandex_types::Timestamp;

/// The most rows of one INSERT: at most 12 columns each stays far below SQLite's 32 766 variables.
pub(crate) const ROWS_MAX: usize = 500;

/// As SQL's signed integer.
///
/// # Errors
/// Past 2⁶³ − 1, in words.
pub(crate) fn signed(number: u64) -> Result<i64, String> {
    i64::try_from(number).map_err(|_| format!("{number} is past the largest number the store can hold"))
}

/// As SQL's signed integer, the largest one if it does not fit: for bounds of a search, where both mean the same.
pub(crate) fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// As SQL's LIMIT.
pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// Back from SQL's signed integer.
///
/// # Errors
/// Below zero, in words that name the column.
pub(crate) fn unsigned(column: &str, number: i64) -> Result<u64, String> {
    u64::try_from(number).map_err(|_| format!("{column} is {number}"))
}

/// A time back from SQL.
///
/// # Errors
/// As [`unsigned`].
pub(crate) fn time(column: &str, number: i64) -> Result<Timestamp, String> {
    unsigned(column, number).map(Timestamp::from_micros)
}

/// Fixed-size bytes back from SQL.
///
/// # Errors
/// Of another size, in words that name the column.
pub(crate) fn fixed<const N: usize>(column: &str, bytes: &[u8]) -> Result<[u8; N], String> {
    bytes.try_into().map_err(|_| format!("{column} has {} bytes instead of {N}", bytes.len()))
}
