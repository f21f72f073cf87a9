//! A table as an INSERT sees it: its columns, and what becomes of a row that is there already.

use super::statement::{Value, bind_sqlite};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Postgres, Sqlite};

/// A column's name and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Number(&'static str),
    Bytes(&'static str),
}

impl Column {
    const fn name(self) -> &'static str {
        match self {
            Self::Number(name) | Self::Bytes(name) => name,
        }
    }
}

/// A table of `N` columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table<const N: usize> {
    pub(crate) name: &'static str,
    pub(crate) columns: [Column; N],
    /// The columns by which a row is known, and those that it takes over from a newer row. None: a second row is an
    /// error.
    pub(crate) replace: Option<(&'static [&'static str], &'static [&'static str])>,
}

impl<const N: usize> Table<N> {
    /// The statement, with `rows` in its midst.
    fn insert(&self, rows: &str) -> String {
        let columns = self.columns.map(Column::name).join(", ");
        let conflict = self.replace.map_or_else(String::new, |(target, replaced)| {
            let replaced: Vec<String> =
                replaced.iter().map(|column| format!("{column} = excluded.{column}")).collect();
            format!(" ON CONFLICT ({}) DO UPDATE SET {}", target.join(", "), replaced.join(", "))
        });
        format!("INSERT INTO {} ({columns}) {rows}{conflict}", self.name)
    }

    /// SQLite takes rows as so many placeholders; plain ones, since it would look numbered ones up by name.
    pub(super) fn sqlite(&self, rows: Vec<[Value<'_>; N]>) -> Query<'static, Sqlite, SqliteArguments> {
        let row = format!("({})", ["?"; N].join(", "));
        let text = self.insert(&format!("VALUES {}", vec![row; rows.len()].join(", ")));
        rows.into_iter().flatten().fold(sqlx::query(AssertSqlSafe(text)), bind_sqlite)
    }

    /// PostgreSQL takes each column as one array: the same text for any number of rows.
    ///
    /// # Errors
    /// A value is not of its column's kind.
    pub(super) fn postgres(
        &self,
        rows: &[[Value<'_>; N]],
    ) -> Result<Query<'static, Postgres, PgArguments>, sqlx::Error> {
        let array = |(column, number): (&Column, usize)| match column {
            Column::Number(_) => format!("${number}::BIGINT[]"),
            Column::Bytes(_) => format!("${number}::BYTEA[]"),
        };
        let arrays: Vec<String> = self.columns.iter().zip(1..).map(array).collect();
        let text = self.insert(&format!("SELECT * FROM UNNEST({})", arrays.join(", ")));
        let mut query = sqlx::query(AssertSqlSafe(text));
        for (column, at) in self.columns.iter().zip(0..) {
            let values = rows.iter().filter_map(|row| row.get(at));
            let wrong =
                || sqlx::Error::Encode(format!("{}.{}: a wrong kind", self.name, column.name()).into());
            query = match column {
                Column::Number(_) => {
                    query.bind(values.map(number).collect::<Option<Vec<_>>>().ok_or_else(wrong)?)
                }
                Column::Bytes(_) => {
                    query.bind(values.map(bytes).collect::<Option<Vec<_>>>().ok_or_else(wrong)?)
                }
            };
        }
        Ok(query)
    }
}

const fn number(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Bytes(_) | Value::Absent => None,
    }
}

fn bytes<'a>(value: &'a Value<'_>) -> Option<Option<&'a [u8]>> {
    match value {
        Value::Bytes(bytes) => Some(Some(bytes.as_ref())),
        Value::Absent => Some(None),
        Value::Number(_) => None,
    }
}
