//! What every writer's connection has in common, the journal's as the projections': a limit on connecting, settings that
//! free what a vanished machine holds, and the end of connections that only the server still believes in.

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use std::time::Duration;

/// How long connecting may take. Nothing has begun yet, so nothing is in doubt when it takes longer.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// What a writer sets. The keepalives free the locks of a machine that vanished within 45 seconds; waiting for a lock
/// ends soon enough to be tried again; and no other limit of the server's cuts a transaction short.
pub(crate) const WRITER: [(&str, &str); 6] = [
    ("tcp_keepalives_idle", "15"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "45000"),
    ("lock_timeout", "5000"),
    ("statement_timeout", "0"),
];

/// Connects, unless that takes too long.
pub(crate) async fn connect_in_time(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    in_time(options.connect()).await
}

/// Connects and ends the older connections of that name, unless that takes too long.
pub(crate) async fn connect_alone(
    options: &PgConnectOptions,
    name: &str,
) -> Result<PgConnection, sqlx::Error> {
    in_time(async {
        let mut connection = options.clone().application_name(name).connect().await?;
        end_older(&mut connection, name).await?;
        Ok(connection)
    })
    .await
}

/// Ends our own older connections, whose other end PostgreSQL may still believe alive.
pub(super) async fn end_older(connection: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = $1 AND datname = current_database() AND usename = session_user
         AND pid <> pg_backend_pid()",
    )
    .bind(name)
    .execute(connection)
    .await?;
    Ok(())
}

async fn in_time<T>(doing: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let done = tokio::time::timeout(CONNECT_WAIT, doing).await;
    done.map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))?
}
