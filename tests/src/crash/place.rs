//! Where a server keeps its things: a data folder, and with PostgreSQL a database beside it.

use crate::database::create_on;
use bandex_journal::{DatabaseUrl, JournalReader, PostgresJournal, SqliteJournal};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Which store.
#[derive(Debug, Clone)]
pub enum Store {
    /// SQLite files in the data folder.
    Sqlite,
    /// A new database on the PostgreSQL of this address, whose user may make one.
    Postgres(String),
}

/// A place of one's own. The folder goes with it unless a test has just failed.
#[derive(Debug)]
pub struct Place {
    /// What is removed with it, if it is not somebody else's.
    temporary: Option<TempDir>,
    folder: PathBuf,
    /// What the server says.
    log: PathBuf,
    database: Option<String>,
}

impl Place {
    /// A new one, empty, in the system's temporary folder.
    ///
    /// # Panics
    /// The folder or the database cannot be made.
    pub async fn new(store: &Store) -> Self {
        let temporary = tempfile::Builder::new().prefix("bandex-crash-").tempdir().unwrap();
        let folder = temporary.path().to_owned();
        let (temporary, log) = (Some(temporary), folder.join("log"));
        Self { temporary, folder, log, database: database_of(store).await }
    }

    /// SQLite files in a folder that is somebody else's to remove.
    pub fn in_folder(folder: PathBuf) -> Self {
        let log = folder.join("log");
        Self { temporary: None, folder, log, database: None }
    }

    /// The same, but what the server says goes to this file.
    pub fn logging_to(mut self, log: &Path) -> Self {
        log.clone_into(&mut self.log);
        self
    }

    /// The same place for a second server, which says what it has to say elsewhere.
    pub fn for_another(&self) -> Self {
        let log = self.folder.join("log-of-another");
        Self { temporary: None, folder: self.folder.clone(), log, database: self.database.clone() }
    }

    /// The data folder.
    pub fn folder(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What the server says.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Where its database's server listens.
    ///
    /// # Panics
    /// There is no database.
    pub fn port(&self) -> u16 {
        let options: PgConnectOptions = self.database.as_ref().unwrap().parse().unwrap();
        options.get_port()
    }

    /// The address of the database, if there is one.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// Lets the server come to the database by another port of this machine.
    ///
    /// # Panics
    /// There is no database.
    pub fn go_through(&mut self, port: u16) {
        let direct = self.database.take().unwrap();
        let (before, rest) = direct.rsplit_once(':').unwrap();
        let (_, name) = rest.split_once('/').unwrap();
        self.database = Some(format!("{before}:{port}/{name}"));
    }

    /// The journal as it is now, opened as an auditor would.
    ///
    /// # Panics
    /// It cannot be read.
    pub async fn reader(&self) -> Box<dyn JournalReader> {
        match &self.database {
            Some(url) => {
                let url: DatabaseUrl = url.parse().unwrap();
                Box::new(PostgresJournal::open_read_only(&url).await.unwrap())
            }
            None => Box::new(SqliteJournal::open_read_only(&self.folder()).await.unwrap()),
        }
    }

    /// A connection behind the server's back.
    ///
    /// # Panics
    /// There is no database, or it does not answer.
    pub async fn connect(&self) -> PgConnection {
        let options: PgConnectOptions = self.database.as_ref().unwrap().parse().unwrap();
        options.connect().await.unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(temporary) = &mut self.temporary
        {
            temporary.disable_cleanup(true);
            eprintln!("kept for a look: {}", temporary.path().display());
        }
    }
}

async fn database_of(store: &Store) -> Option<String> {
    match store {
        Store::Sqlite => None,
        Store::Postgres(server) => Some(create_on(server).await),
    }
}

/// The end of a log, to stand behind what went wrong.
pub fn log_end(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(20)).copied().collect::<Vec<_>>().join("\n")
}
