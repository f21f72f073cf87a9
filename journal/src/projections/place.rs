//! Where projections lie: opening them again, beginning them anew, reading beside their writer.

use crate::port::OpenError;
use crate::postgres::DatabaseUrl;
use crate::postgres::connect::{WRITER, connect_alone};
use crate::sql::{Connection, Pool, Statement, is_passing, unsigned};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The schemas, embedded in the program. One file each: a changed schema is written anew, never migrated.
static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite-projections");
static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres-projections");
/// What the rows mean. Raise it whenever they would come out differently from the same journal.
const VERSION: i64 = 6;
/// The file within the folder.
const FILE: &str = "projections.sqlite";
/// The schema within the database.
const SCHEMA: &str = "projections";
/// What PostgreSQL lists the writer's connection as.
const WRITING: &str = "bandex projections";
/// What it lists the readers' connections as.
const READING: &str = "bandex queries";
/// How many queries run at once.
const READERS: u32 = 4;
/// How long a query waits for a connection, and a connection for a lock on the file.
const WAIT: Duration = Duration::from_secs(5);

/// Where projections lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectionPlace {
    /// In the file `projections.sqlite` of this folder.
    Folder(PathBuf),
    /// In the schema `projections` of this database.
    Postgres(DatabaseUrl),
}

impl ProjectionPlace {
    /// The projections with their checkpoint, if they are there and fit; otherwise they are begun anew, at record 0.
    pub(super) async fn open(&self, journal: &[u8]) -> Result<(Connection, u64), OpenError> {
        if let Self::Folder(dir) = self {
            std::fs::create_dir_all(dir).map_err(|error| OpenError::folder(dir, error))?;
            if !file(dir).is_file() {
                return Ok((self.begin(journal).await?, 0));
            }
        }
        let connected = self.connect().await;
        let reopened = match connected {
            // A server that cannot be reached just now says nothing about what it holds; so too below.
            Err(error) if self.is_server() => return Err(self.failed(&error)),
            Err(error) => Err(error),
            Ok(connection) => self.reopen(connection, journal).await,
        };
        match reopened {
            Ok(Some(opened)) => return Ok(opened),
            Ok(None) => {}
            Err(error) if self.is_server() && is_passing(&error) => return Err(self.failed(&error)),
            Err(error) => {
                tracing::warn!(%error, "the projections cannot be read and are written anew");
            }
        }
        Ok((self.begin(journal).await?, 0))
    }

    /// Whether it is a server, which may be away, and a connection to it break.
    pub(super) const fn is_server(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// The end of a query for the row of the checkpoint that waits until an older transaction of the writer, which may
    /// still be ending, has ended one way or the other. SQLite has only one writer at a time, and no such words.
    pub(super) const fn settled(&self) -> &'static str {
        if self.is_server() { " FOR UPDATE" } else { "" }
    }

    async fn reopen(
        &self,
        mut connection: Connection,
        journal: &[u8],
    ) -> Result<Option<(Connection, u64)>, sqlx::Error> {
        if self.is_server() {
            let mut there = Statement::new("SELECT 1 FROM pg_tables WHERE tablename = 'progress' AND ");
            there.push(format_args!("schemaname = '{SCHEMA}'"));
            if connection.rows(there).await?.is_empty() {
                return Ok(None);
            }
        }
        let mut progress = Statement::new("SELECT version, journal, checkpoint FROM progress WHERE id = 1");
        progress.push(self.settled());
        let rows = connection.rows(progress).await?;
        let unreadable = |what: String| sqlx::Error::Decode(what.into());
        let Some(row) = rows.first() else { return Ok(None) };
        let version = row.number("version").map_err(unreadable)?;
        if version != VERSION || row.bytes("journal").map_err(unreadable)? != journal {
            connection.close().await?;
            return Ok(None);
        }
        let stored = row.number("checkpoint").and_then(|stored| unsigned("checkpoint", stored));
        let checkpoint = stored.map_err(unreadable)?;
        // Fails if the schema's text is not the one the tables were made with.
        connection.migrate(self.schema()).await?;
        Ok(Some((connection, checkpoint)))
    }

    /// Removes whatever is there and begins at record 0.
    pub(super) async fn begin(&self, journal: &[u8]) -> Result<Connection, OpenError> {
        if let Self::Folder(dir) = self {
            std::fs::create_dir_all(dir).map_err(|error| OpenError::folder(dir, error))?;
            remove(&file(dir))?;
        }
        self.create(journal).await.map_err(|error| self.failed(&error))
    }

    async fn create(&self, journal: &[u8]) -> Result<Connection, sqlx::Error> {
        let mut connection = match self {
            Self::Folder(dir) => {
                Connection::Sqlite(sqlite(&file(dir)).create_if_missing(true).connect().await?)
            }
            Self::Postgres(url) => {
                let mut connection = alone(url).await?;
                let anew = format!("DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}");
                sqlx::raw_sql(AssertSqlSafe(anew)).execute(&mut connection).await?;
                Connection::Postgres(connection)
            }
        };
        connection.migrate(self.schema()).await?;
        let mut transaction = connection.begin().await?;
        // The last step of all: without this row nothing here is taken for projections.
        let mut first = Statement::new("INSERT INTO progress (id, version, journal, checkpoint) VALUES (1, ");
        first.bind(VERSION).push(", ").bind(journal).push(", 0)");
        transaction.execute(first).await?;
        transaction.commit().await?;
        Ok(connection)
    }

    /// A connection for the writer; the writer's older ones are ended, unless in SQLite.
    pub(super) async fn connect(&self) -> Result<Connection, sqlx::Error> {
        Ok(match self {
            Self::Folder(dir) => Connection::Sqlite(sqlite(&file(dir)).connect().await?),
            Self::Postgres(url) => Connection::Postgres(alone(url).await?),
        })
    }

    /// Connections for readers, made when they are needed.
    pub(super) fn readers(&self) -> Pool {
        match self {
            Self::Folder(dir) => {
                let options =
                    SqliteConnectOptions::new().filename(file(dir)).read_only(true).busy_timeout(WAIT);
                Pool::Sqlite(SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(options))
            }
            Self::Postgres(url) => {
                let options = postgres(url, READING).options([("default_transaction_read_only", "on")]);
                let pool = PgPoolOptions::new().max_connections(READERS).acquire_timeout(WAIT);
                Pool::Postgres(pool.connect_lazy_with(options))
            }
        }
    }

    const fn schema(&self) -> &'static Migrator {
        match self {
            Self::Folder(_) => &SQLITE,
            Self::Postgres(_) => &POSTGRES,
        }
    }

    fn failed(&self, error: &sqlx::Error) -> OpenError {
        match self {
            Self::Folder(dir) => OpenError::store(&file(dir), error),
            Self::Postgres(url) => OpenError::store(Path::new(&url.to_string()), error),
        }
    }
}

fn file(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// A lost commit is made up for by replay, so the disk need not be waited for; so too below.
fn sqlite(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(WAIT)
}

/// Names are looked up in the projections' schema only. Dropping it is no news.
fn postgres(url: &DatabaseUrl, purpose: &str) -> PgConnectOptions {
    url.options(purpose).options([
        ("search_path", SCHEMA),
        ("synchronous_commit", "off"),
        ("client_min_messages", "warning"),
    ])
}

/// The writer's connection. An older one, whose other end PostgreSQL may still believe alive, would keep its locks; the
/// journal's lock sees to it that there is no other writer whose connection this could be.
async fn alone(url: &DatabaseUrl) -> Result<PgConnection, sqlx::Error> {
    connect_alone(&postgres(url, WRITING).options(WRITER), WRITING).await
}

/// Removes the file and what SQLite keeps beside it.
fn remove(path: &Path) -> Result<(), OpenError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let file = PathBuf::from(name);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(OpenError::folder(&file, error));
            }
            _ => {}
        }
    }
    Ok(())
}
