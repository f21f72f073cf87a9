//! The writer's connection: its settings, the lock that goes with it, and its place in the database.

use super::DatabaseUrl;
use super::connect::{WRITER, connect_in_time};
use sqlx::PgConnection;
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgSeverity};
use std::time::{Duration, Instant};

/// What PostgreSQL lists the writer's connection as until it has a name of its own.
pub(super) const PURPOSE: &str = "bandex journal";
/// What it lists the readers' connections as.
pub(super) const READING: &str = "bandex journal reader";
/// The advisory lock: one number, the same in every database, where it stands for the right to write the journal.
/// Read as bytes it says `bandexjl`.
const LOCK: i64 = 0x6261_6e64_6578_6a6c;
/// How long opening waits for the lock: PostgreSQL takes a moment to see that a killed server is gone.
pub(super) const OPEN_WAIT: Duration = Duration::from_secs(5);
/// How often it looks.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// What both writer and readers set, after and therefore above what the address says.
const COMMON: [(&str, &str); 2] = [("search_path", "journal"), ("client_min_messages", "warning")];
/// What an append means by written.
const ON_DISK: [(&str, &str); 1] = [("synchronous_commit", "on")];

/// Connects as the writer.
pub(super) async fn connect(url: &DatabaseUrl, purpose: &str) -> Result<PgConnection, sqlx::Error> {
    connect_in_time(&url.options(purpose).options(COMMON).options(ON_DISK).options(WRITER)).await
}

/// How readers connect: to read only.
pub(super) fn reading(url: &DatabaseUrl) -> PgConnectOptions {
    url.options(READING).options(COMMON).options([("default_transaction_read_only", "on")])
}

/// What PostgreSQL lists the connections of the writer `holder` as.
pub(super) fn name_of(holder: &str) -> String {
    format!("{PURPOSE} {holder}")
}

/// Takes the lock if nobody else has it or gives it back within `wait`.
pub(super) async fn take_lock(connection: &mut PgConnection, wait: Duration) -> Result<bool, sqlx::Error> {
    let deadline = Instant::now() + wait;
    loop {
        let taken: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut *connection)
            .await?;
        if taken || Instant::now() >= deadline {
            return Ok(taken);
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
}

/// Makes the schema if it is missing. `IF NOT EXISTS` would ask for the right to create it even if it is there.
pub(super) async fn make_schema(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let exists: bool = sqlx::query_scalar("SELECT to_regnamespace('journal') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        sqlx::query("CREATE SCHEMA journal").execute(connection).await?;
    }
    Ok(())
}

/// Makes up a name that no other writer has, and lets PostgreSQL list the connection by it.
pub(super) async fn name_holder(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    let holder: String =
        sqlx::query_scalar("SELECT gen_random_uuid()::text").fetch_one(&mut *connection).await?;
    sqlx::query("SELECT set_config('application_name', $1, false)")
        .bind(name_of(&holder))
        .execute(connection)
        .await?;
    Ok(holder)
}

/// Takes the next epoch; every earlier one is fenced off from now on.
pub(super) async fn take_epoch(connection: &mut PgConnection, holder: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("UPDATE writer SET epoch = epoch + 1, holder = $1 WHERE id = 1 RETURNING epoch")
        .bind(holder)
        .fetch_one(connection)
        .await
}

/// Says so if the server is set up to forget on a power cut.
pub(super) async fn warn_if_unsafe(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let safe: bool = sqlx::query_scalar(
        "SELECT current_setting('fsync')::boolean AND current_setting('full_page_writes')::boolean",
    )
    .fetch_one(connection)
    .await?;
    if !safe {
        tracing::warn!(
            "PostgreSQL runs without fsync or full_page_writes: a power cut may lose or damage the journal"
        );
    }
    Ok(())
}

/// Whether an error leaves no connection behind, or one of which nobody knows where it stands.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    let severity =
        error.as_database_error().and_then(|error| error.try_downcast_ref()).map(PgDatabaseError::severity);
    severity != Some(PgSeverity::Error)
}
