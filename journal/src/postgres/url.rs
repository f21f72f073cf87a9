//! The address of a PostgreSQL database; its password is never shown.

use sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::str::FromStr;

/// Where a database is and how to get in: `postgres://USER:PASSWORD@HOST:PORT/NAME`, with PostgreSQL's usual parameters
/// (`?sslmode=require&sslrootcert=…`). What is left out comes from PostgreSQL's own variables (`PGPASSWORD`, …).
///
/// Boxed, since errors carry it.
#[derive(Clone)]
pub struct DatabaseUrl(Box<PgConnectOptions>);

/// A text was no address of a PostgreSQL database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a database is given as postgres://USER:PASSWORD@HOST:PORT/NAME: {0}")]
pub struct DatabaseUrlError(String);

impl DatabaseUrl {
    /// How to connect; `purpose` is what PostgreSQL lists the connection as.
    pub(crate) fn options(&self, purpose: &str) -> PgConnectOptions {
        PgConnectOptions::clone(&self.0).application_name(purpose)
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;
    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err(DatabaseUrlError("it begins otherwise".to_owned()));
        }
        // The error's own words may quote the text, and with it the password.
        let options = PgConnectOptions::from_str(text)
            .map_err(|_| DatabaseUrlError("some part of it cannot be read".to_owned()))?;
        if options.get_database().is_none_or(str::is_empty) {
            return Err(DatabaseUrlError("it names no database".to_owned()));
        }
        Ok(Self(Box::new(options)))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, host, port) = (self.0.get_username(), self.0.get_host(), self.0.get_port());
        write!(f, "postgres://{user}@{host}:{port}/{}", self.0.get_database().unwrap_or_default())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for DatabaseUrl {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for DatabaseUrl {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let url: DatabaseUrl =
            "postgres://bandex:hidden@db.example:5433/exchange".parse().expect("an address");
        assert_eq!(url.to_string(), "postgres://bandex@db.example:5433/exchange");
        assert!(!format!("{url:?}").contains("hidden"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for text in ["", "sqlite://x", "postgres://a:hidden@host:port/db", "postgres://a:hidden@host/"] {
            let error = text.parse::<DatabaseUrl>().expect_err(text);
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
    }
}
