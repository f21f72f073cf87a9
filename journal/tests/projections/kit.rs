//! Both stores behind one face: places to project into, a look at every row, and a hand that meddles.

use bandex_journal::{DatabaseUrl, Projected, ProjectionPlace, Projections};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection};
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::{TempDir, tempdir};

pub const JOURNAL: &[u8] = b"a journal";

/// The address of a PostgreSQL server in which tests may create databases.
pub fn postgres_url() -> String {
    std::env::var("BANDEX_TEST_POSTGRES").expect(
        "set BANDEX_TEST_POSTGRES to the address of a PostgreSQL server in which databases may be created, \
         such as postgres://postgres@127.0.0.1:5432/postgres",
    )
}

/// A database of its own, dropped at the end.
pub struct Database {
    server: PgConnectOptions,
    name: String,
}

impl Database {
    async fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let server: PgConnectOptions = postgres_url().parse().unwrap();
        let name = format!("projections_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut connection = server.connect().await.unwrap();
        for sql in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        }
        Self { server, name }
    }

    fn options(&self) -> PgConnectOptions {
        self.server.clone().database(&self.name).options([("search_path", "projections")])
    }

    /// The same database as it is reached through another port.
    pub fn url(&self, port: Option<u16>) -> DatabaseUrl {
        let options = self.server.clone().database(&self.name);
        let options = port.map_or(options.clone(), |port| options.port(port));
        options.to_url_lossy().as_str().parse().unwrap()
    }

    pub async fn connect(&self) -> PgConnection {
        self.options().connect().await.unwrap()
    }

    pub fn port(&self) -> u16 {
        self.server.get_port()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, sql) = (self.server.clone(), format!("DROP DATABASE {} WITH (FORCE)", self.name));
        let dropping = async move {
            let mut connection = server.connect().await?;
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await
        };
        // On a thread of its own: the test's runtime cannot be waited for from here.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let dropped = std::thread::spawn(move || runtime.block_on(dropping)).join();
        if !matches!(dropped, Ok(Ok(_))) && !std::thread::panicking() {
            panic!("the database stays behind: {dropped:?}");
        }
    }
}

/// A place for projections, empty at first.
pub enum Store {
    Folder(TempDir),
    Postgres(Box<Database>),
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Folder(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        })
    }
}

impl Store {
    pub fn folder() -> Self {
        Self::Folder(tempdir().unwrap())
    }

    pub async fn postgres() -> Self {
        Self::Postgres(Box::new(Database::new().await))
    }

    /// One of each kind.
    pub async fn each() -> [Self; 2] {
        [Self::folder(), Self::postgres().await]
    }

    pub fn place(&self) -> ProjectionPlace {
        match self {
            Self::Folder(dir) => ProjectionPlace::Folder(dir.path().to_owned()),
            Self::Postgres(database) => ProjectionPlace::Postgres(database.url(None)),
        }
    }

    pub async fn open(&self) -> Projections {
        Projections::open(&self.place(), JOURNAL).await.unwrap()
    }

    pub async fn projected(&self, records: &[Projected]) -> Projections {
        let mut projections = self.open().await;
        projections.apply(records).await.unwrap();
        projections
    }

    /// Does something to the tables from outside.
    pub async fn meddle(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Folder(dir) => {
                let mut connection = connect(dir.path()).await;
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Postgres(database) => {
                let mut connection = database.connect().await;
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// Every row of every table as text, the same in both stores.
    pub async fn dump(&self) -> Vec<String> {
        match self {
            Self::Folder(dir) => dump_sqlite(dir.path()).await,
            Self::Postgres(database) => dump_postgres(database).await,
        }
    }
}

async fn connect(dir: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(dir.join("projections.sqlite")).connect().await.unwrap()
}

fn lines(table: &str, rows: Vec<String>) -> impl Iterator<Item = String> {
    let mut rows = rows;
    rows.sort();
    rows.into_iter().map(move |row| format!("{table}: {row}"))
}

async fn dump_sqlite(dir: &Path) -> Vec<String> {
    let mut connection = connect(dir).await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY name",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut dumped = Vec::new();
    for table in tables {
        let columns: Vec<String> =
            sqlx::query_scalar("SELECT 'quote(' || name || ')' FROM pragma_table_info(?)")
                .bind(&table)
                .fetch_all(&mut connection)
                .await
                .unwrap();
        let sql = format!("SELECT {} FROM {table}", columns.join(" || ' ' || "));
        let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        dumped.extend(lines(&table, rows));
    }
    dumped
}

/// Bytes and their absence are written as SQLite's `quote` does.
async fn dump_postgres(database: &Database) -> Vec<String> {
    let mut connection = database.connect().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT tablename::TEXT FROM pg_tables WHERE schemaname = 'projections' AND left(tablename, 1) <> '_'
         ORDER BY tablename",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut dumped = Vec::new();
    for table in tables {
        let columns: Vec<String> = sqlx::query_scalar(
            "SELECT CASE data_type WHEN 'bytea'
                 THEN 'coalesce(''X'''''' || upper(encode(' || column_name || ', ''hex'')) || '''''''', ''NULL'')'
                 ELSE column_name || '::TEXT' END
             FROM information_schema.columns WHERE table_schema = 'projections' AND table_name = $1
             ORDER BY ordinal_position",
        )
        .bind(&table)
        .fetch_all(&mut connection)
        .await
        .unwrap();
        let sql = format!("SELECT {} FROM {table}", columns.join(" || ' ' || "));
        let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        dumped.extend(lines(&table, rows));
    }
    dumped
}
