//! Empty databases on a throw-away PostgreSQL server.

use anyhow::Result;
use bandex_cluster::Cluster;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};

/// Makes the database `name` and gives its address.
///
/// # Errors
/// The server refuses.
pub async fn create(cluster: &Cluster, name: &str) -> Result<String> {
    let server: PgConnectOptions = cluster.url("postgres").parse()?;
    let mut connection = server.connect().await?;
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await?;
    Ok(cluster.url(name))
}
