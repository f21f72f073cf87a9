//! A database of a test's own on the PostgreSQL that all tests share.

use bandex_cluster::{database_url, shared};
use bandex_journal::DatabaseUrl;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, Row};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A database; it goes with the server.
pub struct Database(String);

impl Database {
    /// A new one, empty, on the shared server.
    pub async fn new() -> Self {
        // Starting a server takes seconds that other tests of this thread need not wait for.
        Self::on(&tokio::task::spawn_blocking(shared).await.unwrap().unwrap()).await
    }

    /// A new one on the server of this address.
    pub async fn on(server: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("journal_{}_{number}", std::process::id());
        let options: PgConnectOptions = server.parse().unwrap();
        let mut connection = options.connect().await.unwrap();
        let sql = format!("CREATE DATABASE {name}");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        Self(database_url(server, &name))
    }

    pub fn url(&self) -> DatabaseUrl {
        self.0.parse().unwrap()
    }

    /// The same database through another port of this machine.
    pub fn url_through(&self, port: u16) -> DatabaseUrl {
        let (before, rest) = self.0.rsplit_once(':').unwrap();
        let (_, name) = rest.split_once('/').unwrap();
        format!("{before}:{port}/{name}").parse().unwrap()
    }

    /// Where its server listens.
    pub fn server_port(&self) -> u16 {
        let options: PgConnectOptions = self.0.parse().unwrap();
        options.get_port()
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    /// A connection behind the store's back.
    pub async fn connect(&self) -> PgConnection {
        let options: PgConnectOptions = self.0.parse().unwrap();
        options.connect().await.unwrap()
    }

    /// Runs SQL behind the store's back.
    pub async fn run(&self, sql: &str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    }

    /// One number from the database.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::query(sql).fetch_one(&mut self.connect().await).await.unwrap().get(0)
    }

    /// Ends the writer's connection on the server's side, and waits until that is gone.
    pub async fn cut_writer(&self) {
        let writers = "FROM pg_stat_activity WHERE datname = current_database()
            AND application_name LIKE 'bandex journal %' AND application_name <> 'bandex journal reader'";
        assert!(self.number(&format!("SELECT count(pg_terminate_backend(pid)) {writers}")).await > 0);
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.number(&format!("SELECT count(*) {writers}")).await > 0 {
            assert!(Instant::now() < deadline, "the connection does not end");
            tokio::task::yield_now().await;
        }
    }
}
