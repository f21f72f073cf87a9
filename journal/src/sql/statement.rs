//! A statement with its values in one text for both stores, and the rows that come of it.
//!
//! The text must be valid in both: conflict targets named, no booleans, and placeholders by [`Statement::bind`].

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Postgres, Row as _, Sqlite};
use std::borrow::Cow;
use std::fmt::{Display, Write as _};

/// What a column holds: a number, bytes, or no bytes. Nothing else is stored, so that both stores give the same rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Number(i64),
    Bytes(Cow<'a, [u8]>),
    Absent,
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// 1 or 0.
impl From<bool> for Value<'_> {
    fn from(yes: bool) -> Self {
        Self::Number(i64::from(yes))
    }
}

impl From<Vec<u8>> for Value<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Cow::Owned(bytes))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(bytes))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::from(bytes.as_slice())
    }
}

impl<'a, const N: usize> From<Option<&'a [u8; N]>> for Value<'a> {
    fn from(bytes: Option<&'a [u8; N]>) -> Self {
        bytes.map_or(Self::Absent, Self::from)
    }
}

/// A statement that is being put together.
#[derive(Debug)]
pub(crate) struct Statement<'a> {
    text: String,
    values: Vec<Value<'a>>,
}

impl<'a> Statement<'a> {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    /// More text; never anything that came from outside.
    pub(crate) fn push(&mut self, text: impl Display) -> &mut Self {
        let written = write!(self.text, "{text}");
        debug_assert!(written.is_ok(), "a String takes everything");
        self
    }

    /// A placeholder with its value. Both stores read `$1`.
    pub(crate) fn bind(&mut self, value: impl Into<Value<'a>>) -> &mut Self {
        self.values.push(value.into());
        let number = self.values.len();
        self.push(format_args!("${number}"))
    }

    pub(super) fn sqlite(self) -> Query<'static, Sqlite, SqliteArguments> {
        self.values.into_iter().fold(sqlx::query(AssertSqlSafe(self.text)), bind_sqlite)
    }

    pub(super) fn postgres(self) -> Query<'static, Postgres, PgArguments> {
        self.values.into_iter().fold(sqlx::query(AssertSqlSafe(self.text)), |query, value| match value {
            Value::Number(number) => query.bind(number),
            Value::Bytes(bytes) => query.bind(bytes.as_ref()),
            Value::Absent => query.bind(None::<&[u8]>),
        })
    }
}

pub(super) fn bind_sqlite<'q>(
    query: Query<'q, Sqlite, SqliteArguments>,
    value: Value<'_>,
) -> Query<'q, Sqlite, SqliteArguments> {
    match value {
        Value::Number(number) => query.bind(number),
        Value::Bytes(bytes) => query.bind(bytes.into_owned()),
        Value::Absent => query.bind(None::<Vec<u8>>),
    }
}

/// A row of either store. Columns are read by name.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// A number.
    ///
    /// # Errors
    /// There is no such column, or it holds something else, in words; so with all below.
    pub(crate) fn number(&self, column: &str) -> Result<i64, String> {
        let number = match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        };
        number.map_err(|error| error.to_string())
    }

    /// Bytes.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn bytes(&self, column: &str) -> Result<&[u8], String> {
        let bytes = match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        };
        bytes.map_err(|error| error.to_string())
    }

    /// Bytes, if there are any.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn optional_bytes(&self, column: &str) -> Result<Option<&[u8]>, String> {
        let bytes = match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        };
        bytes.map_err(|error| error.to_string())
    }
}
