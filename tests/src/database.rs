//! The store that a run of the tests asks for: SQLite, or a database of its own for each server.

use bandex_cluster::{database_url, shared};
use bandex_journal::{DatabaseUrl, JournalReader, PostgresJournal, SqliteJournal};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// The variable that names the run's store: `sqlite`, the default, or `postgres`.
const VARIABLE: &str = "BANDEX_TEST_STORE";
/// The file in a server's folder that holds its database's address, if it has one.
const FILE: &str = "database";

/// Makes a database for the server of `folder`, if this run is about PostgreSQL.
///
/// # Panics
/// The variable names no store, or there is no server.
pub async fn provide(folder: &Path) {
    match std::env::var(VARIABLE).as_deref() {
        Err(_) | Ok("sqlite") => {}
        Ok("postgres") => std::fs::write(folder.join(FILE), create().await).unwrap(),
        Ok(other) => panic!("{VARIABLE} is sqlite or postgres, not {other}"),
    }
}

/// The database of the server of `folder`, if it has one.
///
/// # Panics
/// The file holds no address.
pub fn of(folder: &Path) -> Option<DatabaseUrl> {
    let address = std::fs::read_to_string(folder.join(FILE)).ok()?;
    Some(address.parse().unwrap())
}

/// The journal of the server of `folder`, in whichever store it is.
///
/// # Panics
/// It cannot be opened.
pub async fn journal(folder: &Path) -> Box<dyn JournalReader> {
    match of(folder) {
        None => Box::new(SqliteJournal::open_read_only(folder).await.unwrap()),
        Some(url) => Box::new(PostgresJournal::open_read_only(&url).await.unwrap()),
    }
}

/// Makes an empty database on the server that all tests share, and gives its address. It goes with that server.
///
/// # Panics
/// There is no server, or it refuses.
pub async fn create() -> String {
    create_on(&tokio::task::spawn_blocking(shared).await.unwrap().unwrap()).await
}

/// The same on the server of this address.
///
/// # Panics
/// It refuses.
pub async fn create_on(server: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("exchange_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let options: PgConnectOptions = server.parse().unwrap();
    let mut connection = options.connect().await.unwrap();
    let sql = format!("CREATE DATABASE {name}");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    database_url(server, &name)
}
