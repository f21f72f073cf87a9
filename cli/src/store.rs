//! Where a journal lies, as commands that need one are told.

use anyhow::{Context, Result};
use bandex_exchange::Config;
use bandex_journal::{DatabaseUrl, JournalReader, PostgresJournal, SqliteJournal};
use std::path::PathBuf;

/// The store of a node of one's own.
#[derive(Debug, clap::Args)]
pub struct OwnStore {
    /// The data folder: keys, snapshots, and, without a database, journal and projections; made if it is missing.
    #[arg(long, value_name = "DIR", env = "BANDEX_DATA", default_value = "bandex-data")]
    data: PathBuf,
    /// The PostgreSQL database of journal and projections: postgres://USER:PASSWORD@HOST:PORT/NAME. Without it they
    /// are SQLite files in the data folder.
    #[arg(long, value_name = "URL", env = "BANDEX_DATABASE_URL", hide_env_values = true)]
    database_url: Option<DatabaseUrl>,
}

impl OwnStore {
    /// A server on it.
    pub fn config(&self) -> Config {
        Config { database: self.database_url.clone(), ..Config::new(&self.data) }
    }

    /// Where it is, without the password.
    pub fn place(&self) -> String {
        self.database_url.as_ref().map_or_else(|| self.data.display().to_string(), ToString::to_string)
    }
}

/// A store that is only read, and may be anybody's.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct ForeignStore {
    /// The folder of a journal in SQLite; nothing in it is changed.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The PostgreSQL database of a journal: postgres://USER:PASSWORD@HOST:PORT/NAME; nothing in it is changed.
    #[arg(long, value_name = "URL")]
    database_url: Option<DatabaseUrl>,
}

impl ForeignStore {
    /// A journal in SQLite.
    #[cfg(test)]
    pub fn folder(data: PathBuf) -> Self {
        Self { data: Some(data), database_url: None }
    }

    /// The journal as it is now.
    ///
    /// # Errors
    /// There is none, it is damaged, or it is of another version.
    pub async fn open(&self) -> Result<Box<dyn JournalReader>> {
        if let Some(url) = &self.database_url {
            return Ok(Box::new(PostgresJournal::open_read_only(url).await?));
        }
        let folder = self.data.as_ref().context("give --data or --database-url")?;
        Ok(Box::new(SqliteJournal::open_read_only(folder).await?))
    }
}
